"""Stickiness: the number of days on which people are active, and the share of a month's people who are active on a
day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Literal

import msgspec

from trackway.analyze.language.activity_source import Intervals, presence
from trackway.analyze.language.period import first_day, ordinal
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment
from trackway.analyze.language.sampling import Margin
from trackway.analyze.language.steps import Step, any_of
from trackway.store.connection import Store


class Stickiness(msgspec.Struct, tag="stickiness", tag_field="question", kw_only=True):
    """The number of intervals of the period in which people did `event` (by default any event)."""

    event: Step = msgspec.field(default_factory=Step)
    interval: Literal["day", "week", "month"] = "day"


class Active(msgspec.Struct, tag="active", tag_field="question", kw_only=True):
    """The people who did `event` on a day, in the 7 days and in the 30 days that end with it."""

    event: Step = msgspec.field(default_factory=Step)


class StickinessRow(msgspec.Struct, kw_only=True):
    """People who were active in exactly so many intervals; `share` (0 to 1) is that of people in so many or more."""

    intervals: int
    persons: int
    persons_margin: Margin = msgspec.UNSET
    share: float


class StickinessAnswer(msgspec.Struct, kw_only=True):
    """All `persons`, and rows by the number of intervals; `of` is the number of intervals of the period, `incomplete`
    the first days (YYYY-MM-DD), within the period, of those that it cuts or that are not over.
    """

    interval: Literal["day", "week", "month"]
    persons: int
    persons_margin: Margin = msgspec.UNSET
    rows: list[StickinessRow]
    of: int
    incomplete: list[str]


class ActiveDay(msgspec.Struct, kw_only=True):
    """People of one day (`at`, YYYY-MM-DD), of the 7 days (`week`) and of the 30 days (`month`) that end with it;
    `stickiness` is the first as a share of the last, 0 to 1.
    """

    at: str
    day: int
    day_margin: Margin = msgspec.UNSET
    week: int
    week_margin: Margin = msgspec.UNSET
    month: int
    month_margin: Margin = msgspec.UNSET
    stickiness: float | None


class ActiveAnswer(msgspec.Struct):
    """Each day of the period, in order."""

    days: list[ActiveDay]


def stickiness(
    store: Store, question: Question, asked: Stickiness, now: datetime | None = None
) -> tuple[list[Answer], StickinessAnswer]:
    """Count people by the number of intervals in which they were active. Intervals are over at `now` (by default the
    current time).
    """
    conditions = compiler(store, question)
    source = presence(store, question, [asked.event], conditions)
    structure = {
        "source": source,
        "interval": asked.interval,
        "names": "1" if source.counted else any_of([asked.event], conditions),
    }
    answer = ask(store, "behavior/stickiness.sql", question, structure, conditions)
    counted = {row["intervals"]: row["persons"] for row in answer.rows()}
    everybody = sum(counted.values())
    rows = []
    for n in range(1, max(counted, default=0) + 1):
        at_least = sum(persons for intervals, persons in counted.items() if intervals >= n)
        rows.append(StickinessRow(intervals=n, persons=counted.get(n, 0), share=at_least / everybody))
    intervals = Intervals(question, asked.interval, now or datetime.now(UTC))
    numbers = range(intervals.first, intervals.last + 1)
    return [answer], StickinessAnswer(
        interval=asked.interval,
        persons=everybody,
        rows=rows,
        of=len(numbers),
        incomplete=[intervals.day(number) for number in numbers if not intervals.complete(number)],
    )


def active(store: Store, question: Question, asked: Active) -> tuple[list[Answer], ActiveAnswer]:
    """Count the people of each day, and of the 7 and the 30 days that end with it."""
    conditions = compiler(store, question)
    source = presence(store, question, [asked.event], conditions)
    structure = {"source": source, "names": "1" if source.counted else any_of([asked.event], conditions)}
    since = moment(question.period.start - timedelta(days=31))
    answer = ask(store, "behavior/active.sql", question, structure, conditions, since=since)
    first = ordinal(question.period.start, question.timezone, "day")
    last = ordinal(question.period.end - timedelta(milliseconds=1), question.timezone, "day")
    lines = {}
    for span in (1, 7, 30):
        changes = {row["day"]: row["persons"] for row in answer.rows() if row["span"] == span}
        lines[span] = list(accumulate(changes.get(day, 0) for day in range(first - 33, last + 1)))[33:]
    days = [
        ActiveDay(
            at=first_day(first + i, "day").isoformat(),
            day=day,
            week=lines[7][i],
            month=lines[30][i],
            stickiness=day / lines[30][i] if lines[30][i] else None,
        )
        for i, day in enumerate(lines[1])
    ]
    return [answer], ActiveAnswer(days)
