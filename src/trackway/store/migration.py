"""The schema of the store: `schema/*.sql`, applied in order, in the form that the engine needs.

There is one source for all forms. The engine process keeps replaced parts for checkpoints; a server syncs each insert,
because no checkpoint does it, and its dictionaries read tables as the user of the address.
"""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from trackway.statements import Statements
from trackway.store import unfinished
from trackway.store.policy import literal
from trackway.store.refusals import StoreUnavailable
from trackway.store.server_address import database_of, user_of

if TYPE_CHECKING:
    from trackway.store.connection import Store

_sql = Statements(__name__)
KEEP_MERGED_S = 120
"""Seconds for which the engine process keeps a part that a merge or a mutation replaced (store/checkpoint.py)."""
_SOURCE, _DICTIONARY = "SOURCE(CLICKHOUSE(", "CREATE DICTIONARY IF NOT EXISTS "
_TABLE = re.compile(r"\b(FROM|JOIN) (\w+)")


def bring_up_to_date(store: Store) -> list[str]:
    """Apply the scripts that the store lacks; return their names.

    `FILL table` in a script fills a new table with what its view `table_from_events` computes from the stored events.

    Raises:
        QuestionFailed: the engine refuses a statement.
        StoreUnavailable: a table or view is missing afterwards.
    """
    store.command(_sql("create_migrations"))
    scripts, names = _scripts(), pending(store)
    existing = unfinished.created_by(script.read_text() for script in scripts)
    for script in (script for script in scripts if script.name in names):
        for statement in _statements(script):
            _apply(store, statement)
        store.command("INSERT INTO migrations (name) VALUES ({name:String})", {"name": script.name})
    if store.directory is None:
        _renew_dictionaries(store, scripts, existing)
    if names:
        _set(store, f"old_parts_lifetime = {KEEP_MERGED_S}" if store.directory else "fsync_after_insert = 1")
    _refuse_incomplete(store, existing)
    if store.directory:
        unfinished.finished(store.directory)
    return names


def pending(store: Store) -> list[str]:
    """Return the names of the scripts that were not applied yet, in order."""
    done: set[str] = set()
    if store.ask(_sql("has_migrations")).num_rows:
        done = set(store.ask("SELECT name FROM migrations")["name"].to_pylist())
    return [script.name for script in _scripts() if script.name not in done]


def _scripts() -> list[Traversable]:
    scripts = files("trackway.store").joinpath("schema").iterdir()
    return sorted((script for script in scripts if script.name.endswith(".sql")), key=lambda script: script.name)


def _renew_dictionaries(store: Store, scripts: list[Traversable], existing: set[str]) -> None:
    """Replace a server's dictionaries: each keeps the password with which it was created, which may have changed."""
    for script in scripts:
        for statement in _statements(script):
            name = statement.removeprefix(_DICTIONARY).split("\n", 1)[0]
            if statement.startswith(_DICTIONARY) and name in existing:
                store.command(
                    _on_server(f"CREATE OR REPLACE DICTIONARY {statement.removeprefix(_DICTIONARY)}", store.dsn)
                )


def _statements(script: Traversable) -> list[str]:
    """Return the statements of a script, without their comments."""
    return [
        "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()
        for statement in script.read_text().split(";\n")
    ]


def _apply(store: Store, statement: str) -> None:
    if statement.startswith("FILL "):
        table = statement.removeprefix("FILL ")
        store.command(f"INSERT INTO {table} {store.statement_of(f'{table}_from_events')}")
    elif statement:
        store.command(statement if store.directory else _on_server(statement, store.dsn))


def _on_server(statement: str, dsn: str) -> str:
    """Return a statement with the user and the database of an address in a dictionary's source.

    A dictionary's query runs in the server's default database, whatever its source says.
    """
    if not statement.startswith(("CREATE DICTIONARY", "CREATE OR REPLACE DICTIONARY")):
        return statement
    (user, password), database = user_of(dsn), database_of(dsn)
    source = f"{_SOURCE}USER {literal(user)} PASSWORD {literal(password)} "
    return _TABLE.sub(rf"\1 {database}.\2", statement).replace(_SOURCE, source)


def _set(store: Store, setting: str) -> None:
    """Give a setting to every table that does not state it yet."""
    for name in store.ask(_sql("without_setting"), {"setting": setting.split(maxsplit=1)[0]})["name"].to_pylist():
        store.command(f"ALTER TABLE {name} MODIFY SETTING {setting}")


def _refuse_incomplete(store: Store, names: set[str]) -> None:
    """Check that all tables and views that were created still exist. Raises StoreUnavailable when some do not."""
    existing = store.ask("SELECT name FROM system.tables WHERE database = currentDatabase()")["name"].to_pylist()
    if absent := sorted(names - set(existing)):
        rebuild = ", or rebuild the store from the log: `trackway rebuild`" if store.directory else ""
        raise StoreUnavailable(
            f"the store has lost {', '.join(absent)}; restore the data directory from a backup{rebuild}"
        )
