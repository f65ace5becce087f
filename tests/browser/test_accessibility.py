"""Every page for everybody: by axe's rules, on a desk and on a phone, light and dark, and with the keyboard alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page

from chromium import ARTIFACTS
from conftest import EMAIL, Server, also


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


PAGES = [
    "Overview",
    "Live",
    "Explore",
    "Sources",
    "Sessions",
    "People",
    "Customers",
    "Suggestions",
    "Recommendations",
    "Entities",
    "Events",
    "Data",
    "Boards",
    "Settings",
]


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), also(DESK, "dark"), also(PHONE, "light"), (PHONE, "dark")]
)
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
