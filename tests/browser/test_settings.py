"""Settings: goals are chosen from the events there are, scheduled work is said and set in words."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from conftest import Server


def test_goals_are_chosen_from_events(browser: Browser, server: Server) -> None:
    event = f"Goal {uuid4().hex[:8]}"
    server.post("track", {"event": event, "anonymousId": "goals"})
    server.stored()
    page = open_page(browser, server, at="Settings")
    field = page.get_by_label("Goals", exact=True).and_(page.get_by_role("combobox"))
    expect(page.locator(f"datalist option[value='{event}']")).to_be_attached()
    chosen = page.get_by_role("list", name="Goals")
    before = chosen.get_by_role("listitem").all_inner_texts()
    field.fill(event)
    field.press("Enter")
    field.fill("Not seen yet")
    page.get_by_role("button", name="Add goal").click()
    expect(chosen.get_by_role("listitem")).to_have_count(len(before) + 2)
    expect(page.locator(f"datalist option[value='{event}']")).not_to_be_attached()
    page.get_by_role("button", name="Remove goal Not seen yet").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(chosen).to_contain_text(event)
    expect(chosen).not_to_contain_text("Not seen yet")
    nobody_is_left_out(page)
    page.get_by_role("button", name=f"Remove goal {event}").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.context.close()


def test_schedules_are_said_and_set_in_words(browser: Browser, server: Server) -> None:
    page = open_page(browser, server, at="Settings")
    for name, words in (
        ("aggregate", "every day at 03:20 UTC"), ("purge-views", "on day 1 of the month at 03:40 UTC"),
        ("refresh-views", "every hour at :07"), ("watch-segments", "every 5 minutes"),
    ):  # fmt: skip
        expect(page.get_by_role("button", name=f"When {name} runs")).to_contain_text(words)
    due = page.get_by_role("button", name="When aggregate runs")
    due.click()
    page.get_by_role("combobox", name=re.compile("^How often")).select_option("every week")
    page.get_by_role("combobox", name=re.compile("^Day of the week")).select_option("Thursday")
    page.get_by_label("Time (UTC)").fill("04:05")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(due).to_contain_text("every Thursday at 04:05 UTC")
    due.click()
    page.get_by_role("combobox", name=re.compile("^How often")).select_option("as a cron expression")
    page.get_by_label("Minute, hour, day, month, weekday (UTC)").fill("20 3 * * 1-5")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(due).to_contain_text("20 3 * * 1-5 UTC")
    due.click()
    page.get_by_role("combobox", name=re.compile("^How often")).select_option("every day")
    page.get_by_label("Time (UTC)").fill("03:20")
    nobody_is_left_out(page)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(due).to_contain_text("every day at 03:20 UTC")

    # At a desk the switch stands beside its buttons; on a phone nothing runs out of the page.
    row = page.get_by_role("listitem").filter(has=due)
    switch, run = row.get_by_role("switch").bounding_box(), row.get_by_role("button", name="Run now").bounding_box()
    assert switch and run and switch["y"] < run["y"] + run["height"] and run["y"] < switch["y"] + switch["height"]
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(DESK)
    page.context.close()


def test_text_that_is_cut_is_said_in_full(browser: Browser, server: Server) -> None:
    event = "Cut " + "name that has no room " * 8 + uuid4().hex[:8]
    server.post("track", {"event": event, "anonymousId": "cut"})
    server.stored()
    page = open_page(browser, server, at="Data")
    name = page.get_by_role("button", name=event)
    name.hover()
    expect(name).to_have_attribute("title", event)
    page.context.close()


def test_what_the_server_refuses_of_a_button_is_shown(browser: Browser, server: Server) -> None:
    """Each button's refusal, not only of those whose form has a place for it."""
    page = open_page(browser, server, at="Settings")
    page.get_by_role("button", name="New secret key").click()
    expect(page.get_by_role("region", name="the new key")).to_be_visible()
    page.route(
        "**/api/v1/projects/*/keys/*",
        lambda route: route.continue_(headers={**route.request.headers, "x-csrf-token": "of another sign-in"}),
    )
    page.get_by_role("button", name="Revoke").last.click()
    expect(page.get_by_role("status").filter(has_text="the CSRF token is missing")).to_be_visible()
    page.context.close()
