"""The browser SDK in a real browser on the concert site: the store holds exactly what was done."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from concert_site import (
    Site,
    context,  # noqa: F401
    go,
    leave,
    names,
    of,
    ready,
    recorded,
    settle,
    site,  # noqa: F401
    who,
)
from playwright.sync_api import BrowserContext, Page, expect

from chromium import AGENT, ARTIFACTS, QUIET
from conftest import WRITE_KEY, eventually


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
    recorded(page, "view_details")
    entered = time.monotonic()
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
    recorded(page, "view_details")
    entered = time.monotonic()
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
    done = [row for row in rows if row["name"] not in ("impression", "page")]
    assert names(done) == [
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
        f"SELECT path, query, referrer, source FROM events WHERE {visitor} AND type = 'page' ORDER BY message_id"
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
    recorded(page, "web_vital", 2)  # those of the load; the others are known when the page is left
    entered = time.monotonic()
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
        process.wait(60)
    rows = site.events(seen, measured=True)
    assert {row["properties"].get("navigation") for row in rows if row["name"] == "web_vital"} == {"prerender"}
    pages = [row for row in rows if row["type"] == "page"]
    assert len(pages) == 1
    assert datetime.fromisoformat(pages[0]["timestamp"]).timestamp() - began > 3, "it counts when it is shown"
