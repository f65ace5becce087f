"""Derived tables: refilling them from the rows they are derived from, and a check that both agree.

The content of a derived table is defined by its materialized views. Their statements are read from the engine, so each
exists only once.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from uuid import UUID

from trackway.store.connection import Store
from trackway.store.orders import restate_all

_SESSIONS = (
    "(SELECT * REPLACE (toInt8(1) AS changes_sessions, toInt8(acts <= 1) AS changes_bounces, "
    "toInt32(events) AS changes_events, toInt32(page_views) AS changes_page_views, "
    "toInt64(dateDiff('millisecond', started_at, ended_at)) AS changes_duration_ms) FROM sessions FINAL WHERE NOT gone)"
)
"""The sessions as if each had been written once, so that a row adds its whole session to the counters."""
_SUMS = {
    "events": "SELECT count() FROM events",
    "event_counts": "SELECT sum(events) FROM event_counts",
    "visitors": "SELECT sum(events) FROM visitors",
    "activity": "SELECT sum(events) FROM activity",
    "person_hours": "SELECT sum(events) FROM person_hours",
}
_SESSION_SUMS = {
    "sessions": "SELECT count() FROM sessions FINAL WHERE NOT gone",
    "source_counts": "SELECT sum(sessions) FROM source_counts",
    "visitors": "SELECT sum(sessions) FROM visitors",
    "customers": "SELECT sum(sessions) FROM customers",
}
_IN_SESSIONS = {
    "events of sessions": f"SELECT count() FROM events WHERE session_id != toUUID('{UUID(int=0)}')",
    "sessions": "SELECT sum(events) FROM sessions FINAL WHERE NOT gone",
    "source_counts": "SELECT sum(events) FROM source_counts",
}


class Disagreement(NamedTuple):
    """A derived table whose sum differs from the sum of the rows."""

    table: str
    said: int
    rows: int


def disagreements(store: Store) -> list[Disagreement]:
    """Return the derived tables whose sums differ from those of events and sessions; none in a sound store.

    Raw views that were deleted after their retention (`view_archive`) stay in the counters, so a table may exceed the
    rows by their number.
    """
    purged = _number(store, "SELECT sum(views) FROM view_archive FINAL")
    found = []
    for sums, allowed in ((_SUMS, purged), (_SESSION_SUMS, 0), (_IN_SESSIONS, purged)):
        (_, first), *others = sums.items()
        rows = _number(store, first)
        for table, statement in others:
            said = _number(store, statement)
            if not rows <= said <= rows + allowed:
                found.append(Disagreement(table, said, rows))
    return found


def _number(store: Store, statement: str) -> int:
    return int(store.ask(f"SELECT toInt64(({statement})) AS n")["n"][0].as_py() or 0)


def refill(store: Store) -> list[str]:
    """Empty every table behind a materialized view and fill it from events and sessions; return the table names.

    Nothing else may write meanwhile. It takes as long as inserting all rows once for each view.
    """
    views = store.ask(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView' "
        "ORDER BY name"
    )["name"].to_pylist()
    by_target: dict[str, list[str]] = {}
    for view in views:
        by_target.setdefault(store.target_of(view), []).append(view)
    for target, own in by_target.items():
        store.command(f"TRUNCATE TABLE {target}")
        for view in own:
            statement = re.sub(r"\bFROM sessions\b", f"FROM {_SESSIONS}", store.statement_of(view))
            if target == "view_counts":
                statement += (
                    " UNION ALL SELECT project_id, entity_type, entity_id, bot, views, anonymous, sessions, viewers, "
                    "last_viewed FROM view_archive FINAL"
                )
            store.command(
                f"INSERT INTO {target} {statement} SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0"
            )
    for project_id in store.ask("SELECT DISTINCT project_id FROM orders")["project_id"].to_pylist():
        restate_all(store, project_id if isinstance(project_id, UUID) else UUID(bytes=project_id))
    store.persons.stale()
    return sorted(by_target)
