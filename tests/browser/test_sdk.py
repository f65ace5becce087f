"""The browser SDK in a real browser on the concert site: the store holds exactly what was done."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from concert_site import DESK, ROOT, Site, go, leave, ready, recorded, visitor_of, who
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, Route, expect
from steps import until

from conftest import AGENT, ARTIFACTS, QUIET, WRITE_KEY, eventually, launch


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("concerts"))
    yield made
    made.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = visitor_of(browser)
    yield made
    made.close()


def of(page: Page) -> str:
    return f"visitor_id = '{who(page)['anonymousId']}'"


def settle(page: Page) -> None:
    """Wait until nothing waits in the page's queue."""
    page.evaluate(f"tw_{WRITE_KEY}.flush()")
    page.wait_for_function(QUEUED.replace("RESULT", "count === 0"), polling=100)


QUEUED = f"""() => new Promise((done) => {{
    const open = indexedDB.open("tw_{WRITE_KEY}", 1);
    open.onsuccess = () => {{
        const asked = open.result.transaction("q").objectStore("q").count();
        asked.onsuccess = () => {{ const count = asked.result; open.result.close(); done(RESULT); }};
    }};
}})"""


def shown(page: Page) -> list[str]:
    """The entities of which at least half is on the screen, measured by the test itself."""
    return list(
        page.evaluate("""() => [...document.querySelectorAll("[data-tw-entity]")].filter((one) => {
            const { top, bottom, height } = one.getBoundingClientRect();
            return Math.min(bottom, innerHeight) - Math.max(top, 0) >= height / 2;
        }).map((one) => one.dataset.twEntity.split(":")[1])""")
    )


def looked_at(page: Page, source: str) -> list[str]:
    """What is shown of a list, once each of it has been an impression."""
    found = shown(page)
    page.wait_for_function(
        f"""([source, shown]) => {{
            const seen = tw_{WRITE_KEY}.early
                .filter((one) => one.event === "impression" && one.properties.source === source)
                .map((one) => one.properties.entity_id);
            return shown.every((one) => seen.includes(one));
        }}""",
        arg=[source, found],
    )
    return found


