"""Whether the accounts database can be used, for health checks."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from trackway.govern.reading import Reading
from trackway.lite import BUSY_S, fault

_WITHIN_S = BUSY_S + 1
"""Longer than SQLite waits for a lock: that it is locked is the better answer."""


class Usability:
    """Asks a database whether it can be used. A database that hangs keeps one thread waiting, and nobody else."""

    def __init__(self, engine: Engine) -> None:
        self._statement = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "SELECT 1 FROM users LIMIT 1"
        self._engine, self._trouble = engine, ""
        self._reading = Reading(self._ask, _WITHIN_S)

    def __call__(self) -> str:
        """Return why nobody can sign in now; empty when users can. This takes 3 s at most."""
        if not self._reading():
            return f"the accounts database has not answered for {_WITHIN_S:.0f} s"
        return self._trouble

    def _ask(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.execute(text(self._statement))
                connection.rollback()
            self._trouble = ""
        except SQLAlchemyError as error:
            self._trouble = f"the accounts database {fault(error, 'stop the server and run `trackway doctor`')}"
