"""Who may do what: the permissions, the roles of members, and what an account's type, verification and subscription
give it. `verdict` and `role_may` are the only places that decide.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, get_args

import msgspec

AccountType = Literal[
    "user", "artist", "venue", "admin", "promoter", "ad_account", "venue_manager", "label", "media"
]  # fmt: skip
Verification = Literal["none", "email", "phone", "identity", "business"]
Subscription = Literal["free", "premium", "professional", "enterprise"]
Role = Literal["viewer", "analyst", "owner"]
TYPES: tuple[str, ...] = get_args(AccountType)
VERIFICATIONS: tuple[str, ...] = get_args(Verification)
SUBSCRIPTIONS: tuple[str, ...] = get_args(Subscription)
ROLES: tuple[str, ...] = get_args(Role)

SEEN = {
    "views": "how often entities are seen, and which most",
    "interactions": "daily numbers: clicks, followers, reviews, engagement",
    "sources": "where viewers come from",
    "audience": "where the people are and what they use",
    "bookings": "who booked after a view",
    "live": "what happens at this moment",
    "year": "a person's own year",
    "ask": "any question of Explore",
    "export": "answers and tables as files",
    "sql": "statements over the rows",
}
"""Permissions to see, which accounts can have."""
STAFF = {
    "read": "the project, its boards, segments, plan and pack",
    "people": "single people, their sessions and events",
    "edit": "make and change boards, segments and notes",
    "manage": "accounts, the register, imports, recounts",
    "control": "keys, members, permissions, settings and the tracking plan; the audit log",
    "install": "projects, scheduled work: the whole installation",
}
"""Permissions of those who run the product."""
PERMISSIONS = {**SEEN, **STAFF}

_VIEWER = frozenset(SEEN) - {"export", "sql"} | {"read"}
_ANALYST = frozenset(SEEN) | {"read", "people", "edit"}
_OF_ROLE: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "owner": _ANALYST | {"manage", "control"},
    "key": _ANALYST | {"manage"},
    "administrator": frozenset(PERMISSIONS),
}


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether a type of account has a permission, and from which verification and subscription on."""

    granted: bool = True
    verification: Verification = "none"
    subscription: Subscription = "free"


NO = Gate(granted=False)


class Standing(NamedTuple):
    """What an account is at a moment: its type, how it is verified, and what is paid for until when (UTC)."""

    type: str
    verification: str
    subscription: str
    expires_at: datetime | None
    suspended: bool

    def tier(self, now: datetime) -> str:
        """The subscription that holds; one that has expired is free."""
        expired = self.expires_at is not None and self.expires_at <= now
        return "free" if expired else self.subscription


class Verdict(msgspec.Struct, frozen=True):
    """Whether something may be done; if not, `lacks` says what is missing and `needs` which."""

    granted: bool
    lacks: Literal["", "type", "verification", "subscription", "active"] = ""
    needs: str = ""


def verdict(standing: Standing, permission: str, gates: dict[str, dict[str, Gate]], now: datetime) -> Verdict:
    """Whether an account may do something now.

    Args:
        gates: of each type, the gate of each permission; what is not in it is not granted.
    """
    if permission in STAFF:
        return Verdict(False, "type", "staff")
    if standing.suspended:
        return Verdict(False, "active", "an active account")
    gate = gates.get(standing.type, {}).get(permission, NO)
    if not gate.granted:
        return Verdict(False, "type", "another type of account")
    if VERIFICATIONS.index(standing.verification) < VERIFICATIONS.index(gate.verification):
        return Verdict(False, "verification", gate.verification)
    if SUBSCRIPTIONS.index(standing.tier(now)) < SUBSCRIPTIONS.index(gate.subscription):
        return Verdict(False, "subscription", gate.subscription)
    return Verdict(True)


def verdicts(
    standing: Standing, gates: dict[str, dict[str, Gate]], opens: dict[str, list[str]], now: datetime
) -> dict[str, Verdict]:
    """Of each permission to see and each key of the host, whether an account has it now.

    Args:
        opens: of each key of the host, the permissions that it opens. Of a type whose table has such keys, a permission
            holds as long as one of them does.
    """
    found = {name: verdict(standing, name, gates, now) for name in (*SEEN, *opens)}
    own = gates.get(standing.type, {})
    for name in SEEN:
        keys = [key for key, opened in opens.items() if name in opened and key in own]
        if keys and found[name].granted and not any(found[key].granted for key in keys):
            found[name] = found[keys[0]]
    return found


def role_may(role: str, permission: str) -> bool:
    """Whether a member of a project by their role, a secret `key` or an `administrator` may do something."""
    return permission in _OF_ROLE.get(role, frozenset())
