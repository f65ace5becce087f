"""Answers about persons in memory: what is kept, and what makes it anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from conftest import SECRET_KEY, Loaded, eventually
from factories import PERSON_AT_A_BROWSER, message
from permission_matrix import Installation, put_account
from permission_matrix import installation as installation  # noqa: PLC0414 - a fixture
from trackway.govern.database import GovernDatabase
from trackway.personalize.journey import Decided, Met
from trackway.personalize.kept import KeptAnswer, KeptAnswers, lasting
from trackway.personalize.person import Personal, Personalize
from trackway.personalize.preferences import Preference


@pytest.fixture(scope="module")
def told(installation: Installation) -> Installation:
    for user in ("kim", "lou", "max"):
        view(installation, user, "c1")
    installation.server.stored()
    put_account(installation, "kim", type="user")
    return installation


def view(told: Installation, user: str, concert: str) -> None:
    properties = {"entity_type": "concert", "entity_id": concert}
    body = {"userId": user, "anonymousId": f"at-{user}", "event": "view", "properties": properties}
    told.server.post("track", body)


def opt(told: Installation, method: str, user: str) -> None:
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    assert told.server.http.request(method, f"/v1/personalize/{user}/opt-out", headers=headers).is_success


def asked(told: Installation, user: str, key: str = SECRET_KEY, **parameters: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    answer = told.server.http.get(f"/v1/personalize/{user}", params=parameters, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_an_event_makes_the_answers_of_its_person_anew_and_no_others(told: Installation) -> None:
    kim, lou = asked(told, "kim", include="content_types"), asked(told, "lou", include="content_types")
    view(told, "kim", "c2")
    eventually(lambda: asked(told, "kim", include="content_types").json() != kim.json())
    changed = asked(told, "kim", include="content_types")
    assert changed.json()["content_types"] == [{"type": "concert", "score": 1.2}]
    eventually(
        lambda: asked(told, "kim", include="content_types").headers["data-version"] != kim.headers["data-version"]
    )
    assert asked(told, "lou", include="content_types").headers["etag"] == lou.headers["etag"]


def test_opting_out_holds_at_once_for_the_person_and_for_those_who_see_them(told: Installation) -> None:
    assert "max" in {one["user_id"] for one in asked(told, "lou", include="similar").json()["similar"]}
    opt(told, "PUT", "max")
    assert "max" not in {one["user_id"] for one in asked(told, "lou", include="similar").json()["similar"]}
    assert asked(told, "max").json()["opted_out"] is True
    opt(told, "DELETE", "max")
    assert "opted_out" not in asked(told, "max").json()


def test_answers_for_people_and_for_servers_are_kept_apart(told: Installation) -> None:
    assert asked(told, "kim", include="similar").json()["similar"]
    assert asked(told, "me", told.token("kim"), include="similar").json()["similar"] == []  # fewer than five


def test_nothing_is_read_for_an_answer_that_holds(loaded: Loaded, tmp_path: Path) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'trackway.db'}")
    project, version = accounts.add_project("mine")[0], [1]
    at = datetime.now(UTC) - timedelta(hours=1)
    viewed = {"entity_type": "concert", "entity_id": "c1"}
    loaded.load(UUID(project.id), [
        message("view", at, f"at-{user}", user=user, properties=viewed, context=PERSON_AT_A_BROWSER)
        for user in ("ann", "bob")
    ])  # fmt: skip
    kept = KeptAnswers(loaded.store, accounts.saved.preferences, lambda _: tuple(version))
    try:
        first = kept.answer(project, "ann", Personalize(), False)
        before = loaded.store.statements
        again = kept.answer(project, "ann", Personalize(), False)
        assert first is not None and again == first and loaded.store.statements == before
        assert [one["user_id"] for one in json.loads(first.body)["similar"]] == ["bob"]
        assert kept.answer(project, "nobody", Personalize(), False) is None

        # What the person states counts at once, although nothing was stored.
        accounts.saved.preferences.state(UUID(project.id), "ann", "genre", "jazz", likes=True)
        stated = kept.answer(project, "ann", Personalize(include=["preferences"]), False)
        assert stated is not None and b"jazz" in stated.body

        # Something arrives: the answer is made anew before anybody asks.
        bob = kept.answer(project, "bob", Personalize(include=["content_types"]), False)
        loaded.load(UUID(project.id), [
            message("view", at + timedelta(minutes=1), "at-bob", user="bob", properties=viewed | {"entity_id": "c2"},
                    context=PERSON_AT_A_BROWSER)])  # fmt: skip
        version[0] = 2

        def newer() -> KeptAnswer | None:
            return kept.answer(project, "bob", Personalize(include=["content_types"]), False)

        eventually(lambda: (now := newer()) is not None and now.version == "2")
        now = newer()
        assert now is not None and bob is not None and now.tag != bob.tag
        assert json.loads(now.body)["content_types"] == [{"type": "concert", "score": 1.2}]
    finally:
        kept.close()
        accounts.close()


def test_a_tag_changes_with_what_somebody_did_and_not_merely_with_time() -> None:
    at = datetime(2026, 3, 30, 12, tzinfo=UTC)

    def about(days: float, score: float, second: float = 0.5, interactions: int = 2, likes: bool = True) -> Personal:
        liked = [("jazz", score, "inferred"), ("rock", second, "inferred"), ("pop", float(likes), "explicit")]
        return Personal(
            person="1", rules=1,
            stage=Decided("new", [Met(fact="days", value=days, below=9), Met(fact="activities", value=interactions)]),
            preferences=[
                Preference(key="genre", value=value, confidence=score, source=source, score=score,  # type: ignore[arg-type]
                           interactions=interactions, updated_at=at, evidence=[])
                for value, score, source in sorted(liked, key=lambda one: -one[1])
            ],
        )  # fmt: skip

    tag = lasting(about(1, 0.6), at)
    assert tag == lasting(about(1.2, 0.4), at + timedelta(hours=5))  # it lost weight, and is behind the other one
    assert tag != lasting(about(1, 0.6), at + timedelta(days=1))
    assert tag != lasting(about(1, 0.6, interactions=3), at)
    assert tag != lasting(about(1, 0.6, likes=False), at)
    assert lasting(Personal(person="1", rules=1), at) != lasting(Personal(person="1", rules=2), at)
    assert lasting(Personal(person="1", rules=1, stage=None), at) != lasting(Personal(person="1", rules=1), at)
