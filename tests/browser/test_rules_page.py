"""The page of the rules: stages, intents and suggestions to edit, a preview on people, versions; and moves in Explore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from conftest import SECRET_KEY, Server

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture
def project(filled: Server) -> Iterator[str]:
    """The project, whose rules are put back afterwards; its server is shared with other tests."""
    project = str(filled.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    path = f"/api/v1/projects/{project}/rules"
    before = filled.http.get(path, headers=BEARER).json()["rules"]
    yield project
    now = filled.http.get(path, headers=BEARER).json()
    if now["rules"] != before:
        put_back = {"version": now["version"], "rules": before}
        assert filled.http.put(path, headers=BEARER, json=put_back).status_code == 200


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_rules_are_changed_previewed_saved_and_brought_back(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: Any
) -> None:
    page = open_page(browser, filled, size, scheme, at=f"/p/{project}/rules")
    expect(page.get_by_role("heading", name="Rules", level=1)).to_be_visible()
    first = page.get_by_label("1. Stage")
    expect(first).to_have_value("new_user")
    nobody_is_left_out(page)

    first.fill("newcomer")
    page.get_by_role("button", name="Save as a new version").click()  # a suggestion still names new_user
    expect(page.get_by_role("alert").filter(has_text="there is no stage 'new_user'").first).to_be_visible()
    expect(page.locator("select[aria-invalid=true]")).to_have_value("new_user")
    page.locator("select[aria-invalid=true]").select_option("newcomer")
    page.get_by_role("button", name="Preview on people").click()
    expect(page.get_by_role("status").filter(has_text="into another stage")).to_be_visible()
    expect(page.get_by_role("table", name="People by stage").get_by_role("row").nth(1)).to_contain_text("newcomer")
    nobody_is_left_out(page)

    versions = page.get_by_role("table", name="Versions").get_by_role("row")
    expect(versions.nth(1)).to_contain_text("yes")
    rows = versions.count()
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Saved as version")).to_be_visible()
    expect(versions).to_have_count(rows + 1)  # the table is asked for again after the message
    expect(versions.nth(1)).to_contain_text("yes")
    versions.nth(2).get_by_role("button").click()
    expect(page.get_by_label("1. Stage")).to_have_value("new_user")


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_moves_between_stages_are_drawn_and_listed(
    browser: Browser, filled: Server, project: str, size: dict[str, int], scheme: Any
) -> None:
    page = open_page(browser, filled, size, scheme, at=f"/p/{project}/explore")
    page.get_by_role("tab", name="Stages").click()
    expect(page.get_by_role("img", name="Moves of people between stages")).to_be_visible()
    table = page.get_by_role("table", name="Who moved, without those who stayed")
    expect(table.get_by_role("row").nth(1)).to_contain_text("(not here yet)")
    nobody_is_left_out(page)
