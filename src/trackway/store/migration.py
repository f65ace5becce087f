"""The schema of the store: `schema/*.sql`, applied in order, in the form that the engine needs.

There is one source for all forms. The engine process keeps replaced parts for checkpoints; a server syncs each insert,
because no checkpoint does it, and its dictionaries read tables as the user of the address.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from trackway.server_address import OF_ALL_SHARDS, cluster_of, database_of, user_of
from trackway.statements import Statements
from trackway.store import unfinished
from trackway.store.cluster import disagreement, put_above
from trackway.store.policy import literal
from trackway.store.refusals import StoreUnavailable
from trackway.store.view_statements import statement_of

if TYPE_CHECKING:
    from trackway.store.connection import Store

_sql = Statements(__name__)
_OF_SERVER = {"fsync_after_insert": 1}
"""Settings of tables on a server. Those of the engine process are `OF_TABLES` of store/engine_config.py."""
_SOURCE, _DICTIONARY = "SOURCE(CLICKHOUSE(", "CREATE DICTIONARY IF NOT EXISTS "
_BRIEFLY = "numbers"
"""A dictionary that exists while a script runs."""
_TABLE = re.compile(r"\b(FROM|JOIN) (\w+)")
_CREATED = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_ENGINE = re.compile(r"^ENGINE = (\w*MergeTree)\b(?:\((.*?)\))?", re.MULTILINE)
_VIEW = re.compile(r"^CREATE VIEW (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


def bring_up_to_date(store: Store) -> list[str]:
    """Apply the scripts that the store lacks, on each shard if there are shards; return their names.

    `FILL table` in a script fills a new table with what its view `table_from_events` computes from the stored events.

    Raises:
        QuestionFailed: the engine refuses a statement.
        StoreUnavailable: a table or view is missing afterwards.
    """
    if store.shards:
        if problem := disagreement(store):
            raise StoreUnavailable(f"the cluster is not that of store: {problem}")
        _refuse_new_shard(store)
        with ThreadPoolExecutor(len(store.shards)) as pool:
            applied = pool.map(lambda shard: _bring_up_to_date(shard, OF_ALL_SHARDS), store.shards)
            names = sorted({name for of_shard in applied for name in of_shard})
            views = _views(_scripts())
            list(pool.map(lambda server: put_above(server, cluster_of(store.dsn), views), store.servers))
        return names
    return _bring_up_to_date(store)


def _refuse_new_shard(store: Store) -> None:
    """Check that no shard joins others that have rows already. Raises StoreUnavailable."""
    is_new = [not shard.ask(_sql("has_migrations")).num_rows for shard in store.shards]
    if not any(is_new) or all(is_new):
        return
    for shard, empty in zip(store.shards, is_new, strict=True):
        if not empty and shard.ask(_sql("has_rows"))["n"][0].as_py():
            raise StoreUnavailable(
                "a shard has no tables and another has rows already: rows that replace each other would be on "
                "different shards; take the new shard out of the address, or fill an empty cluster "
                "(docs/how-to/cluster.md)"
            )


def _bring_up_to_date(store: Store, read: str = "") -> list[str]:
    """Apply the scripts that one engine lacks.

    Args:
        read: the end of the name of the database that dictionaries read, after that of the tables' own.
    """
    if store.directory is None and pending(store) and not _rows(store):
        _drop_half_created(store)
    _apply(store, _sql("create_migrations").strip())
    scripts, names = _scripts(), pending(store)
    existing = unfinished.created_by(script.read_text() for script in scripts)
    for script in (script for script in scripts if script.name in names):
        for statement in _statements(script):
            _apply(store, statement)
        store.command("INSERT INTO migrations (name) VALUES ({name:String})", {"name": script.name})
    if store.directory is None:
        _renew_dictionaries(store, scripts, existing, read)
        for setting, value in _OF_SERVER.items():
            _set(store, setting, value)
    _refuse_incomplete(store, existing)
    if store.directory:
        unfinished.finished(store.directory)
    return names


def pending(store: Store) -> list[str]:
    """Return the names of the scripts that were not applied yet, in order."""
    if store.shards:
        return sorted({name for shard in store.shards for name in pending(shard)})
    done = _applied(store)
    return [script.name for script in _scripts() if script.name not in done]


def is_outdated(store: Store) -> bool:
    """Whether tables that have been in use are about to change."""
    return bool(pending(store)) and any(_applied(shard) for shard in store.each)


def _drop_half_created(store: Store) -> None:
    """Drop the tables and views of a database without rows whose creation was interrupted: it cannot go on."""
    for server in store.servers:
        for row in _objects(server):
            server.command(f"DROP {row['kind']} IF EXISTS {row['name']} SYNC SETTINGS check_table_dependencies = 0")


def _rows(store: Store) -> int:
    """Return the number of rows in all tables but `migrations`."""
    return sum(row["rows"] for row in _objects(store) if row["name"] != "migrations")


def _objects(store: Store) -> list[dict[str, Any]]:
    """Return the tables, views and dictionaries of Trackway that exist, dependent ones first."""
    names = unfinished.created_by(script.read_text() for script in _scripts()) | {"migrations", _BRIEFLY}
    return [row for row in store.ask(_sql("objects")).to_pylist() if row["name"] in names]


def unknown(store: Store) -> list[str]:
    """Return the names of the scripts that were applied by a newer version of Trackway, in order."""
    scripts = {script.name for script in _scripts()}
    return sorted(name for name in _applied(store) - scripts if name.endswith(".sql"))


def _applied(store: Store) -> set[str]:
    if not store.ask(_sql("has_migrations")).num_rows:
        return set()
    return set(store.ask("SELECT name FROM migrations")["name"].to_pylist())


def _scripts() -> list[Traversable]:
    scripts = files("trackway.store").joinpath("schema").iterdir()
    return sorted((script for script in scripts if script.name.endswith(".sql")), key=lambda script: script.name)


def _views(scripts: list[Traversable]) -> list[str]:
    """Return the names of the views that are no materialized ones, in the order of their creation."""
    return list(dict.fromkeys(name for script in scripts for name in _VIEW.findall(script.read_text())))


def _renew_dictionaries(store: Store, scripts: list[Traversable], existing: set[str], read: str) -> None:
    """Replace a server's dictionaries: each keeps the password with which it was created, which may have changed."""
    for script in scripts:
        for statement in _statements(script):
            name = statement.removeprefix(_DICTIONARY).split("\n", 1)[0]
            if statement.startswith(_DICTIONARY) and name in existing:
                created = f"CREATE OR REPLACE DICTIONARY {statement.removeprefix(_DICTIONARY)}"
                for server in store.servers:
                    server.command(_on_server(created, store.dsn, read))


