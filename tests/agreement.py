"""Whether all tables of the store agree about a project."""

from __future__ import annotations

from uuid import UUID

from conftest import Loaded

TOTALS = """
SELECT
    (SELECT count() FROM events WHERE project_id = {p:UUID}) AS events,
    (SELECT uniqExact(message_id) FROM events WHERE project_id = {p:UUID}) AS messages,
    (SELECT sum(events) FROM sessions FINAL WHERE project_id = {p:UUID}) AS in_sessions,
    (SELECT count() FROM sessions FINAL WHERE project_id = {p:UUID}) AS sessions,
    (SELECT sum(events) FROM event_counts WHERE project_id = {p:UUID}) AS counted,
    (SELECT sum(sessions) FROM source_counts WHERE project_id = {p:UUID}) AS sourced,
    (SELECT sum(events) FROM source_counts WHERE project_id = {p:UUID}) AS sourced_events,
    (SELECT sum(sessions) FROM visitors FINAL WHERE project_id = {p:UUID}) AS of_visitors,
    (SELECT sum(events) FROM visitors FINAL WHERE project_id = {p:UUID}) AS visitors_events
"""


def agree(loaded: Loaded, project: UUID, events: int) -> None:
    """Every table tells the same number."""
    (row,) = loaded.rows(project, TOTALS)
    assert {
        row[name] for name in ("events", "messages", "in_sessions", "counted", "sourced_events", "visitors_events")
    } == {events}, row
    assert row["sessions"] == row["sourced"] == row["of_visitors"], row
