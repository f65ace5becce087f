"""Two languages, whole, and a layout that does not care from which side one reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, drawn, nobody_is_left_out, open_page, to

from chromium import ARTIFACTS
from conftest import Server, also

CATALOGUE = json.loads((Path(__file__).parents[2] / "dashboard" / "src" / "language" / "de.json").read_text())
PLACES = [
    "overview", "live", "explore", "sources", "sessions", "people", "entities", "events", "boards", "data", "data?tab=plan",
    "data?tab=refused", "data?tab=bots", "data?tab=files", "settings", "customers", "customers?tab=revenue",
    "customers?tab=attribution", "customers?tab=prediction", "customers?tab=segments", "customers?tab=sources",
    "accounts", "accounts?tab=requests",
    "accounts?tab=permissions", "accounts?tab=audit",
    *(f'explore?ask={{"question":"{kind}"}}' for kind in ("retention", "lifecycle", "paths", "stickiness", "sources")),
]  # fmt: skip
TEXTS = """() => {
    const found = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.trim();
        if (text && !walk.currentNode.parentElement.closest('script, style, pre')) found.add(text);
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]'))
        for (const name of ['aria-label', 'title', 'placeholder']) found.add(element.getAttribute(name) ?? '');
    return [...found];
}"""


def settled(page: Page, path: str) -> None:
    to(page, path)
    expect(page.locator("#main")).to_be_visible()
    drawn(page)


def home(page: Page) -> str:
    """The address of the project, without its host."""
    page.wait_for_url(re.compile("/overview"))
    return urlsplit(page.url).path.removesuffix("/overview")


def test_every_page_is_german_to_whoever_reads_german(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled, locale="de-DE")
    start = home(page)
    english = {said for said, translated in CATALOGUE.items() if said != translated and len(said) > 3}
    for place in PLACES:
        settled(page, f"{start}/{place}")
        assert page.locator("html").get_attribute("lang") == "de"
        left = english & set(page.evaluate(TEXTS))
        # Words of the data are what they are: the site's own events, pages and properties.
        data = {"(none)", "event", "page", "search", "interest", "identify", "revenue", "source"}
        assert left - data == set(), (place, left)
    settled(page, f"{start}/overview")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "german-desk-light.png", full_page=True)


def test_numbers_and_dates_are_written_as_the_language_does(browser: Browser, filled: Server) -> None:
    written = {}
    for locale in ("de-DE", "en-GB"):
        page = open_page(browser, filled, locale=locale)
        drawn(page)
        written[locale] = page.get_by_role("button", name=re.compile("^(Events|Ereignisse)")).first.inner_text()
    events = filled.get("overview", period="30d")["data"]["current"]["events"]
    assert events > 999
    assert f"{events:,}" in written["en-GB"]
    assert f"{events:,}".replace(",", ".") in written["de-DE"]


def test_the_language_is_chosen_and_remembered(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    to(page, f"{home(page)}/settings")
    page.get_by_label("Language").select_option("Deutsch")
    expect(page.get_by_role("heading", level=1)).to_have_text("Einstellungen")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Einstellungen")
    page.get_by_label("Sprache").select_option("English")
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")


@pytest.mark.parametrize("size", [also(DESK, id="desk"), pytest.param(PHONE, id="phone")])
def test_nothing_is_cut_off_from_right_to_left(browser: Browser, filled: Server, size: Any) -> None:
    page = open_page(browser, filled, size)
    start = home(page)
    page.evaluate("localStorage.setItem('direction', 'rtl')")
    page.reload()
    for place in PLACES:
        settled(page, f"{start}/{place}")
        assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
        outside = page.evaluate(
            """() => [document.documentElement.scrollWidth - innerWidth,
            ...[...document.querySelectorAll('h1, h2, th, nav a')].map(one => one.getBoundingClientRect())
            .filter(one => one.width > 1 && one.left < -1 && one.right < 0).map(one => one.left)]"""
        )
        assert outside[0] <= 0, (place, outside)
    settled(page, f"{start}/overview")
    first, last = (
        page.locator("header span.font-semibold").first,
        page.get_by_role("button", name=re.compile("^Period")),
    )
    assert (first.bounding_box() or {})["x"] > (last.bounding_box() or {})["x"], "the name is on the right"
    page.screenshot(path=ARTIFACTS / f"right-to-left-{'desk' if size is DESK else 'phone'}.png", full_page=True)
    page.context.close()


def test_a_language_that_formats_do_not_take_is_passed_over(browser: Browser, server: Server) -> None:
    """Browsers without a desktop pass on the system's name of it."""
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(navigator, 'languages', {value: ['de-DE@euro', 'C', 'de']})")
    page = context.new_page()
    page.goto(server.url)
    expect(page.get_by_label("Passwort")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "de"
