"""What is behind the numbers: people, sessions, events, their properties, bots, files."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect
from steps import go, nobody_is_left_out, open_page, tile, until

from conftest import Server


def test_a_person_is_found_opened_and_followed_into_a_session(browser: Browser, filled: Server) -> None:
    before = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()  # two requests can arrive in one millisecond
    person = {"userId": "opened-ann", "anonymousId": "opened"}
    filled.post("identify", {**person, "traits": {"plan": "free"}, "timestamp": before})
    filled.post("track", {"event": "Opened", "anonymousId": "opened", "properties": {"size": 3}})
    filled.post("identify", {**person, "traits": {"plan": "pro"}})
    filled.stored()
    page = open_page(browser, filled, at="People")
    page.get_by_role("searchbox").fill("opened-an")
    page.get_by_role("link", name="opened-ann").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("opened-ann")
    expect(page.get_by_text("Opened", exact=True)).to_be_visible()
    page.get_by_role("button", name="properties").nth(1).click()
    expect(page.get_by_text('"size": 3')).to_be_visible()
    # A trait with what it was before, and what joined the ids.
    expect(page.get_by_role("definition").filter(has_text="pro").first).to_be_visible()
    page.get_by_text("1 before").click()
    expect(page.get_by_text("free ·")).to_be_visible()
    nobody_is_left_out(page)
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("button", name="Join again")).to_be_visible()
    page.get_by_role("button", name="Join again").click()
    expect(page.get_by_role("button", name="Join again")).to_have_count(0)
    page.get_by_role("link", name=re.compile("^Session from")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Session")
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    nobody_is_left_out(page)
    expect(page.get_by_text("Opened", exact=True)).to_be_visible()


def test_sessions_are_sorted_by_the_server_paged_as_one_scrolls_and_columns_are_remembered(
    browser: Browser, filled: Server
) -> None:
    page = open_page(browser, filled, at="Sessions")
    table = page.get_by_role("table", name="Sessions")
    total = filled.get("overview", period="30d")["data"]["current"]["sessions"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"{total:,}")
    assert total > 150
    assert table.get_by_role("row").count() < 60, "only what is in view is drawn"
    table.get_by_role("button", name="Events").click()
    expect(table.get_by_role("columnheader", name="Events")).to_have_attribute("aria-sort", "descending")
    [most] = filled.sql("SELECT max(events) AS n FROM sessions FINAL WHERE bot = ''")
    position = table.get_by_role("columnheader").all_inner_texts().index("Events ↓")
    cell = table.get_by_role("row").nth(1).get_by_role("cell").nth(position)
    expect(cell).to_have_text(str(most["n"]))
    table.get_by_role("button", name="Events").click()
    expect(cell).to_have_text("1")
    # The last one is there after scrolling to the end, a page at a time.
    last = table.locator(f"[role=row][aria-rowindex='{total + 1}']")

    def reached() -> bool:
        table.evaluate("(one) => one.scrollTo(0, one.scrollHeight)")
        return last.count() == 1 and last.locator("bdi").count() > 0

    until(page, reached)
    expect(table.get_by_role("row").last).to_have_attribute("aria-rowindex", str(total + 1))
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Campaign").check()
    page.reload()
    expect(page.get_by_role("columnheader", name="Campaign")).to_be_visible()


def test_text_that_a_client_sent_is_text(browser: Browser, filled: Server) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    filled.post("track", {"event": hostile, "anonymousId": hostile, "properties": {"x": hostile}})
    filled.stored()
    page = open_page(browser, filled, at="Events")
    expect(page.get_by_text(hostile).first).to_be_visible()
    assert page.title() == "Events · Trackway"


def test_a_row_of_events_opens_into_everything_that_is_known_of_it(browser: Browser, filled: Server) -> None:
    filled.post("track", {"event": "Opened row", "anonymousId": "row", "properties": {"size": 3, "colour": "green"}})
    filled.stored()
    page = open_page(browser, filled, at="Events")
    row = page.get_by_role("button", name="Opened row")
    row.focus()
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(page.locator("pre")).to_contain_text('"colour": "green"')
    nobody_is_left_out(page)
    page.keyboard.press("Enter")
    expect(page.locator("pre")).to_have_count(0)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The session of the event").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Session")
    page.context.close()


def test_a_persons_orders_are_seen_without_scrolling(browser: Browser, filled: Server) -> None:
    order = {"order_id": "fold-1", "revenue": 12.5, "currency": "USD"}
    filled.post("track", {"event": "Order Completed", "userId": "fold", "anonymousId": "fold", "properties": order})
    filled.stored()
    page = open_page(browser, filled)
    page.keyboard.press("Control+k")
    page.keyboard.type("fold")
    page.get_by_role("option", name="fold person").click()
    expect(page.get_by_role("heading", name="Orders and bookings")).to_be_in_viewport()
    expect(page.get_by_role("table", name="Orders and bookings").get_by_role("row").nth(1)).to_be_in_viewport()
    page.context.close()


def test_the_data_behind_the_numbers_is_explored(browser: Browser, filled: Server) -> None:
    filled.post("track", {"anonymousId": "nobody", "messageId": "without-event"})
    filled.stored()
    page = open_page(browser, filled, at="Data")
    page.get_by_role("button", name="ticket_click").click()
    properties = page.get_by_role("table", name="Properties of ticket_click")
    expect(properties.get_by_role("row", name=re.compile("^price_range"))).to_contain_text("100%")
    expect(properties.get_by_role("row", name=re.compile("^ticket_provider"))).to_contain_text("text")
    properties.get_by_role("button", name="ticket_provider").click()
    expect(
        page.get_by_role("table", name="Values of ticket_provider").get_by_role("cell", name="TicketHub")
    ).to_be_visible()
    page.get_by_role("tab", name="Bots").click()
    expect(page.get_by_role("cell", name=re.compile("^crawler"))).to_be_visible()
    page.get_by_role("tab", name="Refused").click()
    expect(page.get_by_role("cell", name=re.compile("a track message names its event"))).to_be_visible()
    page.get_by_role("tab", name="Tracking plan").click()
    expect(page.get_by_text("There is no tracking plan yet")).to_be_visible()
    nobody_is_left_out(page)


def test_whom_one_counts_as_people_changes_every_number_and_goes_back(browser: Browser, filled: Server) -> None:
    page = open_page(browser, filled)
    before = tile(page, "Visitors")
    go(page, "Data")
    page.get_by_role("tab", name="Bots").click()
    row = page.get_by_role("row", name=re.compile("^crawler")).first
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).to_be_checked()
    everybody = filled.get("overview", period="30d")["data"]["current"]["visitors"]
    assert f"{everybody:,}" != before
    go(page, "Overview")
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(f"{everybody:,}")
    page.go_back()
    page.get_by_role("tab", name="Bots").click()
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).not_to_be_checked()
    go(page, "Overview")
    expect(page.get_by_role("button", name=re.compile("^Visitors"))).to_contain_text(before)


def test_files_are_exported_and_imported_with_progress(browser: Browser, filled: Server, tmp_path: Path) -> None:
    page = open_page(browser, filled, at="Data")
    page.get_by_role("tab", name="Imports and exports").click()
    page.get_by_label("Format").select_option("parquet")
    page.get_by_role("button", name="Export").click()
    exported = page.get_by_role("listitem").filter(has_text=".parquet")
    expect(exported).to_contain_text("done", timeout=60_000)
    with page.expect_download() as download:
        exported.get_by_role("link", name="Fetch").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"PAR1"
    file = tmp_path / "old.ndjson"
    file.write_text('{"event": "Brought In", "userId": "old", "timestamp": "2024-01-01T00:00:00Z"}\nno message\n')
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Import").click()
    imported = page.get_by_role("listitem").filter(has_text="old.ndjson")
    expect(imported).to_contain_text("1 taken, 1 refused", timeout=60_000)
    filled.stored()
    assert filled.sql("SELECT count() AS n FROM events WHERE name = 'Brought In'") == [{"n": 1}]
    nobody_is_left_out(page)
    imported.get_by_role("button", name="Remove").click()
    expect(imported).to_have_count(0)
