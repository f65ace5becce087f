"""Lifecycle: new, returning, resurrecting and dormant people.

In an interval, a person is `new` if it contains their first event ever, `returning` if they were also active in the
previous interval, and `resurrecting` if they were active earlier but not in the previous interval. A person who is
inactive in the interval after an active one is `dormant` in it.

An interval that the period cuts contains only its days within the period; earlier days belong to the interval before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from trackway.analyze.language.activity_source import Intervals, presence
from trackway.analyze.language.period import first_day, midnight, ordinal_of
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment
from trackway.analyze.language.sampling import Margin
from trackway.analyze.language.steps import Step, any_of
from trackway.store.connection import Store

STATUSES = ("new", "returning", "resurrecting", "dormant")


class Lifecycle(msgspec.Struct, tag="lifecycle", tag_field="question", kw_only=True):
    """People by status, for each day, week or month; `event` is what counts as activity (by default any event)."""

    event: Step = msgspec.field(default_factory=Step)
    interval: Literal["day", "week", "month"] = "week"


class LifecyclePeople(Lifecycle, tag="lifecycle_people", tag_field="question", kw_only=True):
    """The people with a status in the interval that begins on the day `at`."""

    at: str
    status: Literal["new", "returning", "resurrecting", "dormant"] = "new"
    limit: int = 100
    offset: int = 0


class LifecycleInterval(msgspec.Struct, kw_only=True):
    """People by status in an interval, which begins within the period on the day `at` (YYYY-MM-DD); `complete` says
    whether it lies completely in the period and is over.
    """

    at: str
    new: int
    new_margin: Margin = msgspec.UNSET
    returning: int
    returning_margin: Margin = msgspec.UNSET
    resurrecting: int
    resurrecting_margin: Margin = msgspec.UNSET
    dormant: int
    dormant_margin: Margin = msgspec.UNSET
    complete: bool


class LifecycleAnswer(msgspec.Struct):
    """The intervals of the period, in order."""

    interval: Literal["day", "week", "month"]
    intervals: list[LifecycleInterval]


class LifecyclePerson(msgspec.Struct):
    """A person, and the first day (YYYY-MM-DD) of the interval of their first event."""

    person: str
    first: str


def lifecycle(
    store: Store, question: Question, asked: Lifecycle, now: datetime | None = None
) -> tuple[list[Answer], LifecycleAnswer]:
    """Count people by status. Intervals are over at `now` (by default the current time)."""
    answer = _ask(store, question, asked, "counts")
    counted = {(row["at"], row["status"]): row["persons"] for row in answer.rows()}
    intervals = Intervals(question, asked.interval, now or datetime.now(UTC))
    bars = [
        LifecycleInterval(
            at=intervals.day(number),
            complete=intervals.complete(number),
            **{status: counted.get((number, status), 0) for status in STATUSES},
        )
        for number in range(intervals.first, intervals.last + 1)
    ]
    return [answer], LifecycleAnswer(asked.interval, bars)


def lifecycle_people(
    store: Store, question: Question, asked: LifecyclePeople
) -> tuple[list[Answer], list[LifecyclePerson]]:
    """List the people with a status in an interval."""
    at = ordinal_of("at", asked.at, question.timezone, asked.interval)
    answer = _ask(store, question, asked, "people", at=at, status=asked.status, limit=asked.limit, offset=asked.offset)
    intervals = Intervals(question, asked.interval, question.period.end)
    return [answer], [LifecyclePerson(str(row["person"]), intervals.day(row["first"])) for row in answer.rows()]


def _ask(store: Store, question: Question, asked: Lifecycle, show: str, **values: Any) -> Answer:
    conditions = compiler(store, question)
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
