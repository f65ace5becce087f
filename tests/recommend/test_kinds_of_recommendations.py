"""What is similar, also viewed, bought together, trending and fits the present visit, counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from market import Market, did

from conftest import Loaded
from trackway.store.entities import Entity

_number = count()


@pytest.fixture(scope="module")
def markets(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made: list[Market] = []

    def new() -> Market:
        made.append(Market(loaded, tmp_path_factory.mktemp("kinds")))
        return made[-1]

    yield new
    for one in made:
        one.close()


def ids(found: Any) -> list[str]:
    return [one.entity_id for one in found.items]


def test_also_viewed_is_what_the_same_people_saw_in_the_same_visit(markets: Any) -> None:
    market = markets()
    market.loaded.load(market.id, [
        did("a", "x", 500), did("a", "y", 490), did("a", "z", 300),  # z hours later is another visit
        did("b", "x", 500), did("b", "y", 510),
        did("c", "x", 100), did("c", "w", 99),
        did("d", "y", 100), did("d", "w", 99),
    ])  # fmt: skip
    found = market.ask(kind="also_viewed", entity_id="x")
    assert [(one.entity_id, one.reason.people, one.reason.entity_id) for one in found.items] == [
        ("y", 2, "x"), ("w", 1, "x"),
    ]  # fmt: skip
    assert (found.basis, found.reasoning) == ("entity", "People who saw x also saw")
    assert market.ask(kind="also_viewed", entity_id="never seen").items == []


def test_what_is_done_now_changes_the_next_answer(markets: Any) -> None:
    market = markets()
    market.loaded.load(
        market.id,
        [did(f"p{n}", one, 500 + n, user=f"p{n}") for n in range(4) for one in ("jazz1", "jazz2")]
        + [did(f"r{n}", one, 500 + n, user=f"r{n}") for n in range(9) for one in ("rock1", "rock2")],
    )
    market.loaded.load(market.id, [did("me", "jazz1", 1, user="me")])
    found = market.ask(kind="now", user_id="me")
    assert ids(found)[0] == "jazz2" and found.basis == "visit" and found.items[0].reason.kind == "also_viewed"
    assert found.items[0].reason.people == 4
    market.loaded.load(market.id, [did("me", "rock1", 0.5, user="me")])
    assert ids(market.ask(kind="now", user_id="me"))[0] == "rock2"
    # Somebody who is not known, by what the page says that they looked at.
    assert ids(market.ask(kind="now", context=["jazz2"]))[0] == "jazz1"
    # Without a visit, what is popular.
    assert market.ask(kind="now", user_id="p0").basis == "popularity"


def test_bought_together_are_plain_counts_of_orders_and_people(markets: Any) -> None:
    market = markets()

    def ordered(who: str, order: str, *items: str) -> Any:
        products = [{"product_id": one, "price": 5} for one in items]
        properties = {"order_id": order, "products": products, "entity_type": "", "entity_id": ""}
        return did(who, "", 500 - next(_number), "Order Completed", properties=properties)

    market.loaded.load(market.id, [
        ordered("a", "1", "tea", "cup"), ordered("b", "2", "tea", "cup", "milk"), ordered("c", "3", "tea"),
        ordered("c", "4", "milk"), ordered("d", "5", "cup", "spoon"), ordered("e", "6", "tea", "tea", "sugar"),
    ])  # fmt: skip
    found = market.ask(kind="bought_together", entity_type="product", entity_id="tea")
    assert [(one.entity_id, one.reason.orders, one.reason.people) for one in found.items] == [
        ("cup", 2, 2), ("milk", 1, 2), ("sugar", 1, 1),
    ]  # fmt: skip


def test_bookings_of_one_entity_each_are_bought_by_the_same_people(markets: Any) -> None:
    market = markets()
    market.loaded.load(market.id, [
        did(who, entity, 500 - next(_number), "ticket_click") for who, entity in (("a", "x"), ("a", "y"), ("b", "x"))
    ])  # fmt: skip
    [one] = market.ask(kind="bought_together", entity_id="x").items
    assert (one.entity_id, one.reason.people) == ("y", 1) and not one.reason.orders


def test_trending_counts_the_newest_interactions_of_people_most_and_may_be_of_a_place(markets: Any) -> None:
    market = markets()
    day = 24 * 60
    market.loaded.load(
        market.id,
        [did(f"old{n}", "old", 9 * day) for n in range(6)]
        + [did(f"new{n}", "new", 60) for n in range(2)]
        + [did("one", "repeated", 60 + n) for n in range(9)],
    )
    found = market.ask(kind="trending")
    # Nine days are three half-lives: six people weigh 0.75 of one.
    assert [(one.entity_id, one.reason.people) for one in found.items] == [("new", 2), ("repeated", 1), ("old", 6)]
    assert found.items[2].score == pytest.approx(0.75, rel=0.01) and found.basis == "trending"
    market.loaded.store.command(
        f"ALTER TABLE events UPDATE city = 'Oslo' WHERE project_id = '{market.id}' AND entity_id = 'old' "
        "SETTINGS mutations_sync = 1"
    )
    in_oslo = market.ask(kind="trending", place="Oslo")
    assert ids(in_oslo)[0] == "old" and in_oslo.reasoning == "Trending in Oslo"
    assert in_oslo.items[0].reason.place == "Oslo"


def test_new_entities_are_found_by_what_the_register_says_of_them(markets: Any) -> None:
    market = markets()

    def concert(id_: str, artist: str, genre: str) -> Entity:
        return Entity(
            type="concert", id=id_, name=id_.title(), parents=[f"artist:{artist}"], attributes={"genre": genre}
        )

    market.register(
        concert("seen", "ann", "jazz"), concert("same artist", "ann", "jazz"), concert("same genre", "bob", "jazz"),
        concert("other", "cleo", "rock"), concert("another", "dan", "rock"), concert("pop", "eve", "pop"),
    )  # fmt: skip
    market.loaded.load(market.id, [did("v", "seen", 500, user="me")])
    for found in (market.ask(entity_id="seen"), market.ask(user_id="me")):
        assert ids(found)[:2] == ["same artist", "same genre"]
        reason = found.items[0].reason
        assert (reason.kind, reason.name, reason.key, reason.value) == ("like", "Seen", "artist", "ann")


def test_people_without_interactions_get_first_what_they_stated_to_like_and_never_what_they_muted(markets: Any) -> None:
    market = markets()
    for number, genre in enumerate(("rock", "rock", "jazz", "pop")):
        entity = f"{genre}{number}"
        market.register(Entity(type="concert", id=entity, attributes={"genre": genre}))
        market.loaded.load(market.id, [did(f"v{n}", entity, 500 + n) for n in range(9 - number)])
    saved = market.accounts.saved.preferences
    market.loaded.load(market.id, [did("new", "page", 500, of="article", user="new")])
    saved.state(market.id, "new", "genre", "jazz", True)
    saved.state(market.id, "new", "genre", "pop", False)
    found = market.ask(user_id="new")
    assert ids(found) == ["jazz2", "rock0", "rock1"]
    reason = found.items[0].reason
    assert (reason.kind, reason.key, reason.value, reason.people) == ("likes", "genre", "jazz", 7)


def test_those_who_opted_out_leave_answers_at_once_and_the_model_at_the_next_training(markets: Any) -> None:
    market = markets()
    market.loaded.load(
        market.id,
        [did(f"v{n}", one, 500 + n, user=f"u{n}") for n in range(5) for one in ("a", "b")]
        + [did("me", "a", 400, user="me"), did("me", "mine", 399, user="me")],
    )
    assert "mine" not in ids(market.ask(user_id="me"))
    market.accounts.saved.preferences.opt_out(market.id, "me")
    found = market.ask(user_id="me")
    assert found.basis == "popularity" and {"a", "b", "mine"} == set(ids(found))
    market.train()
    kept = market.shelf.of(market.id, "concert")
    assert kept is not None and kept.entities == ["a", "b"] and kept.card.trained.people == 5


def test_a_model_that_is_not_better_than_popularity_is_not_served_and_says_so(markets: Any) -> None:
    market = markets()
    market.loaded.load(market.id, [did("one", entity, 500 + n, user="only") for n, entity in enumerate("abc")])
    said = market.train()
    [version] = market.versions()
    assert said == [f"concert: popularity, version {version.version}: {version.reason}"]
    assert version.in_use and not version.served and "fewer than 20 people" in version.reason
    assert market.ask(user_id="only").items == [] and ids(market.ask(user_id="other")) == ["a", "b", "c"]
    assert markets().train() == [] and markets().ask(user_id="x").items == []


def test_a_person_who_cleared_begins_anew(markets: Any) -> None:
    market = markets()
    market.register(*(Entity(type="concert", id=one, attributes={"genre": one[0]}) for one in ("j1", "j2", "r1", "r2")))
    market.loaded.load(market.id, [did("me", "j1", 500, user="me")])
    assert market.ask(user_id="me").basis == "history"
    market.accounts.saved.preferences.clear(market.id, "me")
    found = market.ask(user_id="me")
    assert found.basis == "popularity" and "j1" not in ids(found)
