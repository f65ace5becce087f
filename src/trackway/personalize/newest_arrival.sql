-- When the newest event of the last day arrived, 1970 without one.
SELECT max(received_at) AS at FROM events WHERE project_id = {project:UUID} AND timestamp >= {since:DateTime64(3,'UTC')}
