"""The dashboard in a real browser: signing in, the overview and its filters, projects, members, and ways to its pages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, go, nobody_is_left_out, open_page, tile

from conftest import EMAIL, Server


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


def test_the_project_is_changed_under_settings(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled, at="Settings")
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


def test_a_member_is_added_sees_the_project_and_is_removed(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled, at="Settings")
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
