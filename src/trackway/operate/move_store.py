"""`trackway store move`: opens both stores, refuses what cannot be moved, and makes the server the store.

The copying is in store/moving.py. A server that runs on the data directory collects meanwhile (store/unmoved.py).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from trackway import private
from trackway.config import Settings
from trackway.event import new_id
from trackway.log import LogInUse, locked
from trackway.server_address import database_of, hosts_of
from trackway.store import checkpoint
from trackway.store.checkpoint import Checkpoint
from trackway.store.connection import Store
from trackway.store.engine import EngineUnavailable, end_orphan
from trackway.store.migration import pending, unknown
from trackway.store.moving import (
    CannotMove,
    Move,
    State,
    Tell,
    explained,
    patiently,
    read_state,
    tables_with_rows,
    unfinished_changes,
)
from trackway.store.recovery import refuse_undefined
from trackway.store.refusals import QuestionFailed
from trackway.store.server_rights import missing_rights, writer_rights
from trackway.store.unmoved import FOLDER, has_store, hold, is_held, only_one

_MUTATIONS_S, _STARTS_S = 600, 2
_CHECK = "start the server once without TRACKWAY_STORE, or look at it with `trackway doctor`"


class Moved(NamedTuple):
    """The result of a move: the number of rows, and where the old store is kept."""

    rows: int
    old_store: Path


def move_store(settings: Settings, tell: Tell) -> Moved:
    """Move the local store of a data directory to the server of the settings, or go on with it.

    Args:
        tell: told about progress.

    Raises:
        CannotMove, BadCheckpoint, StoreUnavailable: the reason and the remedy. The local store stays as it is.
    """
    directory = settings.directory
    if not has_store(directory):
        earlier = sorted(directory.glob("store.moved-*"))
        where = f"; it was moved, and is kept as {earlier[-1]}" if earlier else ""
        raise CannotMove(f"there is no store in {directory / 'store'} to move{where}")
    if text := only_one(settings.store):
        raise CannotMove(text)
    with _alone(directory):
        target = Store(settings.store, clients=2)
        try:
            patiently(lambda text: tell(0, 0, text), _refuse_unfit_server, target)
            rows = _copy(settings, target, tell)
        except QuestionFailed as error:
            raise CannotMove(explained(error)) from error
        finally:
            target.close()
        return Moved(rows, _finish(directory))


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other moves and servers that use the local store away from it. Raises CannotMove when one is there."""
    lock = hold(directory, "lock")
    if lock is None:
        raise CannotMove(f"another process is moving the store in {directory / 'store'} already")
    with lock:
        until = time.monotonic() + _STARTS_S
        while not _is_free(directory):
            if time.monotonic() > until:
                raise CannotMove(
                    f"a server that uses the store in {directory / 'store'} is running; stop it, and start it again "
                    "with TRACKWAY_STORE: then it collects while the store is moved"
                )
            time.sleep(0.05)
        yield


def _is_free(directory: Path) -> bool:
    """Whether no server runs on a data directory, or one that waits for the move."""
    try:
        locked(directory / "log").close()
    except LogInUse:
        return is_held(directory, "waits")
    return True


def _refuse_unfit_server(target: Store) -> None:
    if missing := missing_rights(target, writer_rights(target.dsn)):
        raise CannotMove(
            f"the user of TRACKWAY_STORE lacks rights: {'; '.join(missing)}; `trackway store users` prints the "
            "statements that grant them"
        )
    if newer := unknown(target):
        raise CannotMove(f"the tables of the server are of a newer version of Trackway ({', '.join(newer)})")
    target.migrate()


def _copy(settings: Settings, target: Store, tell: Tell) -> int:
    directory = settings.directory
    local = directory / "store"
    known = _recovered(directory, local)
    state = patiently(lambda text: tell(0, 0, text), _state, directory, settings.store, target, known)
    source = Store(f"local://{local}", clients=2, memory_mb=settings.engine_memory_mb, nice=5)
    try:
        _finish_mutations(source, tell)
        source.command("SYSTEM STOP MERGES")  # the copied pieces are those of the parts as they are now
        _refuse_unfit_store(source, known, directory)
        return Move(directory, source, target, state, tell).run()
    finally:
        source.close()


