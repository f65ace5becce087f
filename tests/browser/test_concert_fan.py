"""A fan on the concert site: a suggestion "for you" on the first page, and what the site knows of them on their account page."""

from __future__ import annotations

import json

import httpx
import pytest
from concert_site import (
    Site,
    ready,
    recorded,
    settle,
    site,  # noqa: F401
    visitor_of,
)
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, nobody_is_left_out

from chromium import ARTIFACTS
from conftest import EMAIL, PASSWORD, SECRET_KEY, Server


@pytest.fixture(scope="module")
def fans(site: Site) -> str:
    """The address of the site with a key that signs tokens."""
    with httpx.Client(base_url=site.server.url, timeout=60) as admin:
        signed_in = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = signed_in["csrf"]
        project = admin.get("/api/v1/projects").json()[0]["id"]
        key = admin.post(f"/api/v1/projects/{project}/keys", json={"kind": "embed"}).json()
    for concert in ("c7", "c8"):
        about = {"entity_type": "concert", "entity_id": concert}
        site.server.post("track", {"event": "click", "anonymousId": "somebody", "properties": about})
    site.server.stored()
    signing = {"project": project, "kid": key["id"], "key": key["embed_key"], "secret": SECRET_KEY}
    file = site.extra / "embed.json"
    file.write_text(json.dumps(signing))
    return site.open("--embed", str(file))


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()
    ready(page)
    settle(page)


def is_held(server: Server, name: str) -> bool:
    server.stored()
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    path = f"/v1/personalize/{name}"
    return bool(server.http.get(path, params={"include": "suggestion"}, headers=headers).json()["holdout"])


@pytest.mark.parametrize("size, scheme", [(DESK, "light"), (PHONE, "dark")])
def test_a_fan_gets_a_suggestion_dismisses_it_and_sees_what_the_site_knows(
    browser: Browser, site: Site, fans: str, size: dict[str, int], scheme: str
) -> None:
    for name in (f"fan-{scheme}-{n}" for n in range(20)):
        context = visitor_of(browser, color_scheme=scheme)
        page = context.new_page()
        page.set_viewport_size(size)
        page.goto(fans)
        sign_in(page, name)
        if not is_held(site.server, name):
            break
        context.close()
    page.goto(fans)
    ready(page)
    for_you = page.get_by_role("region", name="For you")
    expect(for_you).to_contain_text("Follow artists you like")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"fan-feed-{size['width']}-{scheme}.png")
    for_you.get_by_role("button", name="Not now").click()
    expect(for_you).to_have_count(0)
    settle(page)
    told = site.events(f"user_id = '{name}' AND entity_type = 'suggestion'")
    assert [row["name"] for row in told][-1] == "Suggestion Dismissed"
    assert {row["name"] for row in told} == {"Suggestion Shown", "Suggestion Dismissed"}
    page.goto(f"{fans}/account")
    expect(page.get_by_role("heading", name="What we know of you")).to_be_visible()
    expect(page.get_by_text("new user", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Not now")).to_have_count(0)
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"fan-account-{size['width']}-{scheme}.png", full_page=True)
    context.close()


def test_a_fan_sees_what_others_saw_and_the_site_reports_what_was_shown_and_clicked(
    browser: Browser, site: Site, fans: str
) -> None:
    context = visitor_of(browser)
    page = context.new_page()
    page.goto(fans)
    sign_in(page, "fan-of-lists")
    chosen = page.get_by_role("region", name="Your next concerts")
    expect(chosen.get_by_role("link")).not_to_have_count(0)
    recorded(page, "Recommendation Shown")
    chosen.get_by_role("link").first.click()
    page.wait_for_url("**/concerts/*")
    ready(page)
    settle(page)
    told = site.events("user_id = 'fan-of-lists' AND name LIKE 'Recommendation %'")
    assert [row["properties"]["position"] for row in told if row["name"] == "Recommendation Clicked"] == [1]
    assert {row["entity_id"] for row in told if row["name"] == "Recommendation Shown"} & {"c7", "c8"}
    context.close()


def test_without_a_key_the_site_has_nothing_for_anybody(browser: Browser, site: Site) -> None:
    context = visitor_of(browser)
    page = context.new_page()
    page.goto(site.url)
    sign_in(page, "fan-without")
    expect(page.get_by_role("link", name="Account")).to_have_count(0)
    assert page.evaluate("fetch('/trackway-token').then((answer) => answer.status)") == 404
    context.close()
