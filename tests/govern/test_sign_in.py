"""Signing in, who is in, and what is written down: by a real server, a real OpenID Connect provider, real codes."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pyotp
import pytest
from cryptography.fernet import Fernet

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server, eventually
from trackway.govern.access.audit import ACTIONS
from trackway.govern.database import GovernDatabase
from trackway.govern.identity.encryption import CannotDecrypt, SecretCipher
from trackway.govern.tables import BadAccount, Invitation, utc_now


def client_of(server: Server, email: str = EMAIL, password: str = PASSWORD, **more: str) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=30)
    answer = client.post("/api/v1/sign-in", json={"email": email, "password": password, **more})
    assert answer.status_code == 200, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client


def project_of(client: httpx.Client) -> str:
    return f"/api/v1/projects/{client.get('/api/v1/projects').json()[0]['id']}"


def test_signing_in_that_fails_again_and_again_has_to_wait_and_others_do_not(new_server: Callable[..., Server]) -> None:
    server = new_server(failed_sign_ins_per_minute="5", trust_proxy="true").start()

    def attempt(address: str, password: str = "wrong") -> httpx.Response:
        body = {"email": EMAIL, "password": password}
        return httpx.post(f"{server.url}/api/v1/sign-in", json=body, headers={"x-forwarded-for": address}, timeout=60)

    assert [attempt("10.0.0.1").status_code for _ in range(6)] == [401] * 5 + [429]
    refused = attempt("10.0.0.1", PASSWORD)
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["content-type"] == "application/problem+json"
    assert attempt("10.9.9.9, 10.0.0.1", PASSWORD).status_code == 429, "what a client says of itself changes nothing"
    assert attempt("10.0.0.2", PASSWORD).status_code == 200, "who is elsewhere is not locked out"
    # Addresses of one network of IPv6 count together.
    assert [attempt(f"2001:db8::{n}").status_code for n in range(1, 7)] == [401] * 5 + [429]
    assert attempt("2001:db8:0:1::1", PASSWORD).status_code == 200


def test_signing_in_takes_as_long_for_nobody_as_for_somebody(server: Server) -> None:
    def took(email: str) -> float:
        started = time.perf_counter()
        assert (
            httpx.post(
                f"{server.url}/api/v1/sign-in", json={"email": email, "password": "wrong"}, timeout=60
            ).status_code
            == 401
        )
        return time.perf_counter() - started

    took("nobody@example.com")
    nobody = min(took("nobody@example.com") for _ in range(3))
    somebody = min(took(EMAIL) for _ in range(3))
    # A password is hashed either way, which is nearly all of the time that it takes.
    assert nobody > somebody / 3


def test_requests_of_an_address_and_of_a_key_have_a_limit(new_server: Callable[..., Server]) -> None:
    server = new_server(requests_per_minute="20", trust_proxy="true").start()

    def ask(path: str, address: str, **headers: str) -> httpx.Response:
        # One connection: hundreds of new ones take longer than the minute that is counted in, on a slow machine.
        return server.http.get(path, headers={"x-forwarded-for": address, **headers})

    for path in ("/healthz", "/v1/pixel.gif?writeKey=wk_test", "/t.js", "/api/v1/me", "/", "/docs/openapi.json"):
        address = f"10.1.0.{len(path)}"
        statuses = [ask(path, address).status_code for _ in range(21)]
        assert statuses[20] == 429 and 429 not in statuses[:20], (path, statuses)
    refused = ask("/healthz", "10.1.0.8")
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    key = {"authorization": f"Bearer {SECRET_KEY}"}
    statuses = [ask("/api/v1/me", f"10.2.{n // 250}.{n % 250}", **key).status_code for n in range(201)]
    assert statuses[200] == 429 and 429 not in statuses[:200]
    post = httpx.post(f"{server.url}/v1/track", json={"event": "x", "anonymousId": "a"}, auth=("wk_test", ""),
                      headers={"x-forwarded-for": "10.3.0.1"}, timeout=60)  # fmt: skip
    assert post.status_code == 202


def test_every_answer_has_the_headers_that_keep_browsers_honest(server: Server) -> None:
    for path in ("/", "/api/v1/me", "/healthz", "/t.js", "/docs/openapi.json", "/nowhere.txt"):
        headers = server.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"], path
    assert server.http.get("/api/v1/me").headers["cache-control"] == "no-store"
    page = server.http.get("/").headers["content-security-policy"]
    assert all(part in page for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"))


def test_a_code_is_asked_for_after_the_password_and_good_once(server: Server) -> None:
    owner = client_of(server)
    project = project_of(owner)
    email, password = "codes@example.com", "a long password"
    assert owner.post(f"{project}/members", json={"email": email, "password": password}).status_code == 201
    client = client_of(server, email, password)
    address = client.post("/api/v1/me/totp/begin").json()["address"]
    totp = pyotp.parse_uri(address)
    assert isinstance(totp, pyotp.TOTP)
    assert client.post("/api/v1/me/totp", json={"code": "000000"}).status_code == 400
    assert not client.get("/api/v1/me").json()["second_factor"]
    codes = client.post("/api/v1/me/totp", json={"code": totp.now()}).json()["recovery_codes"]
    assert len(set(codes)) == 8 and client.get("/api/v1/me").json()["second_factor"]

    def attempt(**more: str) -> httpx.Response:
        return httpx.post(
            f"{server.url}/api/v1/sign-in", json={"email": email, "password": password, **more}, timeout=60
        )

    needed = attempt()
    assert (needed.status_code, needed.json()["errors"][0]["field"]) == (401, "code")
    assert "code" not in attempt(password="wrong", code=totp.now()).json()["errors"]
    assert attempt(code="123456").status_code == 401
    code = totp.now()
    assert [attempt(code=code).status_code, attempt(code=code).status_code] == [200, 401]
    assert [attempt(code=codes[0]).status_code, attempt(code=codes[0]).status_code] == [200, 401]
    kept = sqlite3.connect(server.data / "accounts.db")
    [(sealed,)] = kept.execute("SELECT totp FROM users WHERE email = ?", (email,)).fetchall()
    assert sealed and totp.secret not in sealed
    kept.close()
    assert client.post("/api/v1/me/totp/remove", json={"code": "1"}).status_code == 400
    assert client.post("/api/v1/me/totp/remove", json={"code": codes[1]}).status_code == 204
    assert attempt().status_code == 200


def test_a_changed_password_signs_everybody_else_out(server: Server) -> None:
    owner = client_of(server)
    email, password = "changes@example.com", "a long password"
    assert owner.post(f"{project_of(owner)}/members", json={"email": email, "password": password}).status_code == 201
    here, elsewhere = client_of(server, email, password), client_of(server, email, password)
    change = {"old": password, "new": "another password"}
    assert here.post("/api/v1/me/password", json={**change, "old": "wrong"}).status_code == 400
    assert here.post("/api/v1/me/password", json={**change, "new": "short"}).status_code == 400
    assert here.post("/api/v1/me/password", json=change).status_code == 204
    assert (here.get("/api/v1/me").status_code, elsewhere.get("/api/v1/me").status_code) == (200, 401)
    # One's own sign-ins are listed and ended, others' are not.
    other = client_of(server, email, "another password")
    listed = here.get("/api/v1/me/sign-ins").json()
    assert [one["current"] for one in listed].count(True) == 1 and len(listed) == 2
    foreign = owner.get("/api/v1/me/sign-ins").json()[0]["id"]
    assert here.delete(f"/api/v1/me/sign-ins/{foreign}").status_code == 404
    theirs = next(one["id"] for one in listed if not one["current"])
    assert here.delete(f"/api/v1/me/sign-ins/{theirs}").status_code == 204
    assert other.get("/api/v1/me").status_code == 401


def test_an_invitation_is_good_once_and_for_its_address(server: Server) -> None:
    owner = client_of(server)
    project = project_of(owner)

    def invite(**body: Any) -> str:
        made = owner.post(f"{project}/invitations", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["link"]).rpartition("/")[2]

    token = invite(email="Comes@Example.com", role="viewer")
    with httpx.Client(base_url=server.url, timeout=60) as guest:
        shown = guest.get(f"/api/v1/invitations/{token}").json()
        assert (shown["email"], shown["role"], shown["known"]) == ("comes@example.com", "viewer", False)
        assert guest.post(f"/api/v1/invitations/{token}", json={"password": "short"}).status_code == 400
        assert guest.post(f"/api/v1/invitations/{token}", json={"password": "a long password"}).status_code == 200
        assert guest.get("/api/v1/me").json()["projects"][0]["role"] == "viewer"
        assert guest.post(f"/api/v1/invitations/{token}", json={"password": "a long password"}).status_code == 401
    assert httpx.get(f"{server.url}/api/v1/invitations/guessed", timeout=60).status_code == 404
    # Who has a user already accepts with their password, or signed in.
    again = invite(email="comes@example.com", role="owner")
    with httpx.Client(base_url=server.url, timeout=60) as guest:
        assert guest.post(f"/api/v1/invitations/{again}", json={"password": "not theirs!"}).status_code == 401
    own = client_of(server, "comes@example.com", "a long password")
    assert owner.post(f"/api/v1/me/invitations/{again}").status_code == 400, "it is for somebody else"
    assert own.post(f"/api/v1/me/invitations/{again}").status_code == 204
    assert own.get("/api/v1/me").json()["projects"][0]["role"] == "owner"
    revoked = owner.post(f"{project}/invitations", json={"email": "never@example.com"}).json()
    assert owner.delete(f"{project}/invitations/{revoked['id']}").status_code == 204
    word = revoked["link"].rpartition("/")[2]
    assert httpx.get(f"{server.url}/api/v1/invitations/{word}", timeout=60).status_code == 404
    assert [one["email"] for one in owner.get(f"{project}/invitations").json()] == []


def test_an_invitation_for_an_account_signs_in_to_that_accounts_numbers_alone(server: Server) -> None:
    owner = client_of(server)
    project = project_of(owner)
    for name in ("signs-in", "second"):
        body = {"type": "artist", "entities": [{"type": "artist", "id": name}]}
        assert owner.put(f"{project}/accounts/{name}", json=body).status_code == 200
    assert owner.post(f"{project}/invitations", json={"email": "a@b.c", "account": "nobody"}).status_code == 400
    made = owner.post(f"{project}/invitations", json={"email": "artist@example.com", "account": "signs-in"}).json()
    with httpx.Client(base_url=server.url, timeout=60) as artist:
        path = f"/api/v1/invitations/{made['link'].rpartition('/')[2]}"
        artist.headers["x-csrf-token"] = artist.post(path, json={"password": "a long password"}).json()["csrf"]
        [shown] = artist.get("/api/v1/me").json()["projects"]
        assert (shown["role"], shown["account"]["id"], shown["keys"]) == ("", "signs-in", [])
        assert shown["account"]["entities"] == [["artist", "signs-in"]]
        assert artist.post(f"{project}/ask", json={"question": "views"}).status_code == 200
        assert artist.get(f"{project}/overview").status_code == 403
        # One user with two accounts says as which they come; another's is not theirs by saying so.
        body = {"type": "artist", "email": "artist@example.com", "entities": [{"type": "artist", "id": "second"}]}
        assert owner.put(f"{project}/accounts/second", json=body).status_code == 200
        assert owner.put(f"{project}/accounts/foreign", json={"type": "admin"}).status_code == 200
        came = [
            artist.get("/api/v1/me", headers={"x-account": name}).json()["projects"][0]["account"]["id"]
            for name in ("second", "signs-in", "foreign")
        ]
        assert came == ["second", "signs-in", "signs-in"]


def test_who_an_openid_provider_vouches_for_is_signed_in(new_server: Callable[..., Server]) -> None:
    with oidc_provider_mock.run_server_in_thread() as provider:
        issuer = f"http://localhost:{provider.server_port}"
        server = new_server(oidc_issuer=issuer, oidc_client_id="trackway", oidc_client_secret="secret").start()
        assert httpx.get(f"{server.url}/api/v1/sign-in", timeout=60).json() == {"provider": True, "reset": False}

        def come(subject: str, email: str, verified: bool = True) -> tuple[httpx.Client, httpx.Response]:
            claims = {"email": email, "email_verified": verified}
            assert httpx.put(f"{issuer}/users/{subject}", json=claims, timeout=60).status_code < 300
            client = httpx.Client(base_url=server.url, timeout=60)
            asked = client.get("/api/v1/sign-in/provider")
            assert asked.status_code in (302, 307) and asked.headers["location"].startswith(issuer)
            query = parse_qs(urlsplit(asked.headers["location"]).query)
            assert query["code_challenge_method"] == ["S256"] and query["nonce"]
            answered = httpx.post(asked.headers["location"], data={"sub": subject}, timeout=60)
            assert answered.status_code == 302, answered.text
            return client, client.get(answered.headers["location"])

        client, answer = come("subject-1", EMAIL)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        assert client.get("/api/v1/me").json()["email"] == EMAIL
        client, answer = come("subject-1", "changed@example.com")
        assert answer.status_code == 303, "they are known by the provider's subject from now on"
        assert come("subject-2", "nobody@example.com")[1].status_code == 401
        assert come("subject-3", EMAIL, verified=False)[1].status_code == 401, "the provider does not vouch for it"
        # What was begun in one browser is not finished in another, and not twice.
        begun = httpx.Client(base_url=server.url, timeout=60)
        location = begun.get("/api/v1/sign-in/provider").headers["location"]
        back = httpx.post(location, data={"sub": "subject-1"}, timeout=60).headers["location"]
        assert httpx.get(back, timeout=60).status_code == 401
        assert (begun.get(back).status_code, begun.get(back).status_code) == (303, 401)


# What is written down


def test_the_audit_log_has_who_did_what_and_the_database_refuses_to_change_it(server: Server) -> None:
    owner = client_of(server)
    project = project_of(owner)
    key = owner.post(f"{project}/keys", json={"kind": "secret"}).json()
    assert owner.delete(f"{project}/keys/{key['id']}").status_code == 204
    body = {"question": "trend", "period": "7d"}
    assert owner.post(f"{project}/ask?format=csv", json=body).status_code == 200
    assert (
        owner.post(f"{project}/transfers/exports", json={"table": "events", "form": "csv", "period": "7d"}).status_code
        == 201
    )
    for _ in range(2):  # computed, and then as it was kept
        assert owner.get(f"{project}/breakdown?by=path&format=csv&limit=7").status_code == 200
    written = [one["subject"] for one in owner.get(f"{project}/audit?limit=1000&search=exported").json()]
    assert written.count("breakdown as csv") == 2, "once for each file"
    httpx.post(f"{server.url}/api/v1/sign-in", json={"email": EMAIL, "password": "wrong"}, timeout=60)
    entries = owner.get(f"{project}/audit?limit=1000").json()
    done = {(one["actor"], one["action"]) for one in entries}
    assert {(EMAIL, one) for one in ("signed in", "key made", "key revoked", "exported", "sign-in refused")} <= done
    assert {one["action"] for one in entries} <= set(ACTIONS)
    made = next(one for one in entries if one["action"] == "key made")
    assert made["address"] == "127.0.0.1" and made["subject"].startswith("secret …")
    assert [one["id"] for one in entries] == sorted((one["id"] for one in entries), reverse=True)
    older = owner.get(f"{project}/audit?limit=2&before={entries[1]['id']}").json()
    assert [one["id"] for one in older] == [one["id"] for one in entries[2:4]]
    assert {one["action"] for one in owner.get(f"{project}/audit?search=revoked").json()} >= {"key revoked"}
    database = sqlite3.connect(server.data / "accounts.db")
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            database.execute(statement)
    database.close()


def test_nobody_finds_a_secret_in_the_database_the_log_or_an_answer(new_server: Callable[..., Server]) -> None:
    server = new_server(fresh=True).start()
    owner = client_of(server)
    project = project_of(owner)
    secret = owner.post(f"{project}/keys", json={"kind": "secret"}).json()["secret_key"]
    embed = owner.post(f"{project}/keys", json={"kind": "embed"}).json()["embed_key"]
    link = owner.post(f"{project}/invitations", json={"email": "x@example.com"}).json()["link"].rpartition("/")[2]
    cookie = owner.cookies["trackway"]
    totp = parse_qs(urlsplit(owner.post("/api/v1/me/totp/begin").json()["address"]).query)["secret"][0]
    httpx.get(f"{server.url}/api/v1/me", headers={"authorization": "Bearer sk_wrong_secret"}, timeout=60)
    shown = json.dumps(owner.get(f"{project}/audit?limit=1000").json()) + owner.get("/api/v1/me").text
    server.stop()
    kept = b"".join(one.read_bytes() for one in Path(server.data).glob("accounts.db*")) + shown.encode()
    said = server.said()  # the first start shows its secrets once, in a part of its own
    printed = said[: said.index("First start")] + said[said.rindex("secret key") :].partition("\n")[2]
    secrets = {
        "password": PASSWORD, "secret key": secret, "embed key": embed, "invitation": link, "cookie": cookie, "totp": totp,
        "wrong": "sk_wrong_secret", "first key": SECRET_KEY,
    }  # fmt: skip
    for name, value in secrets.items():
        assert value.encode() not in kept, name
        assert value not in printed, name
    assert oct((server.data / "secret.key").stat().st_mode & 0o777) == "0o600"


def test_encrypted_secrets_outlive_a_change_of_keys() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = SecretCipher([old]).encrypt("secret")
    both = SecretCipher([new, old])
    assert both.decrypt(sealed) == "secret"
    assert SecretCipher([new]).decrypt(both.encrypt("secret")) == "secret"
    with pytest.raises(CannotDecrypt):
        SecretCipher([new]).decrypt(sealed)
    with pytest.raises(ValueError):
        SecretCipher(["too short"])


def test_embed_keys_and_codes_are_encrypted_again_when_the_key_is_changed(tmp_path: Path) -> None:
    from uuid import UUID

    from trackway.govern.access.accounts import NewAccount
    from trackway.govern.access.tokens import BadToken, sign

    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    dsn = f"sqlite:///{tmp_path / 'a.db'}"
    accounts = GovernDatabase(dsn, SecretCipher([old]))
    project, _, _ = accounts.add_project("P")
    key, secret = accounts.add_key(UUID(project.id), "embed")
    accounts.platform.put(UUID(project.id), "a", NewAccount(type="artist"))
    user = accounts.add_user("a@example.com", "a long password")
    totp = pyotp.parse_uri(accounts.sign_ins.begin_totp(user))
    assert isinstance(totp, pyotp.TOTP)
    accounts.sign_ins.confirm_totp(user.id, totp.now())
    token = sign(project.id, key.id, secret, "a")
    accounts.close()
    both = GovernDatabase(dsn, SecretCipher([new, old]))
    both.reencrypt_secrets()
    both.close()
    after = GovernDatabase(dsn, SecretCipher([new]))
    assert after.tokens.read(token).account.id == "a"
    assert after.sign_ins.by_password("a@example.com", "a long password", totp.now()).user.id == user.id
    after.close()
    lost = GovernDatabase(dsn, SecretCipher([old]))
    with pytest.raises(BadToken, match="cannot be decrypted"):
        lost.tokens.read(token)
    lost.close()


def test_secret_and_write_keys_are_changed_without_a_moment_in_which_none_holds(server: Server) -> None:
    owner = client_of(server)
    project = project_of(owner)
    for kind in ("secret", "write"):
        made = owner.post(f"{project}/keys", json={"kind": kind}).json()
        value = made[f"{kind}_key"]

        def works(key: str, kind: str = kind) -> bool:
            if kind == "secret":
                return server.http.get("/api/v1/me", headers={"authorization": f"Bearer {key}"}).status_code == 200
            body = {"event": "Key", "anonymousId": "k"}
            return server.http.post("/v1/track", json=body, auth=(key, "")).status_code == 202

        first = SECRET_KEY if kind == "secret" else "wk_test"
        eventually(lambda: works(value))
        assert works(first)
        assert owner.delete(f"{project}/keys/{made['id']}").status_code == 204
        assert works(first)
        eventually(lambda: not works(value))


def test_an_invitation_ends_after_seven_days(tmp_path: Path) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'a.db'}")
    project, _, _ = accounts.add_project("P")
    from uuid import UUID

    made, token = accounts.sign_ins.invite(UUID(project.id), "a@example.com", "viewer", "", "me")
    assert timedelta(days=6.9) < made.expires_at - utc_now() < timedelta(days=7.1)
    with accounts._sessions.begin() as session:
        session.get_one(Invitation, made.id).expires_at = utc_now() - timedelta(seconds=1)
    with pytest.raises(Exception, match="is no longer valid"):
        accounts.sign_ins.invitation(token)
    assert accounts.sign_ins.invitations(UUID(project.id)) == []
    accounts.close()


def test_roles_are_those_that_there_are(tmp_path: Path) -> None:
    from uuid import UUID

    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'a.db'}")
    project, _, _ = accounts.add_project("P")
    accounts.add_user("a@example.com", "a long password")
    with pytest.raises(BadAccount, match=re.escape("'king' is not a role")):
        accounts.add_member("a@example.com", UUID(project.id), "king")
    accounts.close()