def let_pass(page: Page, seconds: int = 10) -> None:
    """Move the clock of a page, so that everything that the SDK would do by a timer has begun."""
    page.wait_for_function(f"() => window.tw_{WRITE_KEY}?.early")
    page.evaluate("Promise.all([trackway.load('auto'), trackway.load('queue')]).then(() => null)")
    page.clock.run_for(seconds * 1000)
    page.wait_for_timeout(300)  # storage and requests take the time that they take


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def test_a_known_list_of_actions_is_exactly_what_is_stored(context: BrowserContext, site: Site) -> None:
    page = go(context, site.url)
    first = who(page)
    seen = set(looked_at(page, "week"))
    page.mouse.wheel(0, 5000)
    page.wait_for_function("() => scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 1")
    seen |= set(looked_at(page, "week"))
    assert len(seen) == 8
    page.mouse.wheel(0, -5000)
    page.wait_for_function("() => scrollY === 0")
    page.get_by_role("tab", name="Jazz").click()
    page.locator("#feed[data-tab=jazz] .card").first.wait_for()
    jazz = looked_at(page, "jazz")
    before = time.monotonic()
    page.locator(".card").first.get_by_role("link").click()
    page.wait_for_url("**/concerts/*")
    concert = page.url.rsplit("/", 1)[1]
    ready(page)
    entered = time.monotonic()
    recorded(page, "view_details")
    page.get_by_role("button", name="Interested").click()
    page.get_by_role("button", name="Like").click()
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="About the venue").click()
    recorded(page, "view_details", 2)
    page.get_by_role("button", name="Close").click()
    with context.expect_page() as shop:
        page.get_by_role("link", name="Tickets").click()
    shop.value.close()
    page.get_by_label("Review").fill("what a night, my secret word is swordfish")
    least = time.monotonic() - entered
    page.get_by_role("button", name="Publish").click()
    page.wait_for_selector("blockquote")
    ready(page)
    entered = time.monotonic()
    recorded(page, "view_details")
    page.get_by_label("Search").fill("jazz")
    least += time.monotonic() - entered
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search*")
    most = time.monotonic() - before
    ready(page)
    recorded(page, "search")
    found = looked_at(page, "search")
    results = int(page.locator("h1").inner_text().split()[0])
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    ready(page)
    page.locator("[data-swipe=right]").first.click()
    page.get_by_role("link", name="Chat").click()
    page.wait_for_url("**/chat")
    ready(page)
    page.get_by_label("Message").fill("see you there")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Join the jazz fans").click()
    page.get_by_role("button", name="This one is broken").click()
    recorded(page, "error")
    page.get_by_role("button", name="This button does nothing").click(click_count=3)
    page.wait_for_function(
        f"() => tw_{WRITE_KEY}.early.some((one) => one.event === 'dead_click' && one.properties.selector === '#dead')"
    )
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()
    ready(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out*")
    ready(page)
    second = who(page)
    settle(page)
    leave(page)
    visitor = f"visitor_id = '{first['anonymousId']}'"
    # What a page says that is gone is answered to nobody.
    eventually(lambda: site.sessions(f"visitor_id = '{second['anonymousId']}' AND closed"))
    rows = site.events(visitor)
    assert {row["bot"] for row in rows} == {""}
    # On a slow machine, a button that changes nothing has 1.5 s before the next is pressed, and is a dead click too.
    unanswered = [row for row in rows if row["name"] == "dead_click" and row["properties"]["selector"] != "#dead"]
    assert all(row["path"] == f"/concerts/{concert}" or row["properties"]["selector"] == "#break" for row in unanswered)
    rows = [row for row in rows if row not in unanswered]
    # And the feed that is shown between signing in and out is looked at for a second.
    impressions = [row for row in rows if row["name"] == "impression" and row["user_id"] == ""]
    assert {row["entity_id"] for row in impressions if row["properties"]["source"] == "week"} == seen
    positions = {
        row["entity_id"]: row["properties"]["position"] for row in impressions if row["properties"]["source"] == "week"
    }
    assert positions == {f"c{n}": n for n in range(1, 9)}
    by_source = Counter((row["properties"]["source"], row["entity_id"]) for row in impressions)
    assert set(by_source.values()) == {1}
    for source, expected in (("jazz", jazz), ("search", found)):
        ranked = sorted(
            (row["properties"]["position"], row["entity_id"])
            for row in impressions
            if row["properties"]["source"] == source
        )
        assert ranked == list(enumerate(expected, 1))
    assert names([row for row in rows if row["name"] not in ("impression", "page")]) == [
        "navigate", "event click", "view_details", "interest", "like", "share", "view_details", "ticket_click",
        "form_submit", "review", "view_details", "form_submit", "search", "swipe", "chat_message", "comment", "group", "error",
        "rage_click", "dead_click", "form_submit", "identify", "form_submit", "Signed Out",
    ]  # fmt: skip
    assert [row["path"] for row in rows if row["type"] == "page"] == [
        "/", "/tabs/jazz", f"/concerts/{concert}", f"/concerts/{concert}", "/search", "/discover", "/chat", "/",
    ]  # fmt: skip
    by_name = {row["name"]: row for row in rows}
    ticket = by_name["ticket_click"]
    assert (ticket["entity_type"], ticket["entity_id"]) == ("concert", concert)
    assert ticket["properties"]["ticket_provider"] == "TicketHub"
    assert ticket["properties"]["ticket_url"].endswith(f"/tickets/{concert}")
    assert re.match(r"€ \d+", ticket["properties"]["price_range"])
    assert by_name["search"]["properties"] == {"query": "jazz", "result_count": results, "search_type": "concert"}
    assert by_name["review"]["properties"] == {
        "entity_id": concert, "entity_type": "concert", "length": 41, "rating": 5,
    }  # fmt: skip
    assert by_name["navigate"]["properties"]["entity_id"] == "jazz"
    assert by_name["group"]["type"] == "group"
    assert "the button is broken" in by_name["error"]["properties"]["message"]
    assert by_name["event click"]["properties"]["position"] == 1
    assert by_name["identify"]["user_id"] == by_name["Signed Out"]["user_id"] == "ann"
    assert "swordfish" not in json.dumps(site.events(visitor, measured=True))
    # One session, closed by the sign-out; who comes after is another visitor with a session of their own, that ended.
    assert {row["session_id"] for row in rows} == {first["sessionId"]}
    assert [(one["closed"], one["user_id"]) for one in site.sessions(visitor)] == [(True, "ann")]
    after = f"visitor_id = '{second['anonymousId']}'"
    assert second["anonymousId"] != first["anonymousId"]
    assert names(site.events(after)) == ["page", "Session Ended"]
    assert [(one["closed"], one["user_id"]) for one in site.sessions(after)] == [(True, "")]
    # The site keeps the tracking plan of concerts.
    assert site.server.get("plan/violations")["data"] == []
    # How long the concert's page was looked at: from when it was there until it was left, two times.
    measured = [row for row in site.events(visitor, measured=True) if row["path"] == f"/concerts/{concert}"]
    looked = sum(row["properties"]["visible_s"] for row in measured if row["name"] == "engagement")
    assert least - 0.2 <= looked <= most + 0.2


def test_where_a_page_came_from_is_where_it_came_from(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/?utm_source=news&utm_medium=email&email=ann@example.com")
    visitor = of(page)
    page.get_by_role("tab", name="Jazz").click()
    page.locator("#feed[data-tab=jazz] .card").first.wait_for()
    recorded(page, "page", 2)
    page.locator(".card").first.get_by_role("link").click()
    page.wait_for_url("**/concerts/*")
    ready(page)
    settle(page)
    site.server.stored()
    rows = site.server.sql(
        f"SELECT path, query, referrer, source FROM events WHERE {visitor} AND type = 'page' ORDER BY timestamp"
    )
    tagged = "?utm_source=news&utm_medium=email"
    assert [(row["path"], row["query"], row["referrer"]) for row in rows[:2]] == [
        ("/", tagged[1:], ""), ("/tabs/jazz", "", f"{site.url}/{tagged}"),
    ]  # fmt: skip
    assert rows[2]["referrer"] == f"{site.url}/tabs/jazz"
    assert {row["source"] for row in rows} == {"news"}


def test_time_in_view_scroll_depth_and_vitals_are_measured(context: BrowserContext, site: Site) -> None:
    before = time.monotonic()
    page = go(context, f"{site.url}/concerts/c3")
    visitor = of(page)
    entered = time.monotonic()
    recorded(page, "web_vital", 2)  # those of the load; the others are known when the page is left
    page.wait_for_timeout(1500)  # what is seen for less than a second is not measured
    least = time.monotonic() - entered
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    most = time.monotonic() - before
    ready(page)
    settle(page)
    rows = {
        row["name"]: row["properties"] for row in site.events(visitor, measured=True) if row["path"] == "/concerts/c3"
    }
    assert least - 0.2 <= rows["time_in_view"]["visible_s"] <= most + 0.2
    assert rows["time_in_view"]["entity_id"] == "c3"
    assert least - 0.2 <= rows["engagement"]["visible_s"] <= most + 0.2
    assert rows["engagement"]["scroll_depth"] == 100
    metrics = {row["properties"]["metric"] for row in site.events(visitor, measured=True) if row["name"] == "web_vital"}
    assert {"FCP", "TTFB", "LCP", "CLS"} <= metrics


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


VALUES = {
    "text": "typed-secret-text", "password": "typed-secret-pass", "email": "typed-secret@mail.example", "tel": "+4915900secret",
    "url": "https://typed-secret.example", "search": "typed-secret-search", "number": "981726354", "date": "1987-02-03",
    "datetime-local": "1987-02-03T04:05", "month": "1987-02", "week": "1987-W07", "time": "04:05", "color": "#a1b2c3", "range": "73",
}  # fmt: skip


def test_nothing_typed_into_a_field_ever_leaves_the_page(context: BrowserContext, site: Site) -> None:
    sent: list[bytes] = []

    def keep(request: Request) -> None:
        if request.url.startswith(site.server.url):
            body = request.post_data_buffer or b""
            sent.append(request.url.encode() + (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))

    context.on("request", keep)
    page = go(context, f"{site.url}/everything?tw-all_clicks=on")
    for kind, value in VALUES.items():
        field = page.locator(f"#f-{kind}")
        field.click()
        if kind in ("color", "range"):
            field.evaluate(
                "(field, value) => { field.value = value; field.dispatchEvent(new Event('change')); }", value
            )
        else:
            field.fill(value)
    page.locator("#f-textarea").press_sequentially("typed-secret-area")
    page.locator("#f-editable").click()
    page.keyboard.type("typed-secret-editable")
    page.evaluate(
        "document.querySelector('#f-select').append(new Option('typed-secret-option', 'typed-secret-option'))"
    )
    page.locator("#f-select").select_option("typed-secret-option")
    page.evaluate("document.querySelector('#f-hidden').value = 'typed-secret-hidden'")
    page.locator("#f-checkbox").check()
    page.locator("#f-radio").check()
    page.locator("#f-file").set_input_files(
        {"name": "typed-secret.txt", "mimeType": "text/plain", "buffer": b"typed-secret-file"}
    )
    page.locator("#f-editable").click(click_count=3)
    # A form that goes by GET puts everything into the next page's address, and that page's referrer.
    page.locator("#fields").get_by_role("button", name="Send").click()
    page.wait_for_url("**/everything?*f-text=*")
    ready(page)
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    ready(page)
    settle(page)
    everything = b"\n".join(sent)
    assert b"form_submit" in everything
    assert b"element_click" in everything
    for secret in [*VALUES.values(), "typed-secret", "secret"]:
        if secret not in ("73", "04:05"):  # too short to be found by chance only
            assert secret.encode() not in everything, secret
    assert b"f-range=" not in everything
    assert b"f-time=" not in everything


@pytest.mark.parametrize("signal", ["globalPrivacyControl", "doNotTrack"])
def test_do_not_track_and_global_privacy_control_are_honoured(browser: Browser, site: Site, signal: str) -> None:
    context = visitor_of(browser)
    value = "true" if signal == "globalPrivacyControl" else "'1'"
    context.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{ value: {value} }})")
    sent = collected(context)
    context.clock.install()
    page = go(context, f"{site.url}/chat", waiting=False)
    let_pass(page)
    page.evaluate(
        "trackway.identify('nobody'); trackway.track('No'); trackway.consent('granted'); trackway.track('No')"
    )
    let_pass(page)
    page.reload()
    let_pass(page)
    assert sent == []
    assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
    page.goto(f"{site.url}/chat?tw-respect=off")
    let_pass(page)
    until(page, lambda: sent)  # a site may decide otherwise
    context.close()


