"""`trackway store move`: opens both stores, refuses what cannot be moved, and makes the server or cluster the store.

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
from trackway.store.cluster import misplaced, places
from trackway.store.connection import Store
from trackway.store.engine import EngineUnavailable
from trackway.store.history import newest_of
from trackway.store.migration import pending, unknown
from trackway.store.move_state import CannotMove, State, read_state, state_file
from trackway.store.moving import Move, Tell, explained, half_purged, patiently, tables_with_rows, unfinished_changes
from trackway.store.recovery import end_orphans, refuse_undefined
from trackway.store.refusals import QuestionFailed
from trackway.store.server_rights import missing_rights, writer_rights
from trackway.store.unmoved import FOLDER, has_store, hold, is_held, unmovable

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
    if text := unmovable(settings.store):
        raise CannotMove(text)
    with _alone(directory):
        target = Store(settings.store, clients=2)
        try:
            patiently(lambda text: tell(0, 0, text), _refuse_unfit_server, target)
            rows = _copy(settings, target, tell)
            newest = patiently(lambda text: tell(0, 0, text), newest_of, target, [])
        except QuestionFailed as error:
            raise CannotMove(explained(error)) from error
        finally:
            target.close()
        return Moved(rows, _finish(directory, newest))


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
    if newer := [name for server in target.each for name in unknown(server)]:
        raise CannotMove(f"the tables of the server are of a newer version of Trackway ({', '.join(newer)})")
    target.migrate()


def _copy(settings: Settings, target: Store, tell: Tell) -> int:
    directory = settings.directory
    local = directory / "store"
    known = _recovered(directory, local)
    states = patiently(lambda text: tell(0, 0, text), _states, directory, settings.store, target, known)
    source = Store(f"local://{local}", clients=2, memory_mb=settings.engine_memory_mb, nice=5)
    try:
        _finish_mutations(source, tell)
        source.command("SYSTEM STOP MERGES")  # the copied pieces are those of the parts as they are now
        _refuse_unfit_store(source, known, directory)
        if target.shards and half_purged(source):
            raise CannotMove("old views are archived and not deleted yet; let the job purge-views end first, without "
                             "TRACKWAY_STORE")  # fmt: skip
        moves = zip(target.each, states, strict=True)
        rows = sum(
            Move(directory, source, server, state, _told(tell, number, len(states))).run()
            for number, (server, state) in enumerate(moves)
        )
        if target.shards and (table := patiently(lambda text: tell(0, 0, text), misplaced, target)):
            raise CannotMove(
                f"the cluster brings rows of {table} to other shards than the move; the store is as it was"
            )
        return rows
    finally:
        source.close()


def _recovered(directory: Path, local: Path) -> Checkpoint | None:
    """Bring the closed local store to its checkpoint, as a start of the server does."""
    try:
        end_orphans(local)
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


def _told(tell: Tell, number: int, servers: int) -> Tell:
    """Return a function that tells the progress of one shard as a part of the whole."""
    if servers == 1:
        return tell
    return lambda done, rows, text: tell(
        number * rows + done, servers * rows, f"shard {number + 1} of {servers}: {text}"
    )


def _states(directory: Path, dsn: str, target: Store, known: Checkpoint | None) -> list[State]:
    """Return how far the move has come to the server, or to each shard."""
    if known is not None:
        known.newest = 0  # written by a move that was killed at its end
    source = hashlib.blake2b(msgspec.json.encode(known), digest_size=16).hexdigest()
    if not target.shards:
        return [_state(directory, target, source, f"{hosts_of(dsn)[0][0]}/{database_of(dsn)}")]
    try:
        found = places(target)
    except ValueError as error:
        raise CannotMove(str(error)) from error
    count = len(found)
    names = [
        f"{host}/{database_of(dsn)}, shard {place + 1} of {count}"
        for [host], place in zip(hosts_of(dsn), found, strict=True)
    ]
    return [
        _state(directory, shard, source, name, count, place)
        for shard, name, place in zip(target.shards, names, found, strict=True)
    ]


def _state(directory: Path, target: Store, source: str, name: str, shards: int = 0, place: int = 0) -> State:
    """Return how far the move to a server has come; a new one, or a store that changed, begins from the start.

    Args:
        source: the digest of the checkpoint that is copied.
        name: of the server, its database, and which shard it is.
    """
    state = read_state(state_file(directory, shards, place))
    marks = target.ask("SELECT name FROM migrations WHERE startsWith(name, 'move ')")["name"].to_pylist()
    if state is None or state.target != name or state.mark not in marks:  # also when the database was created again
        _refuse_filled(target, database_of(target.dsn), bool(marks))
        state = State(id=str(new_id()), target=name, source="", shards=shards, place=place)
        state.write(directory)
        target.command("INSERT INTO migrations (name) VALUES ({name:String})", {"name": state.mark})
    if state.source != source:
        _clear(target)
        state = State(id=state.id, target=name, source=source, shards=shards, place=place)
        state.write(directory)
    return state


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


def _finish(directory: Path, newest: int) -> Path:
    """Give the store's directory another name, which makes the server the store; return it.

    Args:
        newest: the highest version of a session on the server; a later start refuses a server that has none.
    """
    local = directory / "store"
    kept = directory / f"store.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with suppress(FileNotFoundError):
        private.write(local / "checkpoint", (directory / "loader" / "checkpoint").read_bytes())
    if (known := checkpoint.read(directory / "loader")) is not None:
        known.newest = newest
        checkpoint.write(directory / "loader", known)
    local.rename(kept)
    private.sync_directory(directory)
    for file in (directory / FOLDER).glob("state*"):
        file.unlink()
    return kept
