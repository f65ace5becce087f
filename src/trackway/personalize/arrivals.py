"""The persons whose events arrived, found in the store, so that it is the same whichever process loads the events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trackway.analyze.language.question import Question, ask, moment
from trackway.store.connection import Store

_OVERLAP = timedelta(seconds=10)
"""Events are stored nearly in the order in which they arrived: collectors write to the log at the same time."""
_LONGEST = timedelta(days=1)


class Arrivals:
    """Finds the persons of whom something was stored since it was asked last.

    An event counts as new when there are more of its person and second than before.

    Args:
        store: sees the whole project.
    """

    def __init__(self, store: Store, question: Question, now: datetime) -> None:
        self._store, self._question = store, question
        newest = ask(store, "personalize/newest_arrival.sql", question, since=moment(now - _LONGEST)).rows()[0]["at"]
        self._since: datetime = max(newest, now - _LONGEST) - _OVERLAP
        self._seen: dict[tuple[int, int], int] = {}
        self.persons()

    def persons(self) -> set[int]:
        """Return the persons of whom something was stored since the last call."""
        rows = ask(self._store, "personalize/arrived.sql", self._question, since=moment(self._since)).rows()
        found = {(row["person"], row["second"]): row["n"] for row in rows}
        new = {person for (person, second), n in found.items() if n > self._seen.get((person, second), 0)}
        if found:
            newest = datetime.fromtimestamp(max(second for _, second in found), UTC)
            self._since = max(self._since, newest - _OVERLAP)
        self._seen = {key: n for key, n in found.items() if key[1] >= self._since.timestamp() - 1}
        return new
