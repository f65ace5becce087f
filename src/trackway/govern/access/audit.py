"""The audit log: the action, its actor, its subject and the IP address. Rows are only added; the database refuses
to change or delete them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, sessionmaker

from trackway.event import new_id
from trackway.govern.tables import AuditEntry, utc_now

ACTIONS = {
    "signed in": "somebody signed in",
    "sign-in refused": "a wrong password or code, or an invalid invitation",
    "signed out": "somebody signed out, or ended another sign-in",
    "password changed": "by its user, or with a link that was sent by mail",
    "password forgotten": "somebody asked for a link to set another password; it was sent to the user",
    "second factor changed": "an authenticator application was added or removed",
    "passkey changed": "a passkey was added or removed",
    "user made": "",
    "user removed": "",
    "invited": "",
    "invitation revoked": "",
    "member changed": "a member was added or removed, or got another role",
    "key made": "",
    "key revoked": "",
    "project made": "",
    "project changed": "",
    "plan written": "",
    "rules changed": "stages, intents and suggestions of a project, or the rules of an earlier version again",
    "model chosen": "a version of a model of recommendations was put in use",
    "account changed": "created, or changed in type, verification, subscription or entities",
    "account removed": "",
    "tokens revoked": "all tokens of an account that were issued until then",
    "type requested": "an account requested another type",
    "request decided": "",
    "permission changed": "the permissions of a type of account",
    "exported": "a file with answers or a table",
    "imported": "",
    "letters replayed": "messages that could not be stored were written to the log again",
    "letters dropped": "messages that could not be stored were deleted",
    "register changed": "",
    "merge undone": "",
    "rates written": "exchange rates of currencies",
    "costs written": "costs of advertising",
    "connection changed": "a source of orders was created, changed or removed",
    "watch changed": "the addresses notified of people who enter or leave a segment",
    "shared": "a link to a board was created or revoked",
}
"""Every action that is logged."""


class Audit:
    """Writes and reads audit entries."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def write(
        self,
        actor: str,
        action: str,
        subject: str = "",
        project_id: UUID | str = "",
        address: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Add an entry. `detail` must not contain a secret."""
        assert action in ACTIONS, action
        entry = AuditEntry(
            id=str(new_id()), at=utc_now(), project_id=str(project_id), actor=actor[:320], action=action,
            subject=subject[:320], detail=detail or {}, address=address[:64],
        )  # fmt: skip
        with self._sessions.begin() as session:
            session.add(entry)

    def entries(
        self, project_id: UUID, search: str = "", before: str = "", limit: int = 100, everywhere: bool = False
    ) -> list[AuditEntry]:
        """Return the newest entries of a project, older than the entry `before`. With `everywhere`, include entries of
        other projects and of none.
        """
        statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
        if not everywhere:
            statement = statement.where(AuditEntry.project_id == str(project_id))
        if before:
            statement = statement.where(AuditEntry.id < before)
        if search:
            matches = (
                getattr(AuditEntry, name).icontains(search, autoescape=True) for name in ("actor", "action", "subject")
            )
            statement = statement.where(or_(*matches))
        with self._sessions() as session:
            return list(session.scalars(statement))
