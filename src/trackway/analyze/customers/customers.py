"""The list of customers, with their orders, bookings and activity; sorted, searched and filtered.

A first statement selects the page; for each person it reads only the columns that it sorts and filters by. The other
columns are then looked up for the people on the page, by their identities.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.customer_columns import CUSTOMER, TABLES
from trackway.analyze.language.filters import Group
from trackway.analyze.language.money import Money, money
from trackway.analyze.language.period import BadQuestion, Period, page
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment, without_bots
from trackway.store.connection import Store

Interval = Literal["all", "daily", "weekly", "monthly"]
DAYS: dict[str, int] = {"daily": 1, "weekly": 7, "monthly": 30}
SORTS = {
    name: f"customer.{name}"
    for name in (
        "sessions", "orders", "bookings", "last_login", "registered", "reviews", "value", "last_order", "last_booking",
        "last_seen", "active", "expected_orders", "expected_value",
    )
}  # fmt: skip
MOST = 5_000_000
_COUNTED = ("sessions", "orders", "bookings")


class Customers(msgspec.Struct, tag="customers", tag_field="question", kw_only=True):
    """Customers, sorted.

    With an `interval` (the last 24 hours, 7 days or 30 days until now, or until the end of the period if that is
    earlier), only customers active in it are listed, with their sessions, orders and bookings in it. All other columns
    are over all time.
    """

    interval: Interval = "all"
    sort: str = "sessions"
    descending: bool = True
    search: str = ""
    limit: int = 50
    offset: int = 0


class _Part(NamedTuple):
    """The rows of one table, in the form in which the page's statement unites them with those of other tables."""

    table: str
    columns: dict[str, str]


def stretch_of(interval: Interval, end: datetime) -> Period | None:
    """Return the last 24 hours, 7 times 24 or 30 times 24 hours before a time, or before now if that is earlier; None
    for all time.
    """
    if interval == "all":
        return None
    end = min(end, datetime.now(UTC))
    return Period(end - timedelta(days=DAYS[interval]), end)


class LastOrder(msgspec.Struct):
    """The last order: its time, its id, and its amount in the currency that was paid."""

    at: datetime
    order_id: str
    amount: str
    currency: str


class LastBooking(msgspec.Struct):
    """The last booking: its time and its service."""

    at: datetime
    service: str


class CustomerRow(msgspec.Struct, kw_only=True):
    """A customer, over all time; with an interval, `sessions`, `orders` and `bookings` are those in it.

    `duration_s` is the seconds of all sessions. `paid` are amounts by currency, less refunds; `value` is the same in
    the project's currency, without `unconverted` orders, whose currency has no exchange rate. `device`, `browser`,
    `system` and `country` are the most frequent ones. The last scores (None if not scored): the probability of being
    `active`, the number and the value of the `expected_orders` of the next 13 weeks, the `mean_value` of a future
    order, and the segment `rfm`; low and high are intervals with a probability of 80 %.
    """

    person: str
    name: str
    user_id: str
    visitor_id: str
    registered: datetime | None
    last_login: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    reviews: int | None
    duration_s: float | None
    device: str | None
    browser: str | None
    system: str | None
    country: str | None
    sessions: int
    orders: int
    bookings: int
    paid: list[Money]
    value: str
    unconverted: int
    last_order: LastOrder | None
    last_booking: LastBooking | None
    active: float | None
    expected_orders: float | None
    expected_low: float | None
    expected_high: float | None
    expected_value: float | None
    mean_value: float | None
    mean_low: float | None
    mean_high: float | None
    rfm: str | None


class CustomersAnswer(msgspec.Struct):
    """The total number of customers, the `currency` of `value`, and a page of the list."""

    customers: int
    currency: str
    rows: list[CustomerRow]


class CustomerName(msgspec.Struct):
    """A customer's number (`person`), ids, and friendly name."""

    person: str
    user_id: str
    visitor_id: str
    name: str


