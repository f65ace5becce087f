"""One revenue: what orders come to, each once by its id, less refunds, is the same wherever it is shown."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import FIREFOX, message, order
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.customers.customers import Customers, customers
from trackway.analyze.customers.revenue import Revenue, revenue
from trackway.analyze.customers.value import CustomerValue, customer_value
from trackway.analyze.language.filters import parse
from trackway.analyze.language.money import Money
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.analyze.language.series import Series
from trackway.analyze.people.visitors import visitors
from trackway.analyze.traffic.attribution import MODELS, Attribution, attribution
from trackway.analyze.traffic.overview import overview
from trackway.analyze.traffic.sources import sources
from trackway.event import Message, new_id
from trackway.store.money import SINCE_EVER, Rate, write_rates
from trackway.store.orders import own_currency, wrong_totals

EXAMPLES = cases(6)
START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = Period(START, START + timedelta(days=7))
RATES = {"USD": Decimal(1), "": Decimal(1), "EUR": Decimal("1.5")}
GOALS = ("Order Completed", "Booking Completed")


class Said(NamedTuple):
    """A message: an order or booking, its id ("" for none), what became of it, the amount, when (minutes after START)."""

    kind: str
    id: str
    what: str
    amount: int | None
    minute: int
    who: str
    number: int


class Worth(NamedTuple):
    """What an order comes to: when it counts, whether it is one, its currency and amount less refunds."""

    minute: int
    counts: bool
    kind: str
    currency: str
    paid: Decimal


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[list[Said]], dict[tuple[str, str], str]]:
    """Some messages about a few orders, each at a moment of its own, in batches in any order; and currencies."""
    # A week and a half before the week until two days after it, and often minutes apart.
    minutes = st.one_of(
        st.integers(-10 * 1440, 9 * 1440), st.integers(0, 120), st.integers(7 * 1440 - 90, 7 * 1440 + 90)
    )
    moments = draw(st.lists(minutes, min_size=1, max_size=14, unique=True))
    whats = st.sampled_from(["Completed", "Completed", "Completed", "Refunded", "Updated", "Cancelled"])
    said = [
        Said(
            draw(st.sampled_from(["Order", "Order", "Booking"])), draw(st.sampled_from(["1", "2", "3", ""])), draw(whats),
            draw(st.one_of(st.none(), st.integers(0, 100))), minute, draw(st.sampled_from(["ann", "bob", "guest", "server", "bot"])),
            number,
        )
        for number, minute in enumerate(moments)
    ]  # fmt: skip
    currencies = {
        (kind, one): draw(st.sampled_from(["USD", "EUR", ""])) for kind in ("Order", "Booking") for one in "123"
    }
    shuffled = draw(st.permutations(said))
    cut = draw(st.integers(0, len(said)))
    return [some for some in (shuffled[:cut], shuffled[cut:]) if some], currencies


def as_message(one: Said, currency: str) -> Message:
    """As a page tells it (a person who signs in, one who does not, a crawler) or a server, which has no session."""
    properties: dict[str, Any] = {} if one.amount is None else {"revenue": one.amount}
    properties |= {"currency": currency} if currency else {}
    properties |= {f"{one.kind.lower()}_id": one.id} if one.id else {}
    context: dict[str, Any] = {"userAgent": "Googlebot/2.1" if one.who == "bot" else FIREFOX, "ip": "x"}
    context |= {"page": {"url": f"https://a.example/?utm_source={one.who}&utm_medium=cpc"}}
    if one.who == "server":
        context = {"sessionId": False}
    return message(
        f"{one.kind} {one.what}",
        int(START.timestamp() * 1000) + one.minute * 60_000,
        visitor=f"v-{one.who}",
        user=one.who if one.who in ("ann", "bob", "server") else "",
        id=f"s{one.number}",
        context=context,
        properties=properties,
    )


def worth(said: list[Said], currency: str) -> Worth | None:
    """What the messages about one order come to; None for nothing at all."""
    placed = min((one.minute for one in said if one.what == "Completed"), default=None)
    stated = [one for one in said if one.what in ("Completed", "Updated")]
    priced = [one for one in stated if one.amount is not None]
    amount = max(priced, key=lambda one: one.minute).amount if priced else 0
    refunds = [one for one in said if one.what == "Refunded"]
    refunded = sum(one.amount or 0 for one in refunds)
    if any(not one.amount for one in refunds):
        refunded = amount or 0
    cancelled = max((one.minute for one in said if one.what == "Cancelled"), default=None)
    kind = said[0].kind.lower()
    if placed is None:
        back = min((one.minute for one in refunds), default=0)
        return Worth(back, False, kind, currency, Decimal(-refunded)) if refunded else None
    if cancelled is not None and cancelled >= max(one.minute for one in stated):
        return None
    return Worth(placed, True, kind, currency, Decimal((amount or 0) - refunded))


def by_currency(orders: list[Worth], since: int, until: int) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in orders:
        if since <= one.minute < until:
            found[one.currency or "USD"] += one.paid
    return {currency: amount for currency, amount in found.items() if amount}


def shown(amounts: list[Money]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in amounts:
        found[one.currency or "USD"] += one.amount
    return {currency: amount for currency, amount in found.items() if amount}


def put(loaded: Loaded, batches: list[list[Said]], currencies: dict[tuple[str, str], str]) -> tuple[UUID, list[Worth]]:
    project = new_id()
    own_currency(loaded.store, project, "USD")
    write_rates(loaded.store, project, [Rate("EUR", SINCE_EVER + timedelta(days=1), RATES["EUR"])])
    about: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for some in batches:
        loaded.load(project, [as_message(one, currencies.get((one.kind, one.id), "")) for one in some])
        for one in some:
            about[one.kind, one.id or f"message {one.number}"].append(one)
    every = [worth(some, currencies.get(key, "")) for key, some in about.items()]
    loaded.store.persons.refresh()
    return project, [one for one in every if one is not None]


def agrees(loaded: Loaded, project: UUID, every: list[Worth]) -> None:
    """Every place that shows revenue shows what these orders come to."""
    store = loaded.store
    question = Question(project_id=project, period=WEEK, timezone="UTC", goals=GOALS)
    week = [one for one in every if 0 <= one.minute < 7 * 1440]
    money = by_currency(every, 0, 7 * 1440)
    value = sum((one.paid * RATES[one.currency] for one in week), Decimal(0))
    placed = sum(one.counts for one in week)

    # From counters and orders, and from events where something is filtered; the hours of Calcutta are no whole ones.
    filtered = msgspec.structs.replace(question, filters=(parse("name:set"),))
    elsewhere = msgspec.structs.replace(question, timezone="Asia/Kolkata")
    for asked, by in ((question, []), (filtered, ["name"]), (elsewhere, ["channel", "source"])):
        _, totals = overview(store, asked, WEEK.before("UTC", "previous"), "USD")
        assert shown(totals.current.revenue) == money
        assert shown(totals.previous.revenue) == by_currency(every, -7 * 1440, 0)
        [line] = trend(store, asked, Trend(series=[Series(metric="revenue")], by=by, top=2), "USD")[1].series
        assert line.total == sum(line.points) == value
        assert not by or sum(part.total for part in line.parts) == value
        if not asked.filters:
            assert revenue(store, asked, Revenue(), "USD")[1].totals.visitors == totals.current.visitors

    listed = sources(store, question, ["channel", "source"], "USD")[1]
    assert shown([one for row in listed for one in row.revenue]) == money
    assert sum(row.conversions for row in listed) == placed

    totals = revenue(store, question, Revenue(), "USD")[1]
    assert Decimal(totals.totals.value) == sum(map(Decimal, totals.value)) == value
    assert totals.totals.purchases == sum(totals.purchases) == placed
    refunds = shown(totals.totals.refunds)
    stated = shown(totals.totals.amounts)
    left = {one: stated.get(one, Decimal(0)) - refunds.get(one, Decimal(0)) for one in {*stated, *refunds}}
    assert {currency: amount for currency, amount in left.items() if amount} == money

    for goals in ([], list(GOALS)):
        given_ = attribution(store, question, Attribution(goals=goals), "USD")[1].rows
        for model in MODELS:
            credit = [row.models[model] for row in given_]
            assert abs(sum(one.orders for one in credit) - placed) < 0.001
            assert abs(sum(Decimal(one.value) for one in credit) - (0 if goals else value)) < 1

    ever = msgspec.structs.replace(question, period=Period(START - timedelta(days=60), START + timedelta(days=60)))
    of_all = sum((one.paid * RATES[one.currency] for one in every), Decimal(0))
    _, people = customers(store, ever, Customers(), "USD")
    assert sum(Decimal(row.value) for row in people.rows) == of_all
    assert shown([one for row in people.rows for one in row.paid]) == by_currency(every, -(10**6), 10**6)
    everybody = msgspec.structs.replace(ever, bots=True)
    assert shown([amount for row in visitors(store, everybody)[1] for amount in row.revenue]) == by_currency(
        every, -(10**6), 10**6
    )
    _, worth_ = customer_value(store, ever, CustomerValue(orders=list(GOALS)), "USD")
    if worth_.model:
        bought = sum((one.paid * RATES[one.currency] for one in every if one.counts), Decimal(0))
        assert sum(Decimal(row.paid) for row in worth_.rows) == bought
    assert wrong_totals(store, project) == 0


@settings(max_examples=max(EXAMPLES // 5, 1), deadline=None)
@given(stories())
def test_every_place_that_shows_revenue_shows_what_orders_come_to(
    loaded: Loaded, story: tuple[list[list[Said]], dict[tuple[str, str], str]]
) -> None:
    agrees(loaded, *put(loaded, *story))


def test_an_order_told_twice_one_refunded_by_id_and_one_more(loaded: Loaded) -> None:
    story = [
        Said("Order", "1", "Completed", 80, 10, "ann", 0), Said("Order", "1", "Completed", 80, 200, "ann", 1),
        Said("Order", "2", "Completed", 50, 20, "bob", 2), Said("Order", "2", "Refunded", 50, 30, "server", 3),
        Said("Order", "3", "Completed", 20, 40, "guest", 4),
    ]  # fmt: skip
    project, every = put(loaded, [story], {("Order", one): "USD" for one in "123"})
    question = Question(project_id=project, period=WEEK, timezone="UTC", goals=GOALS)
    _, totals = overview(loaded.store, question, WEEK.before("UTC", "previous"), "USD")
    assert shown(totals.current.revenue) == {"USD": 100}
    found = {row.source: row for row in sources(loaded.store, question, ["source"], "USD")[1]}
    assert {name: shown(row.revenue) for name, row in found.items()} == {
        "ann": {"USD": 80}, "bob": {}, "guest": {"USD": 20},
    }  # fmt: skip
    assert {name: row.conversions for name, row in found.items()} == {"ann": 1, "bob": 1, "guest": 1}
    told = Trend(series=[Series(metric="event_revenue"), Series(metric="revenue", event="Order Completed")])
    lines = trend(loaded.store, question, told, "USD")[1].series
    assert [line.total for line in lines] == [80 + 80 + 50 - 50 + 20, 100]
    agrees(loaded, project, every)


def test_an_order_is_owed_to_the_session_that_placed_it_whoever_told_of_it_first(loaded: Loaded) -> None:
    """A payment provider tells of it a minute before the page does, and the page is opened again the next day."""
    story = [
        Said("Order", "1", "Completed", 80, 9, "server", 0), Said("Order", "1", "Completed", 80, 10, "guest", 1),
        Said("Order", "1", "Completed", 80, 1500, "ann", 2),
    ]  # fmt: skip
    for batches in ([story], [[one] for one in story], [[one] for one in story[::-1]]):
        project, _ = put(loaded, batches, {("Order", "1"): "USD"})
        question = Question(project_id=project, period=WEEK, timezone="UTC", goals=GOALS)
        found = {row.source: row for row in sources(loaded.store, question, ["source"], "USD")[1]}
        assert {name: (row.conversions, shown(row.revenue)) for name, row in found.items()} == {
            "guest": (1, {"USD": 80}), "ann": (0, {}),
        }  # fmt: skip


def test_a_late_event_takes_the_order_along_into_the_session_that_it_joins(loaded: Loaded, project: UUID) -> None:
    """The first page of a visit arrives after the order: the order is owed to where that page came from."""
    at = int(START.timestamp() * 1000)
    context: dict[str, Any] = {"userAgent": FIREFOX, "ip": "x"}
    bought = order("1", 5, at + 600_000, "v", context=context)
    url = {"url": "https://a.example/?utm_source=late&utm_medium=cpc"}
    page = message(at=at, visitor="v", id="p", properties={}, context={**context, "page": url})
    loaded.load(project, [bought])
    loaded.load(project, [page])
    question = Question(project_id=project, period=WEEK, timezone="UTC", goals=GOALS)
    [row] = sources(loaded.store, question, ["source"], "USD")[1]
    assert (row.source, row.conversions, shown(row.revenue)) == ("late", 1, {"USD": 5})


def test_rates_are_those_of_the_day(loaded: Loaded) -> None:
    project, _ = put(loaded, [[Said("Order", "1", "Completed", 10, 10, "ann", 0)]], {("Order", "1"): "EUR"})
    write_rates(loaded.store, project, [Rate("EUR", date(2026, 3, 2), Decimal(2))])
    question = Question(project_id=project, period=WEEK, timezone="UTC")
    [line] = trend(loaded.store, question, Trend(series=[Series(metric="revenue")]), "USD")[1].series
    assert line.total == 20 == Decimal(revenue(loaded.store, question, Revenue(), "USD")[1].totals.value)
