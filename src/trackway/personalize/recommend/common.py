"""Lists that are the same for everybody: what is popular or trending, and what people viewed or bought with an entity.

They are kept in memory for some seconds, so that the calls of many people read them once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.metric_packs import Pack
from trackway.personalize.recommend.interactions import span
from trackway.store.connection import Store

MOST = 1000
"""Entities of a list."""
_PEOPLE = 200
"""The newest people of an entity of whose visits it is looked at."""
_MOST_LISTS = 2000
_KEPT_S = {"popular": 60.0, "trending": 10.0, "also_viewed": 5.0, "bought_together": 60.0}


class Row(NamedTuple):
    """An entity of a list: its score, and the number of people, or of orders, that it comes from."""

    entity_id: str
    score: float
    people: int
    orders: int = 0


class Rows(NamedTuple):
    """A list, the best first, and the answer of the store that it was read from."""

    answer: Answer
    rows: list[Row]


class Common:
    """Reads lists, and keeps them.

    Args:
        kept: seconds for which a kind of list is kept, where they differ from the usual ones.
    """

    def __init__(self, **kept: float) -> None:
        self._kept_s = {**_KEPT_S, **kept}
        self._kept: OrderedDict[tuple[UUID, str, str, str], tuple[float, Rows]] = OrderedDict()
        self._lock = threading.Lock()

    def popular(self, store: Store, question: Question, entity_type: str, pack: Pack, now: datetime) -> Rows:
        """Return the entities of a type with most people in the pack's `days`."""
        return self._list("popular", "", store, question, entity_type, pack, span(pack, now))

    def trending(
        self, store: Store, question: Question, entity_type: str, pack: Pack, now: datetime, place: str = ""
    ) -> Rows:
        """Return those of most people lately, in a city, region or country or everywhere: somebody counts half after
        each half-life, of which ten are looked at.
        """
        half_life = timedelta(days=pack.recommend.half_life_days)
        since = {"since": moment(now - 10 * half_life), "end": moment(now), "half_life_s": half_life.total_seconds()}
        return self._list("trending", place, store, question, entity_type, pack, {**since, "place": place})

    def also_viewed(
        self, store: Store, question: Question, entity_type: str, pack: Pack, now: datetime, entity_id: str
    ) -> Rows:
        """Return what people did in the same visit as an entity, by the number of people."""
        values = {**span(pack, now), "entity_id": entity_id, "people": _PEOPLE}
        return self._list("also_viewed", entity_id, store, question, entity_type, pack, values)

    def bought_together(
        self, store: Store, question: Question, entity_type: str, pack: Pack, now: datetime, entity_id: str
    ) -> Rows:
        """Return what was bought with an entity, by the number of orders and then of people."""
        values = {**span(pack, now), "entity_id": entity_id, "bookings": pack.bookings}
        return self._list("bought_together", entity_id, store, question, entity_type, pack, values)

    def _list(
        self, kind: str, of: str, store: Store, question: Question, entity_type: str, pack: Pack, values: dict[str, Any]
    ) -> Rows:
        key, now = (question.project_id, kind, entity_type, of), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        answer = ask(
            store, _TEMPLATES[kind], question, {"some": bool(of)}, entity_type=entity_type, most=MOST,
            names=list(pack.score.weights), **values,
        )  # fmt: skip
        rows = Rows(answer, [
            Row(row["entity_id"], row.get("score", row["people"]), row["people"], row.get("orders", 0))
            for row in answer.rows()
        ])  # fmt: skip
        with self._lock:
            self._kept[key] = now + self._kept_s[kind], rows
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_LISTS:
                self._kept.popitem(last=False)
        return rows


_TEMPLATES = {
    "popular": "personalize/recommend/popular.sql",
    "trending": "personalize/recommend/trending.sql",
    "also_viewed": "personalize/recommend/also_viewed.sql",
    "bought_together": "personalize/recommend/bought_together.sql",
}
