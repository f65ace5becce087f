-- What is predicted of some people. Where a person's identities have several predictions, the highest counts, as in filters.
SELECT {{ person }} AS person, toString(target) AS target, p.prediction AS prediction, moved_by, has, typical, effect,
    toString(model) AS model, scored_at
FROM predictions AS p FINAL
WHERE project_id = {project:UUID} AND identity IN {identities:Array(UInt64)}
ORDER BY person, target, prediction DESC
LIMIT 1 BY person, target
