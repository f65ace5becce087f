"""A file is shown as it would be stored, mapped, and then brought in; what is refused stands there with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from steps import DESK, PHONE, go, nobody_is_left_out, open_page

from conftest import Server


def at_imports(browser: Browser, server: Server, viewport: Any = None) -> Page:
    page = open_page(browser, server, viewport)
    page.goto(f"{page.url.split('/p/')[0]}/p/{page.url.split('/p/')[1].split('/')[0]}/data?tab=files")
    expect(page.get_by_role("heading", name="Import", exact=True)).to_be_visible()
    expect(page.get_by_role("tab", name="Imports and exports")).to_be_in_viewport(ratio=0.9)
    return page


def choice(page: Page, label: str) -> Locator:
    return page.get_by_role("combobox", name=re.compile(f"^{label}"))


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_a_table_is_mapped_after_a_dry_run_and_then_imported(
    browser: Browser, server: Server, tmp_path: Path, viewport: Any
) -> None:
    event = f"Gekauft {uuid4().hex[:8]}"
    file = tmp_path / f"{event}.csv"
    rows = "".join(f"{event};k{n};0{n}/02/2020;1.234,50\n" for n in range(1, 10))
    file.write_text(f"Was;Wer;Wann;Betrag\n{rows}{event};k10;gestern;1,00\n", encoding="utf-16")
    page = at_imports(browser, server, viewport)
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.get_by_role("alert").filter(has_text="no column says who")).to_be_visible()
    imports = page.get_by_role("button", name="Import", exact=True)
    expect(imports).to_be_disabled()

    choice(page, "Event").select_option("Was")
    choice(page, "User id").select_option("Wer")
    choice(page, "When").select_option("Wann")
    expect(page.get_by_text("9 lines are refused")).to_be_visible()
    choice(page, "Order of dates").select_option("day, month, year")
    expect(page.get_by_text("9 messages · from 2020-02-01 00:00:00 to 2020-02-09 00:00:00 (UTC)")).to_be_visible()
    expect(page.get_by_role("list", name="Events").locator("visible=true")).to_contain_text(f"{event} 9")
    shown = page.get_by_role("table", name="As they would be stored")
    expect(shown.locator("tbody tr")).to_have_count(9)
    expect(shown.locator("tbody tr").first).to_contain_text("2020-02-01 00:00:00")
    refused = page.get_by_role("table", name="Refused lines")
    expect(refused.locator("tbody tr")).to_have_count(1)
    expect(refused.locator("tbody tr")).to_contain_text("11")
    if viewport == DESK:
        expect(shown.locator("tbody tr").first).to_contain_text('"Betrag":1234.5')
        expect(refused.locator("tbody tr")).to_contain_text("gestern")
    assert server.sql(f"SELECT count() AS n FROM events WHERE name = '{event}'") == [{"n": 0}]
    nobody_is_left_out(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    imports.click()
    expect(page.get_by_role("listitem").filter(has_text=file.name)).to_contain_text("9 taken, 1 refused")
    server.stored()
    assert server.sql(f"SELECT count() AS n FROM events WHERE name = '{event}'") == [{"n": 9}]
    page.get_by_role("tab", name="Refused").click()
    row = page.get_by_role("table", name="Refused messages").locator("tbody tr", has_text="timestamp").first
    expect(row.locator("td").nth(3)).to_have_text("11")
    if viewport == DESK:
        expect(row).to_contain_text(f"{event};k10;gestern;1,00")
    page.context.close()


def test_an_access_log_is_read_by_the_format_that_is_typed(browser: Browser, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "site.log"
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
    file.write_text(f'203.0.113.9|[01/Feb/2020:10:00:00 +0000]|"GET /one HTTP/1.1"|200|"{agent}"\n')
    page = at_imports(browser, server)
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.get_by_text("1 line is refused")).to_be_visible()
    page.get_by_label("Format of a line").fill('%h|%t|"%r"|%>s|"%{User-Agent}i"')
    page.get_by_label("The site's own host").fill("www.example.com")
    page.get_by_label("Format of a line").press("Enter")
    page.get_by_label("The site's own host").press("Enter")
    expect(page.get_by_text("1 message · from 2020-02-01 10:00:00")).to_be_visible()
    expect(page.get_by_role("table", name="As they would be stored")).to_contain_text("/one")
    expect(page.get_by_role("table", name="Refused lines")).to_have_count(0)
    go(page, "Overview")
    page.context.close()
