"""`GET /metrics` of a server: who may read it, and that it says what happened."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from conftest import SECRET_KEY, WRITE_KEY, Server, eventually
from metrics import TOKEN, scraped
from trackway import config

Make = Callable[..., Server]


def test_metrics_say_what_readyz_says_in_both_formats(new_server: Make) -> None:
    server = new_server(metrics_token=TOKEN).start()
    good = [{"type": "track", "event": "E", "anonymousId": f"v{number}"} for number in range(7)]
    bad = {"type": "track", "anonymousId": "without a name"}
    assert server.post("batch", {"batch": [*good, bad]}).status_code == 202
    state = server.stored()
    eventually(lambda: server.http.get("/readyz").json()["durable"] == 8)
    for accept in ("text/plain", "application/openmetrics-text;version=1.0.0"):
        found = scraped(server.http, accept)
        assert found["trackway_ready", ""] == 1
        assert found["trackway_build_info", ""] == 1
        assert found["trackway_log_lag_messages", "0"] == 0
        assert found["trackway_stored_offset", "0"] == state["stored"] == 8
        assert found["trackway_durable_messages_total", "0"] == 8
        assert found["trackway_refused_messages", ""] == 1
        assert found["trackway_dead_letters", ""] == found["trackway_lost_messages", "0"] == 0
        assert found["trackway_warnings", ""] == len(state["warnings"])
        assert found["trackway_engine_starts_total", ""] == 1
    text = server.http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
    assert 'role="all"' in text
    assert TOKEN not in text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="memory is read from /proc")
def test_a_killed_engine_is_counted_and_measured_again(new_server: Make) -> None:
    server = new_server(metrics_token=TOKEN).start()
    before = scraped(server.http)
    assert before["process_resident_memory_bytes", ""] > 10_000_000
    assert before["trackway_engine_process_resident_memory_bytes", ""] > 10_000_000
    os.kill(int((server.data / "store" / "engine" / "lock").read_text()), signal.SIGKILL)
    eventually(lambda: scraped(server.http)["trackway_engine_starts_total", ""] == 2)
    eventually(lambda: scraped(server.http)["trackway_ready", ""] == 1)
    after = scraped(server.http)
    name = "trackway_engine_process_start_time_seconds"
    assert after[name, ""] >= before[name, ""]


def test_nobody_reads_metrics_without_their_token(new_server: Make) -> None:
    server = new_server(metrics_token=TOKEN).start()
    for given in (
        "",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        "Bearer",
        f"Basic {TOKEN}",
        f"Bearer {SECRET_KEY}",
        "Bearer ü",
    ):
        answer = server.http.get("/metrics", headers={"authorization": given.encode()} if given else {})
        assert answer.status_code == 401, given
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "trackway_" not in answer.text
    assert server.http.get("/metrics", auth=(WRITE_KEY, "")).status_code == 401
    let_in = {"authorization": f"bearer {TOKEN}"}
    assert server.http.post("/metrics", headers=let_in).status_code == 405
    answer = server.http.get("/metrics", headers=let_in)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    projects = server.http.get("/api/v1/projects", headers=let_in)
    assert projects.status_code == 401, "the token is for nothing else"


def test_without_the_setting_there_are_no_metrics_and_the_answer_says_how_to_get_them(server: Server) -> None:
    for headers in ({}, {"authorization": "Bearer"}):
        answer = httpx.get(f"{server.url}/metrics", headers=headers)
        assert answer.status_code == 404
        assert "TRACKWAY_METRICS_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize(
    "token", ["short", "has a blank in its middle", "täuschend-lang-genug", "new\nline-in-the-token"]
)
def test_a_token_that_cannot_be_sent_or_is_guessed_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(config.BadSettings, match="metrics-token") as refused:
        config.load(metrics_token=token)
    assert token not in str(refused.value)
    assert "at least 16" in str(refused.value)
