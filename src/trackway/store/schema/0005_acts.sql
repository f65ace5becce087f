-- The number of the visitor's actions in a session, without passive events; a bounce is a session of at most one act.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS acts UInt32 DEFAULT events AFTER events;
