"""A person's own year: what they viewed, how long they stayed, what they booked, and when they are active."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import Any

import msgspec

from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store

MOST_OF_A_TYPE = 10


class Year(msgspec.Struct, tag="year", tag_field="question", kw_only=True):
    """One person's period, by the `person` of the question `persons`; an account of type user gets its own and names
    nobody.
    """

    person: str = ""


class YearMonth(msgspec.Struct):
    """A month by its first day (YYYY-MM-DD), with the numbers of events and bookings."""

    month: str
    events: int = 0
    bookings: int = 0


class YearEntity(msgspec.Struct):
    """An entity, with its name from the register and the number of the person's events."""

    id: str
    name: str
    events: int


class YearType(msgspec.Struct):
    """A type of entity: the number of entities with events, and those with the most events."""

    entity_type: str
    entities: int
    top: list[YearEntity]


class YearAnswer(msgspec.Struct, kw_only=True):
    """Numbers of events, of days with any, of seconds spent and of bookings, and the longest run of consecutive days;
    by month, by type of entity, by hour of the day (24) and by weekday (7, from Monday). Impressions are not counted.
    """

    events: int
    days: int
    duration_s: float
    bookings: int
    longest: int
    months: list[YearMonth]
    types: list[YearType]
    hours: list[int]
    weekdays: list[int]


def year(store: Store, question: Question, asked: Year, bookings: list[str]) -> tuple[list[Answer], YearAnswer]:
    """Return a person's year.

    Raises:
        BadQuestion: a caller who sees more than one person names none.
    """
    own = store.policy is not None and store.policy.person is not None
    if not own and not asked.person.isdecimal():
        raise BadQuestion("person", "is required: the `person` of an answer of `persons`")
    values: dict[str, Any] = {} if own else {"person": int(asked.person)}
    shape = {"of_person": not own}
    what = ask(store, "entities/year.sql", question, shape, bookings=bookings, **values)
    when = ask(store, "entities/year_days.sql", question, shape, **values)
    rows, days = what.rows(), when.rows()
    of_type: dict[str, Counter[str]] = defaultdict(Counter)
    months: dict[str, YearMonth] = {}
    for row in rows:
        month = months.setdefault(row["month"], YearMonth(row["month"]))
        month.events += row["events"]
        month.bookings += row["events"] * row["booked"]
        if row["entity_id"]:
            of_type[row["entity_type"]][row["entity_id"]] += row["events"]
    tops = {kind: counted.most_common(MOST_OF_A_TYPE) for kind, counted in of_type.items()}
    names = _names(store, question, [(kind, id_) for kind, top in tops.items() for id_, _ in top])
    hours, weekdays = [0] * 24, [0] * 7
    for row in days:
        hours[row["hour"]] += row["events"]
        weekdays[row["weekday"] - 1] += row["events"]
    types = [
        YearType(
            kind, len(of_type[kind]), [YearEntity(id_, names.get((kind, id_), ""), n) for id_, n in tops[kind]]
        )
        for kind in sorted(of_type, key=lambda kind: -sum(of_type[kind].values()))
    ]  # fmt: skip
    return [what, when], YearAnswer(
        events=sum(row["events"] for row in rows),
        days=len({row["day"] for row in days}),
        duration_s=sum(row["duration_s"] for row in rows),
        bookings=sum(row["events"] for row in rows if row["booked"]),
        longest=_longest(sorted({row["day"] for row in days})),
        months=[months[month] for month in sorted(months)],
        types=types,
        hours=hours,
        weekdays=weekdays,
    )


def _names(store: Store, question: Question, keys: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    if not keys:
        return {}
    rows = ask(store, "entities/year_names.sql", question, keys=keys).rows()
    return {(row["entity_type"], row["entity_id"]): row["name"] for row in rows}


def _longest(days: list[str]) -> int:
    """Return the length of the longest run of consecutive days. `days` are sorted, YYYY-MM-DD."""
    longest = run = 0
    before = None
    for day in map(date.fromisoformat, days):
        run = run + 1 if before is not None and (day - before).days == 1 else 1
        longest, before = max(longest, run), day
    return longest
