"""The permissions of callers, written from the documentation: roles, types of account, addresses, and a server with every kind of caller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from chromium import AGENT
from conftest import EMAIL, PASSWORD, Server
from trackway.govern.access.accounts import OwnedEntity
from trackway.govern.access.tokens import sign

SEEN = {"views", "interactions", "sources", "audience", "bookings", "live", "year", "personal", "ask", "export", "sql"}


READS = SEEN - {"personal", "export", "sql"} | {"read"}


ANALYST = SEEN | {"read", "people", "edit"}


ROLES = {
    "viewer": READS,
    "analyst": ANALYST,
    "owner": ANALYST | {"manage", "control"},
    "key": ANALYST | {"manage"},
    "administrator": ANALYST | {"manage", "control", "install"},
}


# What the concert pack says: of each type, from which verification and subscription on.
CONCERTS: dict[str, dict[str, tuple[str, str]]] = {
    "user": {"year": ("none", "free"), "personal": ("none", "free")},
    "artist": {
        "views": ("none", "free"), "interactions": ("email", "free"), "sources": ("email", "premium"),
        "audience": ("email", "premium"), "live": ("email", "premium"), "bookings": ("email", "professional"),
        "export": ("identity", "professional"), "ask": ("identity", "enterprise"), "sql": ("business", "enterprise"),
    },
    "venue": {
        "views": ("none", "free"), "interactions": ("email", "free"), "sources": ("email", "premium"),
        "audience": ("email", "premium"), "live": ("email", "premium"), "bookings": ("business", "professional"),
        "export": ("business", "professional"), "ask": ("business", "enterprise"), "sql": ("business", "enterprise"),
    },
    "venue_manager": {
        "views": ("none", "free"), "interactions": ("none", "free"), "sources": ("none", "premium"),
        "live": ("none", "premium"),
    },
    "label": {
        "views": ("none", "free"), "interactions": ("business", "free"), "sources": ("business", "premium"),
        "audience": ("business", "premium"), "bookings": ("business", "professional"),
        "export": ("business", "professional"),
    },
    "promoter": {
        "views": ("none", "free"), "interactions": ("email", "free"), "sources": ("email", "premium"),
        "bookings": ("business", "professional"),
    },
    "ad_account": {"views": ("business", "free"), "sources": ("business", "free")},
    "media": {"views": ("email", "free")},
    "admin": {
        "views": ("none", "free"), "interactions": ("none", "free"), "sources": ("none", "free"),
        "audience": ("none", "free"), "bookings": ("none", "free"), "live": ("none", "free"), "ask": ("none", "free"),
        "export": ("identity", "free"), "sql": ("identity", "free"),
    },
}  # fmt: skip


VERIFICATIONS = ["none", "email", "phone", "identity", "business"]


SUBSCRIPTIONS = ["free", "premium", "professional", "enterprise"]


STANDINGS = [("none", "free", False), ("email", "premium", False), ("identity", "professional", False),
             ("business", "enterprise", False), ("business", "enterprise", True)]  # fmt: skip


P = "/api/v1/projects/{project_id}"


DECLARED: dict[str, str] = {
    "GET /healthz": "anybody", "GET /readyz": "anybody", "GET /metrics": "the metrics token",
    "GET /api/v1/invitations/{token}": "anybody", "POST /api/v1/invitations/{token}": "anybody",
    "POST /api/v1/sign-in/passkey/ask": "anybody", "POST /api/v1/sign-in/passkey": "anybody",
    "GET /api/v1/sign-in/provider": "anybody", "GET /api/v1/sign-in/provider/back": "anybody",
    "POST /api/v1/password-resets": "anybody", "POST /api/v1/password-resets/finish": "anybody",
    "GET /api/v1/sign-in": "anybody", "POST /api/v1/sign-in": "anybody",
    "GET /api/v1/shared/{token}": "anybody", "GET /api/v1/shared/{token}/tiles/{tile}": "anybody",
    "POST /api/v1/sign-out": "somebody", "GET /api/v1/me": "somebody", "GET /api/v1/projects": "somebody",
    "POST /api/v1/me/invitations/{token}": "signed in", "GET /api/v1/me/passkeys": "signed in",
    "POST /api/v1/me/passkeys": "signed in", "POST /api/v1/me/passkeys/begin": "signed in",
    "DELETE /api/v1/me/passkeys/{passkey_id}": "signed in", "POST /api/v1/me/totp/begin": "signed in",
    "POST /api/v1/me/totp": "signed in", "POST /api/v1/me/totp/remove": "signed in",
    "POST /api/v1/me/password": "signed in", "GET /api/v1/me/sign-ins": "signed in",
    "DELETE /api/v1/me/sign-ins/{sign_in_id}": "signed in",
    "POST /api/v1/projects": "install", "GET /api/v1/jobs": "install", "PATCH /api/v1/jobs/{name}": "install",
    "GET /api/v1/jobs/{name}/runs": "install", "POST /api/v1/jobs/{name}/run": "install",
    f"PATCH {P}": "control", f"POST {P}/keys": "control", f"DELETE {P}/keys/{{key_id}}": "control",
    f"GET {P}/members": "control", f"POST {P}/members": "control", f"DELETE {P}/members/{{email}}": "control",
    f"GET {P}/invitations": "control", f"POST {P}/invitations": "control",
    f"DELETE {P}/invitations/{{invitation_id}}": "control",
    f"GET {P}/accounts": "manage", f"GET {P}/accounts/{{account_id}}": "manage",
    f"GET {P}/accounts/{{account_id}}/permissions/{{permission}}": "manage",
    f"PUT {P}/accounts/{{account_id}}": "manage", f"DELETE {P}/accounts/{{account_id}}": "manage",
    f"POST {P}/accounts/{{account_id}}/revoke-tokens": "manage",
    f"GET {P}/account-requests": "own or manage", f"POST {P}/account-requests": "own",
    f"POST {P}/account-requests/{{request_id}}": "control",
    f"GET {P}/permissions": "manage", f"PUT {P}/permissions/{{account_type}}/{{permission}}": "control",
    f"GET {P}/audit": "control", f"GET {P}/audit/actions": "control",
    f"POST {P}/ask": "by question", f"DELETE {P}/ask/{{name}}": "of project", f"GET {P}/version": "of project",
    f"GET {P}/breakdown": "ask", f"GET {P}/events": "live", f"GET {P}/live": "ask", f"GET {P}/overview": "ask",
    f"GET {P}/dead-letters": "people", f"GET {P}/dead-letters/letter": "people",
    f"POST {P}/dead-letters/replay": "manage", f"POST {P}/dead-letters/drop": "manage",
    f"POST {P}/query": "sql", f"GET {P}/rejections": "people", f"GET {P}/sessions": "people",
    f"GET {P}/sources": "ask", f"GET {P}/trend": "ask", f"GET {P}/visitor": "people", f"GET {P}/visitors": "people",
    f"GET {P}/segments": "read", f"POST {P}/segments": "edit", f"DELETE {P}/segments/{{segment_id}}": "edit",
    f"PATCH {P}/segments/{{segment_id}}": "edit", f"GET {P}/annotations": "read", f"POST {P}/annotations": "edit",
    f"GET {P}/questions": "read", f"POST {P}/questions": "edit", f"DELETE {P}/questions/{{question_id}}": "edit",
    f"DELETE {P}/annotations/{{annotation_id}}": "edit", f"POST {P}/merges/undo": "control",
    f"GET {P}/boards": "read", f"POST {P}/boards": "edit", f"GET {P}/boards/{{board_id}}": "read",
    f"PUT {P}/boards/{{board_id}}": "edit", f"DELETE {P}/boards/{{board_id}}": "edit",
    f"POST {P}/boards/{{board_id}}/restore": "edit", f"GET {P}/boards/{{board_id}}/shares": "read",
    f"POST {P}/boards/{{board_id}}/shares": "edit", f"DELETE {P}/boards/{{board_id}}/shares/{{share_id}}": "edit",
    f"GET {P}/stream": "live", f"GET {P}/plan": "read", f"PUT {P}/plan": "control",
    f"GET {P}/plan/versions": "read", f"GET {P}/plan/violations": "read",
    f"GET {P}/transfers": "people", f"POST {P}/transfers/imports": "manage",
    f"POST {P}/transfers/imports/preview": "manage", f"POST {P}/transfers/exports": "people",
    f"GET {P}/transfers/{{transfer_id}}/file": "people", f"DELETE {P}/transfers/{{transfer_id}}": "manage",
    f"GET {P}/entities/{{entity_type}}/{{entity_id}}": "views",
    f"DELETE {P}/entities/{{entity_type}}/{{entity_id}}": "manage",
    f"PATCH {P}/entities/{{entity_type}}/{{entity_id}}": "manage", f"POST {P}/entities/csv": "manage",
     f"GET {P}/keys/usage": "control", f"PUT {P}/entities": "manage", f"POST {P}/views/lookup": "views", f"GET {P}/metrics": "of project",
    f"GET {P}/customers": "people", "GET /api/customers/metrics": "people of one",
    "GET /v1/personalize/{user_id}": "personal of another",
    "GET /v1/recommend": "personal of one",
    "PUT /v1/personalize/{user_id}/preferences": "manage of another",
    "DELETE /v1/personalize/{user_id}/preferences": "manage of another",
    "PUT /v1/personalize/{user_id}/opt-out": "manage of another",
    "DELETE /v1/personalize/{user_id}/opt-out": "manage of another",
    f"GET {P}/connections": "manage", f"POST {P}/connections": "control", f"POST {P}/orders": "manage",
    f"PATCH {P}/connections/{{connection_id}}": "control", f"DELETE {P}/connections/{{connection_id}}": "control",
    f"GET {P}/connections/{{connection_id}}/setup": "control", "POST /v1/connections/{connection_id}": "anybody",
    f"GET {P}/segments/{{segment}}/people": "people", f"GET {P}/watches": "manage", f"POST {P}/watches": "control",
    f"DELETE {P}/watches/{{watch_id}}": "control",
    f"GET {P}/rates": "read", f"PUT {P}/rates": "manage", f"POST {P}/rates/csv": "manage",
    f"GET {P}/costs": "read", f"POST {P}/costs/csv": "manage",
    f"POST {P}/profiles/lookup": "people", f"GET {P}/traffic-sources": "ask",
    f"GET {P}/rules": "manage", f"PUT {P}/rules": "manage", f"POST {P}/rules/preview": "manage",
    f"GET {P}/rules/versions": "manage", f"POST {P}/rules/versions/{{version}}/restore": "manage",
    f"POST {P}/models/use": "manage",
    f"POST {P}/aggregate": "manage", f"POST {P}/refresh": "manage",
}  # fmt: skip


OF_QUESTION = {
    "persons": "people", "person": "people", "merges": "people", "sessions": "people", "funnel_units": "people",
    "retention_people": "people", "lifecycle_people": "people", "customer_value": "people", "customers": "people", "entity_views": "views", "top_entities": "views",
    "entities": "views", "views": "views", "daily": "interactions", "audience": "audience",
    "view_bookings": "bookings", "year": "year", "personalize": "personal", "recommend": "personal", "models": "people", "recommendation_results": "people", "suggestion_results": "people", "newest_events": "live", "newest_sessions": "people",
    "visitors": "people", "visitor": "people", "rejections": "people", "violations": "read",
}  # fmt: skip
"""Of each question, the permission it needs; all others need `ask`."""


WHOLE_PROJECT = {"overview", "live", "sources", "entity_funnel"}


MARK = "zzforeignzz"


class Installation(NamedTuple):
    """A server with two artists, and every kind of caller."""

    server: Server
    project: str
    other_project: str
    kid: str
    key: str
    other_kid: str
    other_key: str
    admin: httpx.Client

    def token(self, account: str, entities: list[OwnedEntity] | None = None, seconds: int = 600) -> str:
        return sign(self.project, self.kid, self.key, account, entities, seconds)

    def path(self, rest: str = "") -> str:
        return f"/api/v1/projects/{self.project}{rest}"

    def as_token(self, token: str, method: str, rest: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return self.server.http.request(method, self.path(rest), json=body, headers=headers)


def put_account(installation: Installation, account: str, **given: Any) -> None:
    response = installation.admin.put(installation.path(f"/accounts/{account}"), json=given)
    assert response.status_code == 200, response.text


def signed_in(server: Server, email: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=30)
    answer = client.post("/api/v1/sign-in", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client


def _traffic(server: Server) -> None:
    """Two artists with the same things happening; everything that is of the other one carries the mark."""
    batch: list[dict[str, Any]] = []
    for mark, artist, visits in (("own", "own", 5), (MARK, MARK, 7)):
        for number in range(visits):
            context = {
                "userAgent": AGENT, "locale": f"en-{mark[:2]}",
                "page": {"url": f"https://{mark}.example/{mark}?utm_source={mark}&utm_campaign={mark}",
                         "referrer": f"https://{mark}-referrer.example/", "title": f"Title {mark}"},
            }  # fmt: skip
            who = {"anonymousId": f"visitor-{mark}-{number}", "userId": f"fan-{mark}-{number}", "context": context}
            batch.append({"type": "identify", "traits": {"gender": mark, "plan": mark}, **who})
            for name in ("view", "click", "Order Completed", f"Only {mark}"):
                properties: dict[str, Any] = {"entity_type": "artist", "entity_id": artist, "secret": mark}
                if name == "Order Completed":
                    properties |= {"revenue": 10, "currency": "USD"}
                batch.append({"type": "track", "event": name, "properties": properties, **who})
    assert server.post("batch", {"batch": batch}).status_code == 202
    for mark in ("own", MARK):
        viewed = {"anonymous_id": f"viewer-{mark}", "session_id": f"session-{mark}"}
        answer = server.http.post(
            f"/v1/entities/artist/{mark}/view",
            json=viewed,
            auth=("wk_test", ""),
            headers={"user-agent": AGENT, "accept-language": "en"},
        )
        assert answer.status_code < 300, answer.text
    server.stored()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    server = Server(
        tmp_path_factory.mktemp("who") / "data", failed_sign_ins_per_minute="0", metrics_token="of-prometheus-alone"
    ).start()
    admin = signed_in(server, EMAIL, PASSWORD)
    project = admin.get("/api/v1/projects").json()[0]["id"]
    made = admin.post(f"/api/v1/projects/{project}/keys", json={"kind": "embed"}).json()
    other = admin.post("/api/v1/projects", json={"name": "Other"}).json()["project_id"]
    theirs = admin.post(f"/api/v1/projects/{other}/keys", json={"kind": "embed"}).json()
    found = Installation(
        server, project, other, made["id"], made["embed_key"], theirs["id"], theirs["embed_key"], admin
    )
    registered = [{"type": "artist", "id": one, "name": f"Name {one}", "owners": [f"owner-{one}"], "parents": []}
                  for one in ("own", MARK)]  # fmt: skip
    assert admin.put(f"/api/v1/projects/{project}/entities", json=registered).status_code == 200
    _traffic(server)
    for role in ("viewer", "analyst", "owner"):
        body = {"email": f"{role}@example.com", "role": role, "password": "a long password"}
        assert admin.post(f"/api/v1/projects/{project}/members", json=body).status_code == 201
    body = {"email": "outsider@example.com", "password": "a long password"}
    assert admin.post(f"/api/v1/projects/{other}/members", json=body).status_code == 201
    yield found
    server.stop()


def _at_least(order: list[str], given: str, needed: str) -> bool:
    return order.index(given) >= order.index(needed)


def may(kind: str, verification: str, subscription: str, expired: bool) -> set[str]:
    """What the table above gives."""
    tier = "free" if expired else subscription
    return {
        permission
        for permission, (verified, paid) in CONCERTS[kind].items()
        if _at_least(VERIFICATIONS, verification, verified) and _at_least(SUBSCRIPTIONS, tier, paid)
    }


def expected(needed: str, permissions: set[str], caller: str) -> bool | None:
    """Whether a caller is let in; None where the answer is not about permission."""
    if needed in ("anybody", "somebody"):
        return needed == "somebody" or None
    if needed == "the metrics token":
        return False
    if needed == "signed in":
        return caller in ("viewer", "analyst", "owner", "administrator", "outsider")
    if needed.endswith(" of one"):
        # Who sees several projects says which; who sees one sees its people if they may.
        return None if caller in ("outsider", "administrator") else needed.removesuffix(" of one") in permissions
    if needed.endswith(" of another"):
        # Who sees several projects has to use a key; an account is told of itself only (tests/personalize). The
        # outsider is an analyst of the other project, in which there is no such user.
        permission = needed.removesuffix(" of another")
        if caller in ("outsider", "administrator"):
            return False if caller == "outsider" and permission == "manage" else None
        return caller != "account" and permission in permissions
    if caller == "outsider":
        return False
    if needed == "of project":
        return True
    if needed == "by question":
        return "views" in permissions
    if needed == "own":
        return caller == "account"
    if needed == "own or manage":
        return caller == "account" or "manage" in permissions
    return needed in permissions


@pytest.fixture(scope="module")
def accounts(installation: Installation) -> dict[str, set[str]]:
    """An account of each type and standing → what it may."""
    found = {}
    for kind in CONCERTS:
        for verification, subscription, expired in STANDINGS:
            name = f"{kind}-{verification}-{subscription}-{expired}"
            ends = datetime.now(UTC) + timedelta(days=-1 if expired else 30)
            own = [] if kind in ("user", "admin") else [{"type": "artist", "id": "own"}]
            put_account(installation, name, type=kind, verification=verification, subscription=subscription,
                     expires_at=ends.isoformat(), entities=own)  # fmt: skip
            found[name] = may(kind, verification, subscription, expired)
    return found


@pytest.fixture(scope="module")
def best(accounts: dict[str, set[str]]) -> str:
    """The artist who may most."""
    return "artist-business-enterprise-False"
