"""When a session ends: sign-out, another user, the tab closed, the browser killed, an end that a host sends; and when not."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from concert_site import (
    Site,
    context,  # noqa: F401
    go,
    names,
    of,
    ready,
    settle,
    site,  # noqa: F401
    who,
)
from playwright.sync_api import BrowserContext, Page, Playwright

from chromium import AGENT, QUIET
from conftest import WRITE_KEY, eventually


def sessions(site: Site, visitor: str, closed: int = 0) -> list[dict[str, Any]]:
    """A visitor's sessions, once so many of them have ended."""
    until = time.monotonic() + 60
    while True:
        found = site.sessions(f"visitor_id = '{visitor}'")
        if sum(bool(one["closed"]) for one in found) >= closed and found:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def lasted(site: Site, session_id: str) -> float:
    """The seconds from the first event of a session to its last, where it begins and ends, by the browser's clock.

    Times that are stored may be off by what a batch is late, and ids of messages (UUIDv7) begin with the browser's time.
    """
    made: list[int] = []

    def agrees() -> bool:
        rows = site.events(f"session_id = '{session_id}'", measured=True)
        [one] = site.sessions(f"session_id = '{session_id}'")
        times = sorted(row["timestamp"] for row in rows)
        made[:] = sorted(int(row["message_id"].replace("-", "")[:12], 16) for row in rows)
        return (one["started_at"], one["ended_at"]) == (times[0], times[-1])

    eventually(agrees)  # the last events of a page may come meanwhile
    return (made[-1] - made[0]) / 1000


STAY = 0.3
ROUNDED = 0.002
"""Seconds: the browser's times are whole milliseconds."""


def stay(page: Page) -> float:
    """Be on a page for a while; how long that was at least."""
    page.evaluate("trackway.track('Arrived')")
    started = time.monotonic()
    page.wait_for_timeout(STAY * 1000)
    return time.monotonic() - started


def test_signing_out_ends_the_session_then_and_there(context: BrowserContext, site: Site) -> None:
    began = time.monotonic()
    page = go(context, site.url)
    visitor = who(page)["anonymousId"]
    page.evaluate("trackway.identify('ann')")
    waited = stay(page)
    page.evaluate("trackway.track('Signed Out')")
    page.evaluate("trackway.reset()")
    most = time.monotonic() - began
    [one] = [row for row in sessions(site, visitor, 1) if row["closed"]]
    assert one["user_id"] == "ann" and waited - ROUNDED <= lasted(site, one["session_id"]) <= most + ROUNDED


def test_another_user_ends_the_session_of_the_one_before(context: BrowserContext, site: Site) -> None:
    began = time.monotonic()
    page = go(context, site.url)
    page.evaluate("trackway.identify('first-user')")
    waited = stay(page)
    page.evaluate("trackway.track('Still Here')")  # a session lasts from its first event to its last
    page.evaluate("trackway.identify('second-user')")
    most = time.monotonic() - began
    page.evaluate("trackway.track('Came After')")
    page.evaluate("trackway.flush()")
    both = "user_id IN ('first-user', 'second-user')"
    eventually(lambda: len(site.sessions(both)) == 2)
    rows = {row["user_id"]: row for row in site.sessions(both)}
    assert rows["first-user"]["session_id"] != rows["second-user"]["session_id"]
    assert waited - ROUNDED <= lasted(site, rows["first-user"]["session_id"]) <= most + ROUNDED


def test_closing_the_last_tab_ends_the_session(context: BrowserContext, site: Site) -> None:
    began = time.monotonic()
    page = go(context, site.url)
    visitor = who(page)["anonymousId"]
    waited = stay(page)
    page.close()
    most = time.monotonic() - began
    [one] = sessions(site, visitor, 1)
    assert waited - ROUNDED <= lasted(site, one["session_id"]) <= most + ROUNDED


