"""Dead letters on the page Data: seen, looked at, replayed and dropped, by mouse, by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page

from chromium import ARTIFACTS
from conftest import Server
from engine_faults import BREAK, change_engine, poison


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose engine refuses events with one kind of name."""
    server = Server(tmp_path_factory.mktemp("letters") / "data").start()
    change_engine(server, BREAK)
    poison(server, *(f"order-2026-{number}" for number in range(4)))
    yield server
    server.stop()


def picture(page: Page, name: str) -> None:
    drawn(page)
    Path(ARTIFACTS / "letters").mkdir(exist_ok=True)
    page.screenshot(path=str(ARTIFACTS / "letters" / f"{name}.png"))


def test_there_are_none_and_the_page_says_what_they_are(browser: Browser, server: Server) -> None:
    page = open_page(browser, server, at="Data")
    page.get_by_role("tab", name="Refused").click()
    expect(page.get_by_text("A dead letter is a message that was acknowledged")).to_be_visible()
    expect(page.get_by_text("could not be stored. ")).to_have_count(0)
    picture(page, "none")
    nobody_is_left_out(page)
    page.context.close()


def test_letters_are_seen_looked_at_replayed_and_dropped(browser: Browser, broken: Server) -> None:
    for viewport, scheme, name in ((DESK, "light", "desk"), (PHONE, "dark", "phone")):
        page = open_page(browser, broken, viewport, scheme)
        notice = page.get_by_text("4 messages were acknowledged and could not be stored. They are kept.")
        expect(notice).to_be_visible()
        picture(page, f"{name}-overview")
        go(page, "Data")
        expect(notice).to_be_visible()
        picture(page, f"{name}-notice")
        page.get_by_role("link", name="Show them").click()
        expect(page.get_by_role("heading", name="4 dead letters")).to_be_visible()
        expect(notice).to_have_count(0)
        picture(page, f"{name}-list")
        nobody_is_left_out(page)
        page.get_by_role("button", name="order-2026-1").click()
        expect(page.get_by_role("dialog").get_by_text('"Poison order-2026-1"')).to_be_visible()
        picture(page, f"{name}-letter")
        nobody_is_left_out(page)
        page.get_by_role("dialog").get_by_role("button", name="Drop").click()
        expect(page.get_by_role("dialog", name="Drop 1 message permanently?")).to_be_visible()
        picture(page, f"{name}-drop")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.context.close()

    page = open_page(browser, broken, PHONE, locale="de-DE")
    page.get_by_role("link", name="Ansehen").click()
    expect(page.get_by_role("heading", name="4 unzustellbare Nachrichten")).to_be_visible()
    page.get_by_role("button", name="order-2026-1").click()
    expect(page.get_by_role("dialog").get_by_text("dem Speichern")).to_be_visible()
    picture(page, "german")
    page.context.close()

    page = open_page(browser, broken, at="Data")
    page.get_by_role("tab", name="Refused").click()
    # By keyboard: what is replayed comes back, as the fault is still there.
    page.get_by_role("button", name="Replay all").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Replay 4 messages?")
    expect(dialog.get_by_role("button", name="Replay")).to_be_focused()
    picture(page, "replay")
    page.keyboard.press("Enter")
    expect(page.get_by_text("4 messages are read again.")).to_be_visible()
    assert broken.stored()["dead_letters"] == 4
    expect(page.get_by_role("heading", name="4 dead letters")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="order-2026-1").click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    page.get_by_role("dialog").get_by_role("button", name="Drop permanently").click()
    expect(page.get_by_role("heading", name="3 dead letters")).to_be_visible()
    expect(page.get_by_role("button", name="order-2026-1")).to_have_count(0)
    page.get_by_role("button", name="Drop all").focus()
    page.keyboard.press("Enter")
    # A key that is held down carries nothing out that cannot be taken back.
    expect(page.get_by_text("cannot be restored")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Drop permanently").click()
    expect(page.get_by_text("A dead letter is a message that was acknowledged")).to_be_visible()
    assert broken.stored()["dead_letters"] == 0
    page.context.close()
