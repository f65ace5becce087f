-- The person of a user id.
SELECT {{ person }} AS person FROM (SELECT number AS identity FROM identities WHERE token = {token:UInt64}) AS i
