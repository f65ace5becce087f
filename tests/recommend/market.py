"""A project in whose events people interact with concerts, and its models, for the tests of recommendations."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.collect.views.ledger import Ledger
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.tables import Project
from trackway.operate.model_training import train_project
from trackway.personalize.recommend.answer import recommend
from trackway.personalize.recommend.asked import Recommend
from trackway.personalize.recommend.catalogue import Catalogues
from trackway.personalize.recommend.common import Common
from trackway.personalize.recommend.health import Models, ModelVersion, models
from trackway.personalize.recommend.recommender import Recommender
from trackway.personalize.recommend.shelf import Shelf
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy

NOW = datetime.now(UTC)


class Market:
    """A project with a register and models. What is the same for everybody is read anew each time."""

    def __init__(self, loaded: Loaded, folder: Path) -> None:
        self.loaded, self.models = loaded, folder / "models"
        self.accounts = GovernDatabase(f"sqlite:///{folder / 'trackway.db'}")
        self._ledger = Ledger(f"sqlite:///{folder / 'views.db'}", "c")
        self._register = Register(self.accounts, loaded.store, self._ledger)
        self.shelf, self.catalogues = Shelf(self.models), Catalogues()
        self.project: Project = self.accounts.add_project("market")[0]
        self.id = UUID(self.project.id)

    def close(self) -> None:
        self._ledger.close()
        self.accounts.close()

    def register(self, *entities: Entity) -> None:
        self._register.write(self.id, list(entities), "test")
        self.catalogues = Catalogues()

    def train(self) -> list[str]:
        saved = self.accounts.saved.preferences
        return train_project(self.loaded.store, self.project, saved, self.models, threading.Event())

    @cached_property
    def trained(self) -> list[str]:
        return self.train()

    def versions(self, **asked: Any) -> list[ModelVersion]:
        question = Question.of(self.project, Period(NOW - timedelta(days=90), datetime.now(UTC)))
        return models(self.shelf, question, Models(**asked))[1]

    def ask(
        self, shelf: Shelf | None = None, policy: Policy | None = None, pack: Pack | None = None, **asked: Any
    ) -> Any:
        question = Question.of(self.project, Period(NOW - timedelta(days=90), datetime.now(UTC)))
        store = self.loaded.store.within(policy) if policy else self.loaded.store
        wanted = Recommend(**({} if "surface" in asked else {"entity_type": "concert"}) | asked)
        sources = Recommender(shelf or self.shelf, Common(), self.catalogues)
        saved = self.accounts.saved.preferences
        return recommend(store, question, wanted, pack or pack_of("concerts"), sources, saved, datetime.now(UTC))[1]


def did(visitor: str, entity: str, minutes_ago: float, name: str = "view", of: str = "concert", **fields: Any) -> Any:
    properties = {"entity_type": of, "entity_id": entity, **fields.pop("properties", {})}
    at = NOW - timedelta(minutes=minutes_ago)
    return message(name, at, visitor, context=PERSON_AT_A_BROWSER, properties=properties, **fields)
