"""Live: current visitors, and the last half hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.store.connection import Store

HERE = timedelta(minutes=5)
SHOWN = timedelta(minutes=30)
RECENT = timedelta(hours=1)


class Live(msgspec.Struct, tag="live", tag_field="question", kw_only=True):
    """The visitors who are here now, and the last half hour by minute, whatever the period is."""


class VisitorHere(msgspec.Struct):
    """A visitor with an event in the last 5 minutes: the page, place, device and source of their newest events, and the
    number of events in these minutes.
    """

    visitor_id: str
    visitor_name: str
    last_seen: datetime
    path: str
    country: str
    device: str
    source: str
    events: int


class LiveMinute(msgspec.Struct):
    """The visitors, page views and events of a minute, which starts at `minute` (seconds since 1970)."""

    minute: int
    visitors: int = 0
    page_views: int = 0
    events: int = 0


class LiveAnswer(msgspec.Struct):
    """The number of visitors with an event in the last 5 minutes, the newest 50 of them, and 31 minutes in order: the
    last 30 and the current one.
    """

    visitors: int
    here: list[VisitorHere]
    minutes: list[LiveMinute]


def arrived(store: Store, question: Question, since: datetime, now: datetime, limit: int = 200) -> list[dict[str, Any]]:
    """Return events that arrived after `since`, the oldest first; if there are more than `limit`, the newest of
    them.
    """
    oldest = moment(now - RECENT)
    return ask(store, "traffic/arrived.sql", question, since=moment(since), oldest=oldest, limit=limit).rows()[::-1]


def live(store: Store, question: Question, now: datetime) -> tuple[list[Answer], LiveAnswer]:
    """Return the visitors with an event in the last 5 minutes, and visitors, page views and events by minute for 30
    minutes.
    """
    since = (now - SHOWN).replace(second=0, microsecond=0)
    by_minute = ask(store, "traffic/live.sql", question, since=moment(since))
    visitors = ask(store, "traffic/live_now.sql", question, now_since=moment(now - HERE))
    counted = {minute.minute: minute for minute in by_minute.structs(LiveMinute)}
    first = int(since.timestamp())
    minutes = [counted.get(at) or LiveMinute(at) for at in range(first, first + 31 * 60, 60)]
    return [visitors, by_minute], LiveAnswer(visitors.table.num_rows, visitors.structs(VisitorHere)[:50], minutes)
