"""The rows that an account may see: those of its own entities, or those of one person.

An account's own entities are those it was given, those that name it as owner in the register, and their children there
(the concerts of an artist, the artists of a label and their concerts).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from trackway.enrich.identity import user_token
from trackway.govern.access.accounts import MOST_OWN
from trackway.govern.tables import Account
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.entities import Register, with_children
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed

_sql = Statements(__name__)
_FRESH_S = 5.0
_MOST_CACHED = 10_000
MOST_SEEN = 5000
"""The most entities that an account may see, children included: a statement names each of them."""
_MOST_CHARACTERS = 200_000


class AccountPolicies:
    """Makes the policies of accounts. Answers from the store are cached for some seconds."""

    def __init__(self, store: Store, register: Register) -> None:
        self._store, self._register = store, register
        self._cached: dict[tuple[UUID, object, int, int], tuple[float, Policy]] = {}

    def policy(self, project_id: UUID, account: Account, named: tuple[tuple[str, str], ...] | None) -> Policy:
        """Return the policy of an account.

        An `admin` sees the whole project, and a `user` sees its own person: nobody, while an alias joins it with
        another user. Any other account sees its own entities,
        and a token sees those that it names; both see the children of these entities in the register too.

        Raises:
            QuestionFailed: more entities than a statement can be narrowed to.
        """
        if account.type == "user":
            return self._cached_policy(
                project_id, f"user {account.id}", lambda: self._of_person(project_id, account.id)
            )
        if named is None and account.type == "admin":
            return Policy(project_id)
        own = self.own(project_id, account, named)
        if len(own) > MOST_OWN:
            raise QuestionFailed(f"the account has {len(own)} entities; name at most {MOST_OWN} in the token")
        return self._cached_policy(project_id, own, lambda: self._of_entities(project_id, own))

    def own(
        self, project_id: UUID, account: Account, named: tuple[tuple[str, str], ...] | None
    ) -> tuple[tuple[str, str], ...]:
        """Return an account's own entities, without their children; none for a `user` or an `admin`."""
        if account.type == "user" or (named is None and account.type == "admin"):
            return ()
        if named is not None:
            return tuple(sorted(set(named)))
        owned = self._cached_policy(project_id, f"owner {account.id}", lambda: self._of_owner(project_id, account.id))
        assigned = {(str(entity_type), str(entity_id)) for entity_type, entity_id in account.entities}
        return tuple(sorted(assigned.union(owned.entities or ())))

    def _cached_policy(self, project_id: UUID, owner: object, compute: Callable[[], Policy]) -> Policy:
        key = (project_id, owner, self._register.version, self._store.persons.version)
        until, policy = self._cached.get(key, (0.0, Policy(project_id, entities=())))
        if time.monotonic() >= until:
            policy = compute()
            if len(self._cached) >= _MOST_CACHED:
                self._cached.clear()
            self._cached[key] = time.monotonic() + _FRESH_S, policy
        return policy

    def _of_entities(self, project_id: UUID, own: tuple[tuple[str, str], ...]) -> Policy:
        entities = with_children(self._store, project_id, own, MOST_SEEN)
        if len(entities) > MOST_SEEN or sum(len(entity_id) for _, entity_id in entities) > _MOST_CHARACTERS:
            raise QuestionFailed(f"more than {MOST_SEEN} entities are the account's; name fewer in the token")
        return Policy(project_id, tuple(sorted(entities)))

    def _of_owner(self, project_id: UUID, account_id: str) -> Policy:
        rows = self._store.ask(
            _sql("of_owner"),
            {"project": project_id, "owner": account_id, "most": MOST_OWN + 1},
        ).to_pylist()
        return Policy(project_id, tuple((row["entity_type"], row["entity_id"]) for row in rows))

    def _of_person(self, project_id: UUID, user_id: str) -> Policy:
        self._store.persons.refresh()
        values = {"project": project_id, "token": user_token(project_id.bytes, user_id)}
        rows = self._store.ask(_sql("of_person"), values).to_pylist()
        # Anybody can send an alias with the public write key. It joins numbers, and must not show one user to another.
        return Policy(project_id, person=rows[0]["person"] if rows and not rows[0]["other_users"] else 0)
