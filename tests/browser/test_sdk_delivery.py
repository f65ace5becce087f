"""The browser SDK sends everything once: over reloads, tabs, slow and broken networks, and when it cannot store."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from itertools import pairwise

from concert_site import (
    QUEUED,
    Site,
    context,  # noqa: F401
    go,
    leave,
    names,
    of,
    ready,
    settle,
    site,  # noqa: F401
    visitor_of,
    who,
)
from playwright.sync_api import BrowserContext, Playwright, Request, Route
from steps import until

from chromium import launch
from conftest import WRITE_KEY, eventually


def test_reloading_with_a_full_queue_loses_nothing_and_doubles_nothing(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    context.route("**/v1/batch", lambda route: route.abort())
    page.evaluate("for (let n = 0; n < 400; n++) trackway.track('Queued', { n })")
    page.wait_for_function(QUEUED.replace("RESULT", "count >= 400"), polling=100)
    page.reload()
    ready(page)
    page.evaluate("for (let n = 400; n < 450; n++) trackway.track('Queued', { n })")
    page.wait_for_function(QUEUED.replace("RESULT", "count >= 450"), polling=100)
    context.unroute("**/v1/batch")
    page.reload()
    ready(page)
    settle(page)
    queued = [row["properties"]["n"] for row in site.events(f"{visitor} AND name = 'Queued'")]
    assert sorted(queued) == list(range(450))
    assert len({row["session_id"] for row in site.events(visitor)}) == 1


def test_five_tabs_share_a_session_and_send_everything_once(context: BrowserContext, site: Site) -> None:
    pages = [go(context, f"{site.url}/chat") for _ in range(5)]
    visitor = of(pages[0])
    sent: list[Request] = []
    for page in pages:
        settle(page)
    context.on("requestfinished", lambda request: sent.append(request) if request.url.endswith("/v1/batch") else None)
    for page in pages:
        page.evaluate("for (let n = 0; n < 40; n++) trackway.track('Tabbed', { n })")
    for page in pages:
        settle(page)
    # From when each was sent until it was answered, by the browser's own clock.
    spans = sorted(
        (one.timing["startTime"] + one.timing["requestStart"], one.timing["startTime"] + one.timing["responseStart"])
        for one in sent
    )
    assert spans
    assert all(later[0] > earlier[1] - 2 for earlier, later in pairwise(spans)), "one tab sends at a time"
    rows = site.events(f"{visitor} AND name = 'Tabbed'")
    assert Counter(row["properties"]["n"] for row in rows) == dict.fromkeys(range(40), 5)
    assert len({row["message_id"] for row in rows}) == 200
    # Closing four of them ends nothing, closing the last does, and who comes back begins anew.
    for page in pages[:4]:
        leave(page)
    settle(pages[4])  # with what the others left in the queue that all share
    assert [one["closed"] for one in site.sessions(visitor)] == [False]
    leave(pages[4])
    again = go(context, f"{site.url}/chat")
    settle(again)
    eventually(lambda: [one["closed"] for one in site.sessions(visitor)] == [True, False])
    assert names(site.events(visitor)).count("Session Ended") == 1


def test_a_tab_closed_while_a_batch_is_under_way_loses_nothing_and_doubles_nothing(
    context: BrowserContext, site: Site
) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    taken: list[int] = []

    def stored_but_never_answered(route: Route) -> None:
        request = urllib.request.Request(route.request.url, route.request.post_data_buffer)
        for name, value in route.request.headers.items():
            if name in ("content-type", "content-encoding"):
                request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=60) as answer:
            taken.append(answer.status)
        # No answer: the tab is closed while it waits.

    page.route("**/v1/batch", stored_but_never_answered)
    page.evaluate("for (let n = 0; n < 60; n++) trackway.track('Mid-batch', { n })")
    until(page, lambda: taken)
    page.close()
    again = go(context, f"{site.url}/chat")
    settle(again)
    rows = site.events(f"{visitor} AND name = 'Mid-batch'")
    assert sorted(row["properties"]["n"] for row in rows) == list(range(60))


def test_slow_3g_loses_nothing(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.evaluate("for (let n = 0; n < 250; n++) trackway.track('Slow', { n, text: 'x'.repeat(300) })")
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    ready(page)
    settle(page)
    assert sorted(row["properties"]["n"] for row in site.events(f"{visitor} AND name = 'Slow'")) == list(range(250))


def test_where_storage_is_refused_everything_still_arrives(context: BrowserContext, site: Site) -> None:
    """A sandboxed frame: cookies, localStorage, IndexedDB and locks all throw."""
    page = go(context, f"{site.url}/chat")
    page.evaluate("""() => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts";
        frame.src = "/discover";
        document.body.append(frame);
    }""")
    page.frame_locator("iframe").locator("[data-swipe=right]").first.click()
    page.frames[1].wait_for_function(f"() => tw_{WRITE_KEY}?.user?.().sessionId")
    inside = page.frames[1].evaluate("trackway.user()")
    page.frames[1].evaluate("trackway.flush()")
    eventually(lambda: {"page", "swipe"} <= set(names(site.events(f"visitor_id = '{inside['anonymousId']}'"))))
    rows = site.events(f"visitor_id = '{inside['anonymousId']}'")
    assert len({row["session_id"] for row in rows}) == 1
    assert inside["anonymousId"] != who(page)["anonymousId"]


def test_a_page_from_the_back_forward_cache_is_seen_again(playwright: Playwright, site: Site) -> None:
    started = launch(playwright, ["--disable-back-forward-cache"])
    try:
        context = visitor_of(started)
        page = go(context, f"{site.url}/chat")
        visitor = of(page)
        page.evaluate("addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
        settle(page)
        page.goto(f"{site.url.replace('127.0.0.1', 'localhost')}/tickets/c1")
        # A page that still waits for an answer is not kept.
        eventually(lambda: "Session Ended" in names(site.events(visitor)))
        page.evaluate("setTimeout(() => history.back())")
        page.wait_for_url("**/chat", wait_until="commit")  # it is not loaded again
        until(page, lambda: page.evaluate("window.restored"))  # never, if the browser did not keep the page
        page.evaluate("trackway.track('Back')")
        settle(page)
        rows = site.events(visitor)
        assert names(rows) == ["page", "Session Ended", "page", "Back"]
        assert len({row["session_id"] for row in rows}) == 1
        assert [one["closed"] for one in site.sessions(visitor)] == [False]
    finally:
        started.close()


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    tries: list[float] = []

    def busy(route: Route) -> None:
        tries.append(time.monotonic())
        if len(tries) > 1:
            return route.continue_()
        headers = {
            "retry-after": "2",  # longer than what the SDK waits by itself after its first failure
            "access-control-allow-origin": site.url,
            "access-control-expose-headers": "retry-after",
        }
        return route.fulfill(status=503, headers={**headers, "access-control-allow-credentials": "true"}, body="{}")

    page.route("**/v1/batch", busy)
    page.evaluate("trackway.track('Patient')")
    until(page, lambda: len(tries) >= 2)
    assert tries[1] - tries[0] >= 1.9
    settle(page)
    assert names(site.events(f"{visitor} AND name = 'Patient'")) == ["Patient"]


def test_a_minute_offline_and_back_loses_nothing(context: BrowserContext, site: Site) -> None:
    """The minute is that of the page's clock, by which the SDK tells the time and repeats what failed."""
    context.clock.install()
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    context.set_offline(True)
    for n in range(5):
        page.evaluate(f"trackway.track('Offline', {{ n: {n} }})")
    page.clock.run_for(50_000)
    page.evaluate("trackway.track('Offline', { n: 5 })")
    page.clock.run_for(10_000)
    context.set_offline(False)
    settle(page)
    rows = site.events(f"{visitor} AND name = 'Offline'")
    assert [row["properties"]["n"] for row in rows] == [0, 1, 2, 3, 4, 5]
    # Each has the time at which it was done, not that at which it arrived.
    [times] = site.server.sql(
        "SELECT max(received_at) - min(timestamp) AS late, max(timestamp) - min(timestamp) AS apart "
        f"FROM events WHERE {visitor} AND name = 'Offline'"
    )
    assert float(times["late"]) >= 60
    assert float(times["apart"]) >= 50
    assert len({row["session_id"] for row in site.events(visitor)}) == 1


