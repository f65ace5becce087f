"""Orders and bookings: what messages say of them, in any order of arrival, and what they come to by person."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from conftest import Loaded, also
from factories import message
from trackway.event import Message, new_id, now

AT = 1_790_000_000_000
_count = itertools.count()


def said(event: str, at: int = 0, user: str | None = "ann", visitor: str | None = None, **properties: Any) -> Message:
    """What somebody says of an order, `at` seconds after AT."""
    return message(event, AT + at * 1000, visitor=visitor, user=user, id=f"o-{next(_count)}", properties=properties)


def totals(loaded: Loaded, project: UUID) -> list[dict[str, Any]]:
    return loaded.rows(project, "SELECT * FROM order_totals FINAL WHERE project_id = {p:UUID} ORDER BY identity")


def orders(loaded: Loaded, project: UUID) -> list[dict[str, Any]]:
    return loaded.rows(
        project,
        "SELECT *, counts, refunded FROM orders FINAL WHERE project_id = {p:UUID} AND NOT gone ORDER BY order_id",
    )


PLACED: dict[str, Any] = {"order_id": "1", "revenue": 100, "currency": "EUR"}
STORY = (
    said("Order Completed", 0, **PLACED),
    said("Order Updated", 60, order_id="1", total=90, currency="EUR"),
    said("Order Refunded", 120, order_id="1", total=10, currency="EUR"),
    said("order_refunded", 180, order_id="1", total=5, currency="EUR"),
    said("Order Cancelled", 30, order_id="1"),
)


@pytest.mark.parametrize("apart", [True, False], ids=["a batch each", "in one batch"])
@pytest.mark.parametrize("order", [range(5), [4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 4, 0, 3, 2]], ids=str)
def test_an_order_is_what_its_messages_say_in_any_order_of_arrival(
    loaded: Loaded, project: UUID, order: list[int], apart: bool
) -> None:
    messages = [STORY[n] for n in order]
    for some in [[one] for one in messages] if apart else [messages]:
        loaded.load(project, some)
    [row] = orders(loaded, project)
    assert (row["counts"], row["amount"], row["refunded"]) == (True, Decimal(90), Decimal(15))
    assert row["placed_at"].timestamp() * 1000 == AT
    [total] = totals(loaded, project)
    assert (total["orders"], dict(total["paid"]), total["refunded_orders"]) == (1, {"EUR": Decimal(75)}, 1)


def test_a_cancelled_order_counts_no_more_and_one_that_is_stated_again_does(loaded: Loaded, project: UUID) -> None:
    loaded.load(
        project, [said("Order Completed", 0, **PLACED), said("Order Completed", 5, **{**PLACED, "order_id": "2"})]
    )
    loaded.load(project, [said("Order Cancelled", 10, order_id="2")])
    [total] = totals(loaded, project)
    assert (total["orders"], total["last_order_id"], total["last_amount"]) == (1, "1", Decimal(100))
    loaded.load(project, [said("Order Updated", 20, order_id="2", total=7, currency="EUR")])
    [total] = totals(loaded, project)
    assert (total["orders"], total["last_order_id"], dict(total["paid"])) == (2, "2", {"EUR": Decimal(107)})


def test_what_was_refunded_of_a_cancelled_order_or_of_one_that_is_anothers_now_is_nothing(
    loaded: Loaded, project: UUID
) -> None:
    loaded.load(project, [said("Order Completed", 0, **PLACED), said("Order Refunded", 1, order_id="1", total=40)])
    loaded.load(project, [said("Order Updated", 2, user="ben", order_id="1", total=100, currency="EUR")])
    assert sorted((one["orders"], dict(one["paid"])) for one in totals(loaded, project)) == [(0, {}), (1, {"EUR": 60})]
    loaded.load(project, [said("Order Cancelled", 3, user="ben", order_id="1")])
    assert [dict(one["paid"]) for one in totals(loaded, project)] == [{}, {}]


def test_the_same_order_told_by_page_and_server_is_one_and_the_users(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [said("Order Completed", 0, user=None, visitor="v", **PLACED)])
    [before] = totals(loaded, project)
    assert before["orders"] == 1
    loaded.load(project, [said("Order Completed", 1, user="ben", **PLACED)])
    assert sorted(one["orders"] for one in totals(loaded, project)) == [0, 1]
    [row] = orders(loaded, project)
    assert (row["user_id"], row["placed_at"].timestamp() * 1000) == ("ben", AT)
    assert any(row["session_id"].bytes), "the session of the page"


def test_a_statement_of_the_future_outdoes_nothing_that_is_said_after_it(loaded: Loaded, project: UUID) -> None:
    later = "2099-12-31T00:00:00Z"
    loaded.load(
        project, [said("Order Completed", **PLACED), said("Order Cancelled", 1, order_id="1", updated_at=later)]
    )
    loaded.load(project, [said("Order Updated", 2, order_id="1", total=90, currency="EUR", updated_at=later)])
    loaded.load(project, [said("Order Updated", 3, order_id="1", total=80, currency="EUR")])
    [order] = orders(loaded, project)
    assert (order["amount"], order["counts"]) == (80, True)


def test_bookings_are_apart_and_a_refund_without_an_amount_is_of_all(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [
        said("Booking Completed", 0, booking_id="b", total=50, currency="TZS", service="Massage"),
        said("Order Completed", 1, order_id="b", total=70, currency="TZS"),
        said("Order Refunded", 2, order_id="b"),
        said("Order Completed", 3, revenue=5, currency="TZS"),
    ])  # fmt: skip
    [total] = totals(loaded, project)
    assert (total["bookings"], total["last_service"], total["orders"]) == (1, "Massage", 2)
    assert dict(total["paid"]) == {"TZS": Decimal(55)}


def test_a_refund_takes_from_revenue_and_a_change_of_an_order_adds_none(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, list(STORY[:3]))
    [row] = loaded.rows(project, "SELECT sum(revenue) AS n FROM events WHERE project_id = {p:UUID}")
    assert row["n"] == Decimal(90), "100 completed, 10 refunded; the update states again what counted already"


def test_what_a_provider_reports_belongs_to_no_session(loaded: Loaded, project: UUID) -> None:
    told = said("Order Completed", 0, **PLACED)
    told.context = {"sessionId": False}
    loaded.load(project, [told])
    assert not loaded.rows(project, "SELECT * FROM sessions WHERE project_id = {p:UUID}")
    [event] = loaded.rows(project, "SELECT channel, session_id FROM events WHERE project_id = {p:UUID}")
    assert event["channel"] == "" and not any(event["session_id"].bytes)
    assert totals(loaded, project)[0]["orders"] == 1


def test_a_late_sign_out_takes_the_orders_and_sessions_of_who_was_there_after_along(
    loaded: Loaded, project: UUID
) -> None:
    def of(user: str | None, at: int, event: str, **properties: Any) -> Message:
        return said(event, at, user, "shared", **properties)

    loaded.load(project, [of("ann", 0, "Looked"), of(None, 7200, "Order Completed", **PLACED)])
    by_person = (
        "SELECT identity + dictGet('persons', 'delta', identity) AS person, sum(orders) AS orders "
        "FROM order_totals FINAL WHERE project_id = {p:UUID} GROUP BY person ORDER BY orders"
    )
    loaded.store.persons.refresh()
    assert [one["orders"] for one in loaded.rows(project, by_person)] == [1]
    loaded.load(project, [of("ann", 60, "Signed Out")])
    loaded.store.persons.refresh()
    assert [one["orders"] for one in loaded.rows(project, by_person)] == [0, 1], "whoever ordered later is not ann"
    sessions = loaded.rows(
        project,
        "SELECT identity, sum(sessions) AS n, sum(duration_ms) AS ms FROM customers WHERE project_id = {p:UUID} "
        "GROUP BY identity HAVING n != 0 ORDER BY identity",
    )
    stored = loaded.rows(
        project,
        "SELECT identity, count() AS n, sum(dateDiff('millisecond', started_at, ended_at)) AS ms "
        "FROM sessions FINAL WHERE project_id = {p:UUID} GROUP BY identity ORDER BY identity",
    )
    assert sessions == stored and len(stored) == 2


def test_amounts_are_worth_what_the_newest_rate_before_them_says(loaded: Loaded, project: UUID) -> None:
    from datetime import date

    from trackway.store.money import Rate, write_rates
    from trackway.store.orders import own_currency, restate_all

    assert own_currency(loaded.store, project, "USD") and not own_currency(loaded.store, project, "USD")
    loaded.load(project, [
        said("Order Completed", 0, order_id="1", revenue=10, currency="USD"),
        said("Order Completed", 0, order_id="2", revenue=10, currency="EUR"),
        said("Order Completed", 86400 * 40, order_id="3", revenue=10, currency="EUR"),
        said("Order Completed", 0, order_id="4", revenue=10, currency="JPY"),
    ])  # fmt: skip
    [total] = totals(loaded, project)
    assert (total["value"], total["unconverted"]) == (Decimal(10), 3)
    day = date.fromtimestamp(AT / 1000)
    write_rates(
        loaded.store,
        project,
        [Rate("EUR", date(2020, 1, 1), Decimal("1.5")), Rate("EUR", date(day.year + 1, 1, 1), Decimal(9))],
    )
    write_rates(loaded.store, project, [Rate("EUR", date.fromtimestamp(AT / 1000 + 86400 * 39), Decimal(2))])
    restate_all(loaded.store, project)
    [total] = totals(loaded, project)
    assert (total["value"], total["unconverted"]) == (Decimal(10 + 15 + 20), 1)
    assert dict(total["paid"]) == {"USD": Decimal(10), "EUR": Decimal(20), "JPY": Decimal(10)}
    assert own_currency(loaded.store, project, "EUR"), "the project's currency is another now"
    [total] = totals(loaded, project)
    assert (total["value"], total["unconverted"]) == (Decimal(20), 2)


def test_totals_that_are_wrong_are_found_and_mended(loaded: Loaded, project: UUID) -> None:
    from trackway.store.orders import restate_all, wrong_totals

    loaded.load(project, [*STORY, said("Order Completed", 0, user="ben", order_id="2", revenue=3, currency="USD")])
    assert wrong_totals(loaded.store, project) == 0
    loaded.store.everywhere(
        "ALTER TABLE order_totals UPDATE orders = 7 WHERE project_id = {p:UUID} SETTINGS mutations_sync = 1",
        {"p": project},
    )
    assert wrong_totals(loaded.store, project) == 2
    restate_all(loaded.store, project)
    assert wrong_totals(loaded.store, project) == 0


@pytest.mark.parametrize("seed", [0, also(1), also(2), also(3)])
def test_any_story_of_orders_in_any_order_and_batches_comes_to_the_same(loaded: Loaded, seed: int) -> None:
    """Placed, changed, refunded, cancelled, given to others; told twice; shuffled; in batches of any size."""
    import random

    from trackway.store.orders import wrong_totals

    rng = random.Random(seed)
    told = []
    for step in range(80):
        one, who = f"{rng.randrange(6)}", f"u{rng.randrange(3)}"
        what = rng.choice(["Completed", "Completed", "Updated", "Refunded", "Cancelled"])
        # Each at a moment of its own: what is stated at the same moment is as the last to arrive says.
        told.append(said(f"Order {what}", step, user=who, order_id=one, total=rng.randrange(1, 100), currency="USD"))
    found = []
    for turn in range(3):
        project = new_id()
        some = list(told)
        if turn:
            rng.shuffle(some)
        while some:
            size = rng.randrange(1, 30)
            loaded.load(
                project,
                [Message(**{name: getattr(one, name) for name in one.__struct_fields__}) for one in some[:size]],
            )
            some = some[size:]
        assert wrong_totals(loaded.store, project) == 0
        rows = loaded.rows(
            project,
            "SELECT order_id, user_id, placed_at, amount, refunded, counts FROM orders FINAL "
            "WHERE project_id = {p:UUID} AND NOT gone ORDER BY order_id",
        )
        found.append(rows)
    assert found[0] == found[1] == found[2]


def test_orders_of_one_batch_are_looked_up_once_and_others_projects_are_not_touched(loaded: Loaded) -> None:
    first, second = new_id(), new_id()
    loaded.load(first, [said("Order Completed", 0, **PLACED)])
    loaded.load(second, [said("Order Cancelled", 10, order_id="1")])
    assert totals(loaded, first)[0]["orders"] == 1 and totals(loaded, second)[0]["orders"] == 0
    assert now() > 0
