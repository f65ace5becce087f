"""Several collectors on one PostgreSQL: each takes views, ends sessions and serves the SDK, as the role all does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any
from uuid import UUID

import httpx
import pytest
from loaders import Site, send
from sqlalchemy import create_engine, text

from conftest import SECRET_KEY, WRITE_KEY, Server, eventually
from kafka import Kafka
from postgres import Postgres

pytestmark = pytest.mark.timeout(300)
_HERE = (WRITE_KEY, "")


class Counting(Site):
    """An installation with two collectors, which know only the reading user of the store."""

    def start(self) -> Counting:
        self.main.environment["TRACKWAY_STORE_READER"] = self.reader
        self.main.start()
        self.collectors = [self.make(number) for number in range(2)]
        for one in (*self.loaders, *self.collectors):
            one.start()
        return self

    @property
    def reader(self) -> str:
        return self.engine.dsn("reader", "hidden", "tracking")

    def make(self, number: int) -> Server:
        settings = {**self.settings, "store": self.reader, "secrets": self.main.environment["TRACKWAY_SECRETS"]}
        return Server(self.folder / f"collector{number}", fresh=True, role="collector", **settings)

    @property
    def processes(self) -> list[Server]:
        return [self.main, *self.loaders, *getattr(self, "collectors", [])]


@pytest.fixture(scope="module")
def site(kafka: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    made = Counting(kafka, tmp_path_factory.mktemp("counting"), "counting", 2, postgres.dsn)
    made.main.environment["TRACKWAY_SECRETS"] = "ZmFrZS1rZXktb2YtdGVzdHMtMzItYnl0ZXMtbG9uZyE="
    try:
        yield made.start()
    finally:
        made.close()


def view(server: Server, entity: str, session: str, key: str = WRITE_KEY, **body: Any) -> httpx.Response:
    return server.http.post(f"/v1/entities/song/{entity}/view", json={"session_id": session, **body}, auth=(key, ""))


def project(site: Site) -> tuple[str, dict[str, str]]:
    """The address of the first project, and the header that lets its host in."""
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    return f"/api/v1/projects/{site.main.http.get('/api/v1/projects', headers=headers).json()[0]['id']}", headers


def total(site: Site, entity: str) -> dict[str, int]:
    """The counters of an entity, as the role all answers them."""
    path, headers = project(site)
    body = {"entity_type": "song", "ids": [entity]}
    answer = site.main.http.post(f"{path}/views/lookup", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()[0])


def stored_views(site: Site, entity: str) -> int:
    return int(site.rows(f"SELECT count() FROM events WHERE entity_type = 'song' AND entity_id = '{entity}'"))


def test_the_same_views_sent_to_both_collectors_at_once_count_once(site: Counting) -> None:
    _, distant, _ = site.project("distant", 1)
    send(site.collectors[0], distant, [{"type": "track", "event": "E", "anonymousId": "v", "messageId": "known"}])
    for key, entity in ((WRITE_KEY, "near"), (distant, "far")):
        sent = [(server, f"s{n % 40}") for n, server in zip(range(320), cycle(site.collectors), strict=False)]
        sent += [(server, session) for server, (_, session) in zip(reversed(site.collectors * 160), sent, strict=True)]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda one: view(one[0], entity, one[1], key), sent))
        assert {answer.status_code for answer in answers} == {200}
        assert sum(answer.json()["tracked"] for answer in answers) == 40
        eventually(lambda entity=entity: stored_views(site, entity) == 40)  # type: ignore[misc]
    counted = total(site, "near")
    assert (counted["views"], counted["sessions"]) == (40, 40)
    assert {one.http.get("/readyz").json()["unlogged_views"] for one in site.collectors} == {0}


def test_a_recount_waits_for_the_views_of_collectors(site: Counting) -> None:
    path, headers = project(site)
    for n in range(10):
        assert view(site.collectors[n % 2], "again", f"r{n}").json()["tracked"]
    answer = site.main.http.post(f"{path}/refresh", json={}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["differed"] == {}
    assert stored_views(site, "again") == total(site, "again")["views"] == 10


def test_a_closed_register_holds_at_the_collectors(site: Counting) -> None:
    closed, key, secret = site.project("closed", 0)
    headers = {"authorization": f"Bearer {secret}"}
    accounts = site.accounts()
    accounts.change_project(UUID(closed.id), None, None, None, None, closed_register=True)
    accounts.close()
    song = {"type": "song", "id": "known"}
    answer = site.main.http.put(f"/api/v1/projects/{closed.id}/entities", json=[song], headers=headers)
    assert answer.status_code == 200, answer.text
    for number, one in enumerate(site.collectors):
        eventually(lambda one=one: view(one, "unknown", "s", key).status_code == 404)  # type: ignore[misc]
        assert view(one, "known", f"s{number}", key).json()["tracked"]


def test_a_viewer_is_proven_to_a_collector_by_the_secret_key(site: Counting) -> None:
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    body = {"session_id": "p1", "viewer_id": "ann"}
    answer = site.collectors[1].http.post("/v1/entities/song/proven/view", json=body, headers=headers)
    assert answer.json() == {"tracked": True, "message": "View tracked"}
    assert total(site, "proven")["viewers"] == 1
    wrong = site.collectors[1].http.post(
        "/v1/entities/song/proven/view", json=body, headers={"authorization": "Bearer sk_wrong"}
    )
    assert wrong.status_code == 401


def test_a_session_ends_through_a_collector(site: Counting) -> None:
    message = {"type": "track", "event": "E", "anonymousId": "ender"}
    send(site.collectors[0], WRITE_KEY, [{**message, "messageId": "before"}])
    site.stored()
    session = site.rows("SELECT DISTINCT session_id FROM events WHERE visitor_id = 'ender'")
    first, second = site.collectors
    for one, body, status in (
        (second, {"session_id": session}, 202),
        (first, {"session_id": session}, 200),  # what the other collector ended
        (first, {"session_id": "of nobody"}, 404),
        (first, {"session_id": "of nobody", "anonymous_id": "new"}, 202),
    ):
        answer = one.http.post("/v1/sessions/end", json=body, auth=_HERE)
        assert answer.status_code == status, answer.text
    send(first, WRITE_KEY, [{**message, "messageId": "after"}])
    site.stored()
    assert site.rows("SELECT uniqExact(session_id) FROM events WHERE visitor_id = 'ender' AND name = 'E'") == "2"
    ended = "SELECT name, toString(session_id) FROM events WHERE visitor_id = 'ender' AND name = 'Session Ended'"
    assert site.rows(ended) == f"Session Ended\t{session}"


def test_a_session_of_a_project_of_the_other_loader_ends_through_a_collector(site: Counting) -> None:
    _, key, _ = site.project("ending", 1)
    message = {"type": "track", "event": "E", "anonymousId": "far", "context": {"sessionId": "tab-1"}}
    for one, status in zip(site.collectors, (202, 200), strict=True):
        send(one, key, [{**message, "messageId": "only one"}])
        answer = one.http.post("/v1/sessions/end", json={"session_id": "tab-1"}, auth=(key, ""))
        assert answer.status_code == status, answer.text


def test_a_collector_serves_the_sdk(site: Counting) -> None:
    served = site.main.http.get("/t.js")
    assert served.status_code == 200
    for one in site.collectors:
        answer = one.http.get("/t.js")
        assert (answer.content, answer.headers["content-type"]) == (served.content, served.headers["content-type"])
        assert answer.headers["access-control-allow-origin"] == "*"
        assert one.http.get("/t/none.js").status_code == 404
        assert one.http.post("/t.js").status_code == 405


def test_views_go_on_while_the_store_is_away_and_a_session_waits(site: Counting) -> None:
    assert view(site.collectors[0], "away", "a0").json()["tracked"]
    site.engine.stop()  # type: ignore[union-attr]
    assert view(site.collectors[0], "away", "a1").json()["tracked"]
    lonely = site.make(7).start()
    try:
        assert lonely.http.get("/readyz").status_code == 200
        assert view(lonely, "away", "a2").json()["tracked"]
        ended = lonely.http.post("/v1/sessions/end", json={"session_id": "a1", "anonymous_id": "v"}, auth=_HERE)
        assert ended.status_code == 503
        assert ended.headers["retry-after"]
    finally:
        lonely.stop()
        site.engine.start()
    eventually(lambda: stored_views(site, "away") == 3)


def test_a_killed_collector_loses_no_view_that_it_answered(site: Counting, kafka: Kafka, postgres: Postgres) -> None:
    """Its views are in the database, and it is killed before the log has them: the brokers are stopped meanwhile."""
    victim = site.make(8).start()
    assert view(victim, "kept", "k0").json()["tracked"]
    with kafka.paused():
        answers = [view(victim, "kept", f"k{n}") for n in range(1, 21)]
        assert all(answer.json()["tracked"] for answer in answers)
        assert not view(site.collectors[0], "kept", "k7").json()["tracked"]
        victim.stop(signal.SIGKILL)
    eventually(lambda: stored_views(site, "kept") == 21)
    with create_engine(postgres.dsn).connect() as connection:
        eventually(lambda: connection.scalar(text("SELECT count(*) FROM pending_views")) == 0)
    assert total(site, "kept")["views"] == 21


def test_a_collector_without_the_store_takes_messages_only_and_says_why(site: Counting) -> None:
    settings = {**site.settings, "store": "", "secrets": site.main.environment["TRACKWAY_SECRETS"]}
    plain = Server(site.folder / "plain", fresh=True, role="collector", **settings).start()
    try:
        assert "set store to" in plain.http.get("/readyz").json()["only_messages"]
        assert view(plain, "none", "s").status_code == 404
        assert plain.http.post("/v1/sessions/end", json={"session_id": "s"}, auth=_HERE).status_code == 404
        assert plain.http.get("/t.js").status_code == 200
        send(plain, WRITE_KEY, [{"type": "track", "event": "E", "anonymousId": "v", "messageId": "plain"}])
    finally:
        plain.stop()
