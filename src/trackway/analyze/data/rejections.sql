-- The newest 100 refused messages, with the reasons. The table keeps them for 7 days.
SELECT received_at, message_id, field, reason, body, line, text
FROM rejections
WHERE project_id = {project:UUID}
ORDER BY received_at DESC
LIMIT 100
