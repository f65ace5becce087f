"""Strange input at every door: no answer of 500 and more, no stall, and what was accepted is stored or a dead letter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import strange
from damage import CORPUS, SHARED, hostile_messages
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import demand, when_stopped
from senders import Book
from victim import BEARER, EMAIL, PASSWORD, WRITE_KEY, Victim, Violation

from conftest import cases

_count = itertools.count()


def examples(count: int) -> Callable[[Any], Any]:
    """The same examples every time; a failing one is shown as it was found."""
    return settings(
        max_examples=cases(count), derandomize=True, database=None, deadline=None, print_blob=False,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )  # fmt: skip


class Doors:
    """A server with all its doors, and what came through them."""

    def __init__(self, folder: Path) -> None:
        self.victim, self.book = Victim(folder / "data", folder, batch_seconds="0.02"), Book()
        self.victim.start()
        self.stalled = ""
        self.http = httpx.Client(base_url=self.victim.url, timeout=60)
        admin = httpx.Client(base_url=self.victim.url, timeout=60)
        said = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = said["csrf"]
        self.secrets = {"stripe": "whsec_fuzz", "woocommerce": "woo_fuzz"}
        self.connections = {
            kind: admin.post(f"{self.victim.project}/connections", json={"kind": kind, "name": kind, "secret": secret}).json()["id"]
            for kind, secret in self.secrets.items()
        }  # fmt: skip

    def post(self, path: str, content: bytes, **headers: str) -> httpx.Response:
        """A body with the write key; the answer, which is below 500."""
        key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        own = {"authorization": f"Basic {key}", "content-type": "application/json", **headers}
        return self.checked(self.http.post(path, content=content, headers=own), content)

    @staticmethod
    def checked(answer: httpx.Response, content: bytes) -> httpx.Response:
        """An answer below 500."""
        assert answer.status_code < 500, f"{answer.status_code} {answer.text[:300]} for {content[:3000]!r}"
        return answer

    def send(self, batch: list[dict[str, Any]]) -> None:
        """A batch through the collector into the store."""
        for message in batch:
            message["messageId"] = f"fuzz-{next(_count)}"
        self.book.announce(batch)
        self.book.write(batch, self.post("/v1/batch", json.dumps({"batch": batch}).encode()), hostile=True)
        self.settle()

    def settle(self) -> None:
        """Wait until all is stored; once nothing moves any more, nothing is waited for."""
        assert not self.stalled, "the loader stands still because of an earlier test"
        try:
            self.victim.settle()
        except Violation as error:
            self.stalled = str(error)
            raise


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    opened = Doors(tmp_path_factory.mktemp("fuzz"))
    yield opened
    opened.victim.kill()


def test_each_case_of_the_corpus_is_stored_or_a_dead_letter_and_its_neighbours_are_stored(doors: Doors) -> None:
    if not SHARED.exists():
        print(f"there is no {SHARED}; only the cases of {CORPUS} are tried")
    for case in hostile_messages("corpus"):
        good = [{"type": "track", "event": "Good", "anonymousId": "good"} for _ in range(2)]
        doors.send([good[0], case, good[1]])
        missing = {one["messageId"] for one in good} - set(doors.book.acknowledged)
        assert not missing, f"neighbours of {case} were refused"


@examples(17)
@given(st.lists(strange.messages, min_size=4, max_size=12))
def test_batches(doors: Doors, batch: list[dict[str, Any]]) -> None:
    doors.send(batch)


@examples(20)
@given(st.sampled_from(("track", "page", "batch", "identify", "alias", "b", "t")), strange.values | strange.messages,
       st.sampled_from(("", "gzip", "deflate", "br")))  # fmt: skip
def test_single_messages_and_bodies_that_are_none(doors: Doors, kind: str, body: Any, encoding: str) -> None:
    doors.post(f"/v1/{kind}", json.dumps(body).encode(), **({"content-encoding": encoding} if encoding else {}))


@examples(10)
@given(st.binary(max_size=300) | st.sampled_from([strange.deep(n).encode() for n in (10, 17, 500, 8000)]))
def test_bodies_of_bytes(doors: Doors, body: bytes) -> None:
    for path in ("/v1/track", "/v1/batch", "/v1/sessions/end", "/v1/entities/concert/1/view"):
        doors.post(path, body)


@examples(20)
@given(st.dictionaries(st.sampled_from(("url", "referrer", "event", "anonymousId", "userId", "title", "revenue", "timestamp")),
                       strange.texts))  # fmt: skip
def test_the_pixel(doors: Doors, given_: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in given_.items())
    doors.checked(doors.http.get(f"/v1/pixel.gif?writeKey={WRITE_KEY}&{query}"[:8000]), query.encode())


@examples(13)
@given(strange.texts, strange.texts, st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("session_id", "referrer_source", "user_id", "anonymous_id"), strange.ids)))  # fmt: skip
def test_views_and_ends_of_sessions(doors: Doors, kind: str, one: str, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    address = "/".join(quote(part, safe="", errors="replace") for part in (kind[:200], one[:200]))
    doors.post(f"/v1/entities/{address}/view", content)
    doors.post("/api/analytics/session/end", content)


@examples(10)
@given(st.lists(strange.orders, max_size=4))
def test_orders(doors: Doors, orders: list[dict[str, Any]]) -> None:
    doors.post(f"{doors.victim.project}/orders", json.dumps(orders).encode(), **BEARER)
    doors.settle()


@examples(13)
@given(strange.stripe_events)
def test_deliveries_of_stripe(doors: Doors, event: dict[str, Any]) -> None:
    body, at = json.dumps(event).encode(), str(int(time.time()))
    made = hmac.new(doors.secrets["stripe"].encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    doors.post(f"/v1/connections/{doors.connections['stripe']}", body, **{"stripe-signature": f"t={at},v1={made}"})


@examples(13)
@given(strange.woo_orders, st.sampled_from(("order.created", "order.updated", "order.deleted", "")))
def test_deliveries_of_woocommerce(doors: Doors, order: dict[str, Any], topic: str) -> None:
    body = json.dumps(order).encode()
    made = base64.b64encode(hmac.new(doors.secrets["woocommerce"].encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "x-wc-webhook-signature": made,
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-delivery-id": str(next(_count)),
    }
    doors.post(f"/v1/connections/{doors.connections['woocommerce']}", body, **headers)


def _imported(doors: Doors, name: str, form: str, content: bytes) -> None:
    """Import a file; it comes to an end that says what became of it."""
    path = f"{doors.victim.project}/transfers"
    answer = doors.http.post(f"{path}/imports", params={"name": name, "format": form}, content=content, headers=BEARER)
    made = doors.checked(answer, content).json()["id"]
    while True:
        [row] = [one for one in doors.http.get(path, headers=BEARER).json() if one["id"] == made]
        if row["state"] in ("done", "failed"):
            break
        time.sleep(0.02)
    assert "Traceback" not in row["message"], row
    doors.settle()


@pytest.mark.parametrize("form", ["ndjson", "csv", "access-log", "shopify-orders"])
@examples(4)
@given(strange.lines)
def test_files(doors: Doors, form: str, lines: list[str]) -> None:
    _imported(doors, f"{next(_count)}.txt", form, "\n".join(lines).encode("utf-8", "replace"))


def test_the_shared_files_come_in(doors: Doors) -> None:
    if not SHARED.exists():
        pytest.skip(f"there is no {SHARED}")
    for file in sorted(SHARED.iterdir()):
        form = {".csv": "csv", ".ndjson": "ndjson", ".log": "access-log"}.get(file.suffix)
        if form:
            _imported(doors, file.name, form, file.read_bytes())


def test_at_the_end_everything_accepted_is_there_and_every_question_is_answered(doors: Doors) -> None:
    doors.settle()
    doors.victim.sql("SELECT count() AS n FROM sessions FINAL")
    for question in ("persons", "live", "overview", "revenue", "merges"):
        body = {"question": question, "period": "all"}
        answer = doors.http.post(f"{doors.victim.project}/ask", json=body, headers=BEARER)
        assert answer.status_code < 500, f"{question}: {answer.text[:500]}"
    doors.victim.stop()
    # What orders of strange messages come to is more than a sum; their totals are compared all the same.
    verdict = when_stopped(doors.victim, doors.book, aside=("orders",))
    demand(verdict, "after strange input")
    print(f"{len(doors.book.acknowledged)} accepted, {verdict.letters} of them dead letters")
