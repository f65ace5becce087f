"""Counters recomputed from the events, for a stretch of hours or whole, and a check that both agree.

The content of a counter is defined by its materialized view. The view's statement is read from the engine, so it exists
only once.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pyarrow.csv

from trackway.store.connection import Store
from trackway.store.csv_text import for_csv


class Counter(NamedTuple):
    """A table of counters: its key, sums, unique counts and latest times, and whether it is by the hour."""

    name: str
    key: tuple[str, ...]
    sums: tuple[str, ...]
    unique: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    by_hour: bool = True


_ENTITY = ("entity_type", "entity_id")
BY_HOUR = (
    Counter(
        "interaction_hours", (*_ENTITY, "hour", "name", "lasted", "bot"),
        ("events", "duration_s", "ratings", "rating"), ("visitors",),
    ),
    Counter("view_hours", (*_ENTITY, "hour", "referrer_source", "country", "bot"), ("views", "anonymous")),
    Counter("person_hours", ("identity", "hour", "name", "bot"), ("events", "duration_s")),
    Counter("event_counts", ("hour", "name", "bot"), ("events", "page_views")),
)  # fmt: skip
WHOLE = (
    Counter(
        "view_counts", (*_ENTITY, "bot"), ("views", "anonymous"), ("sessions", "viewers"), ("last_viewed",),
        by_hour=False,
    ),
)  # fmt: skip


class CannotRecount(ValueError):
    """Counters that cannot be recomputed, because their events were deleted."""


class Difference(NamedTuple):
    """A counter and the number of its rows that differ from the events."""

    counter: str
    rows: int


def recount(
    store: Store, store_lock: AbstractContextManager[object], project_id: UUID, start: datetime, end: datetime
) -> dict[str, int]:
    """Recompute the hourly counters of [start, end) and return the number of rows by counter.

    Repeating it changes nothing.

    Args:
        store_lock: stops the loader while a counter is replaced.
        start, end: whole hours of UTC.

    Raises:
        CannotRecount: raw views of that time were deleted; their counters stay as they are.
    """
    gone = _archived(store, project_id)
    if gone and start.strftime("%Y%m") <= str(gone):
        raise CannotRecount(
            f"raw views up to {str(gone)[:4]}-{str(gone)[4:]} were deleted; their counters stay as they are"
        )
    return {one.name: _replace(store, store_lock, one, project_id, start, end) for one in BY_HOUR}


def refresh(store: Store, store_lock: AbstractContextManager[object], project_id: UUID) -> dict[str, int]:
    """Recompute the counters of views, which are not by the hour."""
    ever = datetime(1970, 1, 1), datetime(2299, 1, 1)
    return {one.name: _replace(store, store_lock, one, project_id, *ever) for one in WHOLE}


def differences(
    store: Store, store_lock: AbstractContextManager[object], project_id: UUID, start: datetime, end: datetime
) -> list[Difference]:
    """Return the counters that differ from the events, with the number of rows that do.

    Checked are the hourly counters of [start, end) and those of views.

    Args:
        store_lock: held while a counter that differs is checked again, because a batch reaches the events before the
            counters.
    """
    ever = datetime(1970, 1, 1), datetime(2299, 1, 1)
    checked = [(one, start, end) for one in BY_HOUR if start < end] + [(one, *ever) for one in WHOLE]
    found = []
    for one, *stretch in checked:
        if _differs(store, one, project_id, *stretch):
            with store_lock:
                found.append(Difference(one.name, _differs(store, one, project_id, *stretch)))
    return [one for one in found if one.rows]


def purge_views(
    store: Store, store_lock: AbstractContextManager[object], project_id: UUID, before: datetime, out: Path
) -> dict[str, int]:
    """Delete the raw views of the months that were over at `before`, after writing their counts to CSV files.

    Counters stay: the counts of the views are archived first. Repeating it, even after a crash, changes nothing.

    Returns:
        The number of views by month, such as `{"2026-01": 17}`.
    """
    months = store.ask(
        f"SELECT toYYYYMM(timestamp) AS month, count() AS n FROM events WHERE {_RAW} "
        "AND timestamp < toStartOfMonth({before:DateTime('UTC')}) GROUP BY month ORDER BY month",
        {"project": project_id, "before": f"{before:%Y-%m-%d %H:%M:%S}"},
    ).to_pylist()
    purged = {}
    for row in months:
        month, values = row["month"], {"project": project_id, "month": row["month"]}
        name = f"{month // 100}-{month % 100:02}"
        out.mkdir(parents=True, exist_ok=True)
        counted = store.ask(_COUNTS_OF_MONTH, values)
        pyarrow.csv.write_csv(for_csv(counted), out / f"views-{project_id}-{name}.csv")
        with store_lock:
            store.command(f"INSERT INTO view_archive {_ARCHIVE_OF_MONTH}", values)
            store.change(
                f"ALTER TABLE events DELETE WHERE {_RAW} AND toYYYYMM(timestamp) = {{month:UInt32}} "
                "SETTINGS mutations_sync = 2",
                values,
            )
        purged[name] = row["n"]
    return purged


_RAW = "project_id = {project:UUID} AND name = 'view' AND library = 'views'"
_COUNTS_OF_MONTH = (
    "SELECT entity_type, entity_id, toString(toDate(timestamp)) AS day, bot, country, "
    "ifNull(properties.referrer_source.:String, '') AS referrer_source, count() AS views, "
    f"countIf(user_id = '') AS anonymous FROM events WHERE {_RAW} AND toYYYYMM(timestamp) = {{month:UInt32}} "
    "GROUP BY ALL ORDER BY ALL"
)
_ARCHIVE_OF_MONTH = (
    "SELECT project_id, toYYYYMM(timestamp) AS month, entity_type, entity_id, bot, count() AS views, "
    "countIf(user_id = '') AS anonymous, uniqExactState(xxh3(session_id)) AS sessions, "
    "uniqExactStateIf(xxh3(user_id), user_id != '') AS viewers, max(timestamp) AS last_viewed "
    f"FROM events WHERE {_RAW} AND toYYYYMM(timestamp) = {{month:UInt32}} GROUP BY ALL"
)
_ARCHIVED = (
    "SELECT project_id, entity_type, entity_id, bot, views, anonymous, sessions, viewers, last_viewed "
    "FROM view_archive FINAL WHERE project_id = {project:UUID}"
)


def _archived(store: Store, project_id: UUID) -> int:
    """Return the last month whose raw views were deleted, such as 202601; 0 when none were."""
    found = store.ask("SELECT max(month) AS n FROM view_archive WHERE project_id = {p:UUID}", {"p": project_id})
    return int(found["n"][0].as_py())


def _replace(
    store: Store,
    store_lock: AbstractContextManager[object],
    one: Counter,
    project_id: UUID,
    start: datetime,
    end: datetime,
) -> int:
    values = _values(project_id, start, end)
    with store_lock:
        store.command(f"ALTER TABLE {one.name} DELETE WHERE {_own(one)} SETTINGS mutations_sync = 2", values)
        statement = f"INSERT INTO {one.name} {_statement(store, one)}"
        store.change(f"{statement} SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0", values)
    # Count distinct keys: rows that are not merged yet share a key.
    keys = f"SELECT DISTINCT {', '.join(one.key)} FROM {one.name} WHERE {_own(one)}"
    counted = store.ask(f"SELECT count() AS n FROM ({keys})", values)
    return int(counted["n"][0].as_py())


def _differs(store: Store, one: Counter, project_id: UUID, start: datetime, end: datetime) -> int:
    keys = ", ".join(one.key)
    merged = [f"round(sum({name}), 3)" for name in one.sums] + [f"uniqExactMerge({name})" for name in one.unique]
    merged += [f"max({name})" for name in one.latest]
    # A row whose sums are all 0 equals no row.
    some = " OR ".join(f"sum({name}) != 0" for name in one.sums)
    rows = f"SELECT {keys}, {', '.join(merged)} FROM {{}} GROUP BY {keys} HAVING {some}"
    stored = rows.format(f"{one.name} WHERE {_own(one)}")
    counted = rows.format(f"({_statement(store, one)})")
    # Count distinct keys: a row that differs is in both parts, once as stored and once as recomputed.
    answer = store.ask(
        f"SELECT count() AS n FROM (SELECT {keys} FROM (({stored}) EXCEPT DISTINCT ({counted})) "
        f"UNION DISTINCT SELECT {keys} FROM (({counted}) EXCEPT DISTINCT ({stored})))",
        _values(project_id, start, end),
    )
    return int(answer["n"][0].as_py())


def _own(one: Counter) -> str:
    hours = " AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}" if one.by_hour else ""
    return f"project_id = {{project:UUID}}{hours}"


def _statement(store: Store, one: Counter) -> str:
    """Return the statement of a counter's view, over the events of the stretch."""
    events = (
        "(SELECT * FROM events WHERE project_id = {project:UUID} "
        "AND timestamp >= {start:DateTime64(3, 'UTC')} AND timestamp < {end:DateTime64(3, 'UTC')})"
    )
    text = store.statement_of(f"{one.name}_from_events").replace("FROM events", f"FROM {events}")
    return text if one.by_hour else f"{text} UNION ALL {_ARCHIVED}"


def _values(project_id: UUID, start: datetime, end: datetime) -> dict[str, object]:
    return {"project": project_id, "start": f"{start:%Y-%m-%d %H:%M:%S}", "end": f"{end:%Y-%m-%d %H:%M:%S}"}
