"""Pages that change while they are looked at: by what arrives, in place, and only while they are seen."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect
from steps import drawn, go, open_page

from chromium import ARTIFACTS
from conftest import Server, also
from factories import FIREFOX
from stores import engine_pid


def test_an_event_sent_now_is_on_the_live_page_within_two_seconds(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled, at="Live")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    filled.post("track", {"event": "Sent by hand", "anonymousId": "by-hand"})
    stream = page.get_by_role("list", name="Newest events by visitor")
    expect(stream.get_by_text("Sent by hand")).to_be_visible(timeout=60_000)
    # Paused, what arrives waits and is counted; going on shows it.
    page.get_by_role("button", name="Pause").click()
    filled.post("track", {"event": "While paused", "anonymousId": "by-hand"})
    go_on = page.get_by_role("button", name="Go on (1 new)")
    expect(go_on).to_be_visible(timeout=60_000)
    expect(stream.get_by_text("While paused")).to_have_count(0)
    go_on.click()
    expect(stream.get_by_text("While paused")).to_be_visible()


def test_what_is_shown_already_is_not_counted_as_new_when_the_stream_brings_it_late(
    browser: Browser, filled: Server
) -> None:
    filled.post("track", {"event": "Shown before", "anonymousId": "shown-before"})
    filled.stored()
    [event] = [
        row for row in filled.asked({"question": "newest_events", "limit": 50})["data"] if row["name"] == "Shown before"
    ]
    page = open_page(browser, filled)
    streams: list[Route] = []

    def hold(route: Route) -> None:
        streams.append(route)

    page.route("**/stream?**", hold)
    go(page, "Live")
    expect(page.get_by_role("list", name="Newest events by visitor").get_by_text("Shown before")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    other = {**event, "event_id": "0" * 32, "name": "Not shown before"}
    arrived = [{**one, "received_at": one["timestamp"]} for one in (event, other)]
    streams[0].fulfill(content_type="text/event-stream", body=f"retry: 60000\ndata: {json.dumps(arrived)}\n\n")
    expect(page.get_by_role("button", name="Go on (1 new)")).to_be_visible()


WATCH = """() => {
    window.seen = [];
    document.querySelector('#main table').dataset.stays = 'here';
    new MutationObserver((all) => {
        for (const one of all) for (const node of one.addedNodes)
            if (node.matches?.('.animate-pulse') || node.querySelector?.('.animate-pulse')) window.seen.push(node.outerHTML);
        if ([...document.querySelectorAll('#main *')].some(one => one.className.includes?.('opacity-50')))
            window.seen.push('dimmed');
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


@pytest.mark.parametrize("name", ["Explore", also("Sources"), also("Events")])
def test_what_arrives_changes_the_numbers_in_place(browser: Browser, filled: Server, name: str) -> None:
    page = open_page(browser, filled)
    go(page, name)
    table = page.locator("#main table").first
    expect(table).to_be_visible()
    if name == "Explore":
        page.get_by_role("combobox", name=re.compile("^count")).select_option("events")
        expect(table.get_by_role("cell").first).to_have_text("events")
    drawn(page)
    page.evaluate(WATCH)
    before = table.inner_text()
    for at in range(2):
        filled.post("page", {"anonymousId": f"in-place-{name}-{at}", "name": "Home", "context": {"userAgent": FIREFOX}})
        filled.stored()
        expect(table).not_to_have_text(before, use_inner_text=True, timeout=60_000)
        before = table.inner_text()
    assert table.get_attribute("data-stays") == "here", "the table is the same one"
    assert page.evaluate("window.seen") == []
    page.context.close()


def test_a_page_that_is_not_seen_asks_nothing(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled, at="Explore")
    expect(page.locator("#main table").first).to_be_visible()
    page.clock.install()
    seen = "state => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
    seen += "window.dispatchEvent(new Event('visibilitychange')); }"
    asked: list[str] = []
    page.evaluate(seen, "hidden")
    drawn(page)
    page.on("request", lambda request: asked.append(request.url))
    filled.post("page", {"anonymousId": "unseen", "name": "Home", "context": {"userAgent": FIREFOX}})
    filled.stored()
    page.clock.run_for(120_000)
    assert asked == []
    page.clock.resume()
    with page.expect_request("**/ask"):
        page.evaluate(seen, "visible")
    page.context.close()


def test_an_empty_project_says_how_to_send_the_first_event_and_fills_by_itself(
    browser: Browser, new_server: Any
) -> None:
    server = new_server().start()
    page = open_page(browser, server)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody has been here yet")
    page.screenshot(path=ARTIFACTS / "empty-desk-light.png", full_page=True)
    server.post("track", {"anonymousId": "first"})
    expect(page.get_by_text("a track message names its event")).to_be_visible(timeout=60_000)
    server.post("page", {"anonymousId": "first", "name": "Home"})
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview", timeout=60_000)
    # What a young project still lacks, turning green as it comes.
    expect(page.get_by_text("Pages are counted (done)")).to_be_visible()
    expect(page.get_by_text("People are known by name (to do)")).to_be_visible()
    server.post("identify", {"anonymousId": "first", "userId": "ann"})
    expect(page.get_by_text("People are known by name (done)")).to_be_visible(timeout=60_000)


def test_a_page_that_is_opened_while_the_engine_dies_shows_its_numbers_a_moment_later(
    browser: Browser, new_server: Any
) -> None:
    server = new_server().start()
    server.post("page", {"anonymousId": "engine", "name": "Home", "context": {"userAgent": FIREFOX}})
    server.stored()
    page = open_page(browser, server)
    for name in ("Sources", "Events"):
        os.kill(engine_pid(server.data), signal.SIGKILL)
        go(page, name)
        expect(page.locator("#main table").first).to_be_visible(timeout=60_000)
        expect(page.get_by_role("alert")).to_have_count(0)
    page.context.close()
