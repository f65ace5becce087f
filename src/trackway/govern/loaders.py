"""Several loaders: which of them has a project, and what they agree on in the accounts database.

Each project belongs to one loader for ever. The loaders share the numbers of identities, and each has a lock that
whoever replaces rows of its projects takes, in any process. See docs/decisions/0020-several-loaders.md.
"""

from __future__ import annotations

import fcntl
import logging
import time
from pathlib import Path
from typing import IO, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Engine, String, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from trackway.govern.reading import Reading
from trackway.govern.tables import BadAccount, Base, Project
from trackway.kafka_address import MOST_LOADERS

logger = logging.getLogger("trackway.govern")
_BLOCKS, _NUMBERS = "blocks", "identities"
WINDOW = 30_000
"""The number of newest blocks whose tokens each table of the store remembers."""
_MOST_SINCE = 20_000
"""Blocks after which the others wait for a loader that ended within a batch: the store must still know its tokens."""
NUMBERS_AT_ONCE = 10_000
"""The numbers of identities that a loader takes when it needs some."""
_PATIENCE_S, _LOOK_S = 30.0, 0.02
_STARTS_KEPT_MS = 90 * 86_400_000
_FRESH_S = 5.0
_NAMESPACE = 0x7472_6163


class LoaderState(Base):
    """A loader: `unfinished` is the number of blocks before the batch that it has begun; None between batches."""

    __tablename__ = "loaders"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unfinished: Mapped[int | None] = mapped_column(BigInteger)


class Counter(Base):
    """A number that all loaders count on: blocks inserted into the store, numbers of identities given. Starts of
    loaders are here too, with their time.
    """

    __tablename__ = "loader_counters"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class Divided(NamedTuple):
    """The projects of a loader, and those of all others."""

    own: list[UUID]
    of_others: list[UUID]


class LoadersBusy(Exception):
    """A loader has to wait for another one or for the accounts database; the text says for which."""


