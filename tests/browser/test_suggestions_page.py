"""The page of suggestions: what became of them and what they change, with nothing, something and much to show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, drawn, nobody_is_left_out, open_page

from chromium import ARTIFACTS
from conftest import EMAIL, PASSWORD, SECRET_KEY, Server, also

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
PACK = """
name = "mine"
holdout = 0.3
[subjects]
[[journey.stages]]
name = "anybody"
"""
HELPS, IDLE = (
    f'[[suggestions]]\naction = "{action}"\nstage = "anybody"\nmessage = {{ en = "{action}" }}\ngoal = ["{goal}"]\n'
    for action, goal in (("say_hello", "Helped"), ("do_nothing_much_at_all", "Nothing"))
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A project in which everybody who may see suggestions does `Helped`, and a third of the others."""
    server = Server(tmp_path_factory.mktemp("suggestions") / "data").start()
    project = str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    server.post("batch", {"batch": [opened(n) for n in range(120)]})
    server.stored()
    set_rules(server, project, HELPS)
    messages: list[dict[str, Any]] = []
    for n in range(120):
        user = f"u{n}"
        asked = server.http.get(f"/v1/personalize/{user}", params={"include": "suggestion"}, headers=BEARER).json()
        if not asked["holdout"]:
            about = {"entity_type": "suggestion", "entity_id": "say_hello"}
            names = ["Suggestion Shown"] + ["Suggestion Clicked"] * (n % 2)
            messages += [{**opened(n), "event": name, "properties": about} for name in names]
        if not asked["holdout"] or n % 3 == 0:
            messages.append({**opened(n), "event": "Helped"})
    for start in range(0, len(messages), 100):
        server.post("batch", {"batch": messages[start : start + 100]})
    server.stored()
    yield server, project
    server.stop()


def opened(n: int) -> dict[str, Any]:
    return {"type": "track", "event": "Opened", "userId": f"u{n}", "anonymousId": f"at-u{n}"}


def set_rules(server: Server, project: str, suggestions: str) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as owner:
        signed_in = owner.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        headers = {"x-csrf-token": signed_in["csrf"]}
        answer = owner.patch(f"/api/v1/projects/{project}", json={"metrics": PACK + suggestions}, headers=headers)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), also(DESK, "dark"), also(PHONE, "light"), (PHONE, "dark")]
)
def test_the_page_says_what_suggestions_change(
    browser: Browser, product: tuple[Server, str], size: dict[str, int], scheme: str
) -> None:
    server, project = product
    set_rules(server, project, HELPS + IDLE)
    page = open_page(browser, server, size, scheme, at=f"/p/{project}/suggestions")
    row = page.get_by_role("row").filter(has_text="say hello")
    expect(row).to_contain_text("helps")
    expect(row).to_contain_text("goal: Helped")
    other = page.get_by_role("row").filter(has_text="do nothing much")
    expect(other).to_contain_text("not certain")
    drawn(page)
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"suggestions-{size['width']}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} pixels too wide"


def test_without_suggestions_the_page_says_how_to_make_some(browser: Browser, product: tuple[Server, str]) -> None:
    server, project = product
    set_rules(server, project, "")
    page = open_page(browser, server, at=f"/p/{project}/suggestions")
    expect(page.get_by_text("This project makes no suggestions")).to_be_visible()
    nobody_is_left_out(page)
    set_rules(server, project, IDLE)
    page.reload()
    expect(page.get_by_text("No suggestion was shown in this period")).to_be_visible()
    nobody_is_left_out(page)
