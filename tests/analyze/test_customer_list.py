"""The list of customers: a real shop's, beside what DuckDB says of the same rows; sorted, searched, filtered, paged."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import pytest

from conftest import SHARED, Loaded, needs, unpacked
from factories import message, order
from trackway.analyze.customers.customers import Customers, CustomersAnswer, customers
from trackway.analyze.language.filters import read
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.event import new_id
from trackway.store.orders import own_currency

END = datetime.datetime(2011, 12, 10, tzinfo=datetime.UTC)
SINCE = {"daily": "2011-12-09", "weekly": "2011-12-03", "monthly": "2011-11-10"}


class Shop:
    """Online Retail: in the store as messages, in DuckDB as the file's lines."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded, self.project = loaded, new_id()
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'")
        self.duck.execute(
            "CREATE TABLE invoices AS SELECT InvoiceNo AS id, printf('%d', CustomerID::DOUBLE::INT) AS customer, "
            "min(InvoiceDate::TIMESTAMP) AS placed, sum(Quantity::DECIMAL(18,4) * UnitPrice::DECIMAL(18,4)) AS amount "
            f"FROM read_csv('{SHARED}/online_retail/online_retail.csv.zst', all_varchar=true) WHERE CustomerID IS NOT NULL AND CustomerID != '' GROUP BY InvoiceNo, CustomerID ORDER BY 3, 1"
        )
        messages = []
        for number, customer, at, amount in self.duck.execute("SELECT * FROM invoices").fetchall():
            moment = int(at.replace(tzinfo=datetime.UTC).timestamp() * 1000)
            event = "Order Refunded" if number.startswith("C") else "Order Completed"
            about = {"order_id": number, "revenue": str(abs(amount)), "currency": "GBP"}
            who: dict[str, Any] = {"visitor": f"v{customer}", "user": customer, "at": moment}
            if int(customer) % 2 == 0:
                messages.append(message("Signed In", id=f"in-{number}-{customer}", **who))
            messages.append(message(event, id=f"i-{number}-{customer}", properties=about, **who))
        own_currency(loaded.store, self.project, "GBP")
        for start in range(0, len(messages), 8000):
            loaded.load(self.project, messages[start : start + 8000])

    def ask(self, filter_: Any = None, **asked: Any) -> CustomersAnswer:
        question = Question(
            project_id=self.project, period=Period(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC), END),
            timezone="UTC", filters=() if filter_ is None else (read(filter_),),
        )  # fmt: skip
        return customers(self.loaded.store, question, Customers(**asked), "GBP")[1]

    def counted(self, interval: str = "all") -> dict[str, dict[str, Any]]:
        """The same by DuckDB: sessions by gaps of 30 minutes, orders by invoices."""
        since = SINCE.get(interval, "2000-01-01")
        rows = self.duck.execute(
            f"""
            WITH gaps AS (SELECT *, coalesce(placed - lag(placed) OVER (PARTITION BY customer ORDER BY placed) >= INTERVAL 30 MINUTE,
                                             true) AS starts FROM invoices)
            SELECT customer, count(*) FILTER (starts AND placed >= '{since}') AS sessions,
                   count(*) FILTER (id NOT LIKE 'C%' AND placed >= '{since}') AS orders,
                   sum(CASE WHEN id LIKE 'C%' THEN -abs(amount) ELSE abs(amount) END) AS value, min(placed) AS registered,
                   CASE WHEN customer::INT % 2 = 0 THEN max(placed) END AS last_login,
                   max(placed) FILTER (id NOT LIKE 'C%') AS last_order
            FROM gaps GROUP BY customer
            """
        ).fetchall()
        names = ("sessions", "orders", "value", "registered", "last_login", "last_order")
        found = {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}
        return {one: row for one, row in found.items() if row["sessions"] + row["orders"]}


@pytest.fixture(scope="module")
def shop(loaded: Loaded) -> Shop:
    return Shop(loaded)


@pytest.fixture(scope="module", autouse=True)
def of_old(loaded: Loaded) -> Iterator[None]:
    yield
    loaded.forget_before(201301)


def plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


@needs("online_retail")
@pytest.mark.parametrize("interval", ["all", "daily", "weekly", "monthly"])
@pytest.mark.parametrize("sort", ["sessions", "orders", "bookings", "last_login", "registered"])
@pytest.mark.parametrize("descending", [True, False])
def test_customers_of_a_real_shop_are_what_duckdb_counts(
    shop: Shop, interval: Any, sort: str, descending: bool
) -> None:
    truth = shop.counted(interval)
    found = shop.ask(interval=interval, sort=sort, descending=descending, limit=10_000)
    assert found.customers == len(found.rows) == len(truth)
    for row in found.rows:
        own = truth[row.user_id]
        assert (row.sessions, row.orders, row.bookings) == (own["sessions"], own["orders"], 0)
        assert Decimal(row.value) == own["value"]
        assert sum(Decimal(one.amount) for one in row.paid) == own["value"]
        assert [plain(row.registered), plain(row.last_login)] == [own["registered"], own["last_login"]]
        assert plain(row.last_order and row.last_order.at) == own["last_order"]
    keys = [plain(getattr(row, sort)) for row in found.rows]
    known = [key for key in keys if key is not None]
    assert known == sorted(known, reverse=descending) and keys[len(known) :] == [None] * (len(keys) - len(known))


@needs("online_retail")
def test_pages_follow_each_other_and_the_last_says_how_many_there_are(shop: Shop) -> None:
    whole = [row.person for row in shop.ask(sort="orders", limit=120).rows]
    parts = [row.person for offset in (0, 40, 80) for row in shop.ask(sort="orders", limit=40, offset=offset).rows]
    assert parts == whole
    behind = shop.ask(sort="orders", offset=1_000_000)
    assert behind.rows == [] and behind.customers == len(shop.counted())


@needs("online_retail")
def test_customers_are_found_by_id_name_and_order(shop: Shop) -> None:
    assert [row.user_id for row in shop.ask(search="17850").rows] == ["17850"]
    assert [row.user_id for row in shop.ask(search="536365").rows] == ["17850"]
    name = shop.ask(search="17850").rows[0].name
    assert "17850" in [row.user_id for row in shop.ask(search=name.lower(), limit=1000).rows]
    assert shop.ask(search="nobody is called that") == CustomersAnswer(0, "GBP", [])


@needs("online_retail")
@pytest.mark.parametrize(
    "filter_, holds",
    [
        ("customer.orders:at_least:5", lambda own: own["orders"] >= 5),
        ("customer.orders:less:1", lambda own: own["orders"] < 1),
        ("customer.value:greater:1000", lambda own: own["value"] > 1000),
        ("customer.days_since_order:at_least:30", lambda own: own["last_order"] and own["last_order"].date() <= datetime.date(2011, 11, 10)),
        ({"all": ["customer.orders:at_least:2", {"not": "customer.value:greater:500"}]}, lambda own: own["orders"] >= 2 and own["value"] <= 500),
        ({"did": "Order Completed", "times": 3}, lambda own: own["orders"] >= 3),
        ("user_id:is:17850|13047", lambda own: own["id"] in ("17850", "13047")),
    ],
    ids=lambda value: "right" if callable(value) else str(value),
)  # fmt: skip
def test_filters_on_customers_hold_for_the_same_people_on_the_page_and_in_other_questions(
    shop: Shop, filter_: Any, holds: Any
) -> None:
    truth = sorted(one for one, own in shop.counted().items() if holds({**own, "id": one}))
    assert sorted(row.user_id for row in shop.ask(filter_, limit=10_000).rows) == truth
    # The same as a filter on events.
    from trackway.analyze.people.persons import Persons, persons

    question = Question(
        project_id=shop.project, period=Period(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC), END), timezone="UTC",
        filters=(read(filter_),),
    )  # fmt: skip
    elsewhere = persons(shop.loaded.store, question, Persons(limit=10_000))[1]
    assert sorted(row.user_id for row in elsewhere) == truth