def test_a_browser_that_is_killed_leaves_a_session_as_long_as_it_was_heard_of(
    playwright: Playwright, site: Site, tmp_path: Path
) -> None:
    """Nobody says goodbye: the session goes on until 30 minutes have passed, and then has ended with its last event."""
    program = os.environ.get("TRACKWAY_TEST_BROWSER") or playwright.chromium.executable_path
    port_file = tmp_path / "profile" / "DevToolsActivePort"
    process = subprocess.Popen(
        [program, *QUIET, f"--user-agent={AGENT}", "--headless", "--remote-debugging-port=0",
         f"--user-data-dir={tmp_path / 'profile'}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        eventually(lambda: port_file.exists() and port_file.read_text().strip())
        port = port_file.read_text().split()[0]
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        page = go(browser.contexts[0], site.url)
        visitor = who(page)["anonymousId"]
        waited = stay(page)
        page.evaluate("trackway.track('Last Words')")
        eventually(lambda: site.events(f"visitor_id = '{visitor}' AND name = 'Last Words'"))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    [one] = sessions(site, visitor)
    assert not one["closed"], "nobody said that it ended"
    assert waited - ROUNDED <= lasted(site, one["session_id"])
    # The list says that it may go on; what a host says of its end counts once.
    shown = site.server.asked({"question": "sessions", "filter": f"visitor_id:is:{visitor}", "period": "today"})["data"]
    assert [row["active"] for row in shown["rows"]] == [True]
    for wanted in (202, 200, 200):
        answer = site.server.http.post(
            "/api/analytics/session/end", json={"session_id": one["session_id"]}, auth=(WRITE_KEY, "")
        )
        assert answer.status_code == wanted
        [ended] = sessions(site, visitor, 1)
    assert ended["closed"]
    shown = site.server.asked({"question": "sessions", "filter": f"visitor_id:is:{visitor}", "period": "today"})["data"]
    assert [row["active"] for row in shown["rows"]] == [False]


def test_a_page_ends_its_session_by_beacon(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor, session = who(page)["anonymousId"], who(page)["sessionId"]
    page.evaluate("trackway.track('Here')")
    sessions(site, visitor)
    beacon = f"""navigator.sendBeacon('{site.server.url}/api/analytics/session/end?writeKey={WRITE_KEY}',
        new Blob([JSON.stringify({{session_id: '{session}'}})], {{type: 'text/plain'}}))"""
    for _ in range(3):
        assert page.context.new_page().evaluate(beacon) is True
    [one] = sessions(site, visitor, 1)
    site.server.stored()
    assert len(site.events(f"visitor_id = '{visitor}' AND name = 'Session Ended' AND library = 'session-end'")) <= 1
    assert one["session_id"] == session


def test_going_on_within_the_site_and_reloading_end_no_session(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/")
    visitor = of(page)
    page.get_by_role("link", name="Chat").click()
    page.wait_for_url("**/chat")
    ready(page)
    with page.expect_event("load"):
        page.evaluate("location.reload()")
    ready(page)
    page.go_back()
    ready(page)
    settle(page)
    rows = site.events(visitor)
    assert names(rows).count("page") == 4
    assert "Session Ended" not in names(rows)
    assert [one["closed"] for one in site.sessions(visitor)] == [False]


def test_thirty_minutes_without_an_event_begin_a_session_in_every_tab(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    page.clock.install()
    page.goto(f"{site.url}/chat")
    page.clock.run_for(3000)
    one = who(page)["sessionId"]
    page.clock.run_for(29 * 60_000)
    page.evaluate("trackway.track('Still here')")
    assert who(page)["sessionId"] == one
    page.clock.run_for(30 * 60_000)
    page.evaluate("trackway.track('Back again')")
    assert who(page)["sessionId"] != one


def test_who_signs_in_after_somebody_else_inherits_nothing(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    before = who(page)
    page.evaluate("trackway.identify('sdk-ann')")
    assert who(page)["sessionId"] == before["sessionId"], "signing in does not split"
    page.evaluate("trackway.reset(); trackway.track('Between'); trackway.identify('sdk-bob')")
    bob = who(page)
    page.evaluate("trackway.identify('sdk-cleo')")  # without a sign-out in between
    cleo = who(page)
    settle(page)
    assert len({before["anonymousId"], bob["anonymousId"], cleo["anonymousId"]}) == 3
    rows = site.events(f"user_id LIKE 'sdk-%' OR visitor_id = '{bob['anonymousId']}'")
    by_user = {
        user: {row["session_id"] for row in rows if row["user_id"] == user}
        for user in ("sdk-ann", "sdk-bob", "sdk-cleo")
    }
    assert all(len(sessions) == 1 for sessions in by_user.values())
    assert len(set.union(*by_user.values())) == 3
    assert names([row for row in rows if row["user_id"] == "sdk-ann"]) == ["identify", "Signed Out"]
