"""Signing in: by a real server, a real OpenID Connect provider, real codes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pyotp
from members import client_of, project_of

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server


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