def customers(
    store: Store, question: Question, asked: Customers, currency: str
) -> tuple[list[Answer], CustomersAnswer]:
    """List customers, sorted.

    Raises:
        BadQuestion: `sort` is unknown.
    """
    if asked.sort not in SORTS:
        raise BadQuestion("sort", f"{asked.sort!r}: sort by one of {', '.join(SORTS)}")
    page(asked.limit, asked.offset)
    conditions = compiler(store, question)
    within = stretch_of(asked.interval, question.period.end)
    shape = _shape(store, question, asked, conditions, within is not None)
    values = {"search": asked.search.strip(), **_bounds(within)}

    def listed(limit: int, offset: int) -> Answer:
        return ask(store, "customers/customers.sql", question, shape, conditions, limit=limit, offset=offset, **values)

    answers = [listed(asked.limit, asked.offset)]
    listed_rows = answers[0].rows()
    # Every row of a page contains the total; a page after the last one has no row, so the total needs another query.
    counting = listed_rows
    if not listed_rows and asked.offset:
        answers.append(listed(1, 0))
        counting = answers[-1].rows()
    total = counting[0]["customers"] if counting else 0
    persons = [row["person"] for row in listed_rows]
    about: dict[int, dict[str, Any]] = {person: {} for person in persons}
    for answer in _about(store, question, persons) if persons else ():
        answers.append(answer)
        for row in answer.rows():
            about[row["person"]] |= row
    counted = {row["person"]: {name: row[name] for name in _COUNTED} for row in listed_rows} if within else {}
    rows = [_shown(person, row, counted.get(person), currency) for person, row in about.items()]
    return answers, CustomersAnswer(total, currency, rows)


_ABOUT = ("language/customers_shown.sql", "customers/customers_ordered.sql", "customers/customers_scored.sql")


def _about(store: Store, question: Question, persons: list[int], templates: tuple[str, ...] = _ABOUT) -> list[Answer]:
    """Look up what is known of these people, by their identities, because the tables are sorted by identity."""
    known = ask(store, "language/person_ids.sql", question, persons=persons).rows()
    identities = [*{*persons, *(row["identity"] for row in known)}]
    return [ask(store, template, question, identities=identities) for template in templates]


def people(store: Store, question: Question) -> list[int]:
    """Return the persons, by number, of all customers that match the question's filters."""
    conditions = compiler(store, question)
    shape = _shape(store, question, Customers(), conditions, False)
    answer = ask(store, "customers/customers.sql", question, shape, conditions, limit=MOST, offset=0)
    return [int(person) for person in answer.table["person"].to_pylist()]


def named(store: Store, question: Question, persons: list[int]) -> dict[int, CustomerName]:
    """Return the ids and the name of each of these persons."""
    [shown] = _about(store, question, persons, ("language/customers_shown.sql",))
    rows = {row["person"]: row for row in shown.rows()}
    names = {}
    for person in persons:
        row = _shown(person, rows.get(person, {}), None, "")
        names[person] = CustomerName(row.person, row.user_id, row.visitor_id, row.name)
    return names


def _shape(store: Store, question: Question, asked: Customers, conditions: Compiler, within: bool) -> dict[str, Any]:
    """Build the structure of the page's statement: the tables it reads and the columns it aggregates."""
    names: dict[str, str] = {}
    filters = conditions.on_customers(Group("all", question.filters), names) if question.filters else ""
    counted = within and asked.sort in _COUNTED
    key = asked.sort if counted else names.setdefault(SORTS[asked.sort], f"c{len(names)}")
    columns = [(name, CUSTOMER[column].how) for column, name in names.items()]
    nothing = {name: CUSTOMER[column].nothing for column, name in names.items()}
    bots = without_bots(question, conditions)
    is_customer = customer_of(store)
    parts: list[_Part] = []
    if within:
        columns += [(name, "sum") for name in _COUNTED]
        nothing |= dict.fromkeys(_COUNTED, "0")
        parts += _parts_within(bots, is_customer)
    of_all = () if within else ("customers", "order_totals")
    needed = dict.fromkeys((*of_all, *(CUSTOMER[column].table for column in names)))
    for table in needed:
        own = {name: CUSTOMER[column].row for column, name in names.items() if CUSTOMER[column].table == table}
        # With an interval, other parts decide who is listed; this part needs only rows with a value that matters.
        says = " OR ".join(f"{row} != {nothing[name]}" for name, row in own.items())
        mine = (
            f"{_LISTED[table].format(is_customer='true', bots=bots)} AND ({says})"
            if within
            else _LISTED[table].format(is_customer=is_customer, bots=bots)
        )
        parts.append(_Part(f"{TABLES[table]}{mine}", own))
    return {
        "columns": columns,
        "key": key if counted else CUSTOMER[SORTS[asked.sort]].of(key),
        "parts": [
            (part.table, [f"{part.columns.get(name, nothing[name])} AS _{name}" for name, _ in columns])
            for part in parts
        ],
        "within": within,
        "search": bool(asked.search.strip()),
        "condition": filters,
        "direction": "DESC" if asked.descending else "ASC",
    }


_LISTED = {
    "customers": " AND {bots} AND (named OR {is_customer})",
    "session_hours": " AND {bots} AND (named OR {is_customer})",
    "order_totals": " AND orders + bookings + refunded_orders > 0",
    "customer_scores": "",
}
"""The condition for rows of customers, by table."""


