"""Passwords that were forgotten: a link by mail, against a real server and a mail server on loopback."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

import httpx
import pyotp
import pytest

from conftest import EMAIL, PASSWORD, Server, eventually
from mails import Mails
from trackway.govern.database import GovernDatabase
from trackway.govern.identity.sign_ins import BadCredentials
from trackway.govern.tables import BadAccount, OneUse, utc_now

NEW = "another long password"


class Site(NamedTuple):
    server: Server
    mails: Mails

    def ask(self, email: str = EMAIL, address: str = "10.0.0.1", **headers: str) -> httpx.Response:
        return httpx.post(f"{self.server.url}/api/v1/password-resets", json={"email": email},
                          headers={"x-forwarded-for": address, **headers}, timeout=60)  # fmt: skip

    def link(self, **given: str) -> str:
        """Ask for one, and read the mail that comes."""
        before = len(self.mails.got)
        assert self.ask(**given).status_code == 204
        eventually(lambda: len(self.mails.got) > before)
        found = re.search(r"(http\S+)/password/(\S+)", self.mails.text(-1))
        assert found is not None
        assert found[1] == "http://stats.example.com"
        return found[2]

    def finish(self, token: str, password: str = NEW) -> httpx.Response:
        body = {"token": token, "password": password}
        return httpx.post(f"{self.server.url}/api/v1/password-resets/finish", json=body, timeout=60)

    def sign_in(self, password: str, **more: str) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}/api/v1/sign-in", json={"email": EMAIL, "password": password, **more}, timeout=60
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    mails = Mails()
    server = Server(
        tmp_path_factory.mktemp("resets") / "data", smtp_host="127.0.0.1", smtp_port=str(mails.port),
        url="http://stats.example.com", trust_proxy="true", mail_from="stats@example.com",
    ).start()  # fmt: skip
    yield Site(server, mails)
    server.stop()
    mails.close()


def signed_in(site: Site, password: str, code: str = "") -> httpx.Client:
    client = httpx.Client(base_url=site.server.url, timeout=30)
    answer = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": password, "code": code})
    assert answer.status_code == 200, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client


def test_a_link_resets_a_password_once_and_ends_all_sessions(site: Site) -> None:
    client = signed_in(site, PASSWORD)
    asked = client.post("/api/v1/me/totp/begin").json()
    codes = pyotp.parse_uri(asked["address"])
    assert isinstance(codes, pyotp.TOTP)
    recovery = client.post("/api/v1/me/totp", json={"code": codes.now()}).json()["recovery_codes"]
    first, second = site.link(address="10.0.1.1"), site.link(address="10.0.1.2", email=f" {EMAIL.upper()} ")
    mail = site.mails.got[-1]
    assert f"To: {EMAIL}" in mail and "From: stats@example.com" in mail and "30 minutes" in mail

    with sqlite3.connect(site.server.data / "accounts.db") as kept:
        assert second not in "\n".join(kept.iterdump()), "only its hash is kept"

    assert site.finish("nonsense").status_code == 401
    short = site.finish(second, "short")
    assert short.status_code == 400 and "10 characters" in short.json()["detail"]
    assert site.sign_in(PASSWORD, code=recovery[0]).status_code == 200, "nothing has changed yet"
    assert site.finish(second).status_code == 204, "a password that is too short does not use up the link"
    assert client.get("/api/v1/me").status_code == 401, "all sessions end"
    for used in (second, first):
        assert site.finish(used, "yet another password").status_code == 401, "good once, and then the others are not"

    assert site.sign_in(PASSWORD).status_code == 401
    refused = site.sign_in(NEW)
    assert refused.status_code == 401 and refused.json()["errors"][0]["field"] == "code", "the second factor holds"
    client = signed_in(site, NEW, recovery[1])
    project = client.get("/api/v1/projects").json()[0]["id"]
    audit = client.get(f"/api/v1/projects/{project}/audit").json()
    written = [(one["action"], one["actor"], one["subject"]) for one in audit]
    assert ("password changed", EMAIL, EMAIL) in written
    assert written.count(("password forgotten", "somebody", EMAIL)) == 2
    assert second not in str(audit)

    # What ends a password ends the links to it.
    third = site.link(address="10.0.1.3")
    assert client.post("/api/v1/me/password", json={"old": NEW, "new": PASSWORD}).status_code == 204
    assert site.finish(third).status_code == 401
    assert client.post("/api/v1/me/totp/remove", json={"code": recovery[2]}).status_code == 204


def test_nobody_learns_who_has_an_account(site: Site) -> None:
    somebody, nobody = site.ask(address="10.0.2.1"), site.ask("nobody@example.com", "10.0.2.1")
    assert (somebody.status_code, somebody.content) == (nobody.status_code, nobody.content) == (204, b"")
    names = [set(one.headers) for one in (somebody, nobody)]
    assert names[0] == names[1]
    eventually(lambda: site.mails.got)
    assert not any("nobody@" in one for one in site.mails.got)


def test_links_are_limited_by_address_and_by_account(site: Site) -> None:
    for email in ("limited@example.com", "nobody-else@example.com"):
        answers = [site.ask(email, f"10.1.{n}.{len(email)}") for n in range(6)]
        assert [one.status_code for one in answers] == [204] * 5 + [429], "whoever asks, and whether there is one"
    assert int(answers[-1].headers["retry-after"]) >= 1
    statuses = [site.ask(f"u{n}@example.com", "10.2.0.1").status_code for n in range(21)]
    assert statuses == [204] * 20 + [429]
    assert site.ask("u1@example.com", "10.2.0.2").status_code == 204


@pytest.mark.parametrize(
    ("settings", "host", "sent"),
    [
        ({}, "", False),
        ({"smtp_host": "127.0.0.1"}, "evil.example.net", False),
        ({"smtp_host": "127.0.0.1"}, "", True),
    ],
)
def test_a_link_leads_where_the_settings_say_and_nowhere_else(
    new_server: Callable[..., Server], settings: dict[str, str], host: str, sent: bool
) -> None:
    mails = Mails()
    server = new_server(smtp_port=str(mails.port), **settings).start()
    headers = {"host": host} if host else {}
    assert server.http.get("/api/v1/sign-in", headers=headers).json()["reset"] is sent
    answer = server.http.post("/api/v1/password-resets", json={"email": EMAIL}, headers=headers)
    assert answer.status_code == (204 if sent else 409)
    if sent:
        eventually(lambda: mails.got)
        assert f"{server.url}/password/" in mails.text(0)
    else:
        assert "trackway user password" in answer.json()["detail"] and mails.got == []
    mails.close()


def test_a_link_is_good_for_half_an_hour(tmp_path: object) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path}/accounts.db")
    accounts.add_user("ann@example.com", "a long password")
    assert accounts.resets.begin("nobody@example.com") is None

    def word() -> str:
        begun = accounts.resets.begin("ann@example.com")
        assert begun is not None
        return begun[1]

    first, second = word(), word()
    with accounts._sessions.begin() as session:
        for one in session.query(OneUse):
            assert timedelta(minutes=29) < one.expires_at - utc_now() <= timedelta(minutes=30)
            one.expires_at = utc_now() - timedelta(seconds=1)
    with pytest.raises(BadCredentials, match="is no longer valid"):
        accounts.resets.finish(first, NEW)
    third = word()
    with pytest.raises(BadAccount):
        accounts.resets.finish(third, "short")
    accounts.set_password("ann@example.com", "set by an administrator")
    for late in (second, third):
        with pytest.raises(BadCredentials):
            accounts.resets.finish(late, NEW)
    fourth = word()
    accounts.remove_user("ann@example.com")
    with pytest.raises(BadCredentials):
        accounts.resets.finish(fourth, NEW)
    accounts.close()


def test_the_mail_is_in_the_language_of_the_page(site: Site) -> None:
    def ask(**body: str) -> httpx.Response:
        return httpx.post(f"{site.server.url}/api/v1/password-resets", json={"email": EMAIL, **body},
                          headers={"x-forwarded-for": "10.0.7.1"}, timeout=60)  # fmt: skip

    before = len(site.mails.got)
    assert ask(language="de").status_code == 204
    eventually(lambda: len(site.mails.got) > before)
    assert "http://stats.example.com/password/" in site.mails.text(-1)
    assert "innerhalb von 30 Minuten" in site.mails.text(-1)
    refused = ask(language="fr")
    assert refused.status_code == 400
    assert "language" in refused.text
