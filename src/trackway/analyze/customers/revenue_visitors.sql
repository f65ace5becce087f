-- The number of visitors with a session that started in the period.
SELECT uniqExact(xxh3(visitor_id)) AS visitors
FROM sessions FINAL
WHERE project_id = {project:UUID}
  AND started_at >= {start:DateTime64(3,'UTC')}
  AND started_at < {end:DateTime64(3,'UTC')}
  {{ session_filter }}
