"""A loader's part of the work of several: its projects, its lock, and what it shares with the others.

See docs/decisions/0020-several-loaders.md.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from trackway.govern.loaders import NUMBERS_AT_ONCE, WINDOW, DatabaseLock, Loaders, LoadersBusy
from trackway.server_address import cluster_of
from trackway.statements import Statements
from trackway.store.cluster import COPIED, put_above
from trackway.store.connection import Store
from trackway.store.refusals import StoreBusy

_sql = Statements(__name__)


@contextmanager
def as_refusals() -> Iterator[None]:
    """Turn what the accounts database refuses into a refusal that is worth another try. Raises StoreBusy."""
    try:
        yield
    except LoadersBusy as error:
        raise StoreBusy(str(error), str(error)) from error
    except SQLAlchemyError as error:
        text = "the accounts database does not answer"
        raise StoreBusy(f"{text}: {getattr(error, 'orig', error)}", f"{text}; try again in a moment") from error


class StoreLock:
    """A loader's lock among all processes, as `Loader.store_lock` is within one.

    A thread that has the lock may take it again. That also checks that it still has it: a holder takes it again before
    each step that must not happen without it.

    Raises:
        StoreBusy: another holder keeps it for 30 s, or the connection that held it was lost.
    """

    def __init__(self, shared: DatabaseLock) -> None:
        self._shared, self._inner, self._depth = shared, threading.RLock(), 0

    def __enter__(self) -> None:
        self._inner.acquire()
        try:
            with as_refusals():
                (self._shared.check if self._depth else self._shared.acquire)()
        except BaseException:
            self._inner.release()
            raise
        self._depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._depth -= 1
        try:
            if not self._depth:
                with as_refusals():
                    self._shared.release()
        except StoreBusy:
            if error is None:
                raise
        finally:
            self._inner.release()


class Share:
    """The part of one of several loaders.

    Args:
        loaders: their data in the accounts database.
        number: the loader's number.
    """

    def __init__(self, loaders: Loaders, number: int) -> None:
        self._loaders, self.number = loaders, number
        self.lock = StoreLock(loaders.lock(number))
        self._numbers, self._last, self._finishing = iter(range(0)), 0, False
        self._newest: Callable[[], int] = lambda: 0
        self.start = secrets.token_hex(4)
        """The name of this start, by which other loaders see whether they have the same accounts database."""
        with as_refusals():
            loaders.began(number, self.start)

    def of_others(self) -> list[UUID]:
        """Return the projects that another loader has. Raises StoreBusy."""
        with as_refusals():
            return self._loaders.projects_of_others(self.number)

    def open(self, newest: Callable[[], int]) -> None:
        """Be ready to give numbers to identities; loader 0 opens them first. Raises StoreBusy until it has.

        Every batch that was prepared is stored. Numbers are taken when a new identity needs one, so that a start alone
        leaves no gap.

        Args:
            newest: returns the highest number in the store.
        """
        self._newest = newest
        with as_refusals():
            self._loaders.finish_batch(self.number)
            if not self.number:
                self._loaders.open_numbers(newest())
            self._loaders.check_numbers()

    def next_number(self) -> int:
        """Return a number that no identity has. Raises StoreBusy."""
        number = next(self._numbers, 0)
        if not number:
            known = max(self._newest(), self._last)
            with as_refusals():
                taken = self._loaders.take_numbers(NUMBERS_AT_ONCE, known)
            self._numbers, self._last = iter(taken), taken[-1]
            number = next(self._numbers)
        return number

    @contextmanager
    def batch(self, blocks: int) -> Iterator[None]:
        """Tell the other loaders that a batch is being stored; an error leaves it unfinished.

        Args:
            blocks: the most blocks that the batch inserts into one table.

        Raises:
            StoreBusy: the others must wait until a loader that ended within a batch goes on.
        """
        with as_refusals():
            if self._finishing:  # the batch before this one, which could not be reported as stored
                self._loaders.finish_batch(self.number)
                self._finishing = False
            self._loaders.begin_batch(self.number, blocks)
        yield
        self._finishing = True
        self.settle()

    def settle(self) -> None:
        """Tell the others that a batch is stored; while the accounts database is away, `settle` tries again."""
        if self._finishing:
            with suppress(SQLAlchemyError):
                self._loaders.finish_batch(self.number)
                self._finishing = False


def prepare_tables(store: Store, loaders: int) -> None:
    """Give each loader tables of its own for what it rewrites in each batch, and let the store remember more tokens: a
    loader that ended within a batch repeats it while the others go on. Repeating it changes nothing.

    Raises:
        QuestionFailed: the engine refuses a statement.
    """
    for server in store.servers:
        for table in sorted(COPIED):
            for number in range(1, loaders):
                server.command(f"CREATE TABLE IF NOT EXISTS {table}_{number} AS {table}")
        for row in server.ask(_sql("deduplicating"), {"wanted": WINDOW}).to_pylist():
            replicated = row["engine"].startswith("Replicated")
            settings = (
                f"replicated_deduplication_window = {WINDOW}, replicated_deduplication_window_seconds = 604800"
                if replicated
                else f"non_replicated_deduplication_window = {WINDOW}"
            )
            server.command(f"ALTER TABLE {row['name']} MODIFY SETTING {settings}")
    if store.shards:
        for server in store.servers:
            put_above(server, cluster_of(store.dsn), [])
