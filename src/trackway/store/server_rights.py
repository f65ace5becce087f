"""The rights that Trackway's two users need on a ClickHouse server, as statements and as a check."""

from __future__ import annotations

from trackway.store.connection import Store
from trackway.store.policy import literal
from trackway.store.server_address import database_of, user_of

_ENGINES = ("MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "Join", "Null")
_ON_TABLES = (
    "SELECT", "INSERT", "ALTER TABLE", "CREATE TABLE", "CREATE VIEW", "CREATE DICTIONARY", "DROP TABLE", "DROP VIEW",
    "DROP DICTIONARY", "TRUNCATE", "OPTIMIZE", "dictGet", "SHOW TABLES", "SHOW COLUMNS", "SHOW DICTIONARIES",
)  # fmt: skip
WRITER_RIGHTS = (
    f"{', '.join(_ON_TABLES)} ON {{database}}.*",
    *(f"TABLE ENGINE ON {name}" for name in _ENGINES),
    "SYSTEM RELOAD DICTIONARY ON *.*",
    "KILL QUERY ON *.*",
    "SELECT ON system.processes",
    "SELECT ON system.dictionaries",
    "SELECT ON system.parts",
    "SELECT ON system.mutations",
    "CREATE TEMPORARY TABLE ON *.*",
)
"""Rights of the user of `store`, who creates and changes tables, loads them, and ends questions."""
READER_RIGHTS = ("SELECT, dictGet ON {database}.*",)
"""Rights of the user of `store_reader`, who asks questions about a project."""


def statements(dsn: str, reader_dsn: str) -> list[str]:
    """Return the statements that an administrator of the server runs once: the database, the users, their rights.

    Args:
        dsn, reader_dsn: addresses with the names and passwords that the users get.
    """
    database = database_of(dsn)
    made = [f"CREATE DATABASE IF NOT EXISTS {database}"]
    for address, rights in ((dsn, WRITER_RIGHTS), (reader_dsn, READER_RIGHTS)):
        name, password = user_of(address)
        made.append(f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {literal(password)}")
        made += [f"GRANT {right.format(database=database)} TO {name}" for right in rights]
    return made


def missing_rights(store: Store, rights: tuple[str, ...]) -> list[str]:
    """Return the rights that the user of a store lacks. Raises QuestionFailed, StoreBusy."""
    wanted = [
        f"{name} ON {place}"
        for right in rights
        for names, _, place in [right.format(database=database_of(store.dsn)).rpartition(" ON ")]
        for name in names.split(", ")
    ]
    return [right for right in wanted if store.command(f"CHECK GRANT {right}") != "1"]