def test_who_has_no_user_id_and_ordered_nothing_is_no_customer(loaded: Loaded, project: UUID) -> None:
    at = int(END.timestamp() * 1000) - 3600_000
    loaded.load(project, [
        message(at=at, visitor='guest', id='p'),
        message(at=at, visitor='buyer', id='q'),
        order('1', 150_000, at + 1000, 'buyer', currency='TZS'),
        message(at=at + 2000, user='ann', id='s', type='identify', traits={'name': 'Ann Lee', 'createdAt': '2010-03-04T05:06:07Z'}),
    ])  # fmt: skip
    question = Question(
        project_id=project, period=Period(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC), END), timezone="UTC"
    )
    _, found = customers(loaded.store, question, Customers(sort="orders"), "USD")
    assert [(row.user_id, row.orders) for row in found.rows] == [("", 1), ("ann", 0)]
    buyer, ann = found.rows
    assert buyer.last_order.currency == "TZS" and Decimal(buyer.last_order.amount) == 150_000
    assert (buyer.paid[0].currency, buyer.unconverted, Decimal(buyer.value)) == ("TZS", 1, 0)
    assert (ann.name, ann.registered.year) == ("Ann Lee", 2010)
    assert customers(loaded.store, question, Customers(search="lee"), "USD")[1].rows[0].user_id == "ann"
    with pytest.raises(BadQuestion, match="sort by one of"):
        customers(loaded.store, question, Customers(sort="shoe_size"), "USD")


@pytest.mark.parametrize("ends", ["later", "on the hour", "in the hour"])
@pytest.mark.parametrize("interval, hours", [("daily", 24), ("weekly", 168), ("monthly", 720)])
def test_an_interval_is_so_many_hours_until_now_or_until_the_end_of_the_period(
    loaded: Loaded, interval: Any, hours: int, ends: str
) -> None:
    """Also in a zone in which days end at half past an hour, and of sessions and orders apart."""
    until = datetime.datetime.now(datetime.UTC)
    end = until + datetime.timedelta(hours=9)
    if ends != "later":
        end = until = datetime.datetime(2026, 3, 1, 18, 30 if ends == "in the hour" else 0, tzinfo=datetime.UTC)
    project, minute, messages = new_id(), 60_000, []
    for name, ago in (("in", 3), ("first", hours * 60 - 3), ("before", hours * 60 + 3), ("half", hours * 60 - 50)):
        at = int(until.timestamp() * 1000) - ago * minute
        messages += [
            message(at=at, visitor=name, user=name, id=f'p-{name}'),
            message('Order Completed', at, user=f'buys-{name}', id=f'o-{name}', context={'sessionId': False}, properties={'order_id': name, 'revenue': 1}),
        ]  # fmt: skip
    loaded.load(project, messages)
    period = Period(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC), end)
    question = Question(project_id=project, period=period, timezone="Asia/Kolkata")
    found = customers(loaded.store, question, Customers(interval=interval), "USD")[1].rows
    inside = ("in", "first", "half")
    assert {row.user_id: (row.sessions, row.orders) for row in found} == {
        **dict.fromkeys(inside, (1, 0)),
        **{f"buys-{name}": (0, 1) for name in inside},
    }


