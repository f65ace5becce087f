"""Lifecycle: who is new, who returns, who comes back after a break, and who went dormant.

In an interval, a person is `new` when it has their first event ever, `returning` when they were also there in the one
before, and `resurrecting` when they were there earlier but not in the one before; they are `dormant` in the interval
after one they were in when they are not there.

An interval that the period cuts has only its days in the period; those before them belong to the interval before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.language.activity_source import Intervals, presence
from trackway.analyze.language.period import BadQuestion, first_day, midnight, ordinal
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment
from trackway.analyze.language.steps import Step, any_of
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


def lifecycle(
    store: Store, question: Question, asked: Lifecycle, now: datetime | None = None
) -> tuple[list[Answer], dict[str, Any]]:
    """People by status: `{"intervals": [{"at", "new", "returning", "resurrecting", "dormant", "complete"}]}`.

    `at` is the interval's first day in the period; `complete` says whether the period has all of it and that is over by
    `now` (the clock's, unless said).
    """
    answer = _ask(store, question, asked, "counts")
    counted = {(row["at"], row["status"]): row["persons"] for row in answer.rows()}
    intervals = Intervals(question, asked.interval, now or datetime.now(UTC))
    return [answer], {
        "interval": asked.interval,
        "intervals": [
            {
                "at": intervals.day(at),
                **{one: counted.get((at, one), 0) for one in STATUSES},
                "complete": intervals.complete(at),
            }
            for at in range(intervals.first, intervals.last + 1)
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
    intervals = Intervals(question, asked.interval, question.period.end)
    return [answer], [{"person": str(row["person"]), "first": intervals.day(row["first"])} for row in answer.rows()]


def _ask(store: Store, question: Question, asked: Lifecycle, show: str, **values: Any) -> Answer:
    conditions = compiler(store)
    source = presence(store, question, [asked.event], conditions)
    intervals = Intervals(question, asked.interval, question.period.end)
    first, last = intervals.first, intervals.last
    before = midnight(first_day(first - 1, asked.interval), ZoneInfo(question.timezone))
    structure = {
        "show": show,
        "source": source,
        "interval": asked.interval,
        "names": "1" if source.counted else any_of([asked.event], conditions),
    }
    return ask(
        store,
        "behavior/lifecycle.sql",
        question,
        structure,
        conditions,
        first=first,
        last=last,
        before=moment(before),
        **values,
    )
