"""Permissions: the list of them, those of each member role, and the rules for accounts by type, verification and
subscription. Only `verdict` and `role_may` decide.
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
    "personal": "what one person likes and wants, and what to suggest to them",
    "ask": "any question of Explore",
    "export": "answers and tables as files",
    "sql": "statements over the rows",
}
"""Permissions to see analytics, which accounts can have."""
STAFF = {
    "read": "the project, its boards, segments, plan and pack",
    "people": "individual people, their sessions and events",
    "edit": "create and change boards, segments and notes",
    "manage": "accounts, the register, imports, recounts",
    "control": "keys, members, permissions, settings and the tracking plan; the audit log",
    "install": "projects, scheduled work: the whole installation",
}
"""Permissions of the staff who run the product."""
PERMISSIONS = {**SEEN, **STAFF}

_VIEWER = frozenset(SEEN) - {"personal", "export", "sql"} | {"read"}
_ANALYST = frozenset(SEEN) | {"read", "people", "edit"}
_OF_ROLE: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "owner": _ANALYST | {"manage", "control"},
    "key": _ANALYST | {"manage"},
    "recommendations key": frozenset({"personal"}),
    "administrator": frozenset(PERMISSIONS),
}


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A condition for a permission: whether an account type has it, and the lowest verification and subscription that
    it needs.
    """

    granted: bool = True
    verification: Verification = "none"
    subscription: Subscription = "free"


NO = Gate(granted=False)


class AccountState(NamedTuple):
    """The state of an account: type, verification, and the subscription with its end (UTC)."""

    type: str
    verification: str
    subscription: str
    expires_at: datetime | None
    suspended: bool

    def tier(self, now: datetime) -> str:
        """Return the subscription that applies at a time; an expired one counts as free."""
        expired = self.expires_at is not None and self.expires_at <= now
        return "free" if expired else self.subscription


class Verdict(msgspec.Struct, frozen=True):
    """Whether something is allowed; if not, `lacks` names the missing requirement and `needs` the value that is
    needed.
    """

    granted: bool
    lacks: Literal["", "type", "verification", "subscription", "active"] = ""
    needs: str = ""


def verdict(account_state: AccountState, permission: str, gates: dict[str, dict[str, Gate]], now: datetime) -> Verdict:
    """Decide whether an account has a permission now.

    Args:
        gates: the gates by account type and permission; a permission without a gate is not granted.
    """
    if permission in STAFF:
        return Verdict(False, "type", "staff")
    if account_state.suspended:
        return Verdict(False, "active", "an active account")
    gate = gates.get(account_state.type, {}).get(permission, NO)
    if not gate.granted:
        return Verdict(False, "type", "another type of account")
    if VERIFICATIONS.index(account_state.verification) < VERIFICATIONS.index(gate.verification):
        return Verdict(False, "verification", gate.verification)
    if SUBSCRIPTIONS.index(account_state.tier(now)) < SUBSCRIPTIONS.index(gate.subscription):
        return Verdict(False, "subscription", gate.subscription)
    return Verdict(True)


def verdicts(
    account_state: AccountState, gates: dict[str, dict[str, Gate]], opens: dict[str, list[str]], now: datetime
) -> dict[str, Verdict]:
    """Return a verdict for each permission to see and each key of the host.

    Args:
        opens: for each key of the host, the permissions that it opens. If the gates of an account type contain such
            keys, the account has a permission only while it has at least one key that opens it.
    """
    decided = {name: verdict(account_state, name, gates, now) for name in (*SEEN, *opens)}
    own_gates = gates.get(account_state.type, {})
    for name in SEEN:
        keys = [key for key, opened in opens.items() if name in opened and key in own_gates]
        if keys and decided[name].granted and not any(decided[key].granted for key in keys):
            decided[name] = decided[keys[0]]
    return decided


def role_may(role: str, permission: str) -> bool:
    """Return whether a role (of a member, a secret `key`, a `recommendations key` or an
    `administrator`) has a permission."""
    return permission in _OF_ROLE.get(role, frozenset())
