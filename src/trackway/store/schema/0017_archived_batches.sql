-- Views of a month that come after its raw views were deleted are archived beside the former ones; a repeat of the same
-- replaces itself. The batch is a hash of the archived events.
ALTER TABLE view_archive
    ADD COLUMN IF NOT EXISTS batch UInt64,
    MODIFY ORDER BY (project_id, month, entity_type, entity_id, bot, batch);
