"""Ready segments, and who is told of people who enter or leave one: a real address that is posted to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from conftest import Server, eventually
from listener import Listener
from shops import Product, shops_check

DAY = timedelta(days=1)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    server = Server(tmp_path_factory.mktemp("watching") / "data", allow_private_addresses="127.0.0.0/8").start()
    made = Product(server)
    assert server.http.patch  # the schedule must not run beside what is run by hand
    made.admin.patch("/api/v1/jobs/watch-segments", json={"active": False})
    made.admin.patch("/api/v1/jobs/score-customers", json={"active": False})
    yield made
    server.stop()


def order(user: str, ago: timedelta, amount: float = 10) -> dict[str, Any]:
    at = datetime.now(UTC) - ago
    return {"type": "track", "event": "Order Completed", "userId": user, "timestamp": at.isoformat(),
            "context": {"sessionId": False}, "messageId": str(uuid4()),
            "properties": {"order_id": str(uuid4()), "revenue": amount, "currency": "USD"}}  # fmt: skip


def send(product: Product, *batch: dict[str, Any]) -> None:
    assert product.server.post("batch", {"batch": list(batch)}).status_code == 202
    product.server.stored()


def run(product: Product, job: str) -> str:
    product.admin.patch(f"/api/v1/jobs/{job}", json={"active": False})  # so that its schedule does not run it too
    eventually(lambda: all(found["ended_at"] for found in product.admin.get(f"/api/v1/jobs/{job}/runs").json()))
    runs = len(product.admin.get(f"/api/v1/jobs/{job}/runs").json())
    assert product.admin.post(f"/api/v1/jobs/{job}/run").status_code < 300
    for _ in range(1200):
        found = product.admin.get(f"/api/v1/jobs/{job}/runs").json()
        if len(found) > runs and found[0]["ended_at"]:
            assert found[0]["status"] == "done", found[0]
            return str(found[0]["message"])
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def inside(product: Product, segment: str) -> list[str]:
    rows = product.server.get(f"segments/{segment}/people")["people"]
    return sorted(row["user_id"] for row in rows)


def test_who_has_not_ordered_for_thirty_days_is_in_the_ready_segment_and_in_its_files(product: Product) -> None:
    send(product, order("lapsed", 31 * DAY), order("recent", 29 * DAY), order("both", 40 * DAY), order("both", DAY))
    assert inside(product, "ready:no-order-30-days") == ["lapsed"]
    text = product.admin.get(f"{product.path}/segments/ready:no-order-30-days/people?format=csv").text
    assert (
        text.splitlines()[0].replace('"', "") == "person,user_id,visitor_id,name"
        and "lapsed" in text
        and "recent" not in text
    )
    asked = product.server.asked(
        {"question": "customers", "filter": {"segment": "ready:no-order-30-days"}, "period": "all"}
    )
    assert [row["user_id"] for row in asked["data"]["rows"]] == ["lapsed"]
    # In any other question, too.
    bought = product.server.asked({
        "question": "trend", "series": [{"event": "Order Completed"}], "period": "90d",
        "filter": {"segment": "ready:no-order-30-days"},
    })  # fmt: skip
    assert bought["data"]["series"][0]["total"] == 1
    listed = {one["id"]: one for one in product.admin.get(f"{product.path}/segments").json()}
    assert listed["ready:no-order-30-days"]["kind"] == "ready"
    assert product.admin.get(f"{product.path}/segments/ready:nobody/people").status_code == 400


def test_who_came_every_week_and_no_more_fell_from_weekly_to_none(product: Product) -> None:
    def here(user: str, *days: float) -> list[dict[str, Any]]:
        return [
            {"type": "page", "userId": user, "anonymousId": f"v-{user}", "messageId": str(uuid4()),
             "timestamp": (datetime.now(UTC) - timedelta(days=one)).isoformat()} for one in days
        ]  # fmt: skip

    send(product, *here("fell", 17, 24, 31, 38), *here("still", 1, 17, 24, 31, 38), *here("rare", 17, 38))
    assert inside(product, "ready:weekly-to-none") == ["fell"]


def test_an_address_is_told_once_of_who_entered_and_who_left(product: Product, listener: Listener) -> None:
    body = {"segment": "ready:no-order-30-days", "url": listener.url}
    made = product.admin.post(f"{product.path}/watches", json=body).json()
    assert made["secret"] and "secret" not in {
        k for k, v in product.admin.get(f"{product.path}/watches").json()[0].items() if v
    }
    run(product, "watch-segments")
    assert listener.told() == [], "who is inside at first is where it begins"
    send(product, order("later", 35 * DAY))
    run(product, "watch-segments")
    assert listener.told() == [(["later"], [])]
    shops_check(*listener.signatures[-1], made["secret"])
    run(product, "watch-segments")
    assert listener.told() == [], "nothing changed"
    send(product, order("later", timedelta(0)), order("lapsed", timedelta(0)), order("new-one", 33 * DAY))
    listener.refusing = True
    assert "notified again" in run(product, "watch-segments")
    assert "500" in product.admin.get(f"{product.path}/watches").json()[0]["problem"]
    listener.refusing = False
    run(product, "watch-segments")
    [(entered, left)] = listener.told()
    assert (entered, sorted(left)) == (["new-one"], ["lapsed", "later"]), "what was not taken is told again"
    shown = product.admin.get(f"{product.path}/watches").json()[0]
    assert shown["problem"] == "" and shown["inside"] == len(inside(product, "ready:no-order-30-days"))
    assert product.admin.delete(f"{product.path}/watches/{made['id']}").status_code == 204
    send(product, order("after", 50 * DAY))
    run(product, "watch-segments")
    assert listener.told() == []
    for wrong in ({"segment": "ready:nobody"}, {"url": "ftp://x"}, {"segment": str(uuid4())}):
        assert product.admin.post(f"{product.path}/watches", json={**body, **wrong}).status_code == 400


def test_who_is_joined_with_somebody_inside_neither_enters_nor_leaves(product: Product, listener: Listener) -> None:
    send(product, order("twin-a", 80 * DAY), order("twin-b", 90 * DAY))
    saved = product.admin.post(
        f"{product.path}/segments",
        json={
            "name": "Twins",
            "filter": {"all": ["customer.days_since_order:at_least:60", "user_id:starts_with:twin"]},
        },
    ).json()
    product.admin.post(f"{product.path}/watches", json={"segment": saved["id"], "url": listener.url})
    run(product, "watch-segments")
    assert inside(product, saved["id"]) == ["twin-a", "twin-b"]
    send(product, {"type": "alias", "previousId": "twin-a", "userId": "twin-b", "messageId": str(uuid4())})
    run(product, "watch-segments")
    assert len(inside(product, saved["id"])) == 1 and listener.told() == []
