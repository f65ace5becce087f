"""Insights on the page of a person: what somebody likes and wants, with reasons; nothing invented for somebody new."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from conftest import SECRET_KEY, Server

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture(scope="module")
def project(filled: Server) -> str:
    """The project, in which `insight-ann` clicked 12 concerts of jazz, and `insight-new` saw a page."""
    project = str(filled.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    concert = {"type": "concert", "id": "insightful", "attributes": {"genre": "jazz"}, "name": "Tide"}
    assert filled.http.put(f"/api/v1/projects/{project}/entities", json=[concert], headers=BEARER).status_code == 200
    properties = {"entity_type": "concert", "entity_id": "insightful"}
    for _ in range(12):
        filled.post(
            "track", {"event": "click", "userId": "insight-ann", "anonymousId": "insight", "properties": properties}
        )
    filled.post("page", {"anonymousId": "insight-new"})
    filled.stored()
    return project


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_the_page_of_a_person_says_what_they_like_and_why(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: str
) -> None:
    page = open_page(browser, filled, size, scheme, at=f"/p/{project}/visitor?id=insight")
    expect(page.get_by_role("heading", name="Insights")).to_be_visible()
    expect(page.get_by_text("new user", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^days 0(\.\d)? \(below 1\)$"))).to_be_visible()
    jazz = page.get_by_role("listitem").filter(has_text="genre jazz")
    expect(jazz).to_contain_text("12 interactions, such as click concert insightful")
    expect(page.get_by_role("table", name="Actions by weekday and hour")).to_be_visible()
    nobody_is_left_out(page)


def test_nothing_is_said_of_the_preferences_of_somebody_new(browser: Browser, filled: Server, project: str) -> None:
    page = open_page(browser, filled, at=f"/p/{project}/visitor?id=insight-new")
    expect(page.get_by_text("Interactions with entities in the last 30 days say what somebody likes.")).to_be_visible()
    expect(page.get_by_text("browsing", exact=True)).to_be_visible()
    nobody_is_left_out(page)
