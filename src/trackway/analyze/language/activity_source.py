"""Sources of activity: the rows that show when people were active, and the intervals (days, weeks, months) of a period.

The hourly counters are used when they have enough detail.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import Group
from trackway.analyze.language.period import Interval, first_day, midnight, ordinal
from trackway.analyze.language.question import Question, everybody, without_bots
from trackway.analyze.language.steps import Step
from trackway.store.connection import Store


class Presence(NamedTuple):
    """A source of activity: a table, its time column, the conditions on rows, and whether it is a table of counters,
    which has no columns except those of the person.
    """

    table: str
    at: str
    conditions: str
    counted: bool


def presence(store: Store, question: Question, steps: list[Step], conditions: Compiler, by: str = "") -> Presence:
    """Choose the source for people who did any of the steps."""
    if not by and question.plain(store) and all(not step.events and not step.where for step in steps):
        return Presence(store.persons.activity, "hour", without_bots(question, conditions), True)
    node = Group("all", (*question.filters, Group("any", tuple(step.node("event") for step in steps))))
    return Presence("events", "timestamp", conditions.on_events(node) + everybody(question, conditions), False)


class Intervals:
    """The days, weeks or months of a question's period, numbered from `first` to `last`.

    An interval that the period cuts contains only its days within the period; earlier days belong to the interval
    before.
    """

    def __init__(self, question: Question, interval: Interval, now: datetime) -> None:
        start, end = question.period
        self._interval = interval
        self.first = ordinal(start, question.timezone, interval)
        self.last = ordinal(end - timedelta(milliseconds=1), question.timezone, interval)
        self._start = start.astimezone(ZoneInfo(question.timezone)).date()
        self._cut = midnight(first_day(self.first, interval), ZoneInfo(question.timezone)) < start
        self._going_on = ordinal(min(end, now), question.timezone, interval)

    def day(self, number: int) -> str:
        """Return the first day of an interval within the period, as YYYY-MM-DD."""
        return (self._start if number == self.first else first_day(number, self._interval)).isoformat()

    def complete(self, number: int) -> bool:
        """Whether an interval lies completely in the period and is over."""
        return number < self._going_on and not (number == self.first and self._cut)
