"""`/v1/personalize` asked by people who should not be told, and told what nobody should say."""

from __future__ import annotations

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from conftest import SECRET_KEY, WRITE_KEY, eventually
from factories import FIREFOX
from permission_matrix import DECLARED, Installation, put_account
from permission_matrix import installation as installation  # noqa: PLC0414 - a fixture
from stores import engine_pid
from trackway.govern.access.tokens import sign


def event(user: str, entity: str, **fields: Any) -> dict[str, Any]:
    kind, _, id_ = entity.partition(":")
    properties = {"entity_type": kind, "entity_id": id_}
    return {"type": "track", "event": "view", "userId": user, "properties": properties, "context": {"userAgent": FIREFOX}} | fields  # fmt: skip


@pytest.fixture(scope="module")
def told(installation: Installation) -> Installation:
    """`vera` viewed something hidden, `mallory` another one; both are accounts of type user, `art` is an artist."""
    batch = [
        event("vera", "zzhidden:c1", anonymousId="of-vera"),
        event("mallory", "concert:c2", anonymousId="of-mallory"),
    ]
    installation.server.post("batch", {"batch": batch}).raise_for_status()
    installation.server.stored()
    for user, kind in (("vera", "user"), ("mallory", "user"), ("art", "artist")):
        put_account(installation, user, type=kind)
    return installation


