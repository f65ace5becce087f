"""`/v1/recommend`: who gets recommendations, and calls with a recommendations key, which are counted."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import SECRET_KEY, WRITE_KEY
from permission_matrix import Installation, put_account
from permission_matrix import installation as installation  # noqa: PLC0414 - a fixture
from trackway.govern.database import GovernDatabase


@pytest.fixture(scope="module")
def shop(installation: Installation) -> Installation:
    """An installation in which `ann` and `bob` viewed concerts; both are accounts of type user."""
    for user, concert in (("ann", "c1"), ("ann", "c2"), ("bob", "c1"), ("bob", "c3")):
        properties = {"entity_type": "concert", "entity_id": concert}
        body = {"userId": user, "anonymousId": f"at-{user}", "event": "view", "properties": properties}
        installation.server.post("track", body)
    installation.server.stored()
    for user in ("ann", "bob"):
        put_account(installation, user, type="user")
    return installation


def asked(shop: Installation, key: str, **parameters: Any) -> httpx.Response:
    named = {"entity_type": "concert", **parameters}
    return shop.server.http.get("/v1/recommend", params=named, headers={"authorization": f"Bearer {key}"})


def made(shop: Installation, **agreed: Any) -> tuple[str, str]:
    """Return a new recommendations key and its id."""
    keys = shop.admin.post(f"/api/v1/projects/{shop.project}/keys", json={"kind": "recommend", **agreed})
    assert keys.status_code == 201, keys.text
    return keys.json()["recommend_key"], keys.json()["id"]


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["entity_id"] for one in answer.json()["items"]]


def test_servers_ask_about_anybody_and_people_about_themselves(shop: Installation) -> None:
    assert ids(asked(shop, SECRET_KEY, user="ann"))[0] == "c3"
    assert ids(asked(shop, shop.token("bob")))[0] == "c2"
    assert asked(shop, shop.token("bob"), user="ann").status_code == 400
    assert "c1" in ids(asked(shop, SECRET_KEY, kind="also_viewed", entity="c3"))
    unknown = asked(shop, SECRET_KEY, user="nobody").json()
    assert (unknown["basis"], unknown["items"][0]["position"], unknown["items"][0]["propensity"]) == (
        "popularity",
        1,
        1,
    )
    for key in (WRITE_KEY, "sk_of_nobody"):
        assert asked(shop, key, user="ann").status_code == 401
    wrong = asked(shop, SECRET_KEY, kind="best")
    assert wrong.status_code == 400 and "kind" in wrong.text


def test_a_recommendations_key_opens_recommendations_and_nothing_else(shop: Installation) -> None:
    key, key_id = made(shop)
    assert ids(asked(shop, key, user="ann"))[0] == "c3"
    headers = {"authorization": f"Bearer {key}"}
    for path in (
        "/api/v1/projects", f"/api/v1/projects/{shop.project}/trend?period=7d", "/v1/personalize/ann", "/api/v1/me",
        "/v1/recommend/more", "/api/customers/metrics",
    ):  # fmt: skip
        assert shop.server.http.get(path, headers=headers).status_code in (401, 404), path
    assert shop.server.http.post("/v1/track", json={"event": "x", "writeKey": key}).status_code == 401
    shown = {one["id"]: one for one in shop.admin.get("/api/v1/projects").json()[0]["keys"]}
    assert shown[key_id]["kind"] == "recommend" and key not in str(shown)
    assert shop.admin.delete(f"/api/v1/projects/{shop.project}/keys/{key_id}").status_code == 204
    assert asked(shop, key, user="ann").status_code == 401


def test_calls_are_counted_by_key_and_day_and_refused_over_the_quota(shop: Installation) -> None:
    key, key_id = made(shop, calls_per_day=3, price="0.0025")
    answers = [asked(shop, key, user="ann") for _ in range(5)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 86_400 and "quota" in answers[-1].text
    usage = shop.admin.get(f"/api/v1/projects/{shop.project}/keys/usage").json()
    [row] = [one for one in usage if one["key_id"] == key_id]
    assert (row["calls"], row["calls_per_day"], row["price"], row["amount"]) == (3, 3, "0.0025", "0.0075")
    assert shop.server.http.get(
        f"/api/v1/projects/{shop.project}/keys/usage", headers={"authorization": f"Bearer {key}"}
    ).status_code == 401  # fmt: skip
    for wrong in ({"calls_per_day": 0}, {"price": "-1"}):
        refused = shop.admin.post(f"/api/v1/projects/{shop.project}/keys", json={"kind": "recommend", **wrong})
        assert refused.status_code == 400 and next(iter(wrong)) in refused.text


def test_calls_at_the_same_time_never_exceed_the_quota_and_the_next_day_begins_anew(tmp_path: Path) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'trackway.db'}")
    project = UUID(accounts.add_project("one")[0].id)
    key, secret = accounts.add_key(project, "recommend")
    keys = accounts.recommendation_keys
    keys.agree(key.id, 50, Decimal("0.1"))
    found = keys.of(secret)
    assert found is not None and found[1] == key.id and keys.of("rk_wrong") is None
    assert accounts.project_of_secret(secret) is None, "it is no secret key"
    now = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    waits: Counter[int] = Counter()

    def call() -> None:
        waits.update(keys.count(key.id, now) for _ in range(20))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits == {0: 50, 3600: 30}
    assert keys.count(key.id, now + timedelta(hours=2)) == 0
    assert [(one.day, one.calls) for one in keys.usage(project, date(2026, 3, 1))] == [
        (date(2026, 3, 2), 1), (date(2026, 3, 1), 50),
    ]  # fmt: skip
    accounts.close()