def test_each_state_of_consent_is_what_the_requests_show(browser: Browser, site: Site) -> None:
    context = visitor_of(browser)
    sent = collected(context)
    context.clock.install()
    page = go(context, f"{site.url}/chat?tw-consent=pending", waiting=False)
    let_pass(page)
    page.evaluate("trackway.track('Waited')")
    let_pass(page)
    assert sent == []
    assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
    page.evaluate("trackway.consent('granted')")
    settle(page)
    told = [message.get("event") or message["type"] for message in sent]
    assert [name for name in told if name != "web_vital"] == ["page", "Waited"]
    assert len({message["anonymousId"] for message in sent}) == 1
    assert "tw_id" in stored_in(page)["cookies"]
    # The decision is remembered; taking it back forgets everything but itself.
    page.reload()
    ready(page)
    settle(page)
    assert [message["type"] for message in sent].count("page") == 2
    page.evaluate("trackway.consent('denied')")
    page.evaluate("trackway.track('No')")
    let_pass(page)
    count = len(sent)
    page.reload()
    let_pass(page)
    assert len(sent) == count
    assert "No" not in [message.get("event") for message in sent]
    assert stored_in(page)["cookies"] == "tw_c=denied"
    context.close()


def test_cookieless_stores_nothing_and_the_server_makes_the_days_visitor(browser: Browser, site: Site) -> None:
    visitors = set()
    for agent in (AGENT, AGENT, AGENT.replace("141", "140")):
        context = browser.new_context(user_agent=agent, viewport=DESK)
        sent = collected(context)
        page = go(context, f"{site.url}/chat?tw-consent=cookieless", waiting=False)
        page.evaluate("trackway.flush()")
        page.reload()
        page.evaluate("trackway.flush()")
        assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
        pages = [message for message in sent if message["type"] == "page"]
        assert len(pages) == 2
        assert not any("anonymousId" in message or "sessionId" in message["context"] for message in sent)
        ids = ", ".join(f"'{message['messageId']}'" for message in pages)
        rows = site.events(f"message_id IN ({ids})")
        assert len({(row["visitor_id"], row["session_id"]) for row in rows}) == 1
        assert rows[0]["visitor_id"].startswith("d-")
        visitors.add(rows[0]["visitor_id"])
        context.close()
    assert len(visitors) == 2