def asked(told: Installation, user: str, key: str = SECRET_KEY, method: str = "GET", **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return told.server.http.request(method, f"/v1/personalize/{user}", headers=headers, **options)


def test_an_alias_with_the_public_key_shows_nobody_to_anybody(told: Installation) -> None:
    users = ("ada", "eve", "ida")
    told.server.post("batch", {"batch": [event(user, f"of-{user}:1") for user in users]}).raise_for_status()
    told.server.stored()
    for user in users:
        put_account(told, user, type="user")
    tokens = {user: told.token(user) for user in users}
    assert {user: asked(told, "me", tokens[user]).status_code for user in users} == dict.fromkeys(users, 200)
    aliases = [("ada", "eve"), ("ida", "a visitor who never was a user")]
    for previous, user in [aliases[0], aliases[1][::-1]]:
        told.server.post("alias", {"previousId": previous, "userId": user}).raise_for_status()
    told.server.stored()
    # Their member sees one person; their tokens see nobody, in every question about oneself.
    eventually(lambda: asked(told, "ada").json()["person"] == asked(told, "eve").json()["person"])
    eventually(lambda: asked(told, "me", tokens["eve"]).status_code == 404)
    eventually(lambda: asked(told, "me", tokens["ada"]).status_code == 404)
    for user in ("ada", "eve"):
        for question in ("year", "personalize"):
            headers = {"authorization": f"Bearer {tokens[user]}"}
            answer = told.server.http.post(
                f"/api/v1/projects/{told.project}/ask", json={"question": question}, headers=headers
            )
            assert "of-ada" not in answer.text and "of-eve" not in answer.text, answer.text
    assert asked(told, "me", tokens["ida"]).json()["content_types"] == [{"type": "of-ida", "score": 0.6}]


def test_the_public_write_key_opens_no_more_than_no_key_at_all(told: Installation) -> None:
    basic, bearer = {"auth": (WRITE_KEY, "")}, {"headers": {"authorization": f"Bearer {WRITE_KEY}"}}
    for declared in DECLARED:
        method, path = declared.split(" ")
        filled = path.replace("{project_id}", told.project).replace("{user_id}", "vera")
        filled = re.sub(r"\{\w+\}", "x", filled)
        nobody = told.server.http.request(method, filled)
        if method == "GET":
            told.server.http.cookies.clear()
        for sent in (basic, bearer, {"params": {"key": WRITE_KEY, "writeKey": WRITE_KEY}}):
            answer = told.server.http.request(method, filled, **sent)  # type: ignore[arg-type]
            assert answer.status_code == nobody.status_code or answer.status_code == 401, (declared, sent)
            assert "zzhidden" not in answer.text and '"vera"' not in answer.text, (declared, sent)


def test_tokens_that_are_not_theirs_open_nothing(told: Installation) -> None:
    mine = told.token("mallory")
    assert asked(told, "me", mine).json()["content_types"] == [{"type": "concert", "score": 0.6}]
    head, _, signature = mine.rpartition(".")
    put_account(told, "gone", type="user", suspended=True)
    for token in (
        "", "x", mine[:-2], f"{head}.{signature[::-1]}", sign(told.project, told.kid, told.key, "mallory", None, -60),
        sign(told.other_project, told.other_kid, told.other_key, "mallory", None, 600),
        sign(told.project, told.kid, told.other_key, "mallory", None, 600), told.token("nobody"), told.token("gone"),
    ):  # fmt: skip
        for user in ("me", "mallory"):
            assert asked(told, user, token).status_code in (401, 403), token
            refused = asked(told, f"{user}/preferences", token, "PUT", json={"key": "k", "value": "v"})
            assert refused.status_code in (401, 403), token
    for user in ("vera", "Me", "me%20", "%6De%00"):
        assert asked(told, user, mine).status_code in (400, 403), user
        assert asked(told, f"{user}/preferences", mine, "DELETE").status_code in (400, 403), user
    for user in ("me", "art", "vera"):
        assert asked(told, user, told.token("art")).status_code == 403


def test_events_that_name_somebody_elses_user_id_do_not_show_them(told: Installation) -> None:
    joins = [
        {"type": "identify", "userId": "vera", "anonymousId": "of-mallory"},
        {"type": "track", "event": "view", "userId": "vera", "anonymousId": "of-mallory"},
        {"type": "identify", "userId": "mallory", "anonymousId": "of-mallory", "traits": {"userId": "vera"}},
    ]
    told.server.post("batch", {"batch": joins}).raise_for_status()
    told.server.stored()
    answer = asked(told, "me", told.token("mallory"))
    assert answer.status_code == 200 and "zzhidden" not in answer.text


def test_user_ids_of_every_form_are_asked_by_their_address_or_by_the_question(told: Installation) -> None:
    names = ["ä ö€", "x" * 200, "me", "a%2Fb", "'; DROP TABLE events", "\u202e", "a?b#c", "a&b=c", "\\x00", "a/b", ".."]
    told.server.post("batch", {"batch": [event(name, "concert:c9") for name in names]}).raise_for_status()
    told.server.stored()
    for name in names:
        found = told.server.asked({"question": "personalize", "user_id": name})
        assert found["data"]["content_types"] == [{"type": "concert", "score": 0.6}], name
        if name not in ("a/b", ".."):
            assert asked(told, quote(name, safe="")).json()["person"] == found["data"]["person"], name
    for unknown in ("x" * 201, "y" * 10_000, "%00", "nobody"):
        assert asked(told, unknown).status_code in (400, 404), unknown
    assert asked(told, "y" * 10_000 + "/preferences", method="DELETE").status_code == 400


@pytest.mark.parametrize(
    "zone", ["Nowhere/Else", "../../etc/passwd", "/etc/localtime", 5, ["x"], {"a": 1}, "UTC\0", "a" * 5000]
)
def test_a_time_zone_that_does_not_exist_is_that_of_the_project(told: Installation, zone: Any) -> None:
    user = f"zone {zone}"[:30].replace("/", " ").replace("\0", "")
    stated = {"type": "identify", "userId": user, "traits": {"timezone": zone, "profile_completeness": zone}}
    told.server.post("batch", {"batch": [stated | {"context": {"userAgent": FIREFOX}}]}).raise_for_status()
    told.server.stored()
    answer = asked(told, quote(user, safe="")).json()
    assert answer["hours"]["timezone"] == "UTC" and answer["stage"]["name"] == "new_user"


def test_what_was_cleared_is_gone_from_the_next_answer_while_events_go_on_arriving(told: Installation) -> None:
    for number in range(5):
        told.server.post("batch", {"batch": [event("busy", f"t{number}:1")] * 5}).raise_for_status()
        told.server.stored()
        eventually(lambda n=number: asked(told, "busy").json()["content_types"] == [{"type": f"t{n}", "score": 3.0}])
        with ThreadPoolExecutor(8) as pool:
            statuses = pool.map(
                lambda n: (
                    asked(told, "busy/preferences", method="PUT", json={"key": "k", "value": f"{n % 3}"}).status_code
                ),
                range(24),
            )
            assert set(statuses) <= {204, 503}
        assert asked(told, "busy/preferences", method="DELETE").status_code == 204
        after = asked(told, "busy").json()
        assert (after["preferences"], after["content_types"]) == ([], [])


def test_while_the_engine_is_away_the_answer_says_when_to_come_back_and_statements_are_kept(told: Installation) -> None:
    told.server.post("batch", {"batch": [event("kept", "concert:c1")]}).raise_for_status()
    told.server.stored()
    for number in range(3):
        os.kill(engine_pid(told.server.data), signal.SIGKILL)
        stated = {"key": "genre", "value": f"g{number}"}
        assert asked(told, "kept/preferences", method="PUT", json=stated).status_code == 204
        answers = [asked(told, "kept")]
        while answers[-1].status_code != 200:
            answers.append(asked(told, "kept"))
            time.sleep(0.02)
        away = [answer for answer in answers if answer.status_code != 200]
        # 404: the store went back to a checkpoint from before the event, and has not loaded it again.
        assert {answer.status_code for answer in away} <= {503, 404}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in away if answer.status_code == 503)
        likes = {like["value"] for like in answers[-1].json()["preferences"] if like["source"] == "explicit"}
        assert likes == {f"g{n}" for n in range(number + 1)}
