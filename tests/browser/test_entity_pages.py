"""Entities in a real browser: what each earned, and scheduled work, for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from chromium import ARTIFACTS
from conftest import SECRET_KEY, Server, also
from factories import FIREFOX

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture(scope="module")
def viewed(filled: Server) -> Iterator[Server]:
    """A concert that is registered, viewed by seven sessions, three of them signed in."""
    project = filled.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    register = [
        {
            "type": "concert",
            "id": "c1",
            "name": "Glass Harbour at the Pier",
            "parents": ["artist:glass-harbour"],
            "owners": ["acc-7"],
        }
    ]
    filled.http.put(f"/api/v1/projects/{project}/entities", json=register, headers=BEARER)
    for n in range(7):
        body = {
            "session_id": f"p{n}",
            "referrer_source": ("search", "home")[n % 2],
            "user_id": f"u{n}" if n < 3 else "",
        }
        # By the host, whose secret key proves who is signed in.
        headers = {"user-agent": FIREFOX, "accept-language": "de", **BEARER}
        assert filled.http.post("/v1/entities/concert/c1/view", json=body, headers=headers).json()["tracked"]
    filled.stored()
    yield filled


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), also(PHONE, "dark")])
def test_an_entity_shows_what_it_earned(browser: Browser, viewed: Server, viewport: Any, scheme: Any) -> None:
    page = open_page(browser, viewed, viewport, scheme, at="Entities")
    row = page.get_by_role("table", name="Most viewed").get_by_role("row").filter(has_text="Glass Harbour at the Pier")
    expect(row).to_contain_text("7")
    expect(page.get_by_role("table", name="Sent from").get_by_role("row").filter(has_text="search")).to_contain_text(
        "4"
    )
    expect(
        page.get_by_role("table", name="Signed in or not").get_by_role("row").filter(has_text="anonymous")
    ).to_contain_text("4")
    nobody_is_left_out(page)
    size = "desk" if viewport is DESK else "phone"
    page.screenshot(path=ARTIFACTS / f"entities-{size}-{scheme}.png", full_page=True)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Glass Harbour at the Pier")
    facts = page.locator("dl").first
    expect(facts).to_contain_text("artist:glass-harbour")
    expect(facts).to_contain_text("57.1%")
    drawn = page.get_by_role("img", name=re.compile("^Views: "))
    by_day = [int(one) for one in (drawn.get_attribute("aria-label") or "").removeprefix("Views: ").split(", ")]
    assert sum(by_day) == 7
    page.get_by_role("tab", name="the last 24 hours").click()
    expect(drawn).to_have_attribute("aria-label", re.compile(r"^Views: (\d+, ){23}\d+$"))
    by_hour = [int(one) for one in (drawn.get_attribute("aria-label") or "").removeprefix("Views: ").split(", ")]
    assert sum(by_hour) == 7
    interactions = page.get_by_role("table", name="Interactions")
    seen = viewed.sql("SELECT count() AS n FROM events WHERE entity_id = 'c1' AND name = 'view_details' AND bot = ''")[
        0
    ]["n"]
    expect(interactions.get_by_role("row").filter(has_text=re.compile("^view_details"))).to_contain_text(f"{seen:,}")
    expect(page.get_by_role("table", name="Daily numbers")).to_contain_text("ticket clicks")
    expect(page.get_by_role("heading", name="How far people get")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("people|person")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"entity-{size}-{scheme}.png", full_page=True)


def test_scheduled_work_is_run_paused_and_has_a_history(browser: Browser, viewed: Server) -> None:
    page = open_page(browser, viewed, at="Settings")
    job = page.get_by_role("listitem").filter(has_text="refresh-views")
    job.get_by_role("button", name="Run now").click()
    expect(job).to_contain_text("the counters agree with the events", timeout=60_000)
    job.get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="done").first).to_be_visible()
    page.keyboard.press("Escape")
    job.get_by_role("switch").click()
    expect(job.get_by_role("switch")).not_to_be_checked()
    nobody_is_left_out(page)
    job.get_by_role("switch").click()
    expect(job.get_by_role("switch")).to_be_checked()