def _statements(script: Traversable) -> list[str]:
    """Return the statements of a script, without their comments."""
    return [
        "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()
        for statement in script.read_text().split(";\n")
    ]


def _apply(store: Store, statement: str) -> None:
    if statement.startswith("FILL "):
        table = statement.removeprefix("FILL ")
        store.command(f"INSERT INTO {table} {statement_of(store, f'{table}_from_events')}")
    elif statement.startswith(("CREATE", "DROP")):
        if store.directory is None:
            statement = _on_server(statement, store.dsn)
        if len(store.servers) > 1:
            statement = replicated(statement, database_of(store.dsn))
        for server in store.servers:
            server.command(statement)
    elif statement:
        store.command(statement)


def replicated(statement: str, database: str) -> str:
    """Return the statement for a table whose rows all replicas of a shard hold; other statements as they are.

    The servers say which shard and which replica they are, as macros in their configuration.
    """
    if statement.startswith("DROP TABLE"):
        return f"{statement} SYNC"  # otherwise the name stays in use in Keeper for some minutes
    created = _CREATED.match(statement)
    if created is None:
        return statement
    place = f"'/clickhouse/tables/{{shard}}/{database}/{created[1]}', '{{replica}}'"
    return _ENGINE.sub(
        lambda found: f"ENGINE = Replicated{found[1]}({', '.join(filter(None, (place, found[2])))})", statement
    )


def _on_server(statement: str, dsn: str, read: str = "") -> str:
    """Return a statement with the user and the database of an address in a dictionary's source.

    A dictionary's query runs in the server's default database, whatever its source says.
    """
    if not statement.startswith(("CREATE DICTIONARY", "CREATE OR REPLACE DICTIONARY")):
        return statement
    (user, password), database = user_of(dsn), database_of(dsn)
    source = f"{_SOURCE}USER {literal(user)} PASSWORD {literal(password)} "
    placed = _TABLE.sub(rf"\1 {database}{read}.\2", statement).replace(_SOURCE, source)
    # A dictionary does not take the settings of the statement that loads it.
    return f"{placed} SETTINGS(distributed_product_mode = 'global')" if read else placed


def _set(store: Store, setting: str, value: int) -> None:
    """Give a setting to every table that does not state it yet."""
    for name in store.ask(_sql("without_setting"), {"setting": setting})["name"].to_pylist():
        for server in store.servers:
            server.command(f"ALTER TABLE {name} MODIFY SETTING {setting} = {value}")


def _refuse_incomplete(store: Store, names: set[str]) -> None:
    """Check that all tables and views that were created still exist. Raises StoreUnavailable when some do not."""
    existing = store.ask("SELECT name FROM system.tables WHERE database = currentDatabase()")["name"].to_pylist()
    if absent := sorted(names - set(existing)):
        rebuild = ", or rebuild the store from the log: `trackway rebuild`" if store.directory else ""
        raise StoreUnavailable(
            f"the store has lost {', '.join(absent)}; restore the data directory from a backup{rebuild}"
        )
