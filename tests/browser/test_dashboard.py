"""The dashboard in a real browser: what people do first, and that everybody can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page, tile, to, until

from conftest import ARTIFACTS, EMAIL, SECRET_KEY, Server
from factories import FIREFOX

ROOT = Path(__file__).parents[2]


def test_signing_in_needs_the_right_password(browser: Browser, filled: Server) -> None:
    page = browser.new_context().new_page()
    page.goto(filled.url)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("a wrong password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")


def test_the_numbers_on_the_page_are_those_of_the_api(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    current = filled.get("overview", period="30d")["data"]["current"]
    for label, value in (
        ("Visitors", "visitors"),
        ("Sessions", "sessions"),
        ("Page views", "page_views"),
        ("Events", "events"),
    ):
        expect(page.get_by_role("button", name=re.compile(f"^{label}"))).to_contain_text(f"{current[value]:,}")


def test_changing_the_period_and_filtering_is_in_the_address_and_back_goes_back(
    browser: Browser, filled: Server
) -> None:
    page = open_page(browser, filled)
    everybody = tile(page, "Visitors")
    page.get_by_role("button", name=re.compile("^Period")).click()
    page.get_by_role("menuitemradio", name="Last 90 days").click()
    expect(page).to_have_url(re.compile("period=90d"))
    expect(page.get_by_role("button", name="Period: Last 90 days")).to_be_visible()
    page.get_by_role("button", name="Organic Search", exact=True).click()
    expect(page).to_have_url(re.compile("filter="))
    chip = page.get_by_role("button", name="Remove filter: Channel is Organic Search")
    expect(chip).to_be_visible()
    searchers = filled.get("overview", period="90d", filter="channel:is:Organic Search")["data"]["current"]["visitors"]
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(f"{searchers:,}")
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(f"{searchers:,}")
    page.go_back()
    expect(chip).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(everybody)
    page.get_by_role("button", name="+ Filter").click()
    page.get_by_label("or a property of the event").fill("genre")
    page.get_by_label("Value").fill("jazz")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("button", name="Remove filter: genre is jazz")).to_be_visible()


def test_a_number_opens_into_the_query_that_made_it(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    page.get_by_role("button", name="Why: what is behind these totals").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("FROM source_counts")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_person_is_found_opened_and_followed_into_a_session(browser: Browser, filled: Server) -> None:
    filled.post("identify", {"userId": "opened-ann", "anonymousId": "opened", "traits": {"plan": "free"}})
    filled.post("track", {"event": "Opened", "anonymousId": "opened", "properties": {"size": 3}})
    filled.post("identify", {"userId": "opened-ann", "anonymousId": "opened", "traits": {"plan": "pro"}})
    filled.stored()
    page = open_page(browser, filled)
    go(page, "People")
    page.get_by_role("searchbox").fill("opened-an")
    page.get_by_role("link", name="opened-ann").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("opened-ann")
    expect(page.get_by_text("Opened", exact=True)).to_be_visible()
    page.get_by_role("button", name="properties").nth(1).click()
    expect(page.get_by_text('"size": 3')).to_be_visible()
    # A trait with what it was before, and what joined the ids.
    expect(page.get_by_role("definition").filter(has_text="pro").first).to_be_visible()
    page.get_by_text("1 before").click()
    expect(page.get_by_text("free ·")).to_be_visible()
    nobody_is_left_out(page)
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("button", name="Join again")).to_be_visible()
    page.get_by_role("button", name="Join again").click()
    expect(page.get_by_role("button", name="Join again")).to_have_count(0)
    page.get_by_role("link", name=re.compile("^Session from")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Session")
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    nobody_is_left_out(page)
    expect(page.get_by_text("Opened", exact=True)).to_be_visible()


def test_sessions_are_sorted_by_the_server_paged_as_one_scrolls_and_columns_are_remembered(
    browser: Browser, filled: Server
) -> None:
    page = open_page(browser, filled)
    go(page, "Sessions")
    table = page.get_by_role("table", name="Sessions")
    total = filled.get("overview", period="30d")["data"]["current"]["sessions"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"{total:,}")
    assert total > 150
    assert table.get_by_role("row").count() < 60, "only what is in view is drawn"
    table.get_by_role("button", name="Events").click()
    expect(table.get_by_role("columnheader", name="Events")).to_have_attribute("aria-sort", "descending")
    [most] = filled.sql("SELECT max(events) AS n FROM sessions FINAL WHERE bot = ''")
    position = table.get_by_role("columnheader").all_inner_texts().index("Events ↓")
    cell = table.get_by_role("row").nth(1).get_by_role("cell").nth(position)
    expect(cell).to_have_text(str(most["n"]))
    table.get_by_role("button", name="Events").click()
    expect(cell).to_have_text("1")
    # The last one is there after scrolling to the end, a page at a time.
    last = table.locator(f"[role=row][aria-rowindex='{total + 1}']")

    def reached() -> bool:
        table.evaluate("(one) => one.scrollTo(0, one.scrollHeight)")
        return last.count() == 1 and last.locator("bdi").count() > 0

    until(page, reached)
    expect(table.get_by_role("row").last).to_have_attribute("aria-rowindex", str(total + 1))
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Campaign").check()
    page.reload()
    expect(page.get_by_role("columnheader", name="Campaign")).to_be_visible()


def test_an_event_sent_now_is_on_the_live_page_within_two_seconds(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Live")
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


@pytest.mark.parametrize("name", ["Explore", "Sources", "Events"])
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
    page = open_page(browser, filled)
    go(page, "Explore")
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


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_that_is_open_is_seen_among_the_pages(browser: Browser, filled: Server, size: Any) -> None:
    page = open_page(browser, filled, size)
    for name in ("Settings", "Overview", "Customers"):
        go(page, name)
        is_open = page.locator("nav[aria-label=Pages] [aria-current=page]")
        expect(is_open).to_have_text(name)
        expect(is_open).to_be_in_viewport(ratio=1)
    page.reload()
    expect(page.locator("nav[aria-label=Pages] [aria-current=page]")).to_be_in_viewport(ratio=1)
    page.context.close()


def test_a_project_is_made_and_switched_to_with_the_keyboard(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    switch = page.get_by_role("button", name=re.compile("^Project: "))
    was = switch.inner_text().split("\n")[0]
    switch.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", name=was, exact=True)).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="New project…")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Name of the project").fill("Second")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Project: Second")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody has been here yet")
    nobody_is_left_out(page)
    page.get_by_role("button", name="Project: Second").click()
    page.get_by_role("menuitemradio", name=was, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.context.close()


@pytest.mark.parametrize("place", ["/nowhere", "/p/{project}/nowhere"])
def test_an_address_without_a_page_leads_back(browser: Browser, filled: Server, place: str) -> None:
    page = open_page(browser, filled)
    expect(page).to_have_url(re.compile("/overview"))
    project = page.url.split("/p/")[1].split("/")[0]
    page.goto(filled.url + place.format(project=project))
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
    expect(page.get_by_text("Trackway", exact=True)).to_be_visible()
    nobody_is_left_out(page)
    page.get_by_role("link", name="To the start").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.context.close()


def test_text_that_a_client_sent_is_text(browser: Browser, filled: Server) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    filled.post("track", {"event": hostile, "anonymousId": hostile, "properties": {"x": hostile}})
    filled.stored()
    page = open_page(browser, filled)
    go(page, "Events")
    expect(page.get_by_text(hostile).first).to_be_visible()
    assert page.title() == "Events · Trackway"


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


def test_the_project_is_changed_under_settings(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Settings")
    page.get_by_label("Name", exact=True).fill("Concerts")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#main").get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_role("button", name="Project: Concerts")).to_contain_text("Concerts")
    go(page, "Explore")
    expect(page.get_by_role("tab", name="Entity funnel")).to_be_visible()
    go(page, "Settings")
    page.get_by_label("What it is").select_option("A community")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#main").get_by_role("status")).to_have_text("Saved.")
    go(page, "Explore")
    expect(page.get_by_role("tab", name="Retention")).to_be_visible()
    expect(page.get_by_role("tab", name="Entity funnel")).to_have_count(0)
    go(page, "Settings")
    page.get_by_label("What it is").select_option("A concert platform")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#main").get_by_role("status")).to_have_text("Saved.")
    zones = page.get_by_label("Time zone")
    assert "Europe/Berlin" in zones.evaluate("one => [...one.list.options].map(option => option.value)")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#main").get_by_role("status")).to_contain_text("not a time zone")


PAGES = [
    "Overview",
    "Live",
    "Explore",
    "Sources",
    "Sessions",
    "People",
    "Customers",
    "Entities",
    "Events",
    "Data",
    "Boards",
    "Settings",
]


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")])
def test_no_page_has_an_accessibility_violation_or_scrolls_sideways(
    browser: Browser, filled: Server, viewport: Any, scheme: Any
) -> None:
    page = open_page(browser, filled, viewport, scheme)
    size = "desk" if viewport == DESK else "phone"
    for name in PAGES:
        go(page, name)
        if name == "Live":
            expect(page.get_by_text("connected", exact=True)).to_be_visible()
        drawn(page)
        page.screenshot(path=ARTIFACTS / f"{name.lower()}-{size}-{scheme}.png", full_page=True)
        nobody_is_left_out(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"


FUNNEL = [{"event": "impression"}, {"event": "event click"}, {"event": "interest"}]
QUESTIONS: dict[str, dict[str, Any]] = {
    "Trend": {"question": "trend", "series": [{"metric": "persons"}], "interval": "day", "by": ["channel"], "top": 6},
    "Funnel": {"question": "funnel", "steps": FUNNEL, "window_s": 86_400, "order": "ordered", "by": "device"},
    "Retention": {"question": "retention", "interval": "day", "kind": "first_time", "intervals": 6},
    "Lifecycle": {"question": "lifecycle", "interval": "day"},
    "Paths": {
        "question": "paths",
        "nodes": "page",
        "direction": "after",
        "steps": 4,
        "top": 6,
        "groups": ["/concerts/*"],
    },
    "Stickiness": {"question": "stickiness", "interval": "day"},
    "Active people": {"question": "active"},
    "Entity funnel": {"question": "entity_funnel"},
    "Sources": {"question": "sources", "by": ["channel", "source", "medium"]},
    "Cohorts": {"question": "cohort_sizes", "interval": "week", "cohort": "person.sessions:greater:1"},
}


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")])
def test_every_question_of_explore_is_drawn_for_everybody(
    browser: Browser, filled: Server, viewport: Any, scheme: Any
) -> None:
    page = open_page(browser, filled, viewport, scheme)
    go(page, "Explore")
    size = "desk" if viewport == DESK else "phone"
    for name, body in QUESTIONS.items():
        address = f"{page.url.split('?')[0]}?{urlencode({'ask': json.dumps(body)})}"
        if (viewport, scheme) == (DESK, "light"):
            page.goto(address)  # as somebody does who was given it
        else:
            to(page, address.removeprefix(filled.url))
        expect(page.get_by_role("heading", level=2, name=name)).to_be_visible()
        drawn(page)
        expect(page.get_by_role("alert")).to_have_count(0)
        page.screenshot(
            path=ARTIFACTS / f"explore-{name.lower().replace(' ', '-')}-{size}-{scheme}.png", full_page=True
        )
        nobody_is_left_out(page)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels too wide"


def test_a_funnel_is_built_read_and_opened_to_the_people_who_stopped(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Explore")
    page.get_by_role("tab", name="Funnel", exact=True).click()
    page.get_by_role("combobox", name="Step 1").select_option("impression")
    page.get_by_role("combobox", name="Step 2").select_option("event click")
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    project = filled.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
    body = {"question": "funnel", "steps": FUNNEL[:2], "window_s": 86_400}
    answer = filled.http.post(f"/api/v1/projects/{project}/ask", json=body, headers=headers).json()
    first, second = (step["units"] for step in answer["data"]["steps"])
    assert first > second > 0
    expect(page.get_by_role("button", name=f"{first:,} people", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=f"{second:,} people", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"{first - second:,} went no further than step 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row")).to_have_count(min(100, first - second) + 1)
    dialog.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("combobox", name="Step 2")).to_have_value("event click")


def test_a_percentile_by_a_property_is_saved_and_opened_again_from_the_palette(
    browser: Browser, filled: Server
) -> None:
    for value in (1, 2, 30):
        sent = {"event": "Rated", "anonymousId": f"rater-{value}", "properties": {"stars": value, "mood": f"m{value}"}}
        filled.post("track", sent)
    filled.stored()
    page = open_page(browser, filled)
    go(page, "Explore")
    page.get_by_role("combobox", name=re.compile("^of")).select_option("Rated")
    page.get_by_role("combobox", name=re.compile("^count")).select_option("max")
    expect(page.get_by_text("Choose a property")).to_be_visible()
    page.get_by_role("combobox", name=re.compile("^property")).select_option("stars")
    total = page.get_by_role("table", name="Totals of the period").get_by_role("cell").nth(1)
    expect(total).to_have_text("30")
    page.get_by_role("combobox", name=re.compile("^broken down by")).select_option("properties.mood")
    totals = page.get_by_role("table", name="Totals of the period")
    expect(totals.get_by_role("row", name=re.compile("^m2 "))).to_contain_text("2")
    nobody_is_left_out(page)
    page.get_by_role("button", name="Saved questions").click()
    page.get_by_label("Save this question as").fill("Best stars")
    page.get_by_role("button", name="Save question").click()
    expect(page.get_by_role("status").filter(has_text="saved as Best stars")).to_be_visible()
    go(page, "Events")
    page.keyboard.press("Control+k")
    page.keyboard.type("best sta")
    page.get_by_role("option", name="Best stars saved question").click()
    expect(page.get_by_role("combobox", name=re.compile("^property"))).to_have_value("stars")
    expect(totals.get_by_role("row", name=re.compile("^m2 "))).to_be_visible()
    page.get_by_role("button", name="Saved questions").click()
    page.get_by_role("button", name="Remove question Best stars").click()
    page.get_by_role("button", name="Undo").click()
    page.keyboard.press("Control+k")
    page.keyboard.type("c40")
    page.get_by_role("option", name=re.compile("concert$")).first.click()
    expect(page).to_have_url(re.compile("/entity"))
    page.context.close()


def test_a_goal_is_a_step(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Explore")
    page.get_by_role("tab", name="Funnel", exact=True).click()
    goals = page.get_by_role("combobox", name="Step 2").locator("optgroup[label=Goals] option")
    expect(goals.first).to_have_text("Order Completed")
    page.get_by_role("combobox", name="Step 2").select_option("Order Completed")
    expect(page.get_by_role("button", name=re.compile("went no further than step 1"))).to_be_visible()
    page.context.close()


def test_a_row_of_events_opens_into_everything_that_is_known_of_it(browser: Browser, filled: Server) -> None:
    filled.post("track", {"event": "Opened row", "anonymousId": "row", "properties": {"size": 3, "colour": "green"}})
    filled.stored()
    page = open_page(browser, filled)
    go(page, "Events")
    row = page.get_by_role("button", name="Opened row")
    row.focus()
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(page.locator("pre")).to_contain_text('"colour": "green"')
    nobody_is_left_out(page)
    page.keyboard.press("Enter")
    expect(page.locator("pre")).to_have_count(0)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The session of the event").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Session")
    page.context.close()


def test_a_persons_orders_are_seen_without_scrolling(browser: Browser, filled: Server) -> None:
    order = {"order_id": "fold-1", "revenue": 12.5, "currency": "USD"}
    filled.post("track", {"event": "Order Completed", "userId": "fold", "anonymousId": "fold", "properties": order})
    filled.stored()
    page = open_page(browser, filled)
    page.keyboard.press("Control+k")
    page.keyboard.type("fold")
    page.get_by_role("option", name="fold person").click()
    expect(page.get_by_role("heading", name="Orders and bookings")).to_be_in_viewport()
    expect(page.get_by_role("table", name="Orders and bookings").get_by_role("row").nth(1)).to_be_in_viewport()
    page.context.close()


def test_the_data_behind_the_numbers_is_explored(browser: Browser, filled: Server) -> None:
    filled.post("track", {"anonymousId": "nobody", "messageId": "without-event"})
    filled.stored()
    page = open_page(browser, filled)
    go(page, "Data")
    page.get_by_role("button", name="ticket_click").click()
    properties = page.get_by_role("table", name="Properties of ticket_click")
    expect(properties.get_by_role("row", name=re.compile("^price_range"))).to_contain_text("100%")
    expect(properties.get_by_role("row", name=re.compile("^ticket_provider"))).to_contain_text("text")
    properties.get_by_role("button", name="ticket_provider").click()
    expect(
        page.get_by_role("table", name="Values of ticket_provider").get_by_role("cell", name="TicketHub")
    ).to_be_visible()
    page.get_by_role("tab", name="Bots").click()
    expect(page.get_by_role("cell", name=re.compile("^crawler"))).to_be_visible()
    page.get_by_role("tab", name="Refused").click()
    expect(page.get_by_role("cell", name=re.compile("a track message names its event"))).to_be_visible()
    page.get_by_role("tab", name="Tracking plan").click()
    expect(page.get_by_text("There is no tracking plan yet")).to_be_visible()
    nobody_is_left_out(page)


def test_whom_one_counts_as_people_changes_every_number_and_goes_back(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    before = tile(page, "Visitors")
    go(page, "Data")
    page.get_by_role("tab", name="Bots").click()
    row = page.get_by_role("row", name=re.compile("^crawler")).first
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).to_be_checked()
    everybody = filled.get("overview", period="30d")["data"]["current"]["visitors"]
    assert f"{everybody:,}" != before
    go(page, "Overview")
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(f"{everybody:,}")
    page.go_back()
    page.get_by_role("tab", name="Bots").click()
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).not_to_be_checked()
    go(page, "Overview")
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(before)


def test_files_are_exported_and_imported_with_progress(browser: Browser, filled: Server, tmp_path: Path) -> None:
    page = open_page(browser, filled)
    go(page, "Data")
    page.get_by_role("tab", name="Imports and exports").click()
    page.get_by_label("Format").select_option("parquet")
    page.get_by_role("button", name="Export").click()
    exported = page.get_by_role("listitem").filter(has_text=".parquet")
    expect(exported).to_contain_text("done", timeout=60_000)
    with page.expect_download() as download:
        exported.get_by_role("link", name="Fetch").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"PAR1"
    file = tmp_path / "old.ndjson"
    file.write_text('{"event": "Brought In", "userId": "old", "timestamp": "2024-01-01T00:00:00Z"}\nno message\n')
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Import").click()
    imported = page.get_by_role("listitem").filter(has_text="old.ndjson")
    expect(imported).to_contain_text("1 taken, 1 refused", timeout=60_000)
    filled.stored()
    assert filled.sql("SELECT count() AS n FROM events WHERE name = 'Brought In'") == [{"n": 1}]
    nobody_is_left_out(page)
    imported.get_by_role("button", name="Remove").click()
    expect(imported).to_have_count(0)


def test_a_member_is_added_sees_the_project_and_is_removed(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Settings")
    page.get_by_label("E-mail").fill("member@example.com")
    page.get_by_role("combobox", name=re.compile("^As")).select_option("viewer")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("member@example.com is invited as viewer")).to_be_visible()
    theirs = browser.new_context(viewport=DESK).new_page()
    theirs.goto(page.get_by_text("/invitation/").inner_text())
    theirs.get_by_label("A password").fill("a long password")
    theirs.get_by_role("button", name="Accept").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Overview")
    go(theirs, "Settings")
    expect(theirs.get_by_role("heading", name="Members")).to_have_count(0)
    page.reload()
    page.locator("li", has_text="member@example.com").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status").filter(has_text="does not see this project any more")).to_be_visible()
    theirs.reload()
    expect(
        theirs.get_by_text("There is no such project").or_(theirs.get_by_text("You have no project yet"))
    ).to_be_visible()


def test_a_segment_is_saved_and_used_again_everywhere(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    page.get_by_role("button", name="+ Filter").click()
    page.get_by_role("combobox", name=re.compile("^What")).select_option("channel")
    page.get_by_label("Value").fill("Organic Search")
    page.get_by_role("button", name="Add filter").click()
    visitors = page.get_by_role("button", name=re.compile("^Visitors"))
    searchers = filled.get("overview", period="30d", filter="channel:is:Organic Search")["data"]["current"]["visitors"]
    expect(visitors).to_contain_text(f"{searchers:,}")
    page.get_by_role("button", name="Segments").click()
    page.get_by_label("Save these filters as").fill("Searchers")
    page.get_by_role("button", name="Save segment").click()
    expect(page.get_by_text("in Searchers")).to_be_visible()
    expect(visitors).to_contain_text(f"{searchers:,}")
    go(page, "Explore")
    page.get_by_role("button", name="Remove filter: in Searchers").click()
    page.get_by_role("button", name="Segments").click()
    page.get_by_role("button", name="Searchers", exact=True).click()
    expect(page.get_by_role("table", name="Totals of the period").get_by_role("cell").nth(1)).to_have_text(
        f"{searchers:,}"
    )


def test_what_is_drawn_is_exported_as_numbers_and_pictures(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    go(page, "Explore")
    expect(page.locator("[role=img] svg").first).to_be_visible()
    files = {}
    for label in ("Numbers as CSV", "Picture as SVG", "Picture as PNG"):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=label).click()
        files[label] = Path(download.value.path()).read_bytes()
    total = page.get_by_role("table", name="Totals of the period").get_by_role("cell").nth(1).inner_text()
    assert files["Numbers as CSV"].decode().splitlines() == ["Series,Whole period", f"people,{total}"]
    assert files["Picture as SVG"].startswith(b"<svg")
    assert files["Picture as PNG"].startswith(b"\x89PNG")
    assert len(files["Picture as PNG"]) > 5000


def test_the_palette_jumps_by_keys_to_a_page_an_event_and_a_person(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name=re.compile("^Jump")).fill("sourc")
    expect(page.get_by_role("option", name="Sources page")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sources")
    page.keyboard.press("Control+k")
    page.keyboard.type("ticket_cl")
    expect(page.get_by_role("option", name="ticket_click event")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Explore")
    expect(page.get_by_role("combobox", name=re.compile("^of"))).to_have_value("ticket_click")
    [somebody] = filled.sql("SELECT any(user_id) AS id FROM events WHERE user_id LIKE 'user-%'")
    page.keyboard.press("Control+k")
    page.keyboard.type(somebody["id"])
    page.get_by_role("option", name=f"{somebody['id']} person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(somebody["id"])


def test_everything_is_reached_with_the_keyboard_alone(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"))
    assert {"Live", "Sources", f"You: {EMAIL}", "+ Filter", "Period: Last 30 days"} <= {
        str(one).strip() for one in seen
    }
    page.get_by_role("button", name=re.compile("^Period")).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("period="))
