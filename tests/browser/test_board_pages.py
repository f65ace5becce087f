"""Boards in a real browser: put together, arranged, shared, taken away and brought back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, Response, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page, until

from chromium import ARTIFACTS
from conftest import Server, also


def save_from_explore(page: Page, kind: str, title: str, board: str, new: bool) -> None:
    go(page, "Explore")
    page.get_by_role("tab", name=kind, exact=True).click()
    page.get_by_role("button", name="Save to a board").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill(title)
    dialog.get_by_role("combobox", name=re.compile("^Board")).select_option(label="a new one …" if new else board)
    if new:
        dialog.get_by_label("Name of the new board").fill(board)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("status")).to_contain_text(board)


def saved(answer: Response) -> bool:
    return answer.request.method == "PUT" and "/boards/" in answer.url


def place(item: Locator) -> FloatRect:
    box = item.bounding_box()
    assert box
    return box


@pytest.mark.parametrize(("viewport", "scheme"), [also(DESK, "light"), (PHONE, "dark")])
def test_a_board_is_made_from_explore_arranged_shared_and_taken_back(
    browser: Browser, filled: Server, viewport: Any, scheme: Any
) -> None:
    page = open_page(browser, filled, viewport, scheme)
    name = f"Wall {scheme}"
    save_from_explore(page, "Trend", "People a day", name, new=True)
    page.get_by_role("button", name="Close").click()
    save_from_explore(page, "Funnel", "The way to a ticket", name, new=False)
    page.get_by_role("dialog").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name="People a day")).to_be_visible()
    expect(page.get_by_role("heading", name="The way to a ticket")).to_be_visible()
    page.get_by_role("button", name="+ Note").click()
    page.get_by_role("dialog").get_by_label(re.compile("^Text")).fill("# Read this\n- first\nthen look")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Read this")).to_be_visible()
    # A board's period is its own, and stays.
    page.get_by_role("button", name=re.compile("^Period")).click()
    with page.expect_response(saved):
        page.get_by_role("menuitemradio", name="Last 7 days").click()
    page.reload()
    expect(page.get_by_role("button", name="Period: Last 7 days")).to_be_visible()
    if viewport is DESK:
        moved = page.locator(".react-grid-item", has_text="The way to a ticket")
        before = place(moved)
        page.get_by_role("button", name=re.compile("^Move The way to a ticket")).focus()
        with page.expect_response(saved):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Shift+ArrowDown")
        until(page, lambda: place(moved)["x"] > before["x"] and place(moved)["height"] > before["height"])
        handle = place(page.get_by_role("button", name=re.compile("^Move People a day")))
        page.mouse.move(handle["x"] + 5, handle["y"] + 5)
        page.mouse.down()
        page.mouse.move(handle["x"] + 500, handle["y"] + 5, steps=8)
        with page.expect_response(saved):
            page.mouse.up()
        item = page.locator(".react-grid-item", has_text="People a day")
        until(page, lambda: place(item)["x"] > 300)
        dragged = place(item)
        page.reload()
        until(page, lambda: abs(place(item)["x"] - dragged["x"]) < 3)  # it stays where it was put
    drawn(page)
    page.screenshot(path=ARTIFACTS / f"board-{scheme}.png", full_page=True)
    nobody_is_left_out(page)
    # Whoever has the link sees the same numbers and may change nothing.
    page.get_by_role("button", name="Share").click()
    page.get_by_role("dialog").get_by_role("button", name="Create a link").click()
    link = page.get_by_label("The link", exact=True).input_value()
    stranger = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()
    stranger.goto(link)
    expect(stranger.get_by_role("heading", level=1)).to_have_text(name)
    expect(stranger.get_by_role("heading", name="The way to a ticket")).to_be_visible()
    expect(stranger.get_by_text("Read this")).to_be_visible()
    expect(stranger.get_by_role("table", name="Totals of the period")).to_be_visible()
    assert stranger.get_by_role("button").count() == 0
    nobody_is_left_out(stranger)
    stranger.screenshot(path=ARTIFACTS / f"board-shared-{scheme}.png", full_page=True)
    page.get_by_role("dialog").get_by_role("button", name="Revoke").first.click()
    expect(page.get_by_role("status").filter(has_text="is no longer valid")).to_be_visible()
    stranger.reload()
    expect(stranger.get_by_role("alert")).to_contain_text("is no longer valid")
    # What is removed can be brought back.
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Remove note from the board").or_(
        page.get_by_role("button", name="Remove Note from the board")
    ).click()
    expect(page.get_by_text("Read this")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Read this")).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Boards")
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Name of the board")).to_have_value(name)