class Loaders:
    """The data of the loaders in the accounts database.

    Attributes:
        count: the number of loaders, as the setting `log` says.
    """

    def __init__(self, sessions: sessionmaker[Session], engine: Engine) -> None:
        self._sessions, self._engine = sessions, engine
        self.count = 1

    def place(self, session: Session, wanted: int | None) -> int:
        """Return the loader of a new project: the wanted one, or the one with the fewest projects.

        Raises:
            BadAccount: there is no such loader.
        """
        if wanted is not None and not 0 <= wanted < self.count:
            raise BadAccount(
                f"there is no loader {wanted}; the setting log names {self.count}: give 0 to {self.count - 1}"
            )
        if wanted is not None or self.count == 1:
            return wanted or 0
        counted = session.execute(select(Project.loader, func.count()).group_by(Project.loader))
        has = {row[0]: row[1] for row in counted}
        return min(range(self.count), key=lambda number: (has.get(number, 0), number))

    def of_projects(self) -> dict[bytes, int]:
        """Return the loader of each project, by the project's id as 16 bytes."""
        with self._sessions() as session:
            rows = session.execute(select(Project.id, Project.loader)).all()
        return {UUID(project_id).bytes: number for project_id, number in rows}

    def of(self, project_id: UUID) -> int | None:
        """Return the loader of a project; None for an unknown one."""
        with self._sessions() as session:
            return session.scalar(select(Project.loader).where(Project.id == str(project_id)))

    def projects_of_others(self, number: int) -> list[UUID]:
        """Return the projects that a loader does not have."""
        return self.divided(number).of_others

    def divided(self, number: int) -> Divided:
        """Return the projects that a loader has, and those that it does not have."""
        own, of_others = list[UUID](), list[UUID]()
        for project_id, owner in self.of_projects().items():
            (own if owner == number else of_others).append(UUID(bytes=project_id))
        return Divided(own, of_others)

    def unnamed(self) -> set[bytes]:
        """Return the projects whose loader the setting does not name."""
        return {project_id for project_id, number in self.of_projects().items() if number >= self.count}

    def missing(self) -> str:
        """Return which project has a loader that the setting does not name, as a sentence; empty when none has."""
        with self._sessions() as session:
            found = session.execute(
                select(Project.name, Project.loader).where(Project.loader >= self.count).order_by(Project.loader.desc())
            ).first()
        if found is None:
            return ""
        return (
            f"the project {found.name!r} belongs to loader {found.loader}, and the setting log names {self.count} "
            f"loader{'s' * (self.count > 1)}; their number may only grow: set ?loaders={found.loader + 1} or more"
        )

    # Starts

    def began(self, number: int, start: str) -> None:
        """Record a start of a loader. The loader tells the others its name; who does not find it here has another
        accounts database.
        """
        at = int(time.time() * 1000)
        with self._sessions.begin() as session:
            session.add(Counter(name=f"{number}-{start}", value=at))
            session.execute(
                delete(Counter).where(Counter.name.like(f"{number}-%"), Counter.value < at - _STARTS_KEPT_MS)
            )

    def knows(self, number: int, start: str) -> bool:
        """Whether a start of a loader is recorded."""
        with self._sessions() as session:
            return session.get(Counter, f"{number}-{start}") is not None

    # Batches

    def begin_batch(self, number: int, blocks: int) -> None:
        """Record that a loader begins to store a batch, or stores the one again that it has begun: the blocks of that
        one count already, and it waits for nobody, because the others wait for it.

        Args:
            blocks: the most blocks that it inserts into one table.

        Raises:
            LoadersBusy: another loader ended within a batch long ago; the store would forget what it has of it.
        """
        with self._sessions.begin() as session:
            own = session.get(LoaderState, number)
            if own is not None and own.unfinished is not None:
                return
            total = self._add(session, _BLOCKS, blocks)
            for other in session.scalars(select(LoaderState).where(LoaderState.number != number)):
                if other.unfinished is not None and total - other.unfinished > _MOST_SINCE:
                    raise LoadersBusy(
                        f"loader {other.number} ended within a batch, and {total - other.unfinished} blocks were "
                        "stored since; start it, so that it finishes the batch while the store knows its parts"
                    )
            if own is None:
                session.add(LoaderState(number=number, unfinished=total - blocks))
            else:
                own.unfinished = total - blocks

    def finish_batch(self, number: int) -> None:
        """Record that a loader has stored its batch."""
        with self._sessions.begin() as session:
            session.execute(update(LoaderState).where(LoaderState.number == number).values(unfinished=None))

    def is_unfinished(self, number: int) -> bool:
        """Whether a loader is within a batch, or ended within one."""
        with self._sessions() as session:
            state = session.get(LoaderState, number)
            return state is not None and state.unfinished is not None

    # Numbers of identities

    def open_numbers(self, newest: int) -> None:
        """Let loaders take numbers after `newest`, the highest in the store. Loader 0 does this at each start, before
        any other can take one, so that numbers which only it knows are given to nobody else.
        """
        with self._sessions.begin() as session:
            counter = session.get(Counter, _NUMBERS)
            if counter is None:
                session.add(Counter(name=_NUMBERS, value=newest))
            else:
                counter.value += _ahead(counter.value, newest)

    def forget_numbers(self) -> None:
        """Close the numbers, because a single loader takes them from the store."""
        with self._sessions.begin() as session:
            if (counter := session.get(Counter, _NUMBERS)) is not None:
                session.delete(counter)

    def check_numbers(self) -> None:
        """Raise LoadersBusy until loader 0 has opened the numbers."""
        with self._sessions() as session:
            if session.get(Counter, _NUMBERS) is None:
                raise LoadersBusy(
                    "loader 0 has not started with several loaders yet; start the process with the role all, and give "
                    "both the same setting accounts"
                )

    def take_numbers(self, count: int, newest: int) -> range:
        """Return numbers that no loader has, after `newest`, the highest that is known to be in use.

        Raises:
            LoadersBusy: loader 0 has not opened the numbers.
        """
        self.check_numbers()
        with self._sessions.begin() as session:
            last = self._add(session, _NUMBERS, count)
            if behind := _ahead(last - count, newest):
                last = self._add(session, _NUMBERS, behind)
        if behind:
            logger.error(
                "the accounts database would give numbers of identities that are in use, as a backup or a copy of it "
                "does; %d are left out. All processes have to use the same accounts database",
                behind,
            )
        return range(last - count + 1, last + 1)

    @staticmethod
    def _add(session: Session, name: str, count: int) -> int:
        """Add to a counter and return it; other processes wait until the transaction ends."""
        raised = update(Counter).where(Counter.name == name).values(value=Counter.value + count)
        if not session.execute(raised, execution_options={"synchronize_session": False}).rowcount:  # type: ignore[attr-defined]
            session.add(Counter(name=name, value=count))
            session.flush()
        return session.scalar(select(Counter.value).where(Counter.name == name)) or 0

    def lock(self, number: int) -> DatabaseLock:
        """Return the lock of a loader, which one holder has at a time among all processes."""
        if self._engine.dialect.name == "sqlite":
            return _FileLock(Path(f"{self._engine.url.database}.loader-{number}.lock"))
        return _AdvisoryLock(self._engine, number)


