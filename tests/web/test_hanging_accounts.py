"""Health checks while PostgreSQL, which has the accounts, takes connections and answers nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server, eventually
from metrics import TOKEN, scraped
from postgres import Postgres


def test_health_is_answered_while_all_requests_wait_for_an_accounts_database_that_hangs(
    postgres: Postgres, new_server: Callable[..., Server]
) -> None:
    server = new_server(accounts=postgres.dsn, metrics_token=TOKEN, failed_sign_ins_per_minute="0").start()
    eventually(lambda: server.http.get("/readyz").status_code == 200)
    assert server.post("track", {"event": "before", "anonymousId": "v"}).status_code == 202

    def sign_in(_: int) -> None:
        with suppress(httpx.TransportError):
            httpx.post(f"{server.url}/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}, timeout=120)

    def with_key(_: int) -> None:
        with suppress(httpx.TransportError):
            headers = {"authorization": f"Bearer {SECRET_KEY}"}
            httpx.get(f"{server.url}/api/v1/projects", headers=headers, timeout=120)

    with ThreadPoolExecutor(16) as requests:
        with postgres.paused():
            waiting = [requests.submit(sign_in if number % 2 else with_key, number) for number in range(16)]
            assert server.http.get("/readyz").status_code == 503
            assert server.http.get("/healthz").status_code == 200
            assert not any(one.done() for one in waiting), "health waited for a thread of theirs"
            for _ in range(2):
                answer = server.http.get("/readyz")
                assert answer.status_code == 503
                assert answer.json()["trouble"] == "the accounts database has not answered for 3 s"
            assert not all(one.done() for one in waiting)
            assert scraped(server.http)["trackway_ready", ""] == 0
            assert server.http.get("/healthz").status_code == 200
            assert server.post("track", {"event": "meanwhile", "anonymousId": "v"}).status_code == 202
        eventually(lambda: server.http.get("/readyz").status_code == 200)
    eventually(lambda: scraped(server.http)["trackway_ready", ""] == 1)
    assert server.stored()["stored"] == 2
