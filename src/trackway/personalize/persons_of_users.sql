-- The persons of user ids.
SELECT token, {{ person }} AS person
FROM (SELECT DISTINCT token, number AS identity FROM identities WHERE token IN {tokens:Array(UInt64)}) AS i