class Placement:
    """Knows the loader of each project, which never changes. New projects are looked up every 5 s, as write keys are,
    and once a second at most for one that is not known.
    """

    def __init__(self, loaders: Loaders) -> None:
        self._loaders, self._known = loaders, loaders.of_projects()
        self._read_at, self._reading = time.monotonic(), Reading(self._read)

    def __call__(self, project_id: bytes) -> int | None:
        """Return the loader of a project; None while it is not known."""
        age = time.monotonic() - self._read_at
        if age > _FRESH_S or (project_id not in self._known and age > 1):
            self._read_at = time.monotonic()
            self._reading()
        return self._known.get(project_id)

    def _read(self) -> None:
        try:
            self._known = self._loaders.of_projects()
        except SQLAlchemyError as error:
            logger.error("the loaders of projects cannot be read: %s", getattr(error, "orig", error))


def _ahead(value: int, newest: int) -> int:
    """Return how far a counter of numbers has to go ahead when numbers after it are in use: also beyond the blocks
    that each loader has and the store does not know yet.
    """
    return newest - value + MOST_LOADERS * NUMBERS_AT_ONCE if value < newest else 0


class DatabaseLock(Protocol):
    """A lock among processes, for one thread at a time."""

    def acquire(self) -> None:
        """Take the lock. Raises LoadersBusy when it is not free for 30 s, or the database cannot be reached."""
        ...

    def check(self) -> None:
        """Raise LoadersBusy when the lock was lost."""
        ...

    def release(self) -> None:
        """Give the lock back. Raises LoadersBusy when it was lost before."""
        ...


_HELD = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND (classid, objid) = (:space, :number)"
_WAITED = "55P03"
"""The state of a statement that PostgreSQL ended because it waited longer than `lock_timeout`."""
_LOST = "the lock of the loader was lost with the connection to the accounts database; try again"


class _FileLock:
    """The lock on a file beside an accounts database in SQLite; the system releases it when the process ends.

    Who wants the lock holds a second one, the turn, until they have the first: so nobody who takes the lock again and
    again keeps others out.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._turn = path, path.with_suffix(".turn")
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        until = time.monotonic() + _PATIENCE_S
        with self._locked(self._turn, until):
            self._file = self._locked(self._path, until)

    def _locked(self, path: Path, until: float) -> IO[str]:
        file = path.open("a")
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                if time.monotonic() > until:
                    file.close()
                    raise LoadersBusy(f"another process has {self._path.name} for {_PATIENCE_S:.0f} s") from None
                time.sleep(_LOOK_S)

    def check(self) -> None:
        pass

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


_KEPT_ALIVE = "SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
"""Settings with which the server notices within 30 s that the machine of a holder is gone; 2 hours by default."""


class _AdvisoryLock:
    """An advisory lock of PostgreSQL, on a connection of its own while it is held.

    The server releases it when the connection ends, and gives it to those who wait in their order.
    """

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self._number = engine, number
        self._connection: Connection | None = None

    def _ask(self, statement: str, before: str = "") -> object:
        """Return the answer to a statement; an error gives up the connection, and the lock with it."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            if before:
                self._connection.execute(text(before))
            answer = self._connection.scalar(text(statement), {"space": _NAMESPACE, "number": self._number})
            self._connection.commit()
        except SQLAlchemyError as error:
            if self._connection is not None:
                self._connection.invalidate()
            self._leave()
            if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _WAITED:
                waited = f"another process has the lock of loader {self._number} for {_PATIENCE_S:.0f} s"
                raise LoadersBusy(waited) from error
            logger.warning("the accounts database does not answer: %s", getattr(error, "orig", error))
            raise LoadersBusy("the accounts database does not answer; try again in a moment") from error
        return answer

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def acquire(self) -> None:
        waiting = f"SET LOCAL lock_timeout = {_PATIENCE_S * 1000:.0f}"
        self._ask("SELECT pg_advisory_lock(:space, :number)", f"{_KEPT_ALIVE}; {waiting}")

    def check(self) -> None:
        if self._connection is None or not self._ask(_HELD):
            raise LoadersBusy(_LOST)

    def release(self) -> None:
        if self._connection is None or not self._ask("SELECT pg_advisory_unlock(:space, :number)"):
            raise LoadersBusy(_LOST)
        self._leave()
