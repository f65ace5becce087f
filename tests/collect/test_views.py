"""Views of entities: one an entity and session in 24 hours, whatever comes at once, late, again or after a crash."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Server, also, eventually
from factories import FIREFOX
from trackway.collect.views.counter import entity_of
from trackway.govern.access.tokens import sign
from trackway.store import checkpoint

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        ("/v1/entities/concert/42/view", ("concert", "42")),
        ("/v1/entities/concert/a/b/view", ("concert", "a/b")),
        ("/api/profiles/7/track-view", ("profile", "7")),
        ("/v1/entities/concert/view", None),
        ("/v1/entities//42/view", None),
        ("/api/profiles//track-view", None),
        ("/api/v1/projects", None),
        ("/v1/entities/concert/" + "x" * 600 + "/view", None),
    ],
)
def test_addresses(path: str, entity: Any) -> None:
    assert entity_of(path) == entity


def view(
    server: Server,
    entity: str,
    session: Any,
    path: str = "",
    client: httpx.Client | None = None,
    bearer: str = "",
    agent: str = FIREFOX,
    **more: Any,
) -> httpx.Response:
    """A view, with the write key alone or with a secret."""
    body = {"session_id": session, **more}
    path = path or f"/v1/entities/concert/{entity}/view"
    headers = {"user-agent": agent, "accept-language": "de"}
    if bearer:
        return (client or server.http).post(path, json=body, headers={**headers, "authorization": f"Bearer {bearer}"})
    return (client or server.http).post(path, json=body, auth=(WRITE_KEY, ""), headers=headers)


def counted(server: Server, *ids: str, **more: Any) -> list[dict[str, Any]]:
    body = {"question": "entity_views", "entity_type": "concert", "ids": list(ids), "period": "all", **more}
    return list(server.asked(body)["data"])


@pytest.fixture
def shared(tmp_path: Path) -> str:
    """A ledger that several collectors may use, so that the database decides."""
    return f"sqlite:///{tmp_path / 'shared.db'}"


@pytest.mark.parametrize("how", ["in memory", "in the database"])
def test_a_thousand_repeats_at_once_count_once_and_a_restart_changes_nothing(
    new_server: Any, how: str, shared: str
) -> None:
    server = new_server(**({} if how == "in memory" else {"views": shared})).start()

    def repeated(_: int) -> list[dict[str, Any]]:
        """A client of a thread's own: one that threads share may read from a connection that another has closed."""
        with httpx.Client(base_url=server.url, timeout=30) as client:
            return [view(server, "c1", "s1", client=client, referrer_source="search").json() for _ in range(32)]

    with ThreadPoolExecutor(32) as pool:
        answers = [one for some in pool.map(repeated, range(32)) for one in some]
    assert len(answers) > 1000 and sum(answer["tracked"] for answer in answers) == 1
    assert {answer["reason"] for answer in answers if not answer["tracked"]} == {"Already tracked within 24 hours"}
    server.stop()
    server.start()
    assert view(server, "c1", "s1").json() == {"tracked": False, "reason": "Already tracked within 24 hours"}
    assert view(server, "c1", "s2", bearer=SECRET_KEY, user_id="ann").json()["tracked"] is True
    assert view(server, "c2", "s1").json() == {"tracked": True, "message": "View tracked"}
    server.stored()
    first, second, nobody = counted(server, "c1", "c2", "none")
    assert (first["views"], first["sessions"], first["viewers"], first["anonymous"]) == (2, 2, 1, 0.5)
    assert (second["views"], second["sessions"], second["viewers"], second["anonymous"]) == (1, 1, 0, 1.0)
    assert nobody == {
        "id": "none",
        "hidden": False,
        "views": 0,
        "sessions": 0,
        "viewers": 0,
        "anonymous": 0.0,
        "last_viewed": None,
    }
    by = {row["value"]: row["views"] for row in server.asked({"question": "views", "by": "referrer_source"})["data"]}
    assert by == {"search": 1, "": 2}
    assert server.asked({"question": "views", "by": "signed_in"})["data"] == [
        {"value": "anonymous", "views": 2, "anonymous": 2}, {"value": "signed in", "views": 1, "anonymous": 0},
    ]  # fmt: skip
    top = server.asked({"question": "top_entities"})["data"]
    assert [(row["entity_id"], row["views"]) for row in top] == [("c1", 2), ("c2", 1)]


