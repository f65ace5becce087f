"""The rights and settings of Trackway's two users on a ClickHouse server, as statements and as a check."""

from __future__ import annotations

from trackway.server_address import OF_ALL_SHARDS, cluster_of, database_of, hosts_of, user_of
from trackway.store.connection import Store
from trackway.store.engine_config import READER_SETTINGS
from trackway.store.policy import literal

_ENGINES = ("MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "Join", "Null")
_OF_CLUSTER = ("TABLE ENGINE ON Distributed", "REMOTE ON *.*", "SELECT ON system.clusters", "SELECT ON system.macros")
_ON_TABLES = (
    "SELECT", "INSERT", "ALTER TABLE", "CREATE TABLE", "CREATE VIEW", "CREATE DICTIONARY", "DROP TABLE", "DROP VIEW",
    "DROP DICTIONARY", "TRUNCATE", "OPTIMIZE", "CHECK", "dictGet", "SHOW TABLES", "SHOW COLUMNS", "SHOW DICTIONARIES",
)  # fmt: skip
WRITER_RIGHTS = (
    f"{', '.join(_ON_TABLES)} ON {{database}}.*",
    *(f"TABLE ENGINE ON {name}" for name in _ENGINES),
    "SYSTEM RELOAD DICTIONARY ON *.*",
    "KILL QUERY ON *.*",
    "SELECT ON system.processes",
    "SELECT ON system.dictionaries",
    "SELECT ON system.parts",
    "SELECT ON system.parts_columns",
    "SELECT ON system.mutations",
    "CREATE TEMPORARY TABLE ON *.*",
)
"""Rights of the user of `store`, who creates, changes and checks tables, loads them, and ends questions."""
READER_RIGHTS = ("SELECT, dictGet ON {database}.*",)
"""Rights of the user of `store_reader`, who asks questions about a project."""


def statements(dsn: str, reader_dsn: str) -> list[str]:
    """Return the statements that an administrator of the server runs: the database, the users, their rights, and the
    settings of the reader. All of them can be run again.

    Args:
        dsn, reader_dsn: addresses with the names and passwords that the users get.
    """
    made = [f"CREATE DATABASE IF NOT EXISTS {database}" for database in _databases(dsn)]
    for address, rights in ((dsn, writer_rights(dsn)), (reader_dsn, READER_RIGHTS)):
        name, password = user_of(address)
        made.append(f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {literal(password)}")
        made += [f"GRANT {right} TO {name}" for right in _on_databases(dsn, rights)]
    return [*made, f"CREATE SETTINGS PROFILE OR REPLACE {name}_profile SETTINGS {_fixed()} TO {name}"]


def _fixed() -> str:
    return ", ".join(
        f"{name} = {value}{'' if name == 'readonly' else ' CONST'}" for name, value in READER_SETTINGS.items()
    )


def writer_rights(dsn: str) -> tuple[str, ...]:
    """Return the rights of the user of `store` at an address, which may be that of a cluster."""
    replicated = any(len(replicas) > 1 for replicas in hosts_of(dsn))
    return (
        *WRITER_RIGHTS,
        *(f"TABLE ENGINE ON Replicated{name}" for name in _ENGINES if replicated and name.endswith("MergeTree")),
        *(_OF_CLUSTER if cluster_of(dsn) else ()),
    )


def _databases(dsn: str) -> list[str]:
    database = database_of(dsn)
    return [database, f"{database}{OF_ALL_SHARDS}"] if cluster_of(dsn) else [database]


def _on_databases(dsn: str, rights: tuple[str, ...]) -> list[str]:
    """Return rights with the names of the databases, each once."""
    named = [right.format(database=database) for right in rights for database in _databases(dsn)]
    return list(dict.fromkeys(named))


def missing_rights(store: Store, rights: tuple[str, ...]) -> list[str]:
    """Return the rights that the user of a store lacks. Raises QuestionFailed, StoreBusy."""
    wanted = [
        f"{name} ON {place}"
        for right in _on_databases(store.dsn, rights)
        for names, _, place in [right.rpartition(" ON ")]
        for name in names.split(", ")
    ]
    return [right for right in wanted if any(one.command(f"CHECK GRANT {right}") != "1" for one in store.each)]


def loose_settings(store: Store) -> list[str]:
    """Return the settings of the reader that are not as they have to be, as they have to be. Raises QuestionFailed."""
    return [
        f"{name} = {value}"
        for name, value in READER_SETTINGS.items()
        if any(one.command(f"SELECT toUInt8(getSetting('{name}'))") != str(value) for one in store.each)
    ]
