"""Finding the message that stops a batch, so that its neighbours are stored and it becomes a dead letter.

The pipeline's failures are narrowed down by halving the batch: at most log2(n) + 1 tries. The engine's are narrowed
down on a probe (`dead_letters.sift`), because a part of the batch may be in the store already.
"""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa

from trackway.enrich.pipeline import message_key
from trackway.log import LocalLog
from trackway.store import dead_letters, rows
from trackway.store.batch import Prepared
from trackway.store.connection import Store
from trackway.store.dead_letters import DeadLetter, Sifted, as_stream
from trackway.store.reading import Stretch, read
from trackway.store.refusals import QuestionFailed

logger = logging.getLogger("trackway.store.quarantine")

_TRIES = 3


class Refusals:
    """How much of the log the next batch takes, while the pipeline fails on something in it.

    Args:
        batch_messages: the size of a batch that nothing is wrong with.
    """

    def __init__(self, batch_messages: int) -> None:
        self._batch_messages = batch_messages
        self._until = 0
        self._tries = 0
        self._blamed: tuple[int, str] | None = None
        self.refused: dict[bytes, str] = {}
        """Keys of messages whose events the engine refuses, with the engine's reasons."""
        self.plain: set[bytes] = set()
        """Keys of messages whose properties alone the engine refuses; they are kept as one text."""
        self.failed: set[str] = set()
        """Tables that refused a block since the last batch that was stored."""

    def stored(self) -> None:
        """Take note that a batch is in the store."""
        self.refused, self.plain, self.failed = {}, set(), set()

    def next(self, position: int) -> tuple[int, bool]:
        """How many messages to take from a position of the log, and whether exactly so many."""
        if self._blamed is not None:
            return 1, True
        if self._until > position:
            return max(1, (self._until - position) // 2), True
        return self._batch_messages, False

    def blames(self, stretch: Stretch, error: Exception) -> bool:
        """Take note of a failure; whether it may be the messages' fault. What may be the engine's or the machine's is
        tried again first, and never makes a dead letter of a single message."""
        size = stretch.last - stretch.first
        if isinstance(error, QuestionFailed | OSError | MemoryError):
            self._tries += 1
            if self._tries < _TRIES or size == 1:
                return False
        self._tries = 0
        if size == 1:
            self._blamed = (stretch.first, f"{type(error).__name__}: {error}")
        self._until = stretch.last
        return True

    def of(self, stretch: Stretch) -> dict[bytes, str]:
        """The keys of the messages of a stretch that are to blame, with the reason."""
        if self._blamed is None or stretch.first != self._blamed[0]:
            return self.refused
        return {key: self._blamed[1] for _, _, key in stretch.messages}

    def cleared(self, stretch: Stretch) -> Stretch:
        """A stretch without what nobody was promised to find: a rejection that is to blame."""
        if self._blamed is None or stretch.first != self._blamed[0]:
            return stretch
        return stretch._replace(rejected=[], broken=[])

    def passed(self, stretch: Stretch) -> None:
        """Take note that a stretch was prepared."""
        self._tries, self._blamed = 0, None
        if stretch.last >= self._until:
            self._until = 0


class Sifter:
    """Takes the rows that the engine refuses out of a batch's blocks.

    Args:
        refusals: is told which messages to leave out when the batch is prepared again.
        again: the batch will be prepared again from the log, as an embedded store allows; otherwise what is refused is
            taken out of the blocks.

    Attributes:
        keys: the message keys of the events that were taken out.
    """

    def __init__(self, store: Store, prepared: Prepared, log: LocalLog, refusals: Refusals, again: bool) -> None:
        self._store, self._prepared, self._log = store, prepared, log
        self._refusals, self._again = refusals, again
        self._sound: dict[str, bytes] = {}
        self._letters: list[DeadLetter] = []
        self.keys: set[bytes] = set()

    def sift(self, table: str, block: bytes, error: QuestionFailed) -> bytes:
        """The block without the rows that the engine refuses; empty when nothing is left.

        Raises:
            QuestionFailed: `error`, the first time, and whenever the fault is not in the rows.
        """
        if table in self._sound:
            return self._sound[table]
        if table not in self._refusals.failed:
            self._refusals.failed.add(table)
            raise error
        sifted = dead_letters.sift(self._store, table, pa.ipc.open_stream(block).read_all())
        if sifted is None:
            raise error
        logger.error("the engine refuses %d rows of %s (%s)", len(sifted.refused), table, error.full)
        if table == "events":
            taken = self._without_properties(sifted)
            if self._again:
                self._refusals.refused |= _keys(taken.refused)
                self._refusals.plain |= _keys(sifted.refused).keys() - _keys(taken.refused).keys()
                raise error
            sifted = taken
            self._bury_messages(_keys(sifted.refused))
        else:
            self._letters += [dead_letters.of_row(table, row, why) for row, why in sifted.refused]
        self._sound[table] = as_stream(sifted.sound) if sifted.sound.num_rows else b""
        return self._sound[table]

    def _without_properties(self, sifted: Sifted) -> Sifted:
        """Keep events whose properties alone are refused, with the properties as text."""
        plain = rows.properties_as_text(pa.Table.from_pylist([row for row, _ in sifted.refused], sifted.sound.schema))
        again = dead_letters.sift(self._store, "events", plain) or Sifted(plain, [])
        return Sifted(pa.concat_tables([sifted.sound, again.sound.cast(sifted.sound.schema)]), again.refused)

    def _bury_messages(self, reasons: dict[bytes, str]) -> None:
        self.keys |= reasons.keys()
        stretch = read(
            self._log, self._prepared.first, self._prepared.last - self._prepared.first, lambda _: None, True
        )
        found = {key: (arrival, message) for message, arrival, key in stretch.messages if key in reasons}
        self._letters += [
            dead_letters.letter(arrival, message, "store", reasons[key]) for key, (arrival, message) in found.items()
        ]

    def bury(self) -> int:
        """Write the dead letters, once; how many there are of this batch."""
        if self._letters:
            token = f"{self._prepared.first}-{self._prepared.last}-refused"
            self._store.insert("dead_letters", rows.dead_letters(self._letters), token)
        return len(self._letters) + self._prepared.letters


def _keys(refused: list[tuple[dict[str, Any], str]]) -> dict[bytes, str]:
    return {message_key(row["project_id"], row["message_id"]): why for row, why in refused}
