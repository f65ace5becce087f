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


def statements(dsn: str, reader_dsn: str, memory_mb: int = 4096) -> list[str]:
    """Return the statements that an administrator of the server runs: the database, the users, their rights, and the
    settings of the reader. All of them can be run again.

    Args:
        dsn, reader_dsn: addresses with the names and passwords that the users get.
        memory_mb: the most memory that one question may use.
    """
    made = [f"CREATE DATABASE IF NOT EXISTS {database}" for database in _databases(dsn)]
    for address, rights in ((dsn, writer_rights(dsn)), (reader_dsn, READER_RIGHTS)):
        name, password = user_of(address)
        made.append(f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {literal(password)}")
        made += [f"GRANT {right} TO {name}" for right in _on_databases(dsn, rights)]
    return [*made, f"CREATE SETTINGS PROFILE OR REPLACE {name}_profile SETTINGS {_fixed(memory_mb)} TO {name}"]


def _fixed(memory_mb: int) -> str:
    fixed = [f"{name} = {value}{'' if name == 'readonly' else ' CONST'}" for name, value in READER_SETTINGS.items()]
    return ", ".join([*fixed, _bounded(memory_mb)])


def _bounded(memory_mb: int) -> str:
    """Return the limit of memory. 0 would mean that there is none."""
    most = memory_mb * 1024 * 1024
    return f"max_memory_usage = {most} MIN 1 MAX {most}"


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


def loose_settings(store: Store, memory_mb: int) -> list[str]:
    """Return the settings of the reader that are not as they have to be, as they have to be.

    Args:
        store: the reader's; its own limit of memory has to be below that of the server.
        memory_mb: the most memory that one question may use.

    Raises:
        QuestionFailed: the server refuses to tell.
    """
    loose = [
        f"{name} = {value}"
        for name, value in READER_SETTINGS.items()
        if any(one.command(f"SELECT toUInt8(getSetting('{name}'))") != str(value) for one in store.each)
    ]
    most = memory_mb * 1024 * 1024
    limited = f"toUInt64OrZero(min) > 0 AND toUInt64OrZero(max) >= {most}"
    limits = f"SELECT {limited} FROM system.settings WHERE name = 'max_memory_usage'"
    return [*loose, *([] if all(one.command(limits) == "1" for one in store.each) else [_bounded(memory_mb)])]
