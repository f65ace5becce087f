"""What the register says about entities, in memory."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from personal_cases import (
    DAY,
    NOW,
    PACK,
    accounts,  # noqa: F401
    project,  # noqa: F401
    register,  # noqa: F401
)

from conftest import Loaded
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.personalize import registered
from trackway.personalize.registered import Registered
from trackway.store.entities import Entity, Register

JAZZ, ROCK = (Entity(type="gig", id="1", attributes={"genre": genre}) for genre in ("jazz", "rock"))
IDS = [("gig", "1"), ("gig", "unknown")]


def about(project: UUID) -> Question:
    return Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")


def test_entities_are_read_once_until_the_register_changes(loaded: Loaded, project: UUID, register: Register) -> None:
    register.write(project, [JAZZ], "test")
    kept, question = Registered(lambda: register.version), about(project)
    answers, first = kept.said(loaded.store, question, IDS, PACK)
    assert len(answers) == 1 and ("genre", "jazz") in first["gig", "1"]
    assert first["gig", "unknown"] == {("content_type", "gig")}
    before = loaded.store.statements
    assert kept.said(loaded.store, question, IDS, PACK) == ([], first)
    assert loaded.store.statements == before
    register.write(project, [ROCK], "test")
    answers, second = kept.said(loaded.store, question, IDS, PACK)
    assert len(answers) == 1 and ("genre", "rock") in second["gig", "1"]


def test_new_entities_are_those_since_a_time_and_read_again_only_for_an_earlier_one(
    loaded: Loaded, project: UUID, register: Register
) -> None:
    register.write(project, [JAZZ], "test")
    kept, question = Registered(), about(project)
    [added] = kept.new(loaded.store, question, "gig", NOW - 90 * DAY, PACK)[1]
    assert ("genre", "jazz") in added.said
    assert kept.new(loaded.store, question, "gig", added.since + timedelta(milliseconds=1), PACK) == ([], [])
    assert kept.new(loaded.store, question, "gig", added.since, PACK) == ([], [added])
    assert len(kept.new(loaded.store, question, "gig", NOW - 91 * DAY, PACK)[0]) == 1


def test_what_others_change_is_read_after_a_while_and_memory_is_bounded(
    loaded: Loaded, project: UUID, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.write(project, [JAZZ], "test")
    kept, question = Registered(), about(project)
    assert ("genre", "jazz") in kept.said(loaded.store, question, IDS, PACK)[1]["gig", "1"]
    register.write(project, [ROCK], "test")
    assert ("genre", "jazz") in kept.said(loaded.store, question, IDS, PACK)[1]["gig", "1"]
    monkeypatch.setattr(registered, "KEPT_S", 0)
    assert ("genre", "rock") in kept.said(loaded.store, question, IDS, PACK)[1]["gig", "1"]
    monkeypatch.setattr(registered, "KEPT_S", 600)
    monkeypatch.setattr(registered, "_MOST", 1)
    many = [("gig", str(number)) for number in range(5)]
    assert len(kept.said(loaded.store, question, many, PACK)[1]) == 5
    assert len(kept.said(loaded.store, question, many[:1], PACK)[0]) == 1  # dropped, so read again
