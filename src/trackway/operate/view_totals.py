"""Compares the view totals of the ledger with the stored events."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trackway.analyze.language.period import period
from trackway.collect.views.ledger import Ledger, Total, entity_key
from trackway.event import now
from trackway.govern.tables import Project
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.recount import differences, recount, refresh

_sql = Statements(__name__)

_PAGE = 5_000
_NONE = Total(0, 0, 0, 0, 0, False)
_SETTLED_MS = 60_000
"""Views of the last minute may not be stored yet, so their entities are left alone."""


def refresh_views(
    store: Store, store_lock: AbstractContextManager[object], ledger: Ledger, project: Project
) -> dict[str, dict[str, int]]:
    """Rebuild a project's view counters from its events, and correct the ledger's totals.

    All accepted views must be stored before: a counted view is first in the ledger, and later in the events.

    Returns:
        `rows` of the rebuilt counters, and the number of rows that `differed` before, of `view_counts` and of the
        ledger's `view_totals`.
    """
    project_id, at = UUID(project.id), datetime.now(UTC)
    differed: dict[str, int] = dict(differences(store, store_lock, project_id, at, at))
    rows = refresh(store, store_lock, project_id)
    wrong = _agree(store, ledger, project)
    return {"rows": rows, "differed": {**differed, **({"view_totals": wrong} if wrong else {})}}


def recount_day(
    store: Store, store_lock: AbstractContextManager[object], project: Project, date: str
) -> dict[str, dict[str, int]]:
    """Rebuild a project's counters of a day (YYYY-MM-DD, in its time zone). Returns `rows` and `differed` like
    `refresh_views`.

    Raises:
        BadQuestion: the date is invalid.
        CannotRecount: events of that day have been deleted.
    """
    stretch = period("", project.timezone, datetime.now(UTC), date, date)
    differed = dict(differences(store, store_lock, UUID(project.id), *stretch))
    return {"rows": recount(store, store_lock, UUID(project.id), *stretch), "differed": differed}


def check_views(
    store: Store, store_lock: AbstractContextManager[object], ledger: Ledger, project: Project
) -> dict[str, int]:
    """Count the view counters of a project that differ from its events, by counter; correct the ledger's totals."""
    at = datetime.now(UTC)
    wrong = _agree(store, ledger, project)
    return {
        **dict(differences(store, store_lock, UUID(project.id), at, at)),
        **({"view_totals": wrong} if wrong else {}),
    }


def _agree(store: Store, ledger: Ledger, project: Project) -> int:
    """Set the ledger totals that differ from the counters, and return their number."""
    project_id, corrected, after = UUID(project.id), 0, ("", "")
    while True:
        values: dict[str, Any] = {
            "project": project_id,
            "bots": ["", *project.overruled_bot_reasons],
            "type": after[0],
            "id": after[1],
            "limit": _PAGE,
        }
        rows = store.ask(_sql("totals"), values).to_pylist()
        if not rows:
            return corrected
        counted = {
            entity_key(project_id.bytes, row["entity_type"], row["entity_id"]): Total(
                row["views"], row["sessions"], row["viewers"], row["anonymous"], row["last_viewed"], False
            )
            for row in rows
        }
        ledger_totals = ledger.totals_of(list(counted))
        settled = now() - _SETTLED_MS
        wrong_totals = {
            key: total
            for key, total in counted.items()
            if (ledger_totals[key]._replace(hidden=False) if key in ledger_totals else _NONE) != total
            and max(total.last_viewed, ledger_totals[key].last_viewed if key in ledger_totals else 0) < settled
        }
        ledger.set_totals(wrong_totals)
        corrected += len(wrong_totals)
        after = (rows[-1]["entity_type"], rows[-1]["entity_id"])
