"""Members of a project, their roles, and invitations. Access: owners of the project and administrators."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.exceptions import NotFoundException

from trackway.govern.access.permissions import Role
from trackway.govern.tables import BadAccount, Invitation
from trackway.runtime import Runtime
from trackway.web.auth.sign_in import site_of
from trackway.web.server.caller import Caller

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]


class NewMember(msgspec.Struct, forbid_unknown_fields=True):
    """A new member and their role; the password is for somebody who is not yet a user here."""

    email: Email
    role: Role = "analyst"
    password: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class Member(msgspec.Struct):
    """A user who sees the project as `viewer`, `analyst`, `owner` or `administrator`."""

    email: str
    role: str
    is_admin: bool


class NewInvitation(msgspec.Struct, forbid_unknown_fields=True):
    """An invitation to become a member with a role, or, with an `account`, to sign in for that account."""

    email: Email
    role: Role = "viewer"
    account: Annotated[str, msgspec.Meta(max_length=255)] = ""


class InvitationMade(msgspec.Struct):
    """An open invitation. `link` is set only when the invitation is created; send it to the invited person."""

    id: str
    email: str
    role: str
    account: str
    created_by: str
    expires_at: str
    link: str = ""


class Members(Controller):
    """`/api/v1/projects/{project_id}/members` and `/invitations`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("projects",)
    opt = {"may": "control"}  # noqa: RUF012

    @get("/members", sync_to_thread=True)
    def members(self, project_id: UUID, runtime: Runtime) -> list[Member]:
        """List the users who see the project; administrators see every project."""
        return _members(runtime, project_id)

    @post("/members", sync_to_thread=True)
    def add(
        self, project_id: UUID, data: NewMember, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[Member]:
        """Make somebody a member, or change a member's role. With a password, a user is created if there is none."""
        emails = {user.email for user in runtime.accounts.users()}
        if data.email.strip().lower() not in emails and data.password:
            runtime.accounts.add_user(data.email, data.password)
            request.user.wrote("user made", data.email, project_id)
        runtime.accounts.add_member(data.email, project_id, data.role)
        request.user.wrote("member changed", data.email, project_id, role=data.role)
        return _members(runtime, project_id)

    @delete("/members/{email:str}", sync_to_thread=True)
    def remove(self, project_id: UUID, email: str, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """End a user's membership of the project."""
        runtime.accounts.remove_member(email, project_id)
        request.user.wrote("member changed", email, project_id, role="none")

    @get("/invitations", sync_to_thread=True)
    def invitations(self, project_id: UUID, runtime: Runtime) -> list[InvitationMade]:
        """List the invitations that nobody has accepted yet."""
        return [_shown(invitation) for invitation in runtime.accounts.sign_ins.invitations(project_id)]

    @post("/invitations", sync_to_thread=True)
    def invite(
        self, project_id: UUID, data: NewInvitation, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> InvitationMade:
        """Invite somebody. The link works for seven days."""
        if data.account and runtime.accounts.platform.get(project_id, data.account) is None:
            raise BadAccount(f"there is no account {data.account!r} in this project")
        invitation, token = runtime.accounts.sign_ins.invite(
            project_id, data.email, data.role, data.account, request.user.name
        )
        request.user.wrote("invited", data.email, project_id, to=data.account or data.role)
        return _shown(invitation, f"{site_of(request, runtime).origin}/invitation/{token}")

    @delete("/invitations/{invitation_id:uuid}", sync_to_thread=True)
    def revoke(
        self, project_id: UUID, invitation_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Revoke an invitation."""
        invitation = runtime.accounts.sign_ins.revoke_invitation(project_id, str(invitation_id))
        if invitation is None:
            raise NotFoundException(f"there is no invitation {invitation_id}")
        request.user.wrote("invitation revoked", invitation.email, project_id)


def _members(runtime: Runtime, project_id: UUID) -> list[Member]:
    return [Member(user.email, role, user.is_admin) for user, role in runtime.accounts.members(project_id)]


def _shown(invitation: Invitation, link: str = "") -> InvitationMade:
    expires = invitation.expires_at.isoformat() + "Z"
    return InvitationMade(
        invitation.id, invitation.email, invitation.role, invitation.account_id, invitation.created_by, expires, link
    )
