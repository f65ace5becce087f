"""Accounts in a real browser: a dashboard inside the host's own page, nobody else's numbers in it, and signing in."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pyotp
import pytest
from host_pages import (
    BEARER,
    OTHERS,
    Host,
    host,  # noqa: F401
    product,  # noqa: F401
)
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, drawn, go, nobody_is_left_out, open_page, sign_out, until, violations

from chromium import ARTIFACTS
from conftest import EMAIL, SECRET_KEY, also
from trackway.govern.access.tokens import sign


def opened(browser: Browser, address: str, viewport: Any = None, scheme: Any = "light") -> Page:
    context = browser.new_context(
        viewport=viewport or DESK, color_scheme=scheme, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    return page


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark"), also(DESK, "dark"), also(PHONE, "light")]
)
def test_an_artist_sees_their_own_dashboard_in_the_hosts_page(
    browser: Browser, host: Host, viewport: Any, scheme: Any
) -> None:
    page = opened(browser, host.page("artist", host.token("best"), f'scheme="{scheme}"'), viewport, scheme)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Best")
    ever = frame.locator("section", has=frame.get_by_role("heading", name="In total"))
    expect(ever.locator("dd").first).to_have_text("5")
    expect(frame.get_by_role("table", name="Sent from").get_by_role("row").filter(has_text="search")).to_contain_text(
        "3"
    )
    expect(frame.get_by_role("table", name="At this moment")).to_contain_text("Own click")
    assert (
        OTHERS not in frame.locator("body").inner_text() and "Thunder click" not in frame.locator("body").inner_text()
    )
    page.wait_for_function("document.querySelector('iframe').offsetHeight > 800")
    within = next(one for one in page.frames if "/embed/" in one.url)
    found = violations(within)
    assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
    name = f"embed-artist-{'desk' if viewport is DESK else 'phone'}-{scheme}"
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
    page.context.close()


def test_changing_the_token_in_the_pages_script_shows_nothing_of_another_artist(browser: Browser, host: Host) -> None:
    """Whoever holds one artist's token can do with it what they like: it opens that artist's numbers."""
    good = host.token("best")
    page = opened(browser, host.page("tamper", good))
    answers: list[str] = []
    page.on("response", lambda response: answers.append(_text(response)) if "/api/" in response.url else None)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Best")

    import base64

    head, claims, signature = good.split(".")

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged = [
        f"{head}.{part({**said, 'sub': 'other'})}.{signature}",
        f"{head}.{part({**said, 'entities': [{'type': 'artist', 'id': 'foreign-thunder'}]})}.{signature}",
        f"{part({'alg': 'none', 'kid': host.kid})}.{part({**said, 'sub': 'other'})}.",
        sign(host.project, host.kid, "guessed", "other"),
        "", "x", SECRET_KEY[:3],
    ]  # fmt: skip
    for token in forged:
        page.evaluate("token => document.querySelector('trackway-dashboard').setAttribute('token', token)", token)
        expect(frame.get_by_text("This dashboard must be opened again")).to_be_visible()
        assert "5" not in frame.locator("main").all_inner_texts()
    page.evaluate("token => document.querySelector('trackway-dashboard').setAttribute('token', token)", good)
    expect(frame.get_by_role("heading", level=1)).to_have_text("Best")
    # With the good token, asking the API for the other artist by name.
    for body in (
        {"question": "views", "entity_type": "artist", "entity_id": "foreign-thunder"},
        {"question": "entity_views", "entity_type": "artist", "ids": ["foreign-thunder"]},
        {"question": "trend", "filter": "entity_id:is:foreign-thunder"},
        {"question": "entities", "search": "Foreign"},
    ):
        answer = httpx.post(f"{host.server.url}/api/v1/projects/{host.project}/ask", json=body,
                            headers={"authorization": f"Bearer {good}"}, timeout=60)  # fmt: skip
        assert answer.status_code == 200, answer.text
        answers.append(answer.text.replace("foreign-thunder", ""))
        rows = answer.json()["data"]
        assert rows in ([], {}) or not any(row.get("views") for row in rows if isinstance(row, dict)), body
    assert not any(OTHERS in one or "Thunder" in one for one in answers)
    page.context.close()


def _text(response: Any) -> str:
    try:
        return str(response.text())
    except Exception:  # the page has gone on, and the body with it
        return ""


def test_a_page_that_the_project_does_not_name_cannot_show_it_and_cookies_are_not_used(
    browser: Browser, host: Host
) -> None:
    policy = httpx.get(f"{host.server.url}/embed/{host.project}", timeout=60).headers["content-security-policy"]
    assert f"frame-ancestors {host.url}" in policy
    assert "frame-ancestors 'none'" in httpx.get(f"{host.server.url}/", timeout=60).headers["content-security-policy"]
    other = host.url.replace("127.0.0.1", "localhost")
    page = opened(browser, host.page("foreign", host.token("best")).replace(host.url, other))
    until(page, lambda: any(one.url.startswith("chrome-error:") for one in page.frames))
    assert not [one for one in page.frames if one.url.startswith(host.server.url) and one.locator("h1").count()]
    page.context.close()
    page = open_page(browser, host.server)  # an administrator, who looks at an artist's page in the same browser
    page.goto(host.page("beside", host.token("free")))
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Free")
    expect(frame.get_by_text("With Premium you see where your viewers come from.")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(("account", "size", "scheme"), [
    ("free", DESK, "light"), also("free", PHONE, "dark"), also("pier", DESK, "light"), ("pier", PHONE, "dark"),
    ("nothing", DESK, "light"), also("nothing", PHONE, "dark"),
])  # fmt: skip
def test_what_a_higher_tier_shows_is_locked_and_a_venue_has_its_own_page(
    browser: Browser, host: Host, account: str, size: Any, scheme: str
) -> None:
    page = opened(browser, host.page(account, host.token(account), f'upgrade scheme="{scheme}" accent="#a33b3b"'), size)
    page.evaluate("""() => document.querySelector('trackway-dashboard')
        .addEventListener('trackway-upgrade', event => { window.wanted = event.detail.needs; })""")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text(account.title())
    if account == "free":
        expect(frame.get_by_text("With Premium you see where your viewers come from.")).to_be_visible()
        expect(frame.get_by_text("With Professional you see who books after a view.")).to_be_visible()
        assert "search" not in frame.locator("body").inner_text()
        frame.get_by_role("button", name="See the requirements").first.click()
        page.wait_for_function("window.wanted === 'premium'")
    elif account == "pier":
        expect(frame.get_by_role("table", name="All your entities")).to_contain_text("Glass Harbour live")
    else:
        expect(frame.get_by_text("You have no entities here yet")).to_be_visible()
    within = next(one for one in page.frames if "/embed/" in one.url)
    accent = within.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
    assert accent == "#a33b3b"
    drawn(within)
    page.screenshot(
        path=ARTIFACTS / f"embed-{account}-{'desk' if size is DESK else 'phone'}-{scheme}.png", full_page=True
    )
    page.context.close()


@pytest.mark.parametrize(("viewport", "scheme"), [also(DESK, "light"), (PHONE, "dark")])
def test_a_fan_sees_their_year(browser: Browser, host: Host, viewport: Any, scheme: Any) -> None:
    person = host.server.sql(
        "SELECT user_id FROM events WHERE user_id != '' GROUP BY user_id ORDER BY count() DESC LIMIT 1"
    )
    fan = str(person[0]["user_id"])
    answer = host.server.http.put(
        f"/api/v1/projects/{host.project}/accounts/{fan}", json={"type": "user"}, headers=BEARER
    )
    assert answer.status_code == 200
    page = opened(browser, host.page("year", host.token(fan), f'scheme="{scheme}"'), viewport, scheme)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_contain_text("My year with")
    expect(frame.get_by_text("Days here")).to_be_visible()
    within = next(one for one in page.frames if "/embed/" in one.url)
    found = violations(within)
    assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
    became = frame.locator("section", has=frame.get_by_role("heading", name="Are you an artist"))
    became.get_by_label("Name of the act").fill("The Fans")
    became.get_by_role("button", name="Ask").click()
    expect(became).to_contain_text("The request is being reviewed")
    [asked] = host.server.http.get(
        f"/api/v1/projects/{host.project}/account-requests?state=pending", headers=BEARER
    ).json()
    assert (asked["account"], asked["type"], asked["business"]["company"]) == (fan, "artist", "The Fans")
    client = open_page(browser, host.server)
    go(client, "Accounts")
    client.get_by_role("tab", name="Requests").click()
    mine = client.locator("li").filter(has_text="The Fans").first
    mine.get_by_role("button", name="Refuse").click()
    expect(mine).to_contain_text("refused by")
    client.context.close()
    drawn(within)
    page.screenshot(path=ARTIFACTS / f"year-{'desk' if viewport is DESK else 'phone'}-{scheme}.png", full_page=True)
    page.context.close()


def test_an_administrator_of_the_product_sees_all_of_it_in_the_product(browser: Browser, host: Host) -> None:
    path = f"/api/v1/projects/{host.project}/accounts/boss"
    assert host.server.http.put(path, json={"type": "admin", "name": "Boss"}, headers=BEARER).status_code == 200
    page = opened(browser, host.page("boss", host.token("boss")))
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Boss")
    most = frame.get_by_role("table", name="Most viewed")
    expect(most).to_contain_text(OTHERS)
    expect(most).to_contain_text("Glass Harbour")
    within = next(one for one in page.frames if "/embed/" in one.url)
    found = violations(within)
    assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
    drawn(within)
    page.screenshot(path=ARTIFACTS / "embed-boss-desk-light.png", full_page=True)
    page.context.close()


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_an_administrator_makes_an_account_decides_and_reads_what_was_done(
    browser: Browser, host: Host, viewport: Any, scheme: Any
) -> None:
    size = "desk" if viewport is DESK else "phone"
    page = open_page(browser, host.server, viewport, scheme, at="Accounts")
    page.get_by_role("button", name="New account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Id in your product").fill(f"made-{size}")
    dialog.get_by_label("Name", exact=True).fill(f"Made {size}")
    dialog.get_by_label("Its entities").fill("artist:glass-harbour\nconcert:a:b")
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("table", name="Accounts").get_by_role("row").filter(has_text=f"Made {size}")
    expect(row).to_contain_text("artist")
    path = f"/api/v1/projects/{host.project}"
    made = host.server.http.get(f"{path}/accounts/made-{size}", headers=BEARER).json()
    assert made["entities"] == [["artist", "glass-harbour"], ["concert", "a:b"]]
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"accounts-{size}-{scheme}.png", full_page=True)
    asked = httpx.post(
        f"{host.server.url}{path}/account-requests", json={"type": "venue", "business": {"company": f"Pier {size} Ltd"}},
        headers={"authorization": f"Bearer {host.token(f'made-{size}')}"}, timeout=60,
    )  # fmt: skip
    assert asked.status_code == 201, asked.text
    page.get_by_role("tab", name="Requests").click()
    mine = page.locator("li").filter(has_text=f"Pier {size} Ltd")
    mine.get_by_label("Note to the account").fill("Welcome")
    mine.get_by_role("button", name="Approve").click()
    expect(mine).to_contain_text(f"approved by {EMAIL}")
    assert host.server.http.get(f"{path}/accounts/made-{size}", headers=BEARER).json()["type"] == "venue"
    page.get_by_role("tab", name="Permissions").click()
    page.get_by_role("button", name=re.compile("media, sources")).click()
    page.get_by_role("dialog").get_by_label("May see it").check()
    page.get_by_role("dialog").get_by_label("from this subscription on").select_option("premium")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="media, sources: Premium")).to_be_visible()
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"permissions-{size}-{scheme}.png", full_page=True)
    page.get_by_role("button", name="media, sources: Premium").click()
    page.get_by_role("dialog").get_by_role("button", name="As in the metrics pack").click()
    expect(page.get_by_role("button", name="media, sources: –")).to_be_visible()
    page.get_by_role("tab", name="Audit log").click()
    log = page.get_by_role("table", name="Audit log")
    expect(log.get_by_role("row").filter(has_text="permission changed").first).to_contain_text("media: sources")
    expect(log.get_by_role("row").filter(has_text="request decided").first).to_contain_text(f"made-{size}")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / f"audit-{size}-{scheme}.png", full_page=True)
    page.context.close()


def test_somebody_is_invited_signs_in_with_a_code_and_a_passkey_and_ends_another_sign_in(
    browser: Browser, host: Host
) -> None:
    page = open_page(browser, host.server, at="Settings")
    members = page.locator("section", has=page.get_by_role("heading", name="Members"))
    members.get_by_label("E-mail").fill("invited@example.com")
    members.get_by_label("As").select_option("analyst")
    members.get_by_role("button", name="Invite").click()
    link = members.get_by_text("/invitation/").inner_text()
    page.context.close()

    # A passkey needs a secure context: http://localhost is one.
    base = host.server.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport=DESK, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(60_000)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    page.goto(link.replace(host.server.url, base))
    expect(page.get_by_role("heading", level=1)).to_contain_text("You are invited")
    page.get_by_label("A password").fill("invited's password")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("navigation", name="Pages").locator("visible=true")).to_be_visible()
    assert page.get_by_role("link", name="Accounts").count() == 0, "an analyst does not manage accounts"
    go(page, "Settings")
    page.get_by_role("button", name="Set up").click()
    address = page.locator("img[alt^=otpauth]").get_attribute("alt") or ""
    codes = pyotp.parse_uri(address)
    assert isinstance(codes, pyotp.TOTP)
    page.get_by_label("Code", exact=True).fill(codes.now())
    page.get_by_role("button", name="Turn on").click()
    recovery = page.get_by_text("Keep these recovery codes").locator("..").locator("p").last.inner_text().split()
    assert len(recovery) == 8
    page.get_by_label("Name of the passkey").fill("Virtual device")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("not used yet")).to_be_visible()
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "settings-signing-in.png", full_page=True)

    sign_out(page)
    page.get_by_label("E-mail").fill("invited@example.com")
    page.get_by_label("Password").fill("invited's password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(recovery[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Pages").locator("visible=true")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("navigation", name="Pages").locator("visible=true")).to_be_visible()

    # The same user elsewhere: that sign-in is seen here, and ended.
    with httpx.Client(base_url=host.server.url, headers={"user-agent": "Elsewhere/1.0"}, timeout=60) as elsewhere:
        body = {"email": "invited@example.com", "password": "invited's password", "code": recovery[1]}
        assert elsewhere.post("/api/v1/sign-in", json=body).status_code == 200
        assert elsewhere.post("/api/v1/sign-in", json={**body, "code": recovery[0]}).status_code == 401
        assert elsewhere.get("/api/v1/me").status_code == 200
        go(page, "Settings")
        page.locator("li").filter(has_text="Elsewhere/1.0").get_by_role("button", name="End").click()
        expect(page.locator("li").filter(has_text="Elsewhere/1.0")).to_have_count(0)
        assert elsewhere.get("/api/v1/me").status_code == 401
    context.close()