def customer_of(store: Store) -> str:
    """Return the condition that a visitor is a customer: a user, or somebody who ordered without a user id."""
    guests = "identity IN (SELECT identity FROM order_totals FINAL WHERE project_id = {project:UUID} AND guest)"
    return f"dictGet('persons', 'delta', identity) != 0 OR {guests}" if store.persons.any else guests


def _bounds(within: Period | None) -> dict[str, str]:
    """Return the start and end of an interval, and of the whole hours in it, which have counters."""
    if within is None:
        return {}
    first, last = (
        at.replace(minute=0, second=0, microsecond=0)
        for at in (within.start + timedelta(hours=1, microseconds=-1), within.end)
    )
    return {
        name: moment(at) for name, at in zip(("since", "until", "first", "last"), (*within, first, last), strict=True)
    }


_FROM, _FIRST, _LAST, _UNTIL = (f"{{{name}:DateTime64(3,'UTC')}}" for name in ("since", "first", "last", "until"))


def _parts_within(bots: str, is_customer: str) -> list[_Part]:
    """Count sessions, orders and bookings of the interval: counters cover its whole hours, sessions the rest."""
    own = "WHERE project_id = {project:UUID} AND "
    listed = _LISTED["session_hours"].format(bots=bots, is_customer=is_customer)
    hours = f"session_hours {own}hour >= {_FIRST} AND hour < {_LAST}{listed}"
    edges = (
        f"(started_at >= {_FROM} AND started_at < {_FIRST} OR started_at >= {_LAST} AND started_at < {_UNTIL})"
        f" AND {bots} AND (user_id != '' OR {is_customer})"
    )
    placed = f"orders FINAL {own}counts AND placed_at >= {_FROM} AND placed_at < {_UNTIL}"
    return [
        _Part(hours, {"sessions": "sessions"}),
        _Part(f"sessions FINAL {own}{edges}", {"sessions": "1"}),
        _Part(placed, {"orders": "kind = 'order'", "bookings": "kind = 'booking'"}),
    ]


_SCORES = (
    "active", "expected_orders", "expected_low", "expected_high", "expected_value", "mean_value", "mean_low",
    "mean_high", "rfm",
)  # fmt: skip
_NOTHING_ORDERED = {"all_orders": 0, "all_bookings": 0, "paid": [], "value": Decimal(0), "unconverted": 0}


def _shown(person: int, row: dict[str, Any], counted: dict[str, int] | None, currency: str) -> CustomerRow:
    row = {**_NOTHING_ORDERED, **row}
    order, booking, scored = row.get("last_order"), row.get("last_booking"), row.get("scores")
    counts: dict[str, Any] = counted or {name: row.get(f"all_{name}", 0) for name in _COUNTED}
    known: dict[str, Any] = {
        name: row.get(name)
        for name in (
            "registered", "last_login", "first_seen", "last_seen", "reviews", "duration_s", "device", "browser",
            "system", "country",
        )
    }  # fmt: skip
    # A score of -1 means that there is none.
    values = _values(scored) if scored else (None,) * len(_SCORES)
    scores: dict[str, Any] = {
        name: None if isinstance(score, float) and score < 0 else score
        for name, score in zip(_SCORES, values, strict=True)
    }
    return CustomerRow(
        person=str(person),
        name=row.get("known_as") or row.get("visitor_name") or "",
        user_id=row.get("user_id") or "",
        visitor_id=row.get("visitor_id") or "",
        **known,
        **counts,
        paid=paid(row["paid"], currency),
        value=str(row["value"]),
        unconverted=row["unconverted"],
        last_order=_last_order(order, currency),
        last_booking=LastBooking(*last) if (last := _last(booking)) else None,
        **scores,
    )


def paid(by_currency: Any, currency: str) -> list[Money]:
    """Return amounts by currency; amounts without a currency are in the project's."""
    summed: dict[str, Decimal] = {}
    for stated in money(by_currency):
        name = stated.currency or currency
        summed[name] = summed.get(name, Decimal(0)) + stated.amount
    return money(summed)


def _last_order(order: Any, currency: str) -> LastOrder | None:
    if (last := _last(order)) is None:
        return None
    at, order_id, amount, paid_in = last
    return LastOrder(at, order_id, amount, paid_in or currency)


def _values(row: Any) -> tuple[Any, ...]:
    """Convert a tuple of the engine, which Arrow may return as a dictionary."""
    return tuple(row.values()) if isinstance(row, dict) else tuple(row)


def _last(row: Any) -> tuple[Any, ...] | None:
    """Return the time and the texts of the last order or booking; None if there is none, which the engine returns as a
    time in 1970.
    """
    if not row:
        return None
    at, *rest = _values(row)
    if at <= datetime(1970, 1, 2, tzinfo=UTC):
        return None
    return (at, *map(str, rest))
