"""The databases of accounts and views, SQLite or a server: opening them, and the messages when they cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

BUSY_S = 2.0
"""Seconds that a transaction waits for one of another process; then it fails."""

_GIVEN_UP = {
    "connect_timeout": "10", "keepalives_idle": "15", "keepalives_interval": "5", "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}  # fmt: skip
"""Options of libpq with which a connection to a machine that is gone fails within 30 s; by default it takes hours."""


def engine_of(url: URL, busy_s: float = BUSY_S) -> Engine:
    """Return an engine; commits to SQLite are on disk when they return. Raises SQLAlchemyError or OSError."""
    if url.get_backend_name() != "sqlite":
        ours = _GIVEN_UP if url.get_driver_name().startswith("psycopg") else {}
        return create_engine(url, connect_args={name: ours[name] for name in ours if name not in url.query})
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", _tune)
    return engine


def _tune(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for statement in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {statement}")
    cursor.close()


def damaged(error: BaseException) -> bool:
    """Whether an error means that the file is not a sound database, not that it is unavailable for the moment."""
    text = str(getattr(error, "orig", error))
    return any(sign in text for sign in ("not a database", "malformed", "unsupported file format", "is damaged"))


def fault(error: BaseException, remedy: str) -> str:
    """Return the fault of a database and its remedy, in one line.

    Args:
        remedy: the remedy for a damaged file.
    """
    lines = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
    if damaged(error):
        return f"is damaged ({lines[0]}); {remedy}"
    if "locked" in lines[0]:
        return "is locked by another process; end that one, and start again"
    if "full" in lines[0] or "disk I/O" in lines[0]:
        return f"cannot be written ({lines[0]}); make room on its disk, and start again"
    if isinstance(error, SQLAlchemyError | OSError) and "unable to open" in lines[0]:
        return f"cannot be opened ({lines[0]}); look at its owner and mode, and at `ulimit -n`"
    return f"cannot be opened: {lines[0]}"
