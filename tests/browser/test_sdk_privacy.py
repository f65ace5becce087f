"""What the browser SDK does not record: what people type, and visitors who did not consent."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from concert_site import (
    DESK,
    Site,
    context,  # noqa: F401
    go,
    ready,
    settle,
    site,  # noqa: F401
    visitor_of,
)
from playwright.sync_api import Browser, BrowserContext, Page, Request
from steps import until

from chromium import AGENT
from conftest import WRITE_KEY


def let_pass(page: Page, seconds: int = 10) -> None:
    """Move the clock of a page, so that everything that the SDK would do by a timer has begun."""
    page.wait_for_function(f"() => window.tw_{WRITE_KEY}?.early")
    page.evaluate("Promise.all([trackway.load('auto'), trackway.load('queue')]).then(() => null)")
    page.clock.run_for(seconds * 1000)
    page.wait_for_timeout(300)  # storage and requests take the time that they take


VALUES = {
    "text": "typed-secret-text", "password": "typed-secret-pass", "email": "typed-secret@mail.example", "tel": "+4915900secret",
    "url": "https://typed-secret.example", "search": "typed-secret-search", "number": "981726354", "date": "1987-02-03",
    "datetime-local": "1987-02-03T04:05", "month": "1987-02", "week": "1987-W07", "time": "04:05", "color": "#a1b2c3", "range": "73",
}  # fmt: skip


def test_nothing_typed_into_a_field_ever_leaves_the_page(context: BrowserContext, site: Site) -> None:
    sent: list[bytes] = []

    def keep(request: Request) -> None:
        if request.url.startswith(site.server.url):
            body = request.post_data_buffer or b""
            sent.append(request.url.encode() + (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))

    context.on("request", keep)
    page = go(context, f"{site.url}/everything?tw-all_clicks=on")
    for kind, value in VALUES.items():
        field = page.locator(f"#f-{kind}")
        field.click()
        if kind in ("color", "range"):
            field.evaluate(
                "(field, value) => { field.value = value; field.dispatchEvent(new Event('change')); }", value
            )
        else:
            field.fill(value)
    page.locator("#f-textarea").press_sequentially("typed-secret-area")
    page.locator("#f-editable").click()
    page.keyboard.type("typed-secret-editable")
    page.evaluate(
        "document.querySelector('#f-select').append(new Option('typed-secret-option', 'typed-secret-option'))"
    )
    page.locator("#f-select").select_option("typed-secret-option")
    page.evaluate("document.querySelector('#f-hidden').value = 'typed-secret-hidden'")
    page.locator("#f-checkbox").check()
    page.locator("#f-radio").check()
    page.locator("#f-file").set_input_files(
        {"name": "typed-secret.txt", "mimeType": "text/plain", "buffer": b"typed-secret-file"}
    )
    page.locator("#f-editable").click(click_count=3)
    # A form that goes by GET puts everything into the next page's address, and that page's referrer.
    page.locator("#fields").get_by_role("button", name="Send").click()
    page.wait_for_url("**/everything?*f-text=*")
    ready(page)
    page.get_by_role("link", name="Discover").click()
    page.wait_for_url("**/discover")
    ready(page)
    settle(page)
    everything = b"\n".join(sent)
    assert b"form_submit" in everything
    assert b"element_click" in everything
    for secret in [*VALUES.values(), "typed-secret", "secret"]:
        if secret not in ("73", "04:05"):  # too short to be found by chance only
            assert secret.encode() not in everything, secret
    assert b"f-range=" not in everything
    assert b"f-time=" not in everything


@pytest.mark.parametrize("signal", ["globalPrivacyControl", "doNotTrack"])
def test_do_not_track_and_global_privacy_control_are_honoured(browser: Browser, site: Site, signal: str) -> None:
    context = visitor_of(browser)
    value = "true" if signal == "globalPrivacyControl" else "'1'"
    context.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{ value: {value} }})")
    sent = collected(context)
    context.clock.install()
    page = go(context, f"{site.url}/chat", waiting=False)
    let_pass(page)
    page.evaluate(
        "trackway.identify('nobody'); trackway.track('No'); trackway.consent('granted'); trackway.track('No')"
    )
    let_pass(page)
    page.reload()
    let_pass(page)
    assert sent == []
    assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
    page.goto(f"{site.url}/chat?tw-respect=off")
    let_pass(page)
    until(page, lambda: sent)  # a site may decide otherwise
    context.close()


def test_each_state_of_consent_is_what_the_requests_show(browser: Browser, site: Site) -> None:
    context = visitor_of(browser)
    sent = collected(context)
    context.clock.install()
    page = go(context, f"{site.url}/chat?tw-consent=pending", waiting=False)
    let_pass(page)
    page.evaluate("trackway.track('Waited')")
    let_pass(page)
    assert sent == []
    assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
    page.evaluate("trackway.consent('granted')")
    settle(page)
    told = [message.get("event") or message["type"] for message in sent]
    assert [name for name in told if name != "web_vital"] == ["page", "Waited"]
    assert len({message["anonymousId"] for message in sent}) == 1
    assert "tw_id" in stored_in(page)["cookies"]
    # The decision is remembered; taking it back forgets everything but itself.
    page.reload()
    ready(page)
    settle(page)
    assert [message["type"] for message in sent].count("page") == 2
    page.evaluate("trackway.consent('denied')")
    page.evaluate("trackway.track('No')")
    let_pass(page)
    count = len(sent)
    page.reload()
    let_pass(page)
    assert len(sent) == count
    assert "No" not in [message.get("event") for message in sent]
    assert stored_in(page)["cookies"] == "tw_c=denied"
    context.close()


def test_cookieless_stores_nothing_and_the_server_makes_the_days_visitor(browser: Browser, site: Site) -> None:
    visitors = set()
    for agent in (AGENT, AGENT, AGENT.replace("141", "140")):
        context = browser.new_context(user_agent=agent, viewport=DESK)
        sent = collected(context)
        page = go(context, f"{site.url}/chat?tw-consent=cookieless", waiting=False)
        page.evaluate("trackway.flush()")
        page.reload()
        page.evaluate("trackway.flush()")
        assert stored_in(page) == {"cookies": "", "local": [], "databases": []}
        pages = [message for message in sent if message["type"] == "page"]
        assert len(pages) == 2
        assert not any("anonymousId" in message or "sessionId" in message["context"] for message in sent)
        ids = ", ".join(f"'{message['messageId']}'" for message in pages)
        rows = site.events(f"message_id IN ({ids})")
        assert len({(row["visitor_id"], row["session_id"]) for row in rows}) == 1
        assert rows[0]["visitor_id"].startswith("d-")
        visitors.add(rows[0]["visitor_id"])
        context.close()
    assert len(visitors) == 2


def collected(context: BrowserContext) -> list[dict[str, Any]]:
    """The messages that a context sends to Trackway, as they go."""
    sent: list[dict[str, Any]] = []

    def keep(request: Request) -> None:
        if request.url.endswith("/v1/batch") and request.post_data_buffer:
            body = request.post_data_buffer
            sent.extend(json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)["batch"])

    context.on("request", keep)
    return sent


def stored_in(page: Page) -> dict[str, Any]:
    """What the page has stored, under names of the SDK."""
    return dict(
        page.evaluate("""async () => ({
            cookies: document.cookie.split("; ").filter((one) => one.startsWith("tw")).join("; "),
            local: Object.keys(localStorage).filter((one) => one.startsWith("tw")),
            databases: (await indexedDB.databases()).map((one) => one.name),
        })""")
    )
