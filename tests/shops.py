"""A server that shops send their orders to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from conftest import EMAIL, PASSWORD, Server


class Product:
    """A server of these tests' own, seen by its administrator."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = httpx.Client(base_url=server.url, timeout=30)
        said = self.admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        self.admin.headers["x-csrf-token"] = said["csrf"]
        project = self.admin.get("/api/v1/projects").json()[0]["id"]
        self.path = f"/api/v1/projects/{project}"

    def connect(self, **given: Any) -> dict[str, Any]:
        made = self.admin.post(f"{self.path}/connections", json=given)
        assert made.status_code == 201, made.text
        return dict(made.json())

    def connection(self, one: str) -> dict[str, Any]:
        return next(row for row in self.admin.get(f"{self.path}/connections").json() if row["id"] == one)

    def customer(self, user: str) -> dict[str, Any]:
        self.server.stored()
        rows = self.server.get("customers", search=user, sortBy="orders")["rows"]
        return next((row for row in rows if row["user_id"] == user), {"orders": 0, "bookings": 0, "paid": []})


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    server = Server(tmp_path_factory.mktemp("connections") / "data", allow_private_addresses="127.0.0.0/8").start()
    yield Product(server)
    server.stop()


def shops_check(header: str, body: bytes, secret: str) -> None:
    """A signature as Stripe's, checked by Stripe's own library."""
    assert stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
