"""Live: current visitors, and the last half hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

HERE = timedelta(minutes=5)
SHOWN = timedelta(minutes=30)


RECENT = timedelta(hours=1)


def arrived(store: Store, question: Question, since: datetime, now: datetime, limit: int = 200) -> list[dict[str, Any]]:
    """Return events that arrived after `since`, the oldest first; if there are more than `limit`, the newest of
    them.
    """
    oldest = moment(now - RECENT)
    return ask(store, "traffic/arrived.sql", question, since=moment(since), oldest=oldest, limit=limit).rows()[::-1]


def live(store: Store, question: Question, now: datetime) -> tuple[Answer, dict[str, Any]]:
    """Return the visitors with an event in the last 5 minutes, and visitors, page views and events by minute for 30
    minutes.
    """
    since = (now - SHOWN).replace(second=0, microsecond=0)
    by_minute = ask(store, "traffic/live.sql", question, since=moment(since))
    here = ask(store, "traffic/live_now.sql", question, now_since=moment(now - HERE))
    counted = {row["minute"]: row for row in by_minute.rows()}
    nothing = {"visitors": 0, "page_views": 0, "events": 0}
    first = int(since.timestamp())
    minutes = [{"minute": at, **nothing, **counted.get(at, {})} for at in range(first, first + 31 * 60, 60)]
    return here, {"visitors": here.table.num_rows, "here": here.rows()[:50], "minutes": minutes}
