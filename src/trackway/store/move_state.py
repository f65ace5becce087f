"""The progress of the move of a store: a file in the data directory for the server, or for each shard of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from trackway import private
from trackway.event import UNREADABLE
from trackway.store.cluster import MOVED_BY
from trackway.store.unmoved import FOLDER


class CannotMove(Exception):
    """The store cannot be moved now; the text gives the reason and the remedy."""


class Part(NamedTuple):
    """A part of a table in the local store."""

    name: str
    partition: str
    rows: int
    bytes: int


class Partition(msgspec.Struct, kw_only=True):
    """The progress of copying a partition.

    Attributes:
        digest: of the parts that it had; when these have changed, it is copied from the beginning.
        run: a random part of the tokens of its pieces.
        part, offset: the number of the part, and the row in it, from which on nothing is copied yet.
        rows: the number of rows that the server has.
        done: whether all of it is copied.
    """

    digest: str
    run: str
    part: int = 0
    offset: int = 0
    rows: int = 0
    done: bool = False

    def advance(self, rows: int, last: int, parts: list[Part]) -> None:
        """Note that a piece of the current part, up to its row `last`, is there with `rows` more rows."""
        self.rows, self.offset = self.rows + rows, last
        if last == parts[self.part].rows:
            self.part, self.offset = self.part + 1, 0
        self.done = self.part == len(parts)


class State(msgspec.Struct, kw_only=True):
    """The progress of a move.

    Attributes:
        id: of the move; the database has it too, as a row in `migrations`.
        target: the server and the database, without user and password.
        source: the digest of the checkpoint that is being copied.
        agreed: whether all copies are there and agree, so that they can replace the tables.
        shards, place: the number of shards, 0 without, and the remainder of the keys of this one's rows.
        tables: the partitions of each table, by name.
    """

    id: str
    target: str
    source: str
    agreed: bool = False
    shards: int = 0
    place: int = 0
    tables: dict[str, dict[str, Partition]] = {}

    @property
    def mark(self) -> str:
        """The name of its row in `migrations`."""
        return f"move {self.id}"

    def write(self, directory: Path) -> None:
        """Keep it in a data directory."""
        private.write(state_file(directory, self.shards, self.place), msgspec.json.encode(self))

    def belonging(self, table: str) -> str:
        """Return the condition of the rows of a table that are moved to this shard."""
        return f"{MOVED_BY[table]} % {self.shards} = {self.place}" if self.shards else "true"


def state_file(directory: Path, shards: int, place: int) -> Path:
    """Return the file of a data directory that says how far the move to a server or shard has come."""
    return directory / FOLDER / (f"state-{place + 1}" if shards else "state")


def read_state(file: Path) -> State | None:
    """Return how far a move has come; None when none was begun."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        raise CannotMove(
            f"{file} is damaged; delete it, have the server's database dropped and created "
            "again, and start the move anew"
        ) from error