def _recovered(directory: Path, local: Path) -> Checkpoint | None:
    """Bring the closed local store to its checkpoint, as a start of the server does."""
    try:
        end_orphan(local)
    except EngineUnavailable as error:
        raise CannotMove(f"the store in {local} cannot be opened: {error}") from error
    known = checkpoint.read(directory / "loader")
    if known is not None:
        refuse_undefined(local, known)
        if checkpoint.missing_parts(local, known):
            raise CannotMove(f"the store in {local} is damaged; {_CHECK}")
        checkpoint.restore(local, known)
    return known


def _refuse_unfit_store(source: Store, known: Checkpoint | None, directory: Path) -> None:
    if newer := unknown(source):
        raise CannotMove(f"the store is of a newer version of Trackway ({', '.join(newer)})")
    if older := pending(source):
        raise CannotMove(
            f"the store is of an older version of Trackway ({', '.join(older)} not applied); start the server once "
            "without TRACKWAY_STORE, which brings it up to date"
        )
    if known is None and source.ask("SELECT count() AS n FROM events")["n"][0].as_py():
        raise CannotMove(f"the store has no checkpoint; {_CHECK}")
    if known is not None and checkpoint.inactive_parts(known, checkpoint.tables(source, directory / "store")):
        raise CannotMove(f"the store in {directory / 'store'} is damaged; {_CHECK}")


def _finish_mutations(source: Store, tell: Tell) -> None:
    until = time.monotonic() + _MUTATIONS_S
    while tables := unfinished_changes(source):
        if time.monotonic() > until:
            raise CannotMove(f"changes of {', '.join(tables)} do not end; {_CHECK}")
        tell(0, 0, f"finishing changes of {', '.join(tables)}")
        time.sleep(1)


def _state(directory: Path, dsn: str, target: Store, known: Checkpoint | None) -> State:
    """Return how far the move to this server has come; a new one, or a store that changed, begins from the start."""
    place = f"{hosts_of(dsn)[0][0]}/{database_of(dsn)}"
    source = hashlib.blake2b(msgspec.json.encode(known), digest_size=16).hexdigest()
    state = read_state(directory)
    marks = target.ask("SELECT name FROM migrations WHERE startsWith(name, 'move ')")["name"].to_pylist()
    if state is None or state.target != place or state.mark not in marks:  # also when the database was created again
        _refuse_filled(target, database_of(dsn), bool(marks))
        state = State(id=str(new_id()), target=place, source="")
        _write(directory, state)
        target.command("INSERT INTO migrations (name) VALUES ({name:String})", {"name": state.mark})
    if state.source != source:
        _clear(target)
        state = State(id=state.id, target=place, source=source)
        _write(directory, state)
    return state


def _write(directory: Path, state: State) -> None:
    private.write(directory / FOLDER / "state", msgspec.json.encode(state))


def _refuse_filled(target: Store, database: str, marked: bool) -> None:
    filled = [f"{rows} rows in {name}" for name, rows in tables_with_rows(target).items() if rows]
    if filled or marked:
        what = ", ".join(filled[:3]) or "another move was begun"
        raise CannotMove(
            f"the database {database} is not empty ({what}); name an empty one, or have this one dropped and created "
            "again"
        )


def _clear(target: Store) -> None:
    """Remove what an earlier state of the store brought, when it was used again meanwhile."""
    for name in tables_with_rows(target):
        target.command(f"DROP TABLE IF EXISTS moving_{name} SETTINGS max_table_size_to_drop = 0")
        target.command(f"TRUNCATE TABLE {name} SETTINGS max_table_size_to_drop = 0")


def _finish(directory: Path) -> Path:
    """Give the store's directory another name, which makes the server the store; return it."""
    local = directory / "store"
    kept = directory / f"store.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with suppress(FileNotFoundError):
        private.write(local / "checkpoint", (directory / "loader" / "checkpoint").read_bytes())
    local.rename(kept)
    private.sync_directory(directory)
    (directory / FOLDER / "state").unlink(missing_ok=True)
    return kept
