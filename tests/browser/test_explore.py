"""The page Explore: questions are built, drawn, saved, exported and asked again of a segment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page, to

from chromium import ARTIFACTS
from conftest import SECRET_KEY, Server, also

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


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), also(DESK, "dark"), also(PHONE, "light"), (PHONE, "dark")]
)
def test_every_question_of_explore_is_drawn_for_everybody(
    browser: Browser, filled: Server, viewport: Any, scheme: Any
) -> None:
    page = open_page(browser, filled, viewport, scheme, at="Explore")
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
    page = open_page(browser, filled, at="Explore")
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
    page = open_page(browser, filled, at="Explore")
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
    page = open_page(browser, filled, at="Explore")
    page.get_by_role("tab", name="Funnel", exact=True).click()
    goals = page.get_by_role("combobox", name="Step 2").locator("optgroup[label=Goals] option")
    expect(goals.first).to_have_text("Order Completed")
    page.get_by_role("combobox", name="Step 2").select_option("Order Completed")
    expect(page.get_by_role("button", name=re.compile("went no further than step 1"))).to_be_visible()
    page.context.close()


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
    page = open_page(browser, filled, at="Explore")
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
