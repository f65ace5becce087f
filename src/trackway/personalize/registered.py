"""The register of a project in memory, for answers about persons: people of a project like the same entities."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.personalize.preferences import CONTENT_TYPE, Entity, Said, said_of
from trackway.store.connection import Store

KEPT_S = 60.0
"""Seconds after which an entity is read again although this process changed none: others may have."""
_MOST = 20_000
"""Entities in memory, of each project."""


class NewEntity(NamedTuple):
    """An entity that the register has since `since`, which no event named before."""

    since: datetime
    said: frozenset[Said]


class Registered:
    """The register of one project.

    Args:
        version: returns a number that changes when this process changes the register.
    """

    def __init__(self, version: Callable[[], int] = lambda: 0) -> None:
        self._version = version
        self._of: tuple[object, ...] = ()
        self._said: OrderedDict[Entity, tuple[float, frozenset[Said]]] = OrderedDict()
        self._new: dict[str, tuple[float, datetime, list[NewEntity]]] = {}

    def said(
        self, store: Store, question: Question, entities: Iterable[Entity], pack: Pack
    ) -> tuple[list[Answer], dict[Entity, frozenset[Said]]]:
        """Return what the register says about entities, as keys and values: of one that it lacks, the type."""
        self._forget_others(pack)
        wanted, now = set(entities), time.monotonic()
        since, known = now - KEPT_S, self._said
        found = {one: kept[1] for one in wanted if (kept := known.get(one)) and kept[0] > since}
        if not (lacking := sorted(wanted - found.keys())):
            return [], found
        answer = ask(store, "personalize/registered.sql", question, settings="max_threads = 1", keys=lacking)
        read = {one: frozenset([(CONTENT_TYPE, one[0])]) for one in lacking} | {
            (row["entity_type"], row["entity_id"]): said_of(
                row["entity_type"], row["parents"], row["attributes"], pack.preferences
            )
            for row in answer.rows()
        }
        for one, said in read.items():
            known.pop(one, None)  # the oldest ones are first
            known[one] = now, said
        while len(known) > _MOST:
            known.popitem(last=False)
        return [answer], found | read

    def new(
        self, store: Store, question: Question, entity_type: str, since: datetime, pack: Pack
    ) -> tuple[list[Answer], list[NewEntity]]:
        """Return the entities of a type that are new since a time, the newest first; of many, the newest 10,000."""
        self._forget_others(pack)
        at, back_to, entities = self._new.get(entity_type, (float("-inf"), since, []))
        now, answers = time.monotonic(), []
        if now - at > KEPT_S or since < back_to:
            back_to = min(since, back_to)
            answer = ask(store, "personalize/newer.sql", question, entity_type=entity_type, since=moment(back_to))
            answers = [answer]
            entities = [
                NewEntity(
                    min(row["added_at"], row["first_seen"]),
                    said_of(entity_type, row["parents"], row["attributes"], pack.preferences),
                )
                for row in answer.rows()
            ]
            entities.sort(key=lambda one: one.since, reverse=True)
            self._new[entity_type] = now, back_to, entities
        return answers, list(takewhile(lambda one: one.since >= since, entities))

    def _forget_others(self, pack: Pack) -> None:
        """Forget what was read of an earlier register, or with other rules."""
        if (of := (self._version(), pack.preferences)) != self._of:
            self._of, self._said, self._new = of, OrderedDict(), {}
