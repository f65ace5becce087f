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

from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.csv_text import for_csv
from trackway.store.view_statements import statement_of

_sql = Statements(__name__)


class Counter(NamedTuple):
    """A table of counters: its key, sums, unique counts and latest times, and the column of its time; empty if it is of
    all time.
    """

    name: str
    key: tuple[str, ...]
    sums: tuple[str, ...]
    unique: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    time: str = "hour"


_ENTITY = ("entity_type", "entity_id")
BY_TIME = (
    Counter(
        "interaction_hours", (*_ENTITY, "hour", "name", "lasted", "bot"),
        ("events", "duration_s", "ratings", "rating"), ("visitors",),
    ),
    Counter("view_hours", (*_ENTITY, "hour", "referrer_source", "country", "bot"), ("views", "anonymous")),
    Counter("person_hours", ("identity", "hour", "name", "bot"), ("events", "duration_s")),
    Counter("event_counts", ("hour", "name", "bot"), ("events", "page_views")),
    Counter(
        "actions", ("identity", "timestamp", "name", "entity_type", "entity_id", "bot"), ("actions", "duration_s"),
        time="timestamp",
    ),
)  # fmt: skip
WHOLE = (
    Counter(
        "view_counts", (*_ENTITY, "bot"), ("views", "anonymous"), ("sessions", "viewers"), ("last_viewed",),
        time="",
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
    archived = _archived(store, project_id)
    if archived and start.strftime("%Y%m") <= str(archived):
        raise CannotRecount(
            f"raw views up to {str(archived)[:4]}-{str(archived)[4:]} were deleted; their counters stay as they are"
        )
    return {counter.name: _replace(store, store_lock, counter, project_id, start, end) for counter in BY_TIME}


def refresh(store: Store, store_lock: AbstractContextManager[object], project_id: UUID) -> dict[str, int]:
    """Recompute the counters of views, which are not by the hour."""
    ever = datetime(1970, 1, 1), datetime(2299, 1, 1)
    return {counter.name: _replace(store, store_lock, counter, project_id, *ever) for counter in WHOLE}


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
    checked = [(counter, start, end) for counter in BY_TIME if start < end] + [(counter, *ever) for counter in WHOLE]
    differing = []
    for counter, *stretch in checked:
        if _differs(store, counter, project_id, *stretch):
            with store_lock:
                differing.append(Difference(counter.name, _differs(store, counter, project_id, *stretch)))
    return [difference for difference in differing if difference.rows]


def purge_views(
    store: Store, store_lock: AbstractContextManager[object], project_id: UUID, before: datetime, out: Path
) -> dict[str, int]:
    """Delete the raw views of the months that were over at `before`, after writing their counts to CSV files.

    Counters stay: the counts of the views are archived first. Repeating it, even after a crash, changes nothing. Views
    of a month that come later are in a file of their own.

    Returns:
        The number of views by month, such as `{"2026-01": 17}`.
    """
    values = {"project": project_id, "before": f"{before:%Y-%m-%d %H:%M:%S}"}
    months = store.ask(_sql("months_with_views"), values).to_pylist()
    purged = {}
    for row in months:
        month, month_values = row["month"], {"project": project_id, "month": row["month"]}
        name = f"{month // 100}-{month % 100:02}"
        out.mkdir(parents=True, exist_ok=True)
        with store_lock:  # a view that came after the file was written would be deleted and in no file
            written = list(out.glob(f"views-{project_id}-{name}*.csv"))
            # What a purge that was interrupted has not deleted yet is in its file.
            if not written or sum(shard.ask(_sql("unarchived"), month_values)["n"][0].as_py() for shard in store.each):
                more = f"-{len(written) + 1}" if written else ""
                counted = for_csv(store.ask(_sql("counts_of_month"), month_values))
                pyarrow.csv.write_csv(counted, out / f"views-{project_id}-{name}{more}.csv")
            with store_lock:  # fails when the lock of a loader in another process was lost meanwhile
                store.everywhere(_sql("archive_month"), month_values)
            with store_lock:
                store.change(_sql("delete_month"), month_values, everywhere=True)
        purged[name] = row["n"]
    return purged


def _archived(store: Store, project_id: UUID) -> int:
    """Return the last month whose raw views were deleted, such as 202601; 0 when none were."""
    newest = store.ask("SELECT max(month) AS n FROM view_archive WHERE project_id = {p:UUID}", {"p": project_id})
    return int(newest["n"][0].as_py())


def _replace(
    store: Store,
    store_lock: AbstractContextManager[object],
    counter: Counter,
    project_id: UUID,
    start: datetime,
    end: datetime,
) -> int:
    values = _values(project_id, start, end)
    statement = _statement(store, counter)
    with store_lock:
        store.everywhere(_sql("delete_own_rows", counter=counter), values)
        with store_lock:  # fails when the lock of a loader in another process was lost meanwhile
            store.change(_sql("insert_own_rows", counter=counter, statement=statement), values, everywhere=True)
    return int(store.ask(_sql("count_own_rows", counter=counter), values)["n"][0].as_py())


def _differs(store: Store, counter: Counter, project_id: UUID, start: datetime, end: datetime) -> int:
    statement = _sql("differing_rows", counter=counter, statement=_statement(store, counter))
    return int(store.ask(statement, _values(project_id, start, end))["n"][0].as_py())


def _statement(store: Store, counter: Counter) -> str:
    return statement_of(store, f"{counter.name}_from_events")


def _values(project_id: UUID, start: datetime, end: datetime) -> dict[str, object]:
    return {"project": project_id, "start": f"{start:%Y-%m-%d %H:%M:%S}", "end": f"{end:%Y-%m-%d %H:%M:%S}"}
