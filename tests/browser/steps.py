"""What tests of the dashboard do again and again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from conftest import EMAIL, PASSWORD, Server

AXE = Path(__file__).parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def open_page(browser: Browser, server: Server, viewport: Any = None, scheme: Any = "light") -> Page:
    context = browser.new_context(viewport=viewport or DESK, color_scheme=scheme, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Pages").locator("visible=true")).to_be_visible()
    return page


def go(page: Page, name: str) -> None:
    page.locator("nav[aria-label=Pages] >> visible=true").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^You: ")).locator("visible=true").click()
    page.get_by_role("menuitem", name="Sign out").click()


def drawn(page: Page) -> None:
    """Nothing that can be seen waits any more; what is further down waits until somebody scrolls to it."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.animate-pulse')].every(one => one.getBoundingClientRect().top > innerHeight)"
    )


def tile(page: Page, name: str) -> str:
    return page.get_by_role("button", name=re.compile(f"^{name}")).inner_text().split("\n")[1]


def nobody_is_left_out(page: Page) -> None:
    """axe finds nothing, of whatever impact."""
    found = page.evaluate(AXE.read_text() + "; axe.run().then(found => found.violations)")
    assert not found, [
        (one["id"], one["impact"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found
    ]
