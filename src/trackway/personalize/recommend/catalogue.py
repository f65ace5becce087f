"""The register's entities of a type, in memory: their names, attributes and owners, and which are alike by content.

A catalogue is read again when the register changed, and looks for that at most once a second.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store

MOST = 200_000
"""Entities of a type, the newest ones, that a catalogue has."""
_LOOK_S = 1.0
_REST = 20
"""A catalogue rests for so many times as long as it took to read: a large one that changes all the time is not read all
the time."""
_LONGEST = 200
"""Longer texts describe an entity and are no values that two entities share."""
Token = tuple[str, str]
"""A key and a value: of an attribute, or a parent's type and id."""


class Listed(NamedTuple):
    """An entity of the register. `values` has attributes, and parents by type."""

    name: str
    deleted: bool
    hidden: bool
    owners: frozenset[str]
    values: Mapping[str, tuple[Any, ...]]
    added_at: datetime

    @property
    def tokens(self) -> frozenset[Token]:
        """The keys and values that other entities may share; numbers and times are none."""
        return frozenset(
            (key, text)
            for key, values in self.values.items()
            for value in values
            if isinstance(value, str | bool) and len(text := as_text(value)) <= _LONGEST and as_time(value) is None
        )


def as_text(value: Any) -> str:
    """Return a value as conditions and reasons name it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_time(value: Any) -> datetime | None:
    """Return the time that an attribute states: ISO 8601, a date alone as its end (UTC), or seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        at = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    if len(str(value)) == 10:
        at += timedelta(days=1)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Like(NamedTuple):
    """An entity like others: the cosine of what the register says about them, the one that it is like, and the rarest
    value that both have.
    """

    entity_id: str
    similarity: float
    to: str
    shared: Token


class Catalogue:
    """The entities of a type.

    Content is compared as texts are: a value counts by the logarithm of its rarity (G. Salton, C. Buckley,
    Term-weighting approaches in automatic text retrieval, Information Processing & Management 24, 1988).
    """

    def __init__(self, entities: dict[str, Listed]) -> None:
        self.of = entities
        self.tokens = {id_: one.tokens for id_, one in entities.items() if not one.deleted}
        self._with: dict[Token, list[str]] = defaultdict(list)
        for id_, tokens in self.tokens.items():
            for token in tokens:
                self._with[token].append(id_)
        self._rarity = {token: math.log(len(self.tokens) / len(ids)) for token, ids in self._with.items()}
        self._length = {
            id_: math.sqrt(sum(self._rarity[token] ** 2 for token in tokens)) for id_, tokens in self.tokens.items()
        }

    def like(self, ids: Iterable[str], most: int) -> list[Like]:
        """Return entities with the same values as some of `ids`, the most similar first. A value that more than a fifth
        of the catalogue (and more than 1,000) has says too little to be looked at.
        """
        best: dict[str, Like] = {}
        for to in ids:
            dots: dict[str, float] = defaultdict(float)
            shared: dict[str, Token] = {}
            common = sorted(self.tokens.get(to, ()), key=lambda token: (-self._rarity[token], token))
            for token in common:
                having = self._with[token]
                if len(having) > max(1000, len(self.tokens) // 5):
                    continue
                for id_ in having:
                    dots[id_] += self._rarity[token] ** 2
                    shared.setdefault(id_, token)
            for id_, dot in dots.items():
                if id_ != to and dot > 0:
                    similarity = dot / (self._length[id_] * self._length[to])
                    if id_ not in best or similarity > best[id_].similarity:
                        best[id_] = Like(id_, similarity, to, shared[id_])
        return sorted(best.values(), key=lambda one: (-one.similarity, one.entity_id))[:most]

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine of two entities, 0 for one that is not in the catalogue."""
        both = self.tokens.get(one, frozenset()) & self.tokens.get(other, frozenset())
        return (
            sum(self._rarity[token] ** 2 for token in both) / (self._length[one] * self._length[other] or 1)
            if both
            else 0.0
        )


class _Read(NamedTuple):
    catalogue: Catalogue
    state: tuple[int, datetime]
    looked_at: float
    rests_until: float


class Catalogues:
    """The catalogues of all projects."""

    def __init__(self) -> None:
        self._read: dict[tuple[Any, str], _Read] = {}
        self._lock = threading.Lock()

    def of(self, store: Store, question: Question, entity_type: str) -> tuple[list[Answer], Catalogue]:
        """Return the catalogue of a type, and the answers of the store with which it was read now.

        Args:
            store: sees the register of the whole project.
        """
        key, now = (question.project_id, entity_type), time.monotonic()
        read = self._read.get(key)
        if read is not None and now < max(read.looked_at + _LOOK_S, read.rests_until):
            return [], read.catalogue
        changed = ask(store, "personalize/recommend/register_state.sql", question, entity_type=entity_type)
        state = (changed.rows()[0]["entities"], changed.rows()[0]["newest"])
        if read is not None and read.state == state:
            self._read[key] = read._replace(looked_at=now)
            return [changed], read.catalogue
        with self._lock:
            current = self._read.get(key)
            if current is not None and current.state == state:
                return [changed], current.catalogue
            answer = ask(store, "personalize/recommend/catalogue.sql", question, entity_type=entity_type, most=MOST)
            catalogue = Catalogue({row["entity_id"]: _listed(row) for row in answer.rows()})
            took = time.monotonic() - now
            if len(self._read) >= 200:
                self._read.clear()
            self._read[key] = _Read(catalogue, state, now, now + took * _REST)
        return [changed, answer], catalogue


def _listed(row: Mapping[str, Any]) -> Listed:
    values: dict[str, tuple[Any, ...]] = {}
    for kind, _, id_ in (parent.partition(":") for parent in row["parents"]):
        values[kind] = (*values.get(kind, ()), id_)
    for key, stated in (json.loads(row["attributes"]) if row["attributes"] else {}).items():
        values[key] = tuple(stated) if isinstance(stated, list) else (stated,)
    return Listed(
        row["name"], row["deleted"], row["hidden"], frozenset(row["owners"]), values,
        max(row["added_at"], datetime.fromtimestamp(0, row["added_at"].tzinfo)),
    )  # fmt: skip
