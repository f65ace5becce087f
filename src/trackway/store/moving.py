"""Moves a data directory's store to a ClickHouse server: `trackway store move`.

On a cluster, this is done for each shard with the rows that belong to it (store/cluster.py, `MOVED_BY`).

Each table is copied piece by piece into a table `moving_NAME` beside it, which no view reads. When all copies agree
with their originals, their partitions replace those of the tables: that fires no view, needs no space, and can be
repeated. Then the store's directory gets another name, and in this moment the server becomes the store
(store/unmoved.py). All of it can be killed at any point: `DATA/moving/state` (of shards, `state-1` …) says which pieces
the server has, and the piece that was on its way is recognized by the number of rows that are there, or by its token.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import msgspec

from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.move_state import CannotMove, Part, Partition, State
from trackway.store.refusals import QuestionFailed, StoreBusy, StoreUnavailable

_sql = Statements(__name__)
Answer = TypeVar("Answer")
Given = ParamSpec("Given")
Tell = Callable[[int, int, str], None]
"""A function that is told the rows that are there, all rows, and what is being done."""

WAITS_S = 120
"""Seconds for which a move waits for a server that does not answer."""
_PIECE_ROWS, _PIECE_BYTES = 200_000, 48 * 1024 * 1024
_ENGINE = re.compile(r"^\w*MergeTree(\([^)]*\))?")
_EXPIRY = re.compile(r" TTL .*?(?= SETTINGS|$)")
_WINDOW = "non_replicated_deduplication_window"
_REASON = re.compile(r"DB::Exception: (.*?\([A-Z_]+\))")
_ADDITIVE = re.compile(r"^(SimpleAggregateFunction\(sum, )?(U?Int\d+|Decimal\(.*\))\)?$")
_AGAIN = "run `trackway store move` again: it goes on where it stopped"


class Table(NamedTuple):
    """A table of the schema: its engine, and the stored columns as pairs of name and type, with those of its key."""

    name: str
    engine: str
    definition: str
    columns: list[tuple[str, str]]
    keys: frozenset[str]

    @property
    def copy(self) -> str:
        """The name of the table into which it is copied."""
        return f"moving_{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(name for name, _ in self.columns)


class Move:
    """The copying of a store, from where it stopped.

    Args:
        directory: the data directory.
        source: the local store, in which nothing is merged any more.
        target: the server, migrated, without other data.
        state: how far it has come.
        tell: told about progress.
    """

    def __init__(self, directory: Path, source: Store, target: Store, state: State, tell: Tell) -> None:
        self._directory, self._source, self._target, self._state, self._tell = directory, source, target, state, tell
        self._total = self._done = 0
        self._tables = self._patiently(self._read_tables)

    def run(self) -> int:
        """Copy everything and put it into place; return the number of rows. Raises CannotMove."""
        if not self._state.agreed:
            self._patiently(self._target.command, _sql("stop_inserts"))
            self._copy_all()
            self._refuse_differences()
            self._state.agreed = True
            self._state.write(self._directory)
        self._replace()
        return sum(known.rows for partitions in self._state.tables.values() for known in partitions.values())

    def _read_tables(self) -> list[Table]:
        tables = []
        for row in self._target.ask(_sql("tables")).to_pylist():
            here, there = _columns(self._source, row["name"]), _columns(self._target, row["name"])
            if {name: kind for name, kind, _ in here} != {name: kind for name, kind, _ in there}:
                raise CannotMove(f"the table {row['name']} of the server has other columns than that of the store")
            keys = frozenset(name for name, _, is_key in there if is_key)
            columns = [(name, kind) for name, kind, _ in there]
            tables.append(Table(row["name"], row["engine"], row["engine_full"], columns, keys))
        return tables

    def _copy_all(self) -> None:
        parts = {table.name: self._patiently(_parts, self._source, table.name) for table in self._tables}
        self._total = sum(part.rows for listed in parts.values() for part in listed if not _is_patch(part))
        for table in self._tables:
            self._patiently(self._target.command, _definition(table))
            known, own = self._state.tables.setdefault(table.name, {}), parts[table.name]
            partitions = {key: list(group) for key, group in groupby(own, lambda part: part.partition)}
            for gone in known.keys() - partitions.keys():
                self._drop(table, gone)
            for partition, listed in partitions.items():
                if not _is_patch(listed[0]):
                    self._copy(table, partition, listed, _digest([*listed, *_patches(own, partition)]))

    def _copy(self, table: Table, partition: str, parts: list[Part], digest: str) -> None:
        """Copy a partition from where it stopped, or from the beginning when its parts are others."""
        known = self._state.tables[table.name].get(partition)
        if known is not None and (
            known.digest != digest or not (known.done or self._is_sound(table, known, partition, parts))
        ):
            known = None
        if known is None:
            self._drop(table, partition)
            known = Partition(digest=digest, run=secrets.token_hex(4))
        self._state.tables[table.name][partition] = known
        self._done += sum(part.rows for part in parts[: known.part]) + known.offset
        while not known.done:
            part = parts[known.part]
            last = min(known.offset + _step(part), part.rows)
            self._done += last - known.offset
            rows = self._send(table, known, {"part": part.name, "first": known.offset, "last": last})
            known.advance(rows, last, parts)
            self._state.write(self._directory)
            self._tell(self._done, self._total, table.name)

    def _send(self, table: Table, known: Partition, piece: dict[str, Any]) -> int:
        """Copy a piece once; return the number of its rows."""
        sql = _sql("piece", table=table.name, columns=table.names, belonging=self._state.belonging(table.name))
        rows = self._patiently(self._source.rows, sql, piece)
        token = f"{self._state.id} {known.run} {piece['part']} {piece['first']}"
        if rows:
            self._patiently(self._target.insert_rows, table.copy, list(table.names), rows, token)
        return self._rows_of_piece(table, piece)

    def _rows_of_piece(self, table: Table, piece: dict[str, Any]) -> int:
        sql = _sql("rows_of_piece", table=table.name, belonging=self._state.belonging(table.name))
        return self._count(self._source, sql, piece)

    def _is_sound(self, table: Table, known: Partition, partition: str, parts: list[Part]) -> bool:
        """Whether the server has of a partition what the state says; the next piece may be there too."""
        sql = f"SELECT count() AS n FROM {table.copy} WHERE _partition_id = {{partition:String}}"
        there = self._count(self._target, sql, {"partition": partition})
        if there != known.rows and known.part < len(parts):
            part = parts[known.part]
            last = min(known.offset + _step(part), part.rows)
            piece = {"part": part.name, "first": known.offset, "last": last}
            known.advance(self._rows_of_piece(table, piece), last, parts)
        return there == known.rows

    def _count(self, store: Store, sql: str, parameters: dict[str, Any]) -> int:
        return int(self._patiently(store.ask, sql, parameters)["n"][0].as_py())

    def _drop(self, table: Table, partition: str) -> None:
        sql = f"ALTER TABLE {table.copy} DROP PARTITION ID '{partition}' SETTINGS max_partition_size_to_drop = 0"
        self._patiently(self._target.command, sql)
        self._state.tables[table.name].pop(partition, None)

    def _refuse_differences(self) -> None:
        """Compare the rows of every partition on both sides. What differs is copied anew by the next run."""
        for number, table in enumerate(self._tables):
            self._tell(self._total, self._total, f"comparing {table.name} ({number + 1} of {len(self._tables)})")
            values = tuple(_hashable(name, kind) for name, kind in table.columns)
            here, there = (
                self._patiently(store.ask, _sql("hashes", table=name, values=values, belonging=of)).to_pylist()
                for store, name, of in (
                    (self._source, table.name, self._state.belonging(table.name)),
                    (self._target, table.copy, "true"),
                )
            )
            if here != there:
                differ = sorted({row["partition"] for row in [*here, *there] if row not in here or row not in there})
                for partition in differ:
                    self._drop(table, partition)
                self._state.write(self._directory)
                raise CannotMove(
                    f"the copy of {table.name} differs in its partitions {', '.join(differ)}; the store is as it was. "
                    "Run `trackway store move` again: it copies these anew"
                )

    def _replace(self) -> None:
        """Put the copies into place and remove them; then compare what questions will find."""
        copies = set(self._patiently(self._target.ask, "SHOW TABLES LIKE 'moving_%'")["name"].to_pylist())
        for table in self._tables:
            self._tell(self._total, self._total, f"putting {table.name} into place")
            if table.copy in copies:
                filled = [partition for partition, known in self._state.tables[table.name].items() if known.rows]
                for partition in filled:  # the engine refuses to replace by nothing
                    sql = f"ALTER TABLE {table.name} REPLACE PARTITION ID '{partition}' FROM {table.copy}"
                    self._patiently(self._target.command, sql)
            if "TTL" not in table.definition:
                of = self._state.belonging(table.name)
                here, there = (self._patiently(_totals, store, table, of) for store in (self._source, self._target))
                if here != there:
                    raise CannotMove(f"{table.name} has {there} on the server and {here} in the store, which stays")
        for table in self._tables:
            sql = f"DROP TABLE IF EXISTS {table.copy} SETTINGS max_table_size_to_drop = 0"
            self._patiently(self._target.command, sql)

    def _patiently(self, action: Callable[Given, Answer], *arguments: Given.args, **options: Given.kwargs) -> Answer:
        def waiting(text: str) -> None:
            if not self._source.engine.alive:
                raise CannotMove(f"the engine process on the local store has ended; {_AGAIN}")
            self._tell(self._done, self._total, text)

        return patiently(waiting, action, *arguments, **options)


def patiently(
    waiting: Callable[[str], None], action: Callable[Given, Answer], *arguments: Given.args, **options: Given.kwargs
) -> Answer:
    """Do something that can be repeated; wait while the server does not answer. Raises CannotMove.

    Args:
        waiting: told each second that it waits.
    """
    until = time.monotonic() + WAITS_S
    while True:
        try:
            return action(*arguments, **options)
        except (QuestionFailed, StoreUnavailable) as error:
            cause = error if isinstance(error, QuestionFailed) else error.__cause__
            if not isinstance(cause, StoreBusy):
                raise CannotMove(explained(cause) if isinstance(cause, QuestionFailed) else str(error)) from error
            if time.monotonic() > until:
                raise CannotMove(f"the ClickHouse server does not answer ({cause.full}); {_AGAIN}") from error
            waiting("the server does not answer; waiting")
            time.sleep(1)


def tables_with_rows(store: Store) -> dict[str, int]:
    """Return the tables of the schema that a move copies, with their number of rows."""
    return {row["name"]: row["rows"] for row in store.ask(_sql("tables")).to_pylist()}


def unfinished_changes(store: Store) -> list[str]:
    """Return the tables with mutations that the engine is still carrying out."""
    tables: list[str] = store.ask(_sql("unfinished_mutations"))["table"].to_pylist()
    return tables


def half_purged(store: Store) -> bool:
    """Whether views are archived and not deleted yet: shards would archive them again, each its own."""
    return bool(store.ask(_sql("half_purged"))["n"][0].as_py())


def explained(error: QuestionFailed) -> str:
    """Return the reason and the remedy for a refusal of the server."""
    if isinstance(error, StoreBusy):
        return f"an engine does not answer ({error.full}); {_AGAIN}"
    found = _REASON.search(error.full)
    text = found[1] if found else error.full.strip().splitlines()[0][:500]
    if error.code == "NOT_ENOUGH_SPACE" or "No space left" in text:
        return f"the server's disk is full ({text}); make room on it, and {_AGAIN}"
    if error.code == "ACCESS_DENIED" or "Not enough privileges" in text:
        return (
            f"the user of TRACKWAY_STORE lacks a right ({text}); `trackway store users` prints the statements that "
            f"grant it. Then {_AGAIN}"
        )
    return f"the server refuses: {text}; {_AGAIN}"


def _columns(store: Store, table: str) -> list[tuple[str, str, bool]]:
    return [tuple(row.values()) for row in store.ask(_sql("columns"), {"table": table}).to_pylist()]


def _parts(store: Store, table: str) -> list[Part]:
    return [Part(*row.values()) for row in store.ask(_sql("parts"), {"table": table}).to_pylist()]


def _is_patch(part: Part) -> bool:
    """Whether a part only has changes of rows in other parts; the engine applies them when these are read."""
    return part.partition.startswith("patch-")


def _patches(parts: list[Part], partition: str) -> list[Part]:
    return [part for part in parts if _is_patch(part) and part.partition.endswith(f"-{partition}")]


def _digest(parts: list[Part]) -> str:
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def _step(part: Part) -> int:
    """Return the number of rows of a part that are copied at once."""
    return max(1, min(_PIECE_ROWS, _PIECE_BYTES * part.rows // max(part.bytes, 1)))


def _definition(table: Table) -> str:
    """Return the statement that creates the copy of a table, whose rows stay apart and do not expire."""
    engine = _EXPIRY.sub("", _ENGINE.sub("MergeTree", table.definition))
    if _WINDOW not in engine:
        engine += f"{',' if ' SETTINGS ' in engine else ' SETTINGS'} {_WINDOW} = 1000"
    return f"CREATE TABLE IF NOT EXISTS {table.copy} AS {table.name} ENGINE = {engine}"


def _hashable(name: str, kind: str) -> str:
    if kind.startswith("JSON"):
        return f"toJSONString({name})"
    if kind.startswith("AggregateFunction("):
        return f"toString(finalizeAggregation({name}))"
    return f"toString({name})" if "Map(" in kind or "Array(" in kind else name


def _totals(store: Store, table: Table, belonging: str) -> dict[str, Any]:
    """Return the number of rows as questions count them, and the sums of what is added up."""
    summing = table.engine.endswith("SummingMergeTree")
    sums = tuple(
        name
        for name, kind in table.columns
        if name not in table.keys and (match := _ADDITIVE.match(kind)) and (summing or match[1])
    )
    merged = not re.fullmatch(r"(Replicated|Shared)?MergeTree", table.engine)
    row: dict[str, Any] = store.ask(
        _sql("totals", table=table.name, sums=sums, merged=merged, belonging=belonging)
    ).to_pylist()[0]
    return row