@needs("cdnow")
def test_scores_of_cdnow_are_the_published_models_and_can_be_filtered_and_sorted_by(loaded: Loaded) -> None:
    """BG/NBD and Gamma-Gamma from the orders table, as published (Fader, Hardie, Lee 2005; Fader, Hardie 2013)."""
    from test_customers import order

    from trackway.govern.tables import Project
    from trackway.operate.customer_scores import score

    project = new_id()
    own_currency(loaded.store, project, "USD")
    lines = unpacked(SHARED / "cdnow" / "CDNOW_sample.txt.zst").decode().splitlines()
    messages = []
    for number, line in enumerate(lines):
        _, customer, day, _, amount = line.split()
        date = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
        messages.append(order(customer, date, float(amount), number))
    loaded.load(project, messages)
    end = datetime.datetime(1997, 10, 1, tzinfo=datetime.UTC)
    assert (
        score(loaded.store, Project(id=str(project), timezone="UTC", goals=[], overruled_bot_reasons=[]), end) == 2357
    )

    def ask(filter_: Any = None, **asked: Any) -> CustomersAnswer:
        question = Question(
            project_id=project, period=Period(datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC), end), timezone="UTC",
            filters=() if filter_ is None else (read(filter_),),
        )  # fmt: skip
        return customers(loaded.store, question, Customers(limit=10_000, **asked), "USD")[1]

    rows = ask(sort="expected_value").rows
    values = [row.expected_value for row in rows]
    assert values == sorted(values, reverse=True) and len(values) == 2357
    from trackway.analyze.customers.value import CustomerValue, customer_value

    question = Question(
        project_id=project, period=Period(datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC), end), timezone="UTC"
    )
    _, direct = customer_value(loaded.store, question, CustomerValue(weeks=13, limit=10_000), "USD")
    assert direct.model.r == pytest.approx(0.243, rel=0.01)
    by_person = {row.person: row for row in direct.rows}
    for row in rows:
        other = by_person[row.person]
        assert row.active == pytest.approx(other.active) and row.expected_value == pytest.approx(other.value)
        assert row.expected_low <= row.expected_high and row.mean_low < row.mean_value < row.mean_high
        assert row.mean_low == pytest.approx(other.mean_low) and row.mean_high == pytest.approx(other.mean_high)
        assert abs(row.expected_high - other.high) <= 1, "another number of draws"
    fading = {"all": ["customer.monetary:at_least:5", "customer.active:less:0.5"]}
    found = ask(fading).rows
    assert found and all(row.active < 0.5 for row in found)
    assert {row.person for row in ask("customer.rfm:is:Champions").rows} == {
        row.person for row in rows if row.rfm == "Champions"
    }
    assert all(row.rfm for row in rows)
    from trackway.analyze.customers.revenue import Rfm, rfm

    _, groups = rfm(loaded.store, question, Rfm(), "USD")
    assert {one.rfm: one.customers for one in groups.rows} == Counter(row.rfm for row in rows)
    worth = sum(Decimal(row.value) for row in rows)
    assert sum(Decimal(one.value) for one in groups.rows) == worth
    assert sum(one.expected_value for one in groups.rows) == pytest.approx(sum(values))


def test_equal_customers_have_equal_scores() -> None:
    import numpy as np

    from trackway.analyze.customers.rfm_scores import names, scores

    assert list(scores(np.array([1.0, 1.0, 1.0, 1.0, 9.0]))) == [1, 1, 1, 1, 5]
    assert list(scores(np.arange(10.0))) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    every = np.array([(r, f) for r in range(1, 6) for f in range(1, 6)])
    assert "" not in names(every[:, 0], every[:, 1]), "each has a name"


