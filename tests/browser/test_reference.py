"""The page of the API: what it loads, how it reads at a desk and on a phone, and requests that are tried from it."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from conftest import SECRET_KEY, Server


def opened(page: Page, method: str, path: str) -> None:
    page.get_by_label("Find an address").fill(f"{method} {path}")
    page.locator(f"details[data-find^='{method} {path} ']").locator("summary").click()


def test_requests_are_tried_as_who_is_signed_in_and_by_a_key(browser: Browser, server: Server) -> None:
    page = open_page(browser, server)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto(f"{server.url}/docs")
    expect(page.get_by_text("Reading the list of addresses")).to_be_hidden(timeout=60_000)
    for heading in ("collecting", "questions", "signing in"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    opened(page, "get", "/api/v1/projects/{project_id}/overview")
    form = page.locator("form.try")
    form.get_by_label("period").fill("7d")
    form.get_by_role("button", name="Send GET").click()
    expect(form.get_by_role("status")).to_contain_text("200")
    expect(form.locator("pre")).to_contain_text('"visitors"')
    nobody_is_left_out(page)

    # A change carries the token of the sign-in; collecting takes the write key of the project.
    page.reload()
    opened(page, "post", "/api/v1/projects/{project_id}/annotations")
    form.get_by_label("Body").fill('{"at": "2020-01-01T00:00:00Z", "text": "tried"}')
    form.get_by_role("button", name="Send POST").click()
    expect(form.get_by_role("status")).to_contain_text("201")
    page.reload()
    opened(page, "post", "/v1/track")
    form.get_by_label("Body").fill('{"event": "Tried in the reference", "userId": "u"}')
    form.get_by_role("button", name="Send POST").click()
    expect(form.get_by_role("status")).to_contain_text("202")
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE name = 'Tried in the reference'") == [{"n": 1}]
    assert hosts == {urlsplit(server.url).netloc}
    page.context.close()


def test_the_reference_reads_on_a_phone_and_without_signing_in(browser: Browser, server: Server) -> None:
    for viewport, scheme in ((PHONE, "light"), (DESK, "dark")):
        page = browser.new_context(viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()  # type: ignore[arg-type]
        page.set_default_timeout(60_000)
        page.goto(f"{server.url}/docs")
        opened(page, "post", "/api/analytics/session/end")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        opened(page, "get", "/api/v1/me")
        form = page.locator("form.try:visible")
        form.get_by_role("button", name="Send GET").click()
        expect(form.get_by_role("status")).to_contain_text("401")
        page.get_by_label("A key to try with").fill(SECRET_KEY)
        form.get_by_role("button", name="Send GET").click()
        expect(form.get_by_role("status")).to_contain_text("200")
        nobody_is_left_out(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.context.close()
