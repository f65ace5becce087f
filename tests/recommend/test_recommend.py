"""The question `recommend` on real interactions, with models that a real process trained."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.collect.views.ledger import Ledger
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import pack_of
from trackway.govern.tables import Project
from trackway.operate.model_training import train_project
from trackway.personalize.recommend.answer import Recommend, recommend
from trackway.personalize.recommend.shelf import Shelf
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy

NOW = datetime.now(UTC)
PEOPLE, ENTITIES = 120, 24


class Place:
    """A project in which even people like even concerts, and its models."""

    def __init__(self, loaded: Loaded, accounts: GovernDatabase, folder: Path) -> None:
        self.loaded, self.shelf, self.models = loaded, Shelf(folder), folder
        self.project: Project = accounts.add_project("market")[0]
        self.id = UUID(self.project.id)

    def train(self) -> list[str]:
        return train_project(self.loaded.store, self.project, self.models, threading.Event())

    @cached_property
    def said(self) -> list[str]:
        return self.train()

    def ask(self, shelf: Shelf | None = None, policy: Policy | None = None, **asked: Any) -> Any:
        question = Question.of(self.project, Period(NOW - timedelta(days=90), datetime.now(UTC)))
        store = self.loaded.store.within(policy) if policy else self.loaded.store
        wanted = Recommend(**{"entity_type": "concert", **asked})
        return recommend(store, question, wanted, pack_of("concerts"), shelf or self.shelf, datetime.now(UTC))[1]


def did(visitor: str, concert: str, minutes_ago: float, name: str = "view", **fields: Any) -> Any:
    properties = {"entity_type": "concert", "entity_id": concert}
    at = NOW - timedelta(minutes=minutes_ago)
    return message(name, at, visitor, context=PERSON_AT_A_BROWSER, properties=properties, **fields)


@pytest.fixture(scope="module")
def place(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("recommend")
    accounts = GovernDatabase(f"sqlite:///{folder / 'trackway.db'}")
    ledger = Ledger(f"sqlite:///{folder / 'views.db'}", "c")
    market = Place(loaded, accounts, folder / "models")
    rng = random.Random(5)
    events = [
        did(f"v{person}", f"c{2 * number + person % 2}", rng.uniform(10, 50_000), user=f"u{person}")
        for person in range(PEOPLE)
        for number in rng.sample(range(ENTITIES // 2), 7)
    ]
    loaded.load(market.id, events)
    register = Register(accounts, loaded.store, ledger)
    concerts = [Entity(type="concert", id=f"c{n}", name=f"Concert {n}") for n in range(ENTITIES)]
    register.write(market.id, concerts, "test")
    yield market
    ledger.close()
    accounts.close()


def test_without_a_model_people_get_what_is_popular(place: Place) -> None:
    found = place.ask(Shelf(place.models / "none"), user_id="u1")
    assert (found.reasoning, found.model, found.version) == ("popularity", "popularity", "")
    assert len(found.items) == ENTITIES - 7
    assert [one.reason.people for one in found.items] == sorted(
        (one.reason.people for one in found.items), reverse=True
    )


def test_people_get_their_own_taste_with_a_reason_from_their_history(place: Place) -> None:
    [said] = place.said
    assert said.startswith("concert: ") and "version" in said and "the best of" in said
    for person in (2, 3):
        history = {one.entity_id for one in place.ask(user_id=f"u{person}", seen=True, limit=100).items} - {
            one.entity_id for one in place.ask(user_id=f"u{person}", limit=100).items
        }
        assert len(history) == 7
        found = place.ask(user_id=f"u{person}", limit=4)
        assert found.reasoning == "history" and found.model in ("ease", "als")
        for one in found.items:
            assert int(one.entity_id[1:]) % 2 == person % 2
            assert one.reason.kind == "because" and one.reason.entity_id in history
            assert one.name == f"Concert {one.entity_id[1:]}" and one.reason.name.startswith("Concert ")


def test_an_interaction_changes_the_next_answer_without_a_training(place: Place) -> None:
    assert place.said
    place.loaded.load(place.id, [did("fresh", f"c{n}", 1, user="fresh") for n in (1, 3)])
    first = place.ask(user_id="fresh", limit=5)
    assert {int(one.entity_id[1:]) % 2 for one in first.items} == {1}
    place.loaded.load(place.id, [did("fresh", first.items[0].entity_id, 0.5, user="fresh")])
    assert first.items[0].entity_id not in {one.entity_id for one in place.ask(user_id="fresh", limit=100).items}


def test_entities_like_one_are_those_of_the_same_people(place: Place) -> None:
    assert place.said
    found = place.ask(entity_id="c4", limit=2)
    assert found.reasoning == "entity"
    assert {int(one.entity_id[1:]) % 2 for one in found.items} == {0}
    assert all(one.entity_id != "c4" and one.reason.entity_id == "c4" for one in found.items)
    assert place.ask(entity_id="never seen").reasoning == "popularity"


def test_deleted_entities_are_never_shown(place: Place) -> None:
    best = place.ask(user_id="u4", limit=2).items
    place.loaded.store.command(
        "INSERT INTO entities SELECT * REPLACE (true AS deleted, now64(3, 'UTC') AS updated_at) FROM entities FINAL "
        f"WHERE project_id = '{place.id}' AND entity_id = '{best[0].entity_id}'"
    )
    shown = {one.entity_id for one in place.ask(user_id="u4", limit=100).items}
    assert best[0].entity_id not in shown and best[1].entity_id in shown


def test_what_cannot_be_asked_is_refused(place: Place) -> None:
    assert place.ask(user_id="nobody") is None
    for wrong in ({}, {"user_id": "u1", "entity_id": "c1"}, {"user_id": "u1", "person": "1"}):
        with pytest.raises(BadQuestion, match="exactly one"):
            place.ask(**wrong)
    with pytest.raises(BadQuestion, match="is required"):
        place.ask(user_id="u1", entity_type="")
    with pytest.raises(BadQuestion, match="is from 1"):
        place.ask(user_id="u1", limit=0)
    own = Policy(place.id, person=0)
    with pytest.raises(BadQuestion, match="exactly one"):
        place.ask(policy=own, user_id="u1")
    assert place.ask(policy=own) is None
    with pytest.raises(BadQuestion, match="single people"):
        place.ask(policy=Policy(place.id, entities=(("concert", "c1"),)), entity_id="c1")


def test_a_training_that_is_stopped_leaves_the_model_in_use(place: Place) -> None:
    assert place.said
    before = [card.version for card, _ in place.shelf.cards()]
    ending = threading.Event()
    threading.Timer(0.3, ending.set).start()
    said = train_project(place.loaded.store, place.project, place.models, ending)
    assert said == ["concert: stopped; the model before stays in use"]
    assert [card.version for card, _ in place.shelf.cards()] == before
    assert not list(place.models.glob(".training-*"))