@needs("online_retail")
def test_revenue_of_a_real_shop_is_what_duckdb_counts(shop: Shop) -> None:
    """November 2011: purchases, buyers, their average, who came back, and the days between purchases. Credit notes, which
    are of no invoice that is known, are money that was given back.
    """
    from trackway.analyze.customers.revenue import Revenue, revenue

    since, until = (
        datetime.datetime(2011, 11, 1, tzinfo=datetime.UTC),
        datetime.datetime(2011, 12, 1, tzinfo=datetime.UTC),
    )
    question = Question(project_id=shop.project, period=Period(since, until), timezone="UTC")
    _, found = revenue(shop.loaded.store, question, Revenue(), "GBP")
    totals = found.totals
    [truth] = shop.duck.execute(
        """
        WITH bought AS (SELECT *, lag(placed) OVER (PARTITION BY customer ORDER BY placed, id) AS before FROM invoices
                        WHERE id NOT LIKE 'C%' AND placed < '2011-12-01')
        SELECT count(*), count(DISTINCT customer), sum(abs(amount)),
               count(DISTINCT customer) FILTER (customer IN (SELECT customer FROM bought GROUP BY customer HAVING count(*) > 1)),
               avg(epoch(placed - before)) / 86400, count(DISTINCT placed::DATE)
        FROM bought WHERE placed >= '2011-11-01'
        """
    ).fetchall()
    purchases, buyers, value, repeat, days, active_days = truth
    [(back, credit_days)] = shop.duck.execute(
        "SELECT sum(abs(amount)), count(DISTINCT placed::DATE) FILTER (placed::DATE NOT IN (SELECT placed::DATE FROM invoices "
        "WHERE id NOT LIKE 'C%')) FROM invoices WHERE id LIKE 'C%' AND placed >= '2011-11-01' AND placed < '2011-12-01'"
    ).fetchall()
    assert back > 0 and credit_days == 0
    assert (totals.purchases, totals.buyers, Decimal(totals.value)) == (purchases, buyers, value - back)
    assert Decimal(totals.average) == pytest.approx(value / purchases, abs=Decimal("0.0001"))
    assert totals.repeat_rate == pytest.approx(repeat / buyers)
    assert totals.mean_days_between == pytest.approx(days, rel=1e-6)
    assert len(found.moments) == 30 and sum(one > 0 for one in found.purchases) == active_days
    assert sum(map(Decimal, found.value)) == value - back and sum(found.purchases) == purchases
    nothing = Question(project_id=new_id(), period=Period(since, until), timezone="UTC")
    empty = revenue(shop.loaded.store, nothing, Revenue(), "GBP")[1]
    assert empty.totals.purchases == 0 and empty.totals.average is None and empty.moments == []


@needs("cdnow")
def test_predictions_of_cdnow_held_against_the_39_weeks_after(loaded: Loaded, tmp_path: Any) -> None:
    """Predicted orders of the held-out weeks beside the actual ones, by the number of earlier orders."""
    from collections import defaultdict

    from test_customers import order

    from trackway.analyze.customers.backtest import ValueCheck, value_check

    project = new_id()
    own_currency(loaded.store, project, "USD")
    days: dict[str, set[datetime.date]] = defaultdict(set)
    messages = []
    for number, line in enumerate(unpacked(SHARED / "cdnow" / "CDNOW_sample.txt.zst").decode().splitlines()):
        _, customer, day, _, amount = line.split()
        date = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
        days[customer].add(date)
        messages.append(order(customer, date, float(amount), number))
    loaded.load(project, messages)
    cut = datetime.date(1997, 10, 1)
    end = cut + datetime.timedelta(weeks=39)
    question = Question(
        project_id=project, timezone="UTC",
        period=Period(datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC), datetime.datetime(end.year, end.month, end.day, tzinfo=datetime.UTC)),
    )  # fmt: skip
    _, found = value_check(loaded.store, question, ValueCheck(weeks=39))
    actual: dict[int, list[int]] = defaultdict(list)
    for bought in days.values():
        earlier = sum(day < cut for day in bought)
        actual[min(earlier - 1, 7)].append(sum(cut <= day < end for day in bought))
    assert {row.repeats: row.customers for row in found.rows} == {n: len(some) for n, some in actual.items()}
    for row in found.rows:
        assert row.actual == pytest.approx(sum(actual[row.repeats]) / len(actual[row.repeats]))
    assert [found.model.r, found.model.alpha, found.model.a, found.model.b] == pytest.approx(
        [0.243, 4.414, 0.793, 2.426], rel=0.01
    )
    assert found.model.log_likelihood == pytest.approx(-9582.4, abs=0.1)
    # The paper's figure 5: expectations follow what came, most closely where most customers are.
    assert found.expected == pytest.approx(found.actual, rel=0.15)
    by_repeats = {row.repeats: row for row in found.rows}
    for n in (0, 1, 2, 3):
        assert by_repeats[n].expected == pytest.approx(by_repeats[n].actual, rel=0.35), n
    expected = [row.expected for row in found.rows]
    assert expected == sorted(expected), "who ordered more will order more"
