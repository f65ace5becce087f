"""Invitations to a project, and what they make of who accepts one: a member with a role, or an account."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from members import client_of, project_of

from conftest import Server
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import BadAccount, Invitation, utc_now


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
