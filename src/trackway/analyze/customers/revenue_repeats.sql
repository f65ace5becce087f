-- Among the buyers of the period: how many have bought more than once until its end, and the time between their
-- purchases.
SELECT
    count() AS buyers,
    countIf(length(times) > 1) AS repeat_buyers,
    medianExactArray(gaps) / 86400 AS median_days_between,
    avgArrayOrNull(gaps) / 86400 AS mean_days_between
FROM
(
    SELECT
        {{ person }} AS person,
        arraySort(groupArray(placed_at)) AS times,
        arrayFilter(n -> n > 1 AND times[n] >= {start:DateTime64(3,'UTC')}, arrayEnumerate(times)) AS again,
        arrayMap(n -> dateDiff('second', times[n - 1], times[n]), again) AS gaps
    FROM orders_valued
    WHERE project_id = {project:UUID}
      AND counts
      AND placed_at < {end:DateTime64(3,'UTC')}
      {{ people_filter }}
    GROUP BY person
    HAVING times[-1] >= {start:DateTime64(3,'UTC')}
)
