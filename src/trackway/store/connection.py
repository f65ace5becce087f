"""Access to the engine: statements with bound values over ClickHouse's HTTP interface, answers as Arrow tables."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from trackway.server_address import all_shards_of, cluster_of, database_of, servers_of, shards_of
from trackway.statements import Statements
from trackway.store import cluster, unfinished
from trackway.store.durability import Durability
from trackway.store.engine import Connection, Engine, EngineUnavailable, engine_of, local_directory
from trackway.store.engine_config import READER, WRITER
from trackway.store.long_lists import without_long_lists
from trackway.store.migration import bring_up_to_date
from trackway.store.open_errors import unopened
from trackway.store.persons import PersonTable
from trackway.store.policy import Policy, refuse_empty, without_people
from trackway.store.policy import settings as policy_settings
from trackway.store.refusals import (
    QuestionCancelled,
    QuestionFailed,
    StoreBusy,
    StoreUnavailable,
    is_unanswered,
    refused,
)
from trackway.store.unmoved import LateServer

_sql = Statements(__name__)
_INSERT = {
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "input_format_arrow_allow_missing_columns": 0,
    "optimize_on_insert": 0,  # views have grouped their rows already; merges add up the few that are left
}
_MOST_BYTES, _IN_MEMORY_BYTES = 64 * 1024 * 1024, 16 * 1024 * 1024
_ONE_BLOCK = 100_000_000
PATIENCE_S = 30
"""Seconds for which a statement waits until fewer than the allowed number run."""
_ANSWERS_WITHIN_S, _CHECKED_WITHIN_S = 86_400, 10
running: ContextVar[str] = ContextVar("running", default="")
"""The name of the question that runs in this context (letters, digits, dashes); `Store.cancel` finds it by name."""


class Store:
    """The store: the events and everything derived from them.

    Args:
        dsn: `local:///path` for the engine process, `clickhouse://user:password@host:port/database` for a server, its
            replicas or a cluster (server_address.py).
        clients: the number of questions that may run at once.
        memory_mb: the most memory one question may use.
        reader_dsn: a server's address for questions about a project, of a user who may only read; empty: `dsn`.
        nice: the nice value of the engine's threads, 0 to 19; a higher value gives the rest of the process priority.
        engine: of `dsn`, when another process has started it.
        begun: set when the server becomes the store (store/unmoved.py); before, it is not asked. None: it is already.

    Raises:
        StoreUnavailable: the engine cannot be opened.
    """

    def __init__(
        self, dsn: str, clients: int = 4, memory_mb: int = 4096, nice: int = 0, reader_dsn: str = "",
        begun: threading.Event | None = None, engine: Engine | None = None,
    ) -> None:  # fmt: skip
        self.dsn = dsn
        self.directory = local_directory(dsn)
        if self.directory and engine is None:
            unfinished.begin(self.directory)
        self.shards: list[Store] = []
        """The stores of a cluster's shards; empty on one engine."""
        if cluster_of(dsn):
            self.shards = [Store(shard, clients, memory_mb, nice, begun=begun) for shard in shards_of(dsn)]
            engine_dsn, engine_reader = all_shards_of(dsn), reader_dsn and all_shards_of(reader_dsn)
        else:
            engine_dsn, engine_reader = dsn, reader_dsn
        try:
            engine = engine or engine_of(engine_dsn, engine_reader)
            self.engine: Engine = LateServer(engine, begun) if begun else engine
        except EngineUnavailable as error:
            raise StoreUnavailable(unopened(dsn, str(error))) from error
        self.persons = PersonTable(self.ask, self.command, self.everywhere, self.on_every_server)
        self.durability = Durability()
        self._cancelled, self._under_way = set[str](), set[str]()
        self._policy: Policy | None = None
        self._tables: dict[str, frozenset[str]] = {}
        self.scratch = ""  # the end of the names of the loader's own tables in memory (moved_events.py)
        self._admit(clients, memory_mb, nice)
        addresses = servers_of(dsn) if self.directory is None and not self.shards else []
        self._replicas = [self._of(address) for address in addresses] if len(addresses) > 1 else []
        try:
            if self.engine.alive:
                self.check()
        except QuestionFailed as error:
            self.close()
            raise StoreUnavailable(unopened(dsn, error.full)) from error

    def _admit(self, clients: int, memory_mb: int, nice: int) -> None:
        """Set the number of statements that can run at once, and their settings."""
        self._places = threading.BoundedSemaphore(clients)
        self._settings = {
            "max_memory_usage": memory_mb * 1024 * 1024,
            "session_timezone": "UTC",
            "os_threads_nice_value_query": nice,
            "max_query_size": _MOST_BYTES,
            # The client has answers sent when they are complete; until then, the rest of them is in a file.
            "http_response_buffer_size": _IN_MEMORY_BYTES,
            # Rows that replace each other are always in one partition, because the partition key is part of the table's
            # key.
            "do_not_merge_across_partitions_select_final": 1,
            **(cluster.SETTINGS if self.shards else {}),
        }
        self._connection, self._spare = Connection(WRITER, _ANSWERS_WITHIN_S), Connection(WRITER, _CHECKED_WITHIN_S)
        self._reading = Connection(READER, _ANSWERS_WITHIN_S)

    def beside(self, clients: int, memory_mb: int = 4096, nice: int = 0) -> Store:
        """Return the same store for statements that never wait for those of this one."""
        other = copy.copy(self)
        other.shards = [shard.beside(clients, memory_mb, nice) for shard in self.shards]
        other._admit(clients, memory_mb, nice)
        return other

    def _of(self, address: str) -> Store:
        """Return the store of one server of several that hold the same rows."""
        other = copy.copy(self)
        other.dsn, other.engine, other._replicas = address, engine_of(address), []
        other._connection, other._reading = Connection(WRITER, _ANSWERS_WITHIN_S), Connection(READER, _ANSWERS_WITHIN_S)
        return other

    def within(self, policy: Policy) -> Store:
        """Return the same store with a policy on every statement; a statement sees only what the policy allows."""
        assert self.tables
        narrowed = copy.copy(self)
        narrowed._policy = policy
        return narrowed

    @property
    def tables(self) -> frozenset[str]:
        """The names of all tables and views."""
        if not self._tables:
            self._tables |= self._columns()
        return frozenset(self._tables)

    @property
    def policy(self) -> Policy | None:
        """The policy on every statement; None when all rows are visible."""
        return self._policy

    @property
    def statements(self) -> int:
        """The number of statements so far, under all policies together."""
        return self._connection.taken + self._reading.taken

    def _columns(self) -> dict[str, frozenset[str]]:
        return {row["table"]: frozenset(row["names"]) for row in self.ask(_sql("columns")).to_pylist()}

    @contextmanager
    def _client(self, failure: str, by: Connection | None = None) -> Iterator[Client]:
        """Lend the client for one statement.

        Args:
            failure: the sentence that reports a refusal.
            by: another connection than that of the loader and of those who write; `self._spare` waits for no statement.

        Raises:
            QuestionFailed: the engine refused the statement; callers get a text made for them, and the log gets the
                engine's own.
            StoreBusy: too many statements run, or the engine does not run.
        """
        if by is not self._spare and not self._places.acquire(timeout=PATIENCE_S):
            raise StoreBusy(f"as many statements as may run at once have been running for {PATIENCE_S} s")
        start = -1
        try:
            start = self.engine.ready()
            yield (by or self._connection).client(self.engine, self._settings)
        except EngineUnavailable as error:
            raise StoreBusy(str(error), error.shown) from error
        except (ClickHouseError, pa.ArrowException) as error:
            if is_unanswered(error) or not self.engine.alive:
                self.engine.unanswered(start)
                # Without its cause, whose text has the secret path; the error's own text has it not.
                raise StoreBusy(f"the engine does not answer: {error}") from None
            raise refused(error, failure) from error
        finally:
            if by is not self._spare:
                self._places.release()

    def ask(self, sql: str, parameters: Mapping[str, Any] | None = None, settings: str = "") -> pa.Table:
        """Return the answer to one SELECT as an Arrow table, within the policy if there is one.

        Args:
            sql: the statement, with values as `{name:Type}`, without SETTINGS.
            parameters: the values, bound by the engine.
            settings: settings of the statement, `name = value, …`; given to the client, they would hold for later ones.

        Raises:
            QuestionFailed: the engine refused it.
            NotVisible: it reads a table of which the policy shows nothing.
            QuestionCancelled: `cancel` was called with the name in `running`.
            StoreBusy: no handle of the engine is free.
        """
        name = running.get()
        if self._policy is not None:
            refuse_empty(sql, self._policy, self._tables)
            policy = policy_settings(self._policy, tuple(self._tables.items()), cluster.databases(self))
            settings = f"{settings}, {policy}" if settings else policy
        sql = self._on_shards(f"{sql}\nSETTINGS {settings}" if settings else sql)
        if name:
            sql = f"/* {name} */ {sql}"
        by = self._connection if self._policy is None else self._reading
        with self._named(name), self._client("the question could not be answered", by) as client:
            if name not in self._cancelled:
                answer = _read(client, *without_long_lists(sql, parameters or {}))
        if name in self._cancelled:
            raise QuestionCancelled("the question was cancelled")
        return answer if self._policy is None else without_people(answer, self._policy)

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        self._under_way.add(name)
        try:
            yield
        finally:
            self._under_way.discard(name)

    def check(self, sql: str = "SELECT 1") -> str:
        """Ask for one value that takes no time, without waiting for any question. Raises QuestionFailed."""
        for shard in self.shards:
            shard.check()
        with self._client("the engine does not answer", self._spare) as client:
            return str(client.command(sql))

    def cancel(self, name: str) -> None:
        """Stop the question that runs under a name, and let none start under it until `forget`.

        No two questions may have the same name: the engine finds a statement by it.
        """
        self._cancelled.add(name)
        mark = {"mark": f"/* {name} */"}
        # A statement that has just been admitted may not have reached the engine yet.
        for pause in (0, 0.01, 0.1, 1):
            time.sleep(pause)
            if pause and name not in self._under_way:
                return
            with self._client("the question could not be stopped", self._spare) as client:
                client.command("KILL QUERY WHERE startsWith(query, {mark:String}) ASYNC", parameters=mark)

    def forget(self, name: str) -> None:
        """Allow questions under a cancelled name again; nothing runs under it any more."""
        self._cancelled.discard(name)

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Run a statement that returns one value or nothing. Raises QuestionFailed within a policy that is narrow."""
        if self._policy is not None and self._policy.narrow:
            raise QuestionFailed("a caller that sees only a part of a project may not change it")
        sql, values = without_long_lists(self._on_shards(sql), parameters or {})
        with self._client("the statement failed") as client:
            return str(client.command(sql, parameters=values))

    def everywhere(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement on the tables of each shard, each over its own rows; on one engine, like `command`.

        Raises:
            QuestionFailed: a shard refused it or does not answer; others may have run it.
        """
        if not self.shards:
            self.command(sql, parameters)
            return
        with ThreadPoolExecutor(len(self.shards), threading.current_thread().name) as pool:
            list(pool.map(lambda shard: shard.command(sql, parameters), self.shards))

    @property
    def each(self) -> list[Store]:
        """The stores whose own tables have rows: of each shard, or this one."""
        return self.shards or [self]

    @property
    def servers(self) -> list[Store]:
        """The stores of all servers: each replica of each shard, or this one."""
        return [server for shard in self.each for server in shard._replicas or [shard]]

    def on_every_server(self, do: Callable[[Store], object]) -> None:
        """Do something for each server, where each has a state of its own; replicas that do not answer are left out.

        Raises:
            StoreBusy: no replica of a shard answers.
        """
        for shard in self.each:
            away: list[StoreBusy] = []
            servers = shard._replicas or [shard]
            for server in servers:
                try:
                    do(server)
                except StoreBusy as error:
                    away.append(error)
            if len(away) == len(servers):
                raise away[0]

    def _on_shards(self, sql: str) -> str:
        return cluster.with_lookups(sql, database_of(self.dsn)) if self.shards else sql

    def change(self, sql: str, parameters: Mapping[str, Any] | None = None, everywhere: bool = False) -> None:
        """Run a statement that writes, for callers other than the loader; the write is durable when this returns."""
        with self.lasting():
            (self.everywhere if everywhere else self.command)(sql, parameters)

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Make everything written inside the `with` block durable at its end.

        Raises:
            StoreBusy: the store went back to a checkpoint meanwhile; write it again.
        """
        before = self.durability.generation
        yield
        self.durability.settle()
        if self.durability.generation != before:
            raise StoreBusy("the store went back to a checkpoint during the write; write again")

    def tree(self, sql: str) -> str:
        """Return the abstract syntax tree of a statement as text, without running the statement."""
        with self._client("the statement cannot be read") as client:
            return str(client.command(f"EXPLAIN AST {sql}"))

    def insert(self, table: str, block: bytes, token: str) -> None:
        """Insert an Arrow stream exactly once: a repeated `token` changes nothing, in targets of views neither.

        Columns that were added after the stream was prepared take their defaults.
        """
        if cluster.is_copied(table) and self.servers != [self]:
            self.on_every_server(lambda server: server.insert(table, block, token))
            return
        columns = pa.ipc.open_stream(block).schema.names
        with self._client(f"the engine refuses rows of {table}") as client:
            settings = {**_INSERT, "insert_deduplication_token": token}
            client.raw_insert(table, columns, insert_block=block, settings=settings, fmt="ArrowStream")

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> bytes:
        """Return the answer to one SELECT in the engine's own format, which loses nothing of any type."""
        with self._client("the rows cannot be read") as client:
            return client.raw_query(sql, parameters=dict(parameters), fmt="Native")

    def insert_rows(self, table: str, columns: list[str], rows: bytes, token: str) -> None:
        """Insert what `rows` of another store returned, as one block, once for each token."""
        settings = {**_INSERT, "insert_deduplication_token": token, "min_insert_block_size_rows": _ONE_BLOCK,
                    "min_insert_block_size_bytes": 0}  # fmt: skip
        with self._client(f"the engine refuses rows of {table}") as client:
            client.raw_insert(table, columns, insert_block=rows, settings=settings, fmt="Native")

    def put(self, table: str, rows: pa.Table, token: str) -> None:
        """Insert the rows of an Arrow table exactly once, like `insert`; they are durable when this returns."""
        with self.lasting():
            self.insert(table, as_block(rows), token)

    def migrate(self) -> list[str]:
        """Bring the schema up to date with `schema/*.sql`, in order; return the names of the scripts that were applied.

        `FILL table` in a script fills a new table with what its view `table_from_events` computes from the stored
        events.

        Raises:
            StoreUnavailable: the engine refuses a statement.
        """
        try:
            return bring_up_to_date(self)
        except QuestionFailed as error:
            raise StoreUnavailable(f"the store cannot be brought up to date: {error.full}") from error

    def close(self) -> None:
        """Close the engine: its process ends, or the connection to a server."""
        for store in self.shards:
            store.close()
        self.engine.close()


def as_block(rows: pa.Table) -> bytes:
    """Return an Arrow table as the stream that `Store.insert` takes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def _read(client: Client, sql: str, parameters: dict[str, Any]) -> pa.Table:
    try:
        return client.query_arrow(sql, parameters=parameters)
    except OSError as error:
        # When a server's answer breaks off, the Arrow stream has no end, and pyarrow reports that as an OSError.
        raise pa.ArrowException(str(error)) from error
