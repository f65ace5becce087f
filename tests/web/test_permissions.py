"""Who is let in: every address, for everybody who may come, as it is declared here; and what takes a permission away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY
from permission_matrix import (
    CONCERTS,
    DECLARED,
    MARK,
    OF_QUESTION,
    ROLES,
    SEEN,
    Installation,
    P,
    accounts,  # noqa: F401
    best,  # noqa: F401
    expected,
    installation,  # noqa: F401
    put_account,
    signed_in,
)
from sample_questions import BODIES
from trackway.client.reading import Reader, ReadFailed
from trackway.govern.access.tokens import sign


def test_everything_that_there_is_is_declared(installation: Installation) -> None:
    paths = installation.server.http.get("/docs/openapi.json").json()["paths"]
    existing = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("tags") != ["collecting"]  # with a write key: tests/web/test_api.py asks these
    }
    assert existing == set(DECLARED)


KEYS = {
    "user": "view_events create_reviews like_events comment follow_artists",
    "artist": "view_events create_reviews manage_artist_profile view_artist_analytics claim_events",
    "venue": "view_events create_events manage_venue_profile view_venue_analytics",
    "promoter": "view_events create_events manage_promotions view_event_analytics",
    "ad_account": "create_campaigns manage_ads view_ad_analytics target_users",
    "admin": "manage_users manage_events manage_reviews view_all_analytics moderate_content",
}
"""What the host asks for, by type of account."""


def test_the_table_of_permissions_is_the_packs_with_the_keys_of_the_host_beside_them(
    installation: Installation,
) -> None:
    rows = installation.admin.get(installation.path("/permissions")).json()
    granted = {(row["account_type"], row["permission"]): (row["verification"], row["subscription"])
               for row in rows if row["granted"]}  # fmt: skip
    keys = {(kind, key): ("none", "free") for kind, of in KEYS.items() for key in of.split()}
    ours = {(kind, name): gate for kind, gates in CONCERTS.items() for name, gate in gates.items()}
    assert granted == ours | keys
    assert len(rows) == 9 * len(SEEN) + len(keys)


def test_a_host_asks_for_permissions_by_name(installation: Installation) -> None:
    every = {key for of in KEYS.values() for key in of.split()}
    reader = Reader(SECRET_KEY, installation.server.url)
    for kind in CONCERTS:
        put_account(installation, f"asked {kind}", type=kind)
        shown = installation.admin.get(installation.path(f"/accounts/asked {kind}")).json()
        own = KEYS.get(kind, "").split()
        assert set(shown["granted"]) & every == set(own)
        for key in every | SEEN:
            assert reader.has_permission(f"asked {kind}", key) is (key in shown["granted"]), (kind, key)
    put_account(installation, "asked artist", type="artist", suspended=True)
    assert not reader.has_permission("asked artist", "view_events")
    for account, key in (("asked venue", "fly"), ("asked venue", "manage"), ("nobody", "view_events")):
        with pytest.raises(ReadFailed, match="there is no"):
            reader.has_permission(account, key)


def test_what_a_key_of_the_host_opens_is_closed_and_opened_with_it(installation: Installation) -> None:
    own = [{"type": "artist", "id": "own"}]
    for kind in ("artist", "label"):
        put_account(installation, f"keyed {kind}", type=kind, verification="business", entities=own)

    def statuses() -> list[int]:
        return [
            installation.as_token(
                installation.token(f"keyed {kind}"), "POST", "/ask", {"question": "views"}
            ).status_code
            for kind in ("artist", "label")
        ]

    assert statuses() == [200, 200]
    path = installation.path("/permissions/artist/view_artist_analytics")
    assert installation.admin.put(path, json={"granted": False}).status_code == 200
    assert statuses() == [403, 200]
    assert installation.admin.put(path, json={"verification": "business"}).status_code == 200
    assert statuses() == [200, 200]
    assert installation.admin.put(path, json={"reset": True}).json()["verification"] == "none"


def send(
    installation: Installation, operation: str, ask: Callable[..., httpx.Response], client: httpx.Client
) -> httpx.Response:
    method, path = operation.split(" ")
    values = {"project_id": installation.project, "entity_type": "artist", "entity_id": "own" if method == "GET" else "none", "account_type": "artist",
              "permission": "views", "email": "nobody@example.com", "name": "none", "version": "99", "tile": "a", "segment": "ready:champions"}  # fmt: skip
    for name in ("token", "passkey_id", "sign_in_id", "key_id", "account_id", "request_id", "segment_id", "annotation_id",
                 "board_id", "question_id", "share_id", "transfer_id", "invitation_id", "connection_id", "watch_id",
                 "user_id"):  # fmt: skip
        values[name] = str(uuid4())
    path = path.format(**values)
    if operation.endswith("/stream"):
        with client.stream("GET", path) as response:
            return httpx.Response(
                response.status_code, text="" if response.status_code == 200 else response.read().decode()
            )
    return ask(method, path, json=_BODY.get(operation.replace(P, "P"), {}))


_BODY: dict[str, Any] = {
    "POST P/ask": {"question": "views"}, "POST P/query": {"sql": "SELECT count() AS n FROM events"},
    "POST P/views/lookup": {"entity_type": "artist", "ids": ["own"]}, "PUT P/entities": [], "PUT P/rates": [], "POST P/orders": [],
    "POST P/account-requests": {"type": "venue", "business": {}},
    "PUT /v1/personalize/{user_id}/preferences": {"key": "genre", "value": "jazz"},
}  # fmt: skip


def check(response: httpx.Response, allowed: bool | None, what: str) -> None:
    assert response.status_code < 500, f"{what}: {response.status_code} {response.text}"
    refused = response.status_code in (401, 403) or (response.status_code == 404 and "you may not see" in response.text)
    if allowed is None:
        assert response.status_code != 403, what
    else:
        assert refused != allowed, f"{what}: {response.status_code} {'' if allowed else response.text[:300]}"


def test_members_keys_and_nobody_are_let_in_as_declared(installation: Installation) -> None:
    clients = {role: signed_in(installation.server, f"{role}@example.com", "a long password")
               for role in ("viewer", "analyst", "owner", "outsider")}  # fmt: skip
    clients["administrator"] = signed_in(installation.server, EMAIL, PASSWORD)
    clients["key"] = httpx.Client(
        base_url=installation.server.url, headers={"authorization": f"Bearer {SECRET_KEY}"}, timeout=60
    )
    nobody = httpx.Client(base_url=installation.server.url, timeout=60)
    for operation, needed in DECLARED.items():
        if operation in ("POST /api/v1/sign-out", "POST /api/v1/me/totp/begin", f"PATCH {P}", f"PUT {P}/plan"):
            continue  # by the others below; done by all of them it would change what is tested
        for caller, client in clients.items():
            response = send(installation, operation, client.request, client)
            check(response, expected(needed, ROLES.get(caller, set()), caller), f"{caller}: {operation}")
        response = send(installation, operation, nobody.request, nobody)
        check(response, None if needed == "anybody" else False, f"nobody: {operation}")
    for caller in ("viewer", "analyst", "key", "outsider"):
        for method, rest in (("PATCH", ""), ("PUT", "/plan")):
            assert clients[caller].request(method, installation.path(rest), json={}).status_code in (403, 404)


def test_addresses_of_sessions_are_for_who_manages_the_project(installation: Installation) -> None:
    body = {"question": "person", "user_id": "fan-own-0", "period": "all", "addresses": True}
    for role, allowed in (("viewer", False), ("analyst", False), ("owner", True)):
        client = signed_in(installation.server, f"{role}@example.com", "a long password")
        answer = client.post(installation.path("/ask"), json=body)
        assert answer.status_code == (200 if allowed else 403), role
    plain = signed_in(installation.server, "analyst@example.com", "a long password").post(
        installation.path("/ask"), json={**body, "addresses": False}
    )
    assert all("ip" not in one for one in plain.json()["data"]["sessions"])


_WHOLE_PROJECT = ("/overview", "/live", "/sources", "/traffic-sources", "/trend", "/breakdown")


def _verdicts(accounts: dict[str, set[str]]) -> dict[str, dict[str, bool | None]]:
    """By account and address whether it is let in, without those where that depends on more than its permissions."""
    verdicts: dict[str, dict[str, bool | None]] = {}
    for account, permissions in accounts.items():
        verdicts[account] = {}
        for operation, needed in DECLARED.items():
            allowed = expected(needed, permissions, "account")
            of_the_whole = operation.endswith(_WHOLE_PROJECT) and not account.startswith("admin")
            of_one_user = account.startswith("user") and needed in SEEN
            if operation != f"POST {P}/account-requests" and not ((of_the_whole or of_one_user) and allowed):
                verdicts[account][operation] = allowed
    return verdicts


def test_accounts_are_let_in_as_their_type_verification_and_subscription_say(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    """Each account asks one address of each permission; each address is asked by one whom it lets in and one whom not."""
    verdicts, names = _verdicts(accounts), list(accounts)
    asked: dict[str, set[str]] = {}
    for account in names:
        one_of_each = {DECLARED[operation]: operation for operation in verdicts[account]}
        asked[account] = set(one_of_each.values())
    for number, operation in enumerate(DECLARED):
        others = names[number % len(names) :] + names[: number % len(names)]  # so that each address meets other types
        for verdict in (True, False, None):
            fitting = [name for name in others if verdicts[name].get(operation, "depends") is verdict]
            for account in fitting[:1]:
                asked[account].add(operation)
    assert set().union(*asked.values()) == set(DECLARED) - {f"POST {P}/account-requests"}
    for account in names:
        client = httpx.Client(base_url=installation.server.url, timeout=30,
                              headers={"authorization": f"Bearer {installation.token(account)}"})  # fmt: skip
        for operation in sorted(asked[account]):
            response = send(installation, operation, client.request, client)
            check(response, verdicts[account][operation], f"{account}: {operation}")


def _questions() -> dict[str, dict[str, Any]]:
    bodies = {name: dict(body) for name, body in BODIES.items()}
    bodies["daily"] = {"subject": "artist"}
    bodies["views"] = {"by": "day"}
    bodies["audience"] = {"entity_type": "artist", "entity_id": "own", "by": "country"}
    bodies["entity_views"] = {"entity_type": "artist", "ids": ["own", MARK]}
    return bodies


def test_every_question_is_for_who_has_its_permission_and_no_answer_has_anything_of_others(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    """Asked first by the administrator, so that what is kept of the whole project is there to be given away.

    Each account asks one question of each permission; each question is asked by the accounts with all that their type can
    have, and by one account that lacks its permission.
    """
    for name, body in _questions().items():
        asked = {"question": name, "period": "30d", **body}
        assert installation.admin.post(installation.path("/ask"), json=asked).status_code == 200, name
    everybody = {account: held for account, held in accounts.items() if not account.startswith("admin")}
    one_of_each = {OF_QUESTION.get(name, "ask"): name for name in _questions()}
    for number, (name, body) in enumerate(_questions().items()):
        needed = OF_QUESTION.get(name, "ask")
        lacking = [account for account, held in everybody.items() if needed not in held]
        asking = [account for account in everybody if account.endswith("-business-enterprise-False")]
        asking += [lacking[number % len(lacking)]] if lacking else []
        for account in everybody if name == one_of_each[needed] else asking:
            response = installation.as_token(
                installation.token(account), "POST", "/ask", {"question": name, "period": "30d", **body}
            )
            if needed not in everybody[account]:
                assert response.status_code == 403, f"{account} {name}: {response.text[:200]}"
            else:
                assert response.status_code in (200, 403), f"{account} {name}: {response.text[:200]}"
            assert_nothing_foreign(response, f"{account} {name}", asked=body)


def test_daily_rows_have_the_viewers_for_who_has_the_permission_and_asking_for_them_without_it_is_refused(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    tried: set[bool] = set()
    for account, permissions in accounts.items():
        if account.startswith("admin") or "interactions" not in permissions:
            continue
        may = "audience" in permissions
        tried.add(may)
        body = {"question": "daily", "period": "30d", "subject": "artist"}
        answer = installation.as_token(installation.token(account), "POST", "/ask", body)
        assert all(
            ("viewer_demographics" in row) is ("viewer_locations" in row) is may for row in answer.json()["data"]
        )
        asked = installation.as_token(installation.token(account), "POST", "/ask", {**body, "viewers": True})
        assert asked.status_code == (200 if may else 403), account
        assert may or "audience" in asked.text
    assert tried == {True, False}


def assert_nothing_foreign(response: httpx.Response, what: str, asked: Any = None) -> None:
    text = response.text
    if asked is not None and MARK in json.dumps(asked):  # who asks for it by name hears the name again, and no number
        if response.status_code == 200 and isinstance(data := response.json()["data"], list):
            foreign = [row for row in data if row.get("id") == MARK]
            assert all(not row.get("views") and not row.get("sessions") for row in foreign), what
        return
    assert MARK not in text, f"{what}: {text[:2000]}"


def test_a_token_that_is_no_good_opens_no_address_at_all(installation: Installation, best: str) -> None:
    put_account(installation, "replayed", type="admin", verification="business", subscription="enterprise")
    replayed = installation.token("replayed")
    assert installation.admin.post(installation.path("/accounts/replayed/revoke-tokens")).status_code == 204
    bad = {
        "expired": installation.token(best, seconds=-1),
        "forged": sign(installation.project, installation.kid, "guessed", "admin-business-enterprise-False"),
        "of another project": sign(installation.other_project, installation.other_kid, installation.other_key, best),
        "replayed after it was revoked": replayed,
    }
    for what, token in bad.items():
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=installation.server.url, timeout=30, headers=headers) as client:
            for operation, needed in DECLARED.items():
                response = send(installation, operation, client.request, client)
                check(response, None if needed == "anybody" else False, f"{what}: {operation}")
                if needed != "anybody":
                    assert response.status_code == 401, f"{what}: {operation} {response.status_code}"


def test_a_revoked_token_a_suspended_account_and_a_revoked_key_let_nobody_in(installation: Installation) -> None:
    put_account(installation, "revoked", type="artist", entities=[{"type": "artist", "id": "own"}])
    token = installation.token("revoked")

    def status(token: str) -> int:
        return installation.as_token(token, "POST", "/ask", {"question": "views"}).status_code

    assert status(token) == 200
    assert installation.admin.post(installation.path("/accounts/revoked/revoke-tokens")).status_code == 204
    assert status(token) == 401
    time.sleep(1.1)
    fresh = installation.token("revoked")
    assert status(fresh) == 200
    put_account(installation, "revoked", type="artist", suspended=True)
    assert status(fresh) == 401
    put_account(installation, "revoked", type="artist")
    assert status(fresh) == 200
    # A key is changed without a moment in which no key holds.
    second = installation.admin.post(installation.path("/keys"), json={"kind": "embed"}).json()
    newer = sign(installation.project, second["id"], second["embed_key"], "revoked")
    assert (status(fresh), status(newer)) == (200, 200)
    assert installation.admin.delete(installation.path(f"/keys/{second['id']}")).status_code == 204
    assert (status(fresh), status(newer)) == (200, 401)
    assert installation.admin.delete(installation.path("/accounts/revoked")).status_code == 204
    assert status(fresh) == 401


def test_a_permission_that_is_taken_away_holds_at_once_and_comes_back_with_reset(
    installation: Installation, best: str
) -> None:
    def status() -> int:
        return installation.as_token(installation.token(best), "POST", "/ask", {"question": "views"}).status_code

    assert status() == 200
    assert (
        installation.admin.put(installation.path("/permissions/artist/views"), json={"granted": False}).status_code
        == 200
    )
    assert status() == 403
    assert installation.admin.put(installation.path("/permissions/artist/views"), json={"reset": True}).json()[
        "granted"
    ]
    assert status() == 200
    assert installation.admin.put(installation.path("/permissions/artist/manage"), json={}).status_code == 400
    assert installation.admin.put(installation.path("/permissions/king/views"), json={}).status_code == 400
