"""Actions of people, and what is known of them: what the tests of this directory share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.collect.views.ledger import Ledger
from trackway.event import Message
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.person import Personalize, personalize
from trackway.store.entities import Register

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
PACK = pack_of("marketplace")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernDatabase]:
    database = GovernDatabase(f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}")
    yield database
    database.close()


@pytest.fixture
def saved(accounts: GovernDatabase) -> StatedPreferences:
    return accounts.saved.preferences


@pytest.fixture
def project(accounts: GovernDatabase) -> UUID:
    return UUID(accounts.add_project("mine")[0].id)


@pytest.fixture(scope="module")
def register(loaded: Loaded, accounts: GovernDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('views') / 'views.db'}", "c")
    yield Register(accounts, loaded.store, ledger)
    ledger.close()


def did(name: str, ago: timedelta, entity: str = "", visitor: str = "v", **fields: Any) -> Message:
    properties = fields.pop("properties", {})
    if entity:
        kind, _, id_ = entity.partition(":")
        properties = {"entity_type": kind, "entity_id": id_, **properties}
    return message(name, NOW - ago, visitor, context=PERSON_AT_A_BROWSER, properties=properties, **fields)


def known(loaded: Loaded, saved: StatedPreferences, project: UUID, pack: Pack = PACK, **asked: Any) -> Any:
    question = Question(project_id=project, period=Period(NOW - timedelta(days=90), NOW), timezone="Europe/Berlin")
    _, found = personalize(loaded.store, question, Personalize(**asked), pack, saved, NOW)
    assert found is not None
    return found


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
