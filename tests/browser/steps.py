"""What tests of the dashboard do again and again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Frame, Page, expect

from conftest import EMAIL, PASSWORD, Server

AXE = Path(__file__).parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


AXE_SOURCE = AXE.read_text() if AXE.exists() else ""
COUNTING = """(() => {
    const ask = window.fetch;
    window.asking = 0;
    window.fetch = (...all) => { window.asking++; return ask(...all).finally(() => { window.asking--; }); };
})()"""
_signed_in: dict[Server, Any] = {}
_homes: dict[Server, str] = {}


def open_page(
    browser: Browser, server: Server, viewport: Any = None, scheme: Any = "light", locale: str = "en-GB", at: str = ""
) -> Page:
    """A page of an administrator, who has signed in once on each server: the first one, or that of a name or address,
    which spares the browser and the server all charts of the first one.
    """
    if server not in _signed_in and locale != "en-GB":
        open_page(browser, server).context.close()
    known = _signed_in.get(server)
    context = browser.new_context(
        viewport=viewport or DESK, color_scheme=scheme, locale=locale, reduced_motion="reduce", storage_state=known
    )
    context.add_init_script(COUNTING)
    page = context.new_page()
    page.set_default_timeout(60_000)
    direct = known is not None and at != ""
    page.goto(server.url + (address(server, at) if direct else ""))
    if known is None:
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation").locator("visible=true").first).to_be_visible()
    if known is None:
        _signed_in[server] = context.storage_state()
        page.wait_for_url(re.compile("/overview"))
        _homes[server] = urlsplit(page.url).path.removesuffix("/overview")
    if at and not direct:
        to(page, address(server, at))
    if at and not at.startswith("/"):
        expect(page.get_by_role("heading", level=1)).to_have_text(at)
    return page


def address(server: Server, at: str) -> str:
    """The address of a page of the first project by its name; an address as it is."""
    return at if at.startswith("/") else f"{_homes[server]}/{at.lower()}"


def until(page: Page, holds: Callable[[], object]) -> None:
    """As `eventually`, for what the browser tells the test meanwhile: requests, and routes that are asked."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came true"
        page.wait_for_timeout(20)


def go(page: Page, name: str) -> None:
    page.locator("nav[aria-label=Pages] >> visible=true").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def to(page: Page, address: str) -> None:
    """Go to an address of the dashboard as its own links do, which load it once."""
    page.evaluate("address => __TSR_ROUTER__.history.push(address)", address)
    page.wait_for_function("""() => {
        const { history, state } = __TSR_ROUTER__;
        return state.status === "idle" && state.resolvedLocation?.state.__TSR_index === history.location.state.__TSR_index;
    }""")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^You: ")).locator("visible=true").click()
    page.get_by_role("menuitem", name="Sign out").click()


DRAWN = """() => {
    const waiting = '.animate-pulse, [aria-busy=true], [role=img][dir=ltr]:empty';
    const still = !window.asking
        && [...document.querySelectorAll(waiting)].every(one => one.getBoundingClientRect().top > innerHeight);
    window.still = still ? (window.still ?? 0) + 1 : 0;
    return window.still > 3;
}"""


def drawn(page: Page) -> None:
    """Nothing that can be seen waits any more, for some frames in a row; what is further down waits until somebody
    scrolls to it."""
    page.evaluate("window.still = 0")
    page.wait_for_function(DRAWN)


def tile(page: Page, name: str) -> str:
    return page.get_by_role("button", name=re.compile(f"^{name}")).inner_text().split("\n")[1]


def nobody_is_left_out(page: Page) -> None:
    """axe finds nothing, of whatever impact."""
    found = violations(page)
    assert not found, [
        (one["id"], one["impact"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found
    ]


def violations(page: Page | Frame) -> list[dict[str, Any]]:
    """What axe finds by all its rules. It is put into a document once, and describes only what it finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SOURCE)
    return list(page.evaluate("axe.run({ resultTypes: ['violations'] }).then(found => found.violations)"))
