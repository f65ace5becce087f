"""A forgotten password, in a browser: from the page to sign in, by a real mail, to signing in with another one."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, expect

from conftest import EMAIL, Server, eventually
from mails import Mails

NEW = "another long password"


def test_a_forgotten_password_is_reset_by_mail(browser: Browser, new_server: Callable[..., Server]) -> None:
    mails = Mails()
    server = new_server(smtp_host="127.0.0.1", smtp_port=str(mails.port)).start()
    page = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB").new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.get_by_role("button", name="Forgot password?").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_text("It works once, within 30 minutes")).to_be_visible()
    eventually(lambda: mails.got)
    link = re.search(r"http\S+/password/\S+", mails.text(0))
    assert link is not None
    page.goto(link[0])
    page.get_by_label("A password").fill(NEW)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("heading", name="Your password has been changed")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody has been here yet", timeout=60_000)

    page.goto(link[0])
    page.get_by_label("A password").fill("yet another password")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("is no longer valid", timeout=60_000)
    page.context.close()
    mails.close()


def test_without_mail_the_page_says_who_resets(browser: Browser, server: Server) -> None:
    page = browser.new_context(locale="en-GB").new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.get_by_role("button", name="Forgot password?").click()
    expect(page.get_by_text("trackway user password EMAIL")).to_be_visible()
    page.get_by_role("button", name="Back to signing in").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    page.context.close()
