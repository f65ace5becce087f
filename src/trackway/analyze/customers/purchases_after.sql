-- The number of days on which each person bought something between the cut and the end of the period.
SELECT
    {{ person }} AS person,
    uniqExact(toDate(o.placed_at, {timezone:String})) AS days
FROM orders_valued AS o
WHERE o.project_id = {project:UUID}
  AND o.counts
  AND o.placed_at >= {cut:DateTime64(3,'UTC')}
  AND o.placed_at < {end:DateTime64(3,'UTC')}
GROUP BY person