def test_a_queue_that_is_full_drops_the_oldest_and_says_how_many(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    context.set_offline(True)
    for start in range(0, 5400, 900):
        page.evaluate(f"for (let n = {start}; n < {start} + 900; n++) trackway.track('Many', {{ n }})")
        page.wait_for_function(QUEUED.replace("RESULT", f"count >= {start + 900}"), polling=100)
    context.set_offline(False)
    settle(page)
    settle(page)  # the first one told how many were dropped
    kept = sorted(row["properties"]["n"] for row in site.events(f"{visitor} AND name = 'Many'"))
    [dropped] = [row["properties"]["count"] for row in site.events(f"{visitor} AND name = 'messages_dropped'")]
    lost = 5400 - len(kept)
    assert kept == list(range(lost, 5400)), "the oldest go first"
    # A slow page records something by itself meanwhile, which is dropped with them.
    assert 300 <= lost <= dropped <= lost + 5


def test_without_keepalive_the_page_says_goodbye_by_beacon(context: BrowserContext, site: Site) -> None:
    context.add_init_script("delete Request.prototype.keepalive")
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    settle(page)
    page.evaluate("trackway.track('Last words')")
    leave(page)
    eventually(lambda: {"Last words", "Session Ended"} <= set(names(site.events(visitor))))
    rows = site.events(visitor)
    assert names(rows).count("Last words") == 1
    assert names(rows)[-1] == "Session Ended"
