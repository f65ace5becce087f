-- What people did in a session, without what only happened to them; a bounce is a session of one act at most.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS acts UInt32 DEFAULT events AFTER events;
