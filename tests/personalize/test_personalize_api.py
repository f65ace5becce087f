"""`/v1/personalize`: what applications and people themselves are told, and who is told nothing."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from conftest import SECRET_KEY, WRITE_KEY
from permission_matrix import Installation, put_account
from permission_matrix import installation as installation  # noqa: PLC0414 - a fixture
from trackway.client import Personal, Reader, ReadFailed
from trackway.client import answers as client_types
from trackway.personalize import hours, journey, person, suggestions
from trackway.personalize import preferences as liked
from trackway.personalize.predict import answer as predicted


@pytest.fixture(scope="module")
def told(installation: Installation) -> Installation:
    """An installation in which `ann` viewed two concerts and `bob` another; both are accounts of type user."""
    for user, concert in (("ann", "c1"), ("ann", "c2"), ("bob", "c3")):
        properties = {"entity_type": "concert", "entity_id": concert}
        body = {"userId": user, "anonymousId": f"at-{user}", "event": "view", "properties": properties}
        installation.server.post("track", body)
    installation.server.stored()
    for user in ("ann", "bob"):
        put_account(installation, user, type="user")
    return installation


def asked(told: Installation, user: str, key: str, **parameters: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return told.server.http.get(f"/v1/personalize/{user}", params=parameters, headers=headers)


def preferences(told: Installation, key: str, method: str, user: str, **sent: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return told.server.http.request(method, f"/v1/personalize/{user}/preferences", headers=headers, **sent)


def test_a_server_is_told_of_any_user_and_gets_the_parts_it_names(told: Installation) -> None:
    whole = asked(told, "ann", SECRET_KEY)
    assert whole.status_code == 200, whole.text
    assert whole.json()["content_types"] == [{"type": "concert", "score": 1.2}]
    assert whole.json()["stage"]["name"] == "new_user" and whole.json()["stage"]["because"][0]["fact"] == "days"
    some = asked(told, "bob", SECRET_KEY, include="intent,hours").json()
    assert some.keys() == {"person", "rules", "intent", "hours"}
    assert asked(told, "nobody", SECRET_KEY).status_code == 404
    wrong = asked(told, "ann", SECRET_KEY, include="stage,fortune")
    assert wrong.status_code == 400 and "'fortune' is no part" in wrong.text


def test_an_answer_that_did_not_change_is_not_sent_again(told: Installation) -> None:
    first = asked(told, "bob", SECRET_KEY, include="stage,content_types")
    headers = {"authorization": f"Bearer {SECRET_KEY}", "if-none-match": asked(
        told, "bob", SECRET_KEY, include="content_types").headers["etag"]}  # fmt: skip
    again = told.server.http.get("/v1/personalize/bob", params={"include": "content_types"}, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["etag"] != headers["if-none-match"]


def test_people_are_told_of_themselves_and_of_nobody_else(told: Installation) -> None:
    ann = told.token("ann")
    assert asked(told, "me", ann).json()["content_types"] == asked(told, "ann", ann).json()["content_types"]
    assert asked(told, "ann", ann).json()["person"] == asked(told, "ann", SECRET_KEY).json()["person"]
    assert asked(told, "bob", ann).status_code == 403
    assert preferences(told, ann, "PUT", "bob", json={"key": "genre", "value": "jazz"}).status_code == 403
    for key in (WRITE_KEY, "sk_of_nobody"):
        assert asked(told, "ann", key).status_code == 401
        assert preferences(told, key, "DELETE", "ann").status_code == 401


def test_preferences_are_stated_muted_taken_back_and_cleared(told: Installation) -> None:
    ann = told.token("ann")

    def likes() -> dict[tuple[str, str], tuple[float, str]]:
        found = asked(told, "me", ann, include="preferences").json()["preferences"]
        return {(like["key"], like["value"]): (like["confidence"], like["source"]) for like in found}

    assert likes()["content_type", "concert"][1] == "inferred"
    assert preferences(told, ann, "PUT", "me", json={"key": "genre", "value": "jazz"}).status_code == 204
    muted = {"key": "content_type", "value": "concert", "likes": False}
    assert preferences(told, SECRET_KEY, "PUT", "ann", json=muted).status_code == 204
    assert likes()["genre", "jazz"] == (1.0, "explicit")
    assert likes()["content_type", "concert"] == (0.0, "explicit")
    muted_one = {"key": "content_type", "value": "concert"}
    assert preferences(told, ann, "DELETE", "me", params=muted_one).status_code == 204
    assert preferences(told, ann, "DELETE", "me", params=muted_one).status_code == 404
    assert likes()["content_type", "concert"][1] == "inferred"
    assert preferences(told, ann, "DELETE", "me", params={"key": "genre"}).status_code == 400
    assert preferences(told, ann, "PUT", "me", json={"key": "", "value": "x"}).status_code == 400
    assert preferences(told, ann, "DELETE", "me").status_code == 204
    assert likes() == {}


def test_people_opt_out_of_everything_and_in_again(told: Installation) -> None:
    def opt(method: str, user: str, key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return told.server.http.request(method, f"/v1/personalize/{user}/opt-out", headers=headers).status_code

    bob = told.token("bob")
    before = asked(told, "bob", SECRET_KEY).json()
    assert "similar" in before and opt("PUT", "ann", bob) == 403 and opt("PUT", "bob", WRITE_KEY) == 401
    assert opt("PUT", "me", bob) == 204
    for key, user in ((bob, "me"), (SECRET_KEY, "bob")):
        assert asked(told, user, key).json() == {"person": before["person"], "rules": 1, "opted_out": True}
    assert opt("DELETE", "bob", SECRET_KEY) == 204
    assert asked(told, "bob", SECRET_KEY, include="content_types").json()["content_types"] == before["content_types"]


def test_other_addresses_name_their_methods_to_everybody_and_nothing_else(told: Installation) -> None:
    answer = told.server.http.options("/api/v1/me")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "GET" in answer.headers["allow"]


def test_pages_of_other_origins_may_ask_with_a_token(told: Installation) -> None:
    asks = {"origin": "https://tickets.example", "access-control-request-method": "PUT"}
    allowed = told.server.http.options("/v1/personalize/me/preferences", headers=asks)
    assert allowed.status_code == 204, allowed.text
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    assert asked(told, "me", told.token("ann")).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "user, key, status", [("nobody", SECRET_KEY, 404), ("ann", WRITE_KEY, 401), ("ann", "bob", 403)]
)
def test_pages_of_other_origins_may_read_why_they_are_refused(
    told: Installation, user: str, key: str, status: int
) -> None:
    refused = asked(told, user, told.token(key) if key == "bob" else key)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (status, "*")
    assert "access-control-allow-origin" not in told.server.http.get("/api/v1/me").headers


def test_the_python_client_asks_and_changes(told: Installation) -> None:
    reader = Reader(SECRET_KEY, told.server.url)
    assert reader.personalize("nobody") is None
    bob = reader.personalize("bob")
    assert bob is not None
    assert msgspec.convert(bob, Personal) == bob  # of its types
    assert bob["content_types"] == [{"type": "concert", "score": 0.6}]
    some = reader.personalize("bob", ["suggestion"], "de")
    assert some is not None and some.keys() == {"person", "rules", "suggestion", "holdout"}

    def likes() -> dict[tuple[str, str], float]:
        found = reader.personalize("bob", include=["preferences"])
        assert found is not None
        return {(one["key"], one["value"]): one["confidence"] for one in found["preferences"]}

    reader.state_preference("bob", "genre", "free jazz & more")
    reader.mute_preference("bob", "content_type", "concert")
    assert likes()["genre", "free jazz & more"] == 1 and likes()["content_type", "concert"] == 0
    reader.take_back_preference("bob", "content_type", "concert")
    assert 0 < likes()["content_type", "concert"] < 1
    with pytest.raises(ReadFailed, match="did not state") as refused:
        reader.take_back_preference("bob", "content_type", "concert")
    assert refused.value.status == 404
    reader.clear_preferences("bob")
    assert likes() == {}
    with pytest.raises(ReadFailed, match="'fortune' is no part"):
        reader.personalize("bob", ["fortune"])
    with pytest.raises(ReadFailed) as unknown:
        Reader("sk_of_nobody", told.server.url).personalize("bob")
    assert unknown.value.status == 401


@pytest.mark.parametrize(
    "told_by_server, name",
    [
        (person.Personal, "Personal"), (liked.Preference, "Preference"), (liked.Evidence, "Evidence"),
        (liked.ContentType, "ContentType"), (journey.Decided, "Decided"), (journey.Met, "Met"),
        (hours.ActiveHours, "ActiveHours"), (hours.ActiveHour, "ActiveHour"), (suggestions.Suggested, "Suggested"),
        (predicted.Prediction, "Prediction"), (predicted.MovedBy, "MovedBy"),
    ],
)  # fmt: skip
def test_the_types_of_the_python_client_have_every_field_of_an_answer(told_by_server: Any, name: str) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(told_by_server)}
    assert fields <= getattr(client_types, name).__annotations__.keys()
