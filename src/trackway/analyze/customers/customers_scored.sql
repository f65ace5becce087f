-- The last scores of these people.
SELECT
    {{ person }} AS person,
    max((active, expected_orders, expected_low, expected_high, expected_value, mean_value, mean_low, mean_high, toString(rfm))) AS scores
FROM customer_scores FINAL
WHERE project_id = {project:UUID}
  AND identity IN {identities:Array(UInt64)}
GROUP BY person
