"""Numbers in suggestions, such as "Add 2 projects to increase profile views by N %", measured on a project's people.

N compares two medians: of people who did what is suggested, and of people who never did. It is a difference between
people, which need not be the effect of what they did.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta
from uuid import UUID

from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.govern.personal_rules import Measured
from trackway.store.connection import Store

logger = logging.getLogger(__name__)
KEPT_S = 3600.0
"""Seconds after which a number is measured again: it takes a look at all actions of the days that it compares."""


def measure(store: Store, question: Question, measured: Measured, now: datetime) -> tuple[Answer, int | None]:
    """Return by how many per cent the median of people who did something is above that of people who never did; None
    when it is not above, when the latter is 0, or when there are too few people.

    Args:
        store: sees the whole project.
    """
    answer = ask(
        store, "personalize/measured.sql", question, did=measured.did, at_least=measured.at_least,
        received=measured.received.names, types=measured.received.entity_types, end=moment(now),
        since=moment(now - timedelta(days=measured.days)),
    )  # fmt: skip
    [row] = answer.rows()
    if min(row["people_with"], row["people_without"]) < measured.people or not row["median_without"] > 0:
        return answer, None
    percent = round(100 * (row["median_with"] / row["median_without"] - 1))
    return answer, percent if percent > 0 else None


class Measurements:
    """Numbers that were measured in the last hour, of all projects. Nobody waits for one: until it is known, it is
    None.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[UUID, str], tuple[float, int | None]] = {}
        self._under_way: set[tuple[UUID, str]] = set()
        self._lock = threading.Lock()

    def percent(self, store: Store, question: Question, measured: Measured, now: datetime) -> int | None:
        """Return what was measured last, and measure again in a thread if that is an hour ago."""
        key = question.project_id, repr((measured, question.overruled_bot_reasons))
        with self._lock:
            at, percent = self._known.get(key, (float("-inf"), None))
            begins = time.monotonic() - at > KEPT_S and key not in self._under_way
            if begins:
                self._under_way.add(key)
        if begins:
            given = key, store, question, measured, now
            threading.Thread(target=self._measure, args=given, name="measure", daemon=True).start()
        return percent

    def _measure(
        self, key: tuple[UUID, str], store: Store, question: Question, measured: Measured, now: datetime
    ) -> None:
        percent = None
        try:
            _, percent = measure(store, question, measured, now)
        except Exception as error:
            logger.warning("the number of a suggestion could not be measured: %s", error)
        with self._lock:
            self._known[key] = time.monotonic(), percent
            self._under_way.discard(key)


MEASUREMENTS = Measurements()
"""Those of this process."""
