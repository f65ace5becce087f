"""Lifecycle: who is new, who returns, who comes back after a break, and who went dormant.

In an interval, a person is `new` when it has their first event ever, `returning` when they were also there in the one
before, and `resurrecting` when they were there earlier but not in the one before; they are `dormant` in the interval
after one they were in when they are not there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.period import BadQuestion, first_day, midnight, ordinal
from trackway.analyze.presence import presence
from trackway.analyze.question import Answer, Question, ask, compiler, moment
from trackway.analyze.steps import Step, any_of
from trackway.store.connection import Store

STATUSES = ("new", "returning", "resurrecting", "dormant")


class Lifecycle(msgspec.Struct, tag="lifecycle", tag_field="question", kw_only=True):
    """By day, week or month; `event` is what counts as being there (any event, unless said)."""

    event: Step = msgspec.field(default_factory=Step)
    interval: Literal["day", "week", "month"] = "week"


class LifecyclePeople(Lifecycle, tag="lifecycle_people", tag_field="question", kw_only=True):
    """Who has a status in the interval that begins on the day `at`."""

    at: str
    status: Literal["new", "returning", "resurrecting", "dormant"] = "new"
    limit: int = 100
    offset: int = 0


def lifecycle(store: Store, question: Question, asked: Lifecycle) -> tuple[list[Answer], dict[str, Any]]:
    """People by status: `{"intervals": [{"at": first day, "new", "returning", "resurrecting", "dormant"}]}`."""
    answer = _ask(store, question, asked, "counts")
    counted = {(row["at"], row["status"]): row["persons"] for row in answer.rows()}
    first, last = _span(question, asked)
    return [answer], {
        "interval": asked.interval,
        "intervals": [
            {"at": first_day(at, asked.interval).isoformat(), **{one: counted.get((at, one), 0) for one in STATUSES}}
            for at in range(first, last + 1)
        ],
    }


def lifecycle_people(
    store: Store, question: Question, asked: LifecyclePeople
) -> tuple[list[Answer], list[dict[str, Any]]]:
    """The people of one bar: `person`, and `first`, the day on which the interval of their first event began."""
    try:
        day = datetime.fromisoformat(asked.at).replace(tzinfo=ZoneInfo(question.timezone))
    except ValueError as error:
        raise BadQuestion("at", f"{asked.at!r} is not a day such as 2026-01-31") from error
    at = ordinal(day, question.timezone, asked.interval)
    answer = _ask(store, question, asked, "people", at=at, status=asked.status, limit=asked.limit, offset=asked.offset)
    rows = answer.rows()
    return [answer], [
        {"person": str(row["person"]), "first": first_day(row["first"], asked.interval).isoformat()} for row in rows
    ]


def _span(question: Question, asked: Lifecycle) -> tuple[int, int]:
    last = question.period.end - timedelta(milliseconds=1)
    return (
        ordinal(question.period.start, question.timezone, asked.interval),
        ordinal(last, question.timezone, asked.interval),
    )


def _ask(store: Store, question: Question, asked: Lifecycle, show: str, **values: Any) -> Answer:
    conditions = compiler(store)
    source = presence(store, question, [asked.event], conditions)
    first, last = _span(question, asked)
    before = midnight(first_day(first - 1, asked.interval), ZoneInfo(question.timezone))
    structure = {
        "show": show,
        "source": source,
        "interval": asked.interval,
        "names": "1" if source.counted else any_of([asked.event], conditions),
    }
    return ask(
        store, "lifecycle.sql", question, structure, conditions, first=first, last=last, before=moment(before), **values
    )
