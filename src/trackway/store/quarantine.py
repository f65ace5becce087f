"""Quarantine: finds the message that stops a batch; it becomes a dead letter, and its neighbours are stored.

A failure of the pipeline is narrowed down by halving the batch, in at most log2(n) + 1 tries. A refusal of the engine
is narrowed down on a probe (`dead_letters.sift`), because a part of the batch may be in the store already.
"""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa

from trackway.enrich.pipeline import message_key
from trackway.log import Readable
from trackway.store import arrow_blocks, dead_letters
from trackway.store.batch import Prepared
from trackway.store.connection import Store, as_block
from trackway.store.dead_letters import NOT_THE_ROWS, DeadLetter, Sifted
from trackway.store.reading import LogRange, read
from trackway.store.refusals import QuestionFailed, StoreBusy

logger = logging.getLogger("trackway.store.quarantine")

_TRIES = 3
_MOST_IN_A_ROW = 100


class Refusals:
    """The messages to blame when a batch fails, and the size of the next batch that narrows them down.

    Args:
        batch_messages: the size of a batch in normal operation.

    Attributes:
        refused: keys of messages that become dead letters, with the reason.
        plain: keys of messages of which the engine refuses only the properties; these are kept as one text.
        failed: tables that refused a block since the last batch that was stored.
    """

    def __init__(self, batch_messages: int) -> None:
        self._batch_messages = batch_messages
        self._suspects = (0, 0)
        self._tries = self._in_a_row = 0
        self._without: set[int] = set()
        self._until = self._failing = 0
        self.refused: dict[bytes, str] = {}
        self.plain: set[bytes] = set()
        self.failed: set[str] = set()

    def next(self, position: int) -> tuple[int, bool]:
        """Return the number of messages to take from a position of the log, and whether to take exactly that many."""
        first, last = self._suspects
        if position < first:
            return min(self._batch_messages, first - position), True
        if position < last:
            return max(1, (last - position) // 2), True
        return self._batch_messages, False

    def record_failure(self, log_range: LogRange, error: Exception) -> bool:
        """Record that a range failed; return whether its messages may be the cause, so that a part is tried next.

        After a refusal of the engine, the whole range is tried again first. Messages are never the cause of trouble
        with the engine or the machine.
        """
        if isinstance(error, OSError | MemoryError | StoreBusy) or getattr(error, "code", "") in NOT_THE_ROWS:
            return False
        self._failing = log_range.last
        if isinstance(error, QuestionFailed):
            self._tries += 1
            if self._tries < _TRIES:
                return False
        if log_range.last - log_range.first > 1:
            self._tries, self._suspects = 0, (log_range.first, log_range.last)
            return True
        if self._in_a_row == _MOST_IN_A_ROW:
            return False  # so many failures with nothing stored between them: the messages are not the cause
        self._tries, self._suspects, self._in_a_row = 0, (0, 0), self._in_a_row + 1
        reason = error.full if isinstance(error, QuestionFailed) else f"{type(error).__name__}: {error}"
        self.refuse({key: reason for _, _, key in log_range.messages}, set(), log_range.last)
        self._without.add(log_range.first)
        return True

    def refuse(self, refused: dict[bytes, str], plain: set[bytes], last: int) -> None:
        """Leave out messages below offset `last` from now on, or keep their properties as text."""
        self.refused |= refused
        self.plain |= plain
        self._until = max(self._until, last)

    def without_rejections(self, log_range: LogRange) -> LogRange:
        """Return a range without its rejections and violations when these are the cause.

        They are no loss: clients were never promised that they are kept.
        """
        return log_range._replace(rejected=[], broken=[]) if log_range.first in self._without else log_range

    def stored(self, last: int, events: bool) -> None:
        """Record that everything below an offset is in the store, and whether the last batch had events."""
        self.failed = set()
        first, end = self._suspects
        self._suspects = (max(first, last), end) if last < end else (0, 0)
        if last >= self._failing:
            self._tries = 0
        if events:
            self._in_a_row = 0

    def durable(self, offset: int) -> None:
        """Forget the findings below a checkpoint's offset: the loader never goes back there."""
        if offset >= self._until:
            self.refused, self.plain = {}, set()
            self._without.clear()


class Sifter:
    """Removes the rows that the engine refuses from a batch's blocks.

    Args:
        refusals: records the messages to leave out when the batch is prepared again.
        again: the batch will be prepared again from the log, as a local store allows; otherwise refused rows are
            removed from the blocks.

    Attributes:
        keys: the message keys of the events that were removed.
    """

    def __init__(self, store: Store, prepared: Prepared, log: Readable, refusals: Refusals, again: bool) -> None:
        self._store, self._prepared, self._log = store, prepared, log
        self._refusals, self._again = refusals, again
        self._sound: dict[str, bytes] = {}
        self._letters: list[DeadLetter] = []
        self.keys: set[bytes] = set()

    def sift(self, table: str, block: bytes, error: QuestionFailed) -> bytes:
        """Return the block without the rows that the engine refuses; empty when nothing is left.

        Raises:
            QuestionFailed: `error`, the first time, and whenever the rows are not the cause.
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
            with_plain = self._without_properties(sifted)
            if self._again:
                dead = _keys(with_plain.refused)
                self._refusals.refuse(dead, _keys(sifted.refused).keys() - dead.keys(), self._prepared.last)
                raise error
            sifted = with_plain
            self._add_letters_of(_keys(sifted.refused))
        else:
            self._letters += [
                dead_letters.of_row(table, row, reason, self._prepared.last) for row, reason in sifted.refused
            ]
        self._sound[table] = as_block(sifted.sound) if sifted.sound.num_rows else b""
        return self._sound[table]

    def _without_properties(self, sifted: Sifted) -> Sifted:
        """Keep events of which only the properties are refused, with the properties as text."""
        plain = arrow_blocks.properties_as_text(
            pa.Table.from_pylist([row for row, _ in sifted.refused], sifted.sound.schema)
        )
        again = dead_letters.sift(self._store, "events", plain) or Sifted(plain, [])
        return Sifted(pa.concat_tables([sifted.sound, again.sound.cast(sifted.sound.schema)]), again.refused)

    def _add_letters_of(self, reasons: dict[bytes, str]) -> None:
        self.keys |= reasons.keys()
        log_range = read(
            self._log, self._prepared.first, self._prepared.last - self._prepared.first, lambda _: None, True
        )
        by_key = {key: (arrival, message) for message, arrival, key in log_range.messages if key in reasons}
        self._letters += [
            dead_letters.letter(arrival, message, "store", reasons[key], self._prepared.last)
            for key, (arrival, message) in by_key.items()
        ]

    def write_dead_letters(self) -> int:
        """Write the dead letters, once; return the number of dead letters of this batch."""
        if self._letters:
            token = f"{self._prepared.token or self._prepared.first}-{self._prepared.last}-refused"
            self._store.insert("dead_letters", arrow_blocks.dead_letters(self._letters), token)
        return len(self._letters) + self._prepared.letters

    @property
    def newest_session(self) -> int:
        """The version of the sessions that the batch has certainly brought to a server; 0 when there are none."""
        return self._prepared.last if self._prepared.sessions and not (self._again or self._letters) else 0


def _keys(refused: list[tuple[dict[str, Any], str]]) -> dict[bytes, str]:
    return {message_key(row["project_id"], row["message_id"]): reason for row, reason in refused}
