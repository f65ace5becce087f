"""What is written down: who did what, and no secret; and secrets that are encrypted, and changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from cryptography.fernet import Fernet
from members import client_of, project_of

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server, eventually
from trackway.govern.access.audit import ACTIONS
from trackway.govern.database import GovernDatabase
from trackway.govern.identity.encryption import CannotDecrypt, SecretCipher


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