def collected(context: BrowserContext) -> list[dict[str, Any]]:
    """The messages that a context sends to Trackway, as they go."""
    sent: list[dict[str, Any]] = []

    def keep(request: Request) -> None:
        if request.url.endswith("/v1/batch") and request.post_data_buffer:
            body = request.post_data_buffer
            sent.extend(json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)["batch"])

    context.on("request", keep)
    return sent


def stored_in(page: Page) -> dict[str, Any]:
    """What the page has stored, under names of the SDK."""
    return dict(
        page.evaluate("""async () => ({
            cookies: document.cookie.split("; ").filter((one) => one.startsWith("tw")).join("; "),
            local: Object.keys(localStorage).filter((one) => one.startsWith("tw")),
            databases: (await indexedDB.databases()).map((one) => one.name),
        })""")
    )


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


def test_what_json_has_no_word_for_costs_no_neighbour(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    page.evaluate("""() => {
        const loop = {};
        loop.self = loop;
        trackway.track("Odd before");
        trackway.track("Odd", { nan: NaN, far: -Infinity, big: 2n ** 70n, half: "a\\ud800" });
        trackway.track("Odd loop", loop);
        trackway.track("Odd after");
    }""")
    settle(page)
    rows = site.events(f"{of(page)} AND name LIKE 'Odd%'")
    assert sorted(names(rows)) == ["Odd", "Odd after", "Odd before"]


def test_events_are_copied_to_others_on_the_page(context: BrowserContext, site: Site) -> None:
    context.add_init_script("""window.copies = [];
        const log = (name) => (...args) => copies.push([name, ...args]);
        window.posthog = { capture: log("posthog.capture"), identify: log("posthog.identify"), reset: log("posthog.reset") };
        window.mixpanel = { track: log("mixpanel.track"), people: { set: log("mixpanel.people.set") } };
        window.gtag = log("gtag");""")
    page = go(context, f"{site.url}/chat")
    page.evaluate("trackway.track('Signed Up', { plan: 'free' }); trackway.identify('u', { plan: 'free' })")
    recorded(page, "web_vital", 2)
    page.wait_for_function("() => copies.some(([name]) => name === 'mixpanel.people.set')")
    copies = page.evaluate("copies")
    assert ["posthog.capture", "Signed Up", {"plan": "free"}] in copies
    assert ["posthog.identify", "u", {"plan": "free"}] in copies
    assert ["mixpanel.track", "Signed Up", {"plan": "free"}] in copies
    assert ["gtag", "event", "signed_up", {"plan": "free"}] in copies
    assert not [copy for copy in copies if "web_vital" in copy]


def test_the_debug_overlay_shows_what_is_sent(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/discover?tw_debug")
    page.locator("[data-swipe=left]").first.click()
    overlay = page.locator("trackway-debug")
    expect(overlay.locator("summary", has_text="swipe")).to_be_visible()
    expect(overlay.locator("summary", has_text="page")).to_have_count(1)
    expect(overlay.locator("summary", has_text="swipe").locator(".sent")).to_be_visible()
    overlay.locator("summary", has_text="swipe").click()
    expect(overlay.locator("pre").filter(has_text='"direction": "left"')).to_be_visible()
    page.screenshot(path=ARTIFACTS / "sdk-debug.png")


def test_links_that_lead_away_downloads_and_dead_clicks_are_named(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/chat")
    visitor = of(page)
    context.route(
        re.compile(r"https://(example\.com|records\.example)/.*"), lambda route: route.fulfill(body="elsewhere")
    )
    page.get_by_role("button", name="This button does nothing").click()
    recorded(page, "dead_click")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Programme").click()
    opened.value.close()
    page.get_by_role("link", name="Records").click()
    page.wait_for_url("https://records.example/**")
    page.go_back()
    ready(page)
    page.get_by_role("link", name="Made with Trackway").click()
    page.wait_for_url("https://example.com/**")
    page.goto(f"{site.url}/chat")
    ready(page)
    settle(page)
    rows = {row["name"]: row["properties"] for row in site.events(visitor)}
    assert rows["download"]["url"].endswith("/programme.pdf")
    assert rows["affiliate_click"] == {"provider": "records.example", "url": "https://records.example/shop"}
    assert rows["outbound_click"] == {"host": "example.com", "url": "https://example.com/about"}
    assert rows["dead_click"] == {"selector": "#dead"}


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


def test_segments_library_on_the_same_site_gives_the_same_numbers(browser: Browser, site: Site, tmp_path: Path) -> None:
    """For the calls that both have: pages, tracks, identify, group, alias, reset."""
    bundle = tmp_path / "segment.js"
    bundled("segment", bundle, "iife")
    segment = site.open("--segment", str(bundle))

    def visit(url: str, identity: str) -> list[tuple[Any, ...]]:
        context = visitor_of(browser)
        page = context.new_page()
        page.goto(f"{url}/chat")
        visitor = page.wait_for_function(identity).json_value()
        page.get_by_role("button", name="Join the jazz fans").click()
        # Segment's library sends each by itself; what it has not sent when the page is left is lost.
        eventually(lambda: {"page", "group"} <= kinds(f"visitor_id = '{visitor}' AND path = '/chat'"))
        page.get_by_label("Your name").fill(f"peer-{url[-4:]}")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Sign out").wait_for()
        eventually(lambda: {"page", "identify"} <= kinds(f"visitor_id = '{visitor}' AND path = '/'"))
        page.goto(f"{url}/discover?utm_source=news&utm_medium=email")
        eventually(lambda: "page" in kinds(f"visitor_id = '{visitor}' AND path = '/discover'"))
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/signed-out*")
        port = url.rsplit(":", 1)[1]
        mine = f"user_id = 'peer-{url[-4:]}' OR visitor_id IN (SELECT visitor_id FROM events WHERE user_id = 'peer-{url[-4:]}')"
        names = ("page", "identify", "group", "alias", "Signed Out")

        def signed_out() -> bool:
            # Segment's library sends at a later page what it kept of one that was left at once.
            page.wait_for_timeout(1500)
            page.goto(f"{url}/chat")
            return any(row["name"] == "Signed Out" for row in site.events(mine))

        eventually(signed_out)
        context.close()
        rows = [row for row in site.events(mine) if row["name"] in names]
        assert rows, port
        sessions = {row["session_id"]: n for n, row in enumerate(rows)}
        assert len(sessions) == 1
        told = [(row["type"], row["name"], row["path"], row["type"] == "page" or bool(row["user_id"])) for row in rows]
        # What one page tells at its start may have one millisecond for all of it, which orders nothing.
        return [one for _, same in groupby(told, key=itemgetter(2)) for one in sorted(same)]

    def kinds(where: str) -> set[str]:
        return {row["type"] for row in site.events(where)}

    ours = visit(site.url, "() => typeof trackway.user === 'function' && trackway.user().anonymousId")
    theirs = visit(segment, "() => window.analytics?.instance?.initialized && analytics.instance.user().anonymousId()")
    assert ours == theirs
    assert len(ours) >= 6


def bundled(entry: str, to: Path, form: str) -> None:
    """A page's script, with everything that it imports."""
    esbuild = ["node_modules/.bin/esbuild", f"peers/{entry}.mjs", "--bundle", f"--format={form}", f"--outfile={to}",
               "--log-level=error", "--define:process.env.NODE_ENV=\"production\"", "--define:__VUE_OPTIONS_API__=true",
               "--define:__VUE_PROD_DEVTOOLS__=false", "--define:__VUE_PROD_HYDRATION_MISMATCH_DETAILS__=false"]  # fmt: skip
    subprocess.run(esbuild, cwd=ROOT / "sdk", check=True)


def module_page(context: BrowserContext, site: Site, entry: str, tag: str = "") -> Page:
    """A page of the site that is a bundle of the SDK as a module, behind a tag perhaps."""
    if not (site.extra / f"{entry}.js").exists():
        bundled(entry, site.extra / f"{entry}.js", "esm")
    (site.extra / f"{entry}.html").write_text(
        f"<!doctype html><title>{entry}</title>{tag}<body data-key={WRITE_KEY} data-host={site.server.url}><div id=root></div>"
        f"<script type=module src={entry}.js></script>"
    )
    page = context.new_page()
    page.goto(f"{site.url}/extra/{entry}.html")
    page.wait_for_function("() => window.tw?.user().sessionId")
    return page


def test_react_components_are_impressions_and_track(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "react")
    visitor = page.evaluate("tw.user().anonymousId")
    recorded(page, "impression", 2)
    page.get_by_role("button", name="Next").click()  # React keeps the element and changes what it is of
    recorded(page, "impression", 3)
    settle(page)
    rows = site.events(f"visitor_id = '{visitor}'")
    seen = [
        (row["entity_type"], row["entity_id"], row["properties"]["source"])
        for row in rows
        if row["name"] == "impression"
    ]
    assert sorted(seen) == [("artist", "a1", "react"), ("concert", "1", "react"), ("concert", "2", "react")]
    assert [row["properties"] for row in rows if row["name"] == "next"] == [{"from": 1}]
    assert names(rows).count("page") == 1


def test_a_tag_and_the_module_on_one_page_record_everything_once(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "vue", f'<script src="{site.server.url}/t.js" data-key="{WRITE_KEY}"></script>')
    visitor = page.evaluate("trackway.user().anonymousId")
    recorded(page, "view_details")
    page.get_by_role("button", name="Press").click()
    recorded(page, "pressed")
    settle(page)
    assert page.evaluate("tw.user().anonymousId") == visitor
    assert names(site.events(f"visitor_id = '{visitor}'")) == ["page", "view_details", "pressed"]


def test_vue_components_are_impressions_and_track(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "vue")
    visitor = page.evaluate("tw.user().anonymousId")
    recorded(page, "view_details")
    page.get_by_role("button", name="Press").click()
    recorded(page, "pressed")
    settle(page)
    rows = site.events(f"visitor_id = '{visitor}'")
    assert names(rows) == ["page", "view_details", "pressed"]
    assert rows[1]["entity_id"] == "7"


def test_on_a_server_the_module_does_nothing_and_components_render() -> None:
    ran = subprocess.run(["node", "peers/server.mjs"], cwd=ROOT / "sdk", capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.returncode) == ("fine\n", 0), ran.stderr


def test_nobody_who_does_nothing_for_half_a_minute_is_engaged(context: BrowserContext, site: Site) -> None:
    page = context.new_page()
    page.clock.install()
    began = time.monotonic()
    with page.expect_response("**/vitals.js*"):  # asked for by the part that measures, after it has begun
        page.goto(f"{site.url}/chat")
    page.clock.run_for(2000)
    page.mouse.move(10, 10)
    page.clock.run_for(100_000)
    page.mouse.move(20, 20)
    page.clock.run_for(5000)
    visitor = of(page)
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    real = time.monotonic() - began  # which passes on the page's clock too
    ready(page)
    settle(page)
    times = [row["properties"] for row in site.events(visitor, measured=True) if row["name"] == "engagement"]
    assert -0.2 <= sum(one["visible_s"] for one in times) - 107 <= real
    assert -0.2 <= sum(one["engaged_s"] for one in times) - (2 + 30 + 5) <= real


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


def test_what_the_server_records_belongs_to_the_browsers_session(context: BrowserContext, site: Site) -> None:
    page = go(context, f"{site.url}/concerts/c5")
    visitor = of(page)
    page.get_by_role("button", name="Book a seat here").click()
    page.wait_for_url("**/book")
    ready(page)
    settle(page)
    eventually(lambda: "Order Completed" in names(site.events(visitor)))
    rows = site.events(visitor)
    assert "Order Completed" in names(rows)
    assert len({row["session_id"] for row in rows}) == 1
    assert len(site.sessions(visitor)) == 1


def test_a_prerendered_page_is_seen_when_it_is_shown_and_not_before(site: Site, tmp_path: Path) -> None:
    """Without Playwright: a browser that is being debugged prerenders nothing."""
    rules = '{"prerender": [{"urls": ["/chat?utm_source=prerender"], "eagerness": "immediate"}]}'
    go_on = "setTimeout(() => { location.href = '/chat?utm_source=prerender'; }, 3000)"
    (site.extra / "rules.html").write_text(
        f"<!doctype html><title>r</title><script type=speculationrules>{rules}</script><script>{go_on}</script>"
    )
    program = os.environ.get("TRACKWAY_TEST_BROWSER") or shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium but Playwright's own, whose path is not known here")
    began = time.time()
    command = [program, "--headless=new", f"--user-data-dir={tmp_path}", *QUIET, f"--user-agent={AGENT}"]
    process = subprocess.Popen([*command, f"{site.url}/extra/rules.html"], stderr=subprocess.DEVNULL)
    try:
        seen = "query = 'utm_source=prerender'"
        eventually(lambda: site.events(f"{seen} AND name = 'web_vital'", measured=True))
    finally:
        process.terminate()
        process.wait(20)
    rows = site.events(seen, measured=True)
    assert {row["properties"].get("navigation") for row in rows if row["name"] == "web_vital"} == {"prerender"}
    pages = [row for row in rows if row["type"] == "page"]
    assert len(pages) == 1
    assert datetime.fromisoformat(pages[0]["timestamp"]).timestamp() - began > 3, "it counts when it is shown"