def test_an_event_that_says_it_was_counted_counts_as_no_view(server: Server) -> None:
    forged = {
        "type": "track", "event": "view", "anonymousId": "forger", "messageId": "forged-view",
        "properties": {"entity_type": "concert", "entity_id": "forged"}, "context": {"library": {"name": "views"}},
    }  # fmt: skip
    alike = {**forged, "messageId": "own-view", "context": {"library": {"name": "my-pages"}}}
    kept = {**forged, "messageId": "other", "event": "other", "context": None}
    batch = {"batch": [forged, alike, kept], "context": {"library": {"name": "views", "version": "3"}}}
    answer = server.post("batch", batch).json()
    assert [(note["index"], note["field"]) for note in answer["notes"]] == [(0, "context.library.name")]
    server.stored()
    assert counted(server, "forged") == [] or counted(server, "forged")[0]["views"] == 0
    found = server.sql("SELECT message_id AS id, library FROM events WHERE entity_id = 'forged' ORDER BY id")
    assert found == [
        {"id": "forged-view", "library": ""}, {"id": "other", "library": "views"}, {"id": "own-view", "library": "my-pages"},
    ]  # fmt: skip


def test_counters_are_looked_up_as_of_this_moment_and_agree_with_the_events(new_server: Any) -> None:
    server = new_server().start()
    path = "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    for n in range(30):
        view(server, f"e{n % 3}", f"s{n % 7}", bearer=SECRET_KEY, user_id=f"u{n % 4}" if n % 2 else "")
    asked = {"entity_type": "concert", "ids": ["e0", "e1", "e2", "none"], "seen_by": "owner"}
    looked = server.http.post(f"{path}/views/lookup", json=asked, headers=BEARER).json()
    server.stored()
    for row in looked:
        row.setdefault("last_viewed", None)
        del row["last_viewed"]
    by_events = [
        {k: v for k, v in row.items() if k != "last_viewed"} for row in counted(server, "e0", "e1", "e2", "none")
    ]
    assert looked == by_events
    assert looked[0]["views"] > 0 and looked[3]["views"] == 0
    for wrong in ([], [str(n) for n in range(101)]):
        refused = server.http.post(f"{path}/views/lookup", json={**asked, "ids": wrong}, headers=BEARER)
        assert refused.status_code == 400
    assert server.http.post(f"{path}/views/lookup", json=asked).status_code == 401
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for place in ("/views", "/views/lookup/e0", "/entities/concert/e0/views"):
            refused = server.http.request(method, f"{path}{place}", json={"views": 9}, headers=BEARER)
            assert refused.status_code in (400, 404, 405), (method, place, "nobody writes or deletes views")


def test_a_view_that_was_stored_is_not_logged_again_however_long_the_server_was_away(
    new_server: Any, shared: str
) -> None:
    server = new_server(views=shared).start()
    database = shared.removeprefix("sqlite:///")

    def pending() -> list[Any]:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return connection.execute("SELECT key, collector, record FROM pending_views").fetchall()

    assert view(server, "away", "s1").json()["tracked"]
    kept = pending()
    server.stored()
    server.stop(signal.SIGKILL)
    # As if it had been killed before the ledger wrote down that the log has it, and been away until ids were forgotten.
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("INSERT OR REPLACE INTO pending_views VALUES (?, ?, ?)", kept)
    known = checkpoint.read(server.data / "loader")
    if known:
        checkpoint.write(server.data / "loader", msgspec.structs.replace(known, ids={}))
    shutil.rmtree(server.data / "loader" / "ids")
    assert len(kept) == len(pending()) == 1
    server.start()
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE name = 'view' AND entity_id = 'away'") == [{"n": 1}]
    eventually(lambda: not pending())  # what is stored is taken off the ledger


