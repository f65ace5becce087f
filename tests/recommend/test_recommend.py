"""The question `recommend` on real interactions, with models that a real process trained."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest
from market import Market, did

from conftest import Loaded, eventually
from trackway.analyze.language.period import BadQuestion
from trackway.operate.model_training import train_project
from trackway.personalize.recommend.catalogue import Catalogues
from trackway.personalize.recommend.shelf import Shelf
from trackway.store.entities import Entity
from trackway.store.policy import Policy

PEOPLE, ENTITIES = 120, 24


@pytest.fixture(scope="module")
def place(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    market = Market(loaded, tmp_path_factory.mktemp("recommend"))
    rng = random.Random(5)
    loaded.load(market.id, [
        did(f"v{person}", f"c{2 * number + person % 2}", rng.uniform(100, 50_000), user=f"u{person}")
        for person in range(PEOPLE)
        for number in rng.sample(range(ENTITIES // 2), 7)
    ])  # fmt: skip
    market.register(*(Entity(type="concert", id=f"c{n}", name=f"Concert {n}") for n in range(ENTITIES)))
    yield market
    market.close()


def test_without_a_model_people_get_what_is_popular(place: Market) -> None:
    found = place.ask(Shelf(place.models / "none"), user_id="u1")
    assert (found.basis, found.model, found.version) == ("popularity", "popularity", "")
    assert len(found.items) == ENTITIES - 7 and found.reasoning == "Popular with everybody"
    assert [one.reason.people for one in found.items] == sorted(
        (one.reason.people for one in found.items), reverse=True
    )


def test_people_get_their_own_taste_with_a_reason_from_their_history(place: Market) -> None:
    [said] = place.trained
    assert said.startswith("concert: ") and "version" in said and "the best of" in said
    for person in (2, 3):
        history = {one.entity_id for one in place.ask(user_id=f"u{person}", seen=True, limit=100).items} - {
            one.entity_id for one in place.ask(user_id=f"u{person}", limit=100).items
        }
        assert len(history) == 7
        found = place.ask(user_id=f"u{person}", limit=4)
        assert found.basis == "history" and found.model in ("ease", "als")
        for one in found.items:
            assert int(one.entity_id[1:]) % 2 == person % 2
            assert one.reason.kind == "because" and one.reason.entity_id in history
            assert one.name == f"Concert {one.entity_id[1:]}" and one.reason.name.startswith("Concert ")


def test_an_interaction_changes_the_next_answer_without_a_training(place: Market) -> None:
    assert place.trained
    place.loaded.load(place.id, [did("fresh", f"c{n}", 1, user="fresh") for n in (1, 3)])
    first = place.ask(user_id="fresh", limit=5)
    assert {int(one.entity_id[1:]) % 2 for one in first.items} == {1}
    place.loaded.load(place.id, [did("fresh", first.items[0].entity_id, 0.5, user="fresh")])
    assert first.items[0].entity_id not in {one.entity_id for one in place.ask(user_id="fresh", limit=100).items}


def test_entities_like_one_are_those_of_the_same_people(place: Market) -> None:
    assert place.trained
    found = place.ask(entity_id="c4", limit=2)
    assert found.basis == "entity"
    assert {int(one.entity_id[1:]) % 2 for one in found.items} == {0}
    assert all(one.entity_id != "c4" and one.reason.entity_id == "c4" for one in found.items)
    assert place.ask(entity_id="never seen").basis == "popularity"


def test_deleted_entities_are_never_shown(place: Market) -> None:
    best = place.ask(user_id="u4", limit=2).items
    place.catalogues = Catalogues()
    place.loaded.store.command(
        "INSERT INTO entities SELECT * REPLACE (true AS deleted, now64(3, 'UTC') AS updated_at) FROM entities FINAL "
        f"WHERE project_id = '{place.id}' AND entity_id = '{best[0].entity_id}'"
    )
    shown = {one.entity_id for one in place.ask(user_id="u4", limit=100).items}
    assert best[0].entity_id not in shown and best[1].entity_id in shown


def test_what_cannot_be_asked_is_refused(place: Market) -> None:
    for wrong in ({}, {"user_id": "u1", "entity_id": "c1"}, {"user_id": "u1", "person": "1"}, {"kind": "for_you"}):
        with pytest.raises(BadQuestion, match="exactly one"):
            place.ask(**wrong)
    for wrong, said in (
        ({"user_id": "u1", "entity_type": ""}, "is required without a surface"),
        ({"kind": "also_viewed"}, "is required for also_viewed"),
        ({"kind": "trending", "entity_id": "c1"}, "is not for trending"),
        ({"user_id": "u1", "surface": "home"}, "there is no surface 'home'; the surfaces are none"),
    ):
        with pytest.raises(BadQuestion, match=said):
            place.ask(**wrong)
    with pytest.raises(BadQuestion, match="exactly one"):
        place.ask(policy=Policy(place.id, person=0), user_id="u1")
    with pytest.raises(BadQuestion, match="single people"):
        place.ask(policy=Policy(place.id, entities=(("concert", "c1"),)), entity_id="c1")


def test_somebody_of_whom_nothing_is_known_gets_what_is_popular(place: Market) -> None:
    for found in (place.ask(user_id="nobody"), place.ask(policy=Policy(place.id, person=0))):
        assert found.basis == "popularity" and len(found.items) == 20 and found.items[0].reason.people


def test_the_models_say_how_good_they_are_beside_popularity(place: Market) -> None:
    assert place.trained and place.train()
    newest, *_ = versions = place.versions()
    assert [one.in_use for one in versions] == [True, *[False] * (len(versions) - 1)]
    assert newest.served and newest.quality.ndcg > newest.popularity.ndcg and newest.quality.people > 20
    assert newest.last is not None and versions[-1].last is None
    assert newest.popularity in [one.warm for one in newest.tried] and place.versions(entity_type="artist") == []


def test_a_broken_file_of_a_model_is_answered_by_popularity(place: Market) -> None:
    assert place.trained
    [version] = {one.version for one in place.versions() if one.in_use}
    [file] = place.models.glob(f"*/*/{version}/entities.json")
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:50])
        found = place.ask(Shelf(place.models), user_id="u1")
        assert found.basis == "popularity" and found.model == "popularity" and found.items
    finally:
        file.write_bytes(whole)


def test_a_training_that_is_stopped_leaves_the_model_in_use(place: Market) -> None:
    assert place.trained
    before = [card.version for card, _ in place.shelf.cards()]
    ending = threading.Event()

    def end() -> None:
        eventually(lambda: list(place.models.glob(".training-*/said")))
        ending.set()

    watching = threading.Thread(target=end)
    watching.start()
    said = train_project(place.loaded.store, place.project, place.accounts.saved.preferences, place.models, ending)
    watching.join()
    assert said == ["concert: stopped; the model before stays in use"]
    assert [card.version for card, _ in place.shelf.cards()] == before
    assert not list(place.models.glob(".training-*"))
