"""The rules of surfaces: what they leave out, the order in which they show the rest, and with which probability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from market import NOW, Market, did

from conftest import Loaded
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import BadPack, Pack, included, pack_of
from trackway.govern.surfaces import AtMost, Condition, Surface
from trackway.personalize.recommend.answer import in_holdout
from trackway.personalize.recommend.candidates import Candidate
from trackway.personalize.recommend.catalogue import Catalogue, Listed
from trackway.personalize.recommend.rules import allowed, arranged, meets, placed
from trackway.store.entities import Entity


def pack(rules: str) -> Pack:
    return pack_of(
        f'{included("concerts")}\n[[recommend.surfaces]]\nname = "home"\nentity_types = ["concert"]\n{rules}'
    )


def catalogue(**entities: dict[str, Any]) -> Catalogue:
    old = NOW - timedelta(days=100)
    return Catalogue({
        id_: Listed(
            id_, values.pop("deleted", False), False, frozenset(values.pop("owners", ())), added_at=values.pop("added_at", old),
            values={key: value if isinstance(value, tuple) else (value,) for key, value in values.items()},
        )
        for id_, values in entities.items()
    })  # fmt: skip


def surface(**rules: Any) -> Surface:
    return Surface(name="home", entity_types=["concert"], **rules)


def candidates(ids: str) -> list[Candidate]:
    return [Candidate(id_, 1 - place / 100, "popular") for place, id_ in enumerate(ids)]


def ids(found: Any) -> str:
    return "".join(one.entity_id for one in found)


@pytest.mark.parametrize(("condition", "value", "holds"), [
    (Condition(attribute="x", values=["a", "true"]), "a", True),
    (Condition(attribute="x", values=["a", "true"]), True, True),
    (Condition(attribute="x", values=["7"]), 7, True),
    (Condition(attribute="x", values=["a"]), "b", False),
    (Condition(attribute="x", below=20), 19.5, True),
    (Condition(attribute="x", below=20), "20", False),
    (Condition(attribute="x", over=5, below=20), "dear", False),
    (Condition(attribute="x", upcoming=True), "2026-03-01", True),  # today: until its end
    (Condition(attribute="x", upcoming=True), "2026-02-28", False),
    (Condition(attribute="x", upcoming=True), "2026-03-01T12:30:00+01:00", False),
    (Condition(attribute="x", upcoming=True), "2026-03-01T12:30:00Z", True),
    (Condition(attribute="x", upcoming=True), 1772366400 + 1, True),
    (Condition(attribute="x", upcoming=True, within_days=7), "2026-03-10", False),
    (Condition(attribute="x", upcoming=True), "soon", False),
])  # fmt: skip
def test_conditions_on_attributes(condition: Condition, value: Any, holds: bool) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert meets({"x": (value,)}, condition, now) is holds
    assert meets({"x": ("none", value)}, condition, now) is holds


def test_an_attribute_that_an_entity_lacks_leaves_it_in_unless_it_is_required() -> None:
    of = catalogue(a={"price": 5.0}, b={})
    plain, required = (surface(where=[Condition(attribute="price", below=20, required=one)]) for one in (False, True))
    assert ids(allowed(candidates("abc"), plain, of, frozenset(), NOW)) == "abc"
    assert ids(allowed(candidates("abc"), required, of, frozenset(), NOW)) == "a"


def test_deleted_blocked_and_own_entities_are_left_out() -> None:
    of = catalogue(a={"deleted": True}, b={}, c={"owners": ["me"]}, d={"owners": ["you"]})
    assert ids(allowed(candidates("abcd"), surface(blocked=["b"]), of, frozenset({"me"}), NOW)) == "d"
    assert ids(allowed(candidates("abcd"), surface(own=True), of, frozenset({"me"}), NOW)) == "bcd"


def test_at_most_some_of_one_artist_are_shown() -> None:
    of = catalogue(**{one: {"artist": "ann" if one in "abc" else ("ann", "bob")} for one in "abcde"}, f={}, g={})
    assert ids(arranged(candidates("abcdefg"), surface(at_most=[AtMost("artist", 2)]), of, NOW)) == "abfg"


def test_diversity_puts_others_between_entities_that_are_alike() -> None:
    of = catalogue(
        a={"genre": "jazz"}, b={"genre": "jazz"}, c={"genre": "jazz"}, d={"genre": "rock"}, e={"genre": "pop"}
    )
    assert ids(arranged(candidates("abcde"), surface(), of, NOW)) == "abcde"
    assert ids(arranged(candidates("abcde"), surface(diversity=0.5), of, NOW)) == "adebc"
    of_one = catalogue(a={}, b={})
    assert ids(arranged(candidates("ab"), surface(diversity=1), of_one, NOW)) == "ab"


def test_new_entities_gain_by_freshness() -> None:
    of = catalogue(a={}, b={}, c={"added_at": NOW - timedelta(days=1)})
    assert ids(arranged(candidates("abc"), surface(freshness=0.5), of, NOW)) == "cab"
    assert ids(arranged(candidates("abc"), surface(freshness=0.5, freshness_days=0.5), of, NOW)) == "abc"


def test_propensities_are_the_shares_of_lists_in_which_an_entity_stands_there() -> None:
    some, of = candidates("abcd"), surface(explore=0.4, limit=3)
    pins = [Candidate("p", 0, "pinned")]
    lists = [placed(pins, some, of, seed) for seed in range(20_000)]
    assert all(ids(one.candidate for one in shown)[0] == "p" and len(shown) == 3 for shown in lists)
    counted = Counter((place, one.candidate.entity_id) for shown in lists for place, one in enumerate(shown))
    stated = {(place, one.candidate.entity_id): one.propensity for shown in lists for place, one in enumerate(shown)}
    assert stated[1, "a"] == pytest.approx(0.7) and stated[1, "b"] == pytest.approx(0.1)
    assert stated == {key: pytest.approx(n / len(lists), abs=0.015) for key, n in counted.items()}
    assert placed(pins, some, of, 3) == placed(pins, some, of, 3)
    assert {one.propensity for one in placed(pins, some, surface(), 1)} == {1.0}


@pytest.mark.parametrize(("rules", "said"), [
    ('[[recommend.surfaces]]\nname = "home"\nentity_types = ["a"]', r"surfaces\[1\].name: there are two surfaces 'home'"),
    ('blocked = ["a"]\npinned = ["a", "b"]', r"surfaces\[0\].pinned: 'a' is blocked too"),
    ('where = [{attribute = "price"}]', r"where\[0\].attribute: price needs `values`, `over`, `below` or `upcoming`"),
    ('where = [{attribute = "price", over = 5, below = 4}]', r"where\[0\].over: no price is over 5 and below 4"),
    ('where = [{attribute = "date", values = ["x"], within_days = 3}]', r"within_days: needs `upcoming`"),
    ("limit = 101", "<= 100"), ("explore = 1.5", "<= 1"), ('kind = "best"', "Invalid enum value 'best'"),
    ('wher = []', "wher"),
])  # fmt: skip
def test_rules_that_cannot_be_met_are_refused_at_their_place(rules: str, said: str) -> None:
    with pytest.raises(BadPack, match=said):
        pack(rules)


@pytest.fixture(scope="module")
def market(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    made = Market(loaded, tmp_path_factory.mktemp("surfaces"))
    tomorrow, yesterday = (f"{NOW + timedelta(days=days):%Y-%m-%d}" for days in (2, -2))
    made.register(*(
        Entity(
            type="concert", id=f"c{n}", name=f"Concert {n}", parents=[f"artist:{n % 3}"],
            attributes={"date": yesterday if n % 4 == 3 else tomorrow, "price": n},
        )
        for n in range(12)
    ), Entity(type="artist", id="7"))  # fmt: skip
    made.loaded.load(made.id, [
        *(did(f"v{person}", f"c{n}", 500 + n) for n in range(12) for person in range(20 - n)),
        did("me", "c0", 400, user="me"), *(did(f"v{n}", "7", 300, of="artist") for n in range(3)),
    ])  # fmt: skip
    yield made
    made.close()


def test_a_surface_shows_what_its_rules_allow(market: Market) -> None:
    rules = pack("""
        where = [{attribute = "date", upcoming = true}, {attribute = "price", below = 11}]
        at_most = [{of = "artist", n = 1}]
        blocked = ["c1"]
        pinned = ["c10", "c3", "gone"]
        limit = 5
        holdout = 0
    """)
    found = market.ask(pack=rules, surface="home", user_id="me")
    # c0 is known, and c6 has its artist; c1 is blocked, c3 and c7 are over, c5, c8 and c9 have the artists of others.
    assert [one.entity_id for one in found.items] == ["c10", "c6", "c2", "c4"]
    assert [one.position for one in found.items] == [1, 2, 3, 4]
    assert found.items[0].reason.kind == "pinned" and found.surface == "home" and not found.holdout
    again = market.ask(pack=pack("holdout = 0"), surface="home", user_id="me", seen=True)
    assert "c0" in [one.entity_id for one in again.items]


def test_a_surface_of_several_types_takes_turns(market: Market) -> None:
    rules = pack_of(
        f'{included("concerts")}\n[[recommend.surfaces]]\nname = "mail"\nkind = "trending"\n'
        'entity_types = ["concert", "artist"]\nlimit = 3'
    )
    found = market.ask(pack=rules, surface="mail")
    assert [(one.entity_type, one.entity_id) for one in found.items] == [
        ("concert", "c0"), ("artist", "7"), ("concert", "c1"),
    ]  # fmt: skip


def test_the_holdout_of_a_surface_sees_what_is_popular(market: Market) -> None:
    found = market.ask(pack=pack("holdout = 1"), surface="home", user_id="me")
    assert found.holdout and found.basis == "popularity"
    assert not market.ask(pack=pack("holdout = 0"), surface="home", user_id="me").holdout
    question = Question.of(market.project, Period(NOW - timedelta(days=1), NOW))
    held = sum(in_holdout(question, person, surface()) for person in range(5000))
    assert 400 < held < 600 and UUID(market.project.id)
