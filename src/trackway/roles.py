"""The roles of processes: which settings each of them needs."""

from __future__ import annotations

from pathlib import Path


def problem(role: str, number: int, loaders: int, log: str, store: str, accounts: str) -> str:
    """Return which setting a process lacks for its role; empty when it lacks none.

    Args:
        number: its number among the loaders.
        loaders: the number of loaders that `log` names.
    """
    if role == "loader":
        return _problem_of_loader(number, loaders, store, accounts)
    if number:
        return f"loader is {number}, and only a process with the role loader has a number"
    if role == "collector":
        return "" if log else "it needs a log that processes share; set log to kafka://…"
    if loaders > 1 and not store:
        return (
            f"log names {loaders} loaders, which need a store that they share; set store to clickhouse://… "
            "(the engine process belongs to one loader)"
        )
    return ""


def only_messages(store: str, views: str, accounts: str, directory: Path) -> str:
    """Return why a collector takes no views and ends no sessions; empty when it does both.

    Sessions and registered entities are looked up in the store, and all collectors have to count views in one database.
    """
    if not store:
        return "it does not know the store: set store to the clickhouse://… of the process with the role all"
    own = ("", f"sqlite:///{directory / 'accounts.db'}")
    if not views and accounts.startswith("sqlite") and accounts not in own:
        return "it does not know the database that counts views: set views, or accounts to a PostgreSQL"
    return ""


def _problem_of_loader(number: int, loaders: int, store: str, accounts: str) -> str:
    if loaders == 1:
        return "log names one loader, that of the role all; give all processes the same kafka://…/topic?loaders=N"
    if not 0 < number < loaders:
        return (
            f"loader is {number}, and log names {loaders} loaders; give this one a number from 1 to "
            f"{loaders - 1} that no other has (the process with the role all is loader 0)"
        )
    if not store:
        return "store is empty; set it to the clickhouse://… of the process with the role all"
    if not accounts:
        return (
            "accounts is empty; set it to the database of the process with the role all, postgresql+psycopg://… or "
            "sqlite:////… on the same machine"
        )
    return ""