@pytest.mark.parametrize("how", ["in memory", also("in the database")])
def test_eight_writers_and_kills_count_nothing_twice_and_lose_nothing(new_server: Any, how: str, shared: str) -> None:
    server = new_server(**({} if how == "in memory" else {"views": shared})).start()
    tracked: dict[tuple[str, str], int] = {}
    lock, ending = threading.Lock(), threading.Event()

    def writer(seed: int) -> None:
        n = seed
        while not ending.is_set():
            entity, session = f"e{n % 7}", f"s{n * 7919 % 40}"
            n += 1
            try:
                answer = view(server, entity, session)
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code == 200 and answer.json()["tracked"]:
                with lock:
                    tracked[entity, session] = tracked.get((entity, session), 0) + 1

    threads = [threading.Thread(target=writer, args=(seed * 100,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.7)
        server.stop(signal.SIGKILL)
        server.start()
    time.sleep(1)
    ending.set()
    for thread in threads:
        thread.join()
    server.stored()
    found = server.sql(
        "SELECT entity_id AS e, session_id AS s, count() AS n FROM events WHERE name = 'view' GROUP BY e, s HAVING n > 1"
    )
    assert found == [], "no view counts twice"
    [row] = server.sql("SELECT count() AS n FROM events WHERE name = 'view'")
    assert max(tracked.values()) == 1, "and nobody is told so twice"
    assert row["n"] >= len(tracked) > 50, "what was said to be tracked is there"


@pytest.mark.parametrize(
    ("status", "field", "how"),
    [
        (400, "session_id", {"json": {}}),
        (400, "session_id", {"json": {"session_id": " "}}),
        (400, "session_id", {"json": {"session_id": {"a": 1}}}),
        (400, "referrer_source", {"json": {"session_id": "s", "referrer_source": "x" * 300}}),
        (400, "session_id", {"json": {"session_id": "x" * 256}}),
        (400, "user_id", {"json": {"session_id": "s", "user_id": "x" * 256}}),
        (400, "body", {"content": b"{"}),
        (400, "body", {"content": b'{"session_id": "\xff"}'}),
        (401, "writeKey", {"json": {"session_id": "s"}, "auth": ("wrong", "")}),
        (401, "writeKey", {"json": {"session_id": "s"}, "auth": None}),
    ],
)
def test_what_is_refused_says_why(server: Server, status: int, field: str, how: dict[str, Any]) -> None:
    answer = httpx.post(f"{server.url}/v1/entities/concert/r/view", **{"auth": (WRITE_KEY, ""), **how})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_odd_characters_are_kept_or_refused_and_never_a_fault(server: Server) -> None:
    for content in (b'{"session_id": "\\ud800"}', '{"session_id": "\u00e9\U0001f600"}'.encode()):
        answer = server.http.post("/v1/entities/concert/odd%20%E2%98%83/view", content=content, auth=(WRITE_KEY, ""))
        assert answer.status_code == 200, answer.text
    assert server.http.post(
        "/v1/entities/concert/%FF/view", json={"session_id": "s"}, auth=(WRITE_KEY, "")
    ).status_code in (200, 400)


def test_profiles_have_the_address_they_always_had_and_pages_of_other_origins_may_call(server: Server) -> None:
    path = "/api/profiles/p-1/track-view"
    assert view(server, "", "s", path).json() == {"tracked": True, "message": "Profile view tracked successfully"}
    asked = server.http.options(path, headers={"origin": "https://host.example"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "https://host.example")
    assert server.http.get(path).status_code == 405
    beacon = b'{"session_id": "beacon", "user_id": null, "anonymous_id": null, "referrer_source": null}'
    given = server.http.post(f"{path}?writeKey={WRITE_KEY}", content=beacon)
    assert given.json()["tracked"] is True


def test_a_closed_register_counts_only_what_it_knows(new_server: Any) -> None:
    server = new_server().start()
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    admin = httpx.Client(base_url=server.url, timeout=60)
    csrf = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()["csrf"]
    change = {"closed_register": True}
    changed = admin.patch(f"/api/v1/projects/{project}", json=change, headers={"x-csrf-token": csrf})
    assert changed.json()["closed_register"] is True
    path = f"/api/v1/projects/{project}/entities"
    server.http.put(path, json=[{"type": "concert", "id": "known"}], headers=BEARER)
    refused = view(server, "unknown", "s1")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (404, "id")
    assert view(server, "known", "s1").json()["tracked"] is True
    assert server.http.delete(f"{path}/concert/known", headers=BEARER).status_code == 204
    assert view(server, "known", "s2").status_code == 404


def test_a_view_is_counted_by_itself(server: Server) -> None:
    assert view(server, "fresh", "s1").json()["tracked"]
    eventually(lambda: counted(server, "fresh")[0]["views"] == 1)  # how soon is in benchmarks/entities.py


def test_a_view_that_is_taken_for_a_bots_is_not_said_to_count_and_takes_none_away_from_a_person(server: Server) -> None:
    for _ in range(2):
        answer = view(server, "crawled", "s1", agent="Mozilla/5.0 (compatible; Googlebot/2.1)").json()
        assert answer["tracked"] is False and "taken for a bot" in answer["reason"], answer
    assert view(server, "crawled", "s1").json()["tracked"] is True
    assert view(server, "crawled", "s1").json() == {"tracked": False, "reason": "Already tracked within 24 hours"}
    server.stored()
    assert [one["views"] for one in counted(server, "crawled") + counted(server, "crawled", bots=True)] == [1, 2]


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    """A token of the host for the account ann."""
    path = "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    server.http.put(f"{path}/accounts/ann", json={"type": "user"}, headers=BEARER)
    admin = httpx.Client(base_url=server.url, timeout=60)
    csrf = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()["csrf"]
    made = admin.post(f"{path}/keys", json={"kind": "embed"}, headers={"x-csrf-token": csrf}).json()
    return sign(path.rpartition("/")[2], made["id"], made["embed_key"], "ann")


VIEWERS: list[tuple[str, dict[str, str], str, str]] = [
    ("", {"user_id": "ann"}, "", "ann"),
    ("", {"viewer_id": "ann"}, "", "ann"),
    ("", {}, "", ""),
    (SECRET_KEY, {"user_id": "ann"}, "ann", ""),
    (SECRET_KEY, {"viewer_id": "ann"}, "ann", ""),
    (SECRET_KEY, {}, "", ""),
    ("token", {}, "ann", ""),
    ("token", {"viewer_id": "ann"}, "ann", ""),
]


def test_a_viewer_is_who_a_token_or_the_host_says_and_a_claim_with_the_public_key_makes_nobody_one(
    server: Server, token: str
) -> None:
    for place, (secret, said, _, _) in enumerate(VIEWERS):
        bearer = token if secret == "token" else secret
        assert view(server, f"seen{place}", "s", bearer=bearer, **said).json()["tracked"], (secret, said)
    server.stored()
    for place, (secret, said, viewer, claimed) in enumerate(VIEWERS):
        [row] = server.sql(
            "SELECT user_id, properties.claimed_viewer_id.:String AS claimed FROM events WHERE name = 'view' "
            f"AND entity_id = 'seen{place}'"
        )
        assert (row["user_id"], row["claimed"] or "") == (viewer, claimed), (secret, said)
        [found] = counted(server, f"seen{place}")
        assert (found["viewers"], found["anonymous"]) == (int(viewer != ""), float(viewer == "")), (secret, said)
    refused = view(server, "seen", "s", bearer=token, viewer_id="bob")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "viewer_id")
    for wrong in ("sk_wrong", "a.b.c", token[:-4] + "AAAA"):
        refused = view(server, "seen", "s", bearer=wrong, viewer_id="ann")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (401, "authorization")


def test_viewers_that_are_stated_are_believed_where_a_setting_says_so(new_server: Any) -> None:
    server = new_server(trust_viewers="true").start()
    assert view(server, "c", "s", user_id="ann").json()["tracked"]
    server.stored()
    assert counted(server, "c")[0]["viewers"] == 1


def test_counters_made_anew_right_after_views_counted_did_not_differ(server: Server) -> None:
    path = "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    for turn in range(10):
        for entity in ("x", "y"):
            assert view(server, f"anew{entity}", f"s{turn}").json()["tracked"]
        done = server.http.post(f"{path}/refresh", headers=BEARER)
        assert done.json()["differed"] == {}, turn
        assert counted(server, "anewx", max_age_s=-1)[0]["views"] == turn + 1, "what counted before is among them"


def test_live_visits_of_the_demo_have_views_that_count(new_server: Callable[..., Server]) -> None:
    server = new_server().start()
    script = str(Path(__file__).parents[2] / "examples" / "concert_traffic.py")
    options = ["--url", server.url, "--write-key", WRITE_KEY, "--live", "--visits-per-minute", "600"]
    traffic = subprocess.Popen([sys.executable, script, *options])
    try:
        eventually(lambda: server.asked({"question": "top_entities", "period": "today", "max_age_s": -1})["data"])
    finally:
        traffic.terminate()
        traffic.wait()
    assert server.asked({"question": "rejections"})["data"] == []
