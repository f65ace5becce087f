"""Several loaders in the accounts database: projects are placed, numbers given once, and a lock has one holder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from postgres import Postgres
from trackway.govern import loaders as module
from trackway.govern.database import GovernDatabase
from trackway.govern.loaders import LoadersBusy, _AdvisoryLock
from trackway.govern.tables import BadAccount
from trackway.store.refusals import StoreBusy
from trackway.store.share import Share, StoreLock


@pytest.fixture(params=["sqlite", "postgresql"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'accounts.db'}"
    address: str = request.getfixturevalue("postgres").dsn
    with create_engine(address).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return address


@pytest.fixture
def accounts(dsn: str) -> Iterator[GovernDatabase]:
    opened = GovernDatabase(dsn)
    opened.loaders.count = 3
    yield opened
    opened.close()


def test_a_new_project_gets_the_loader_with_the_fewest_projects_unless_one_is_named(accounts: GovernDatabase) -> None:
    placed = [accounts.add_project(f"p{n}")[0].loader for n in range(4)]
    assert placed == [0, 1, 2, 0]
    assert accounts.add_project("named", loader=0)[0].loader == 0
    assert [accounts.add_project(f"q{n}")[0].loader for n in range(3)] == [1, 2, 1]
    with pytest.raises(BadAccount, match="there is no loader 3; the setting log names 3: give 0 to 2"):
        accounts.add_project("none", loader=3)
    accounts.loaders.count = 2
    assert "belongs to loader 2, and the setting log names 2 loaders" in accounts.loaders.missing()
    assert len(accounts.loaders.unnamed()) == 2


def test_no_number_of_an_identity_is_given_twice_and_all_are_above_the_stores(accounts: GovernDatabase) -> None:
    first, second = Share(accounts.loaders, 0), Share(accounts.loaders, 1)
    with pytest.raises(StoreBusy, match="loader 0 has not started with several loaders yet"):
        second.open(lambda: 500)
    first.open(lambda: 500)
    second.open(lambda: 0)
    given: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: given.extend(one.next_number() for _ in range(15_000)))
        for one in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Share(accounts.loaders, 0)
    again.open(lambda: max(given))
    given.append(again.next_number())
    assert len(set(given)) == 30_001
    assert min(given) == 501


def test_numbers_are_given_once_when_a_backup_of_the_accounts_database_was_restored(
    accounts: GovernDatabase, dsn: str
) -> None:
    given: list[int] = []
    shares = [Share(accounts.loaders, number) for number in range(3)]
    for share in shares:
        share.open(lambda: max(given, default=0))
        given.append(share.next_number())
    _set_numbers(dsn, 0)
    for share in (shares[1], *shares):  # the first of them is used up, the others still have numbers
        given.extend(share.next_number() for _ in range(10_001))
    _set_numbers(dsn, 5)
    shares[0].open(lambda: max(given))  # only the process with the role all is started again
    for share in shares:
        given.extend(share.next_number() for _ in range(20_001))
    assert len(set(given)) == len(given)


def test_a_start_without_a_new_identity_takes_no_numbers(accounts: GovernDatabase) -> None:
    for _ in range(3):
        Share(accounts.loaders, 0).open(lambda: 7)
    share = Share(accounts.loaders, 1)
    share.open(lambda: 7)
    assert share.next_number() == 8


def _set_numbers(dsn: str, value: int) -> None:
    with create_engine(dsn).begin() as connection:
        connection.execute(text(f"UPDATE loader_counters SET value = {value} WHERE name = 'identities'"))


def test_the_others_wait_for_a_loader_that_ended_within_a_batch(
    accounts: GovernDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_SINCE", 10)
    loaders = accounts.loaders
    loaders.begin_batch(1, 4)  # and never ends it
    for _ in range(2):
        loaders.begin_batch(0, 3)
        loaders.finish_batch(0)
    with pytest.raises(LoadersBusy, match="loader 1 ended within a batch, and 13 blocks were stored since; start it"):
        loaders.begin_batch(0, 3)
    loaders.begin_batch(1, 4)  # it stores the batch again
    loaders.finish_batch(1)
    loaders.begin_batch(0, 3)


def test_two_loaders_that_ended_within_a_batch_do_not_wait_for_each_other(
    accounts: GovernDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_SINCE", 12)
    loaders = accounts.loaders
    loaders.begin_batch(1, 4)
    loaders.begin_batch(2, 4)
    for _ in range(100):  # as long as the store refuses
        loaders.begin_batch(1, 4)
    loaders.begin_batch(0, 4)
    loaders.finish_batch(0)
    with pytest.raises(LoadersBusy, match="loader 1 ended within a batch, and 16 blocks were stored since; start it"):
        loaders.begin_batch(0, 4)
    for number in (1, 2):
        loaders.begin_batch(number, 4)
        loaders.finish_batch(number)
    for number in range(3):
        loaders.begin_batch(number, 4)


def test_a_batch_that_follows_one_that_could_not_be_reported_is_counted(
    accounts: GovernDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_SINCE", 10)
    share = Share(accounts.loaders, 1)
    with monkeypatch.context() as away:

        def refuse(number: int) -> None:
            raise OperationalError(f"finish {number}", {}, Exception("away"))

        away.setattr(accounts.loaders, "finish_batch", refuse)
        with share.batch(4):
            pass
    accounts.loaders.begin_batch(0, 4)
    accounts.loaders.finish_batch(0)
    with share.batch(4):
        accounts.loaders.begin_batch(0, 4)  # 8 blocks since the batch that is under way, 12 since the one before


def test_a_lock_has_one_holder_among_processes_and_a_thread_may_take_its_own_again(
    accounts: GovernDatabase, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    other = GovernDatabase(dsn)
    try:
        ours, theirs = StoreLock(accounts.loaders.lock(1)), StoreLock(other.loaders.lock(1))
        with ours, ours:
            with StoreLock(other.loaders.lock(2)):
                pass
            with pytest.raises(StoreBusy, match=r"another process has .*loader"), theirs:
                pass
        with theirs, pytest.raises(StoreBusy), ours:
            pass
        with ours:
            pass
    finally:
        other.close()


def test_who_takes_a_lock_again_and_again_keeps_nobody_out(accounts: GovernDatabase, dsn: str) -> None:
    other, ending, taken = GovernDatabase(dsn), threading.Event(), []
    busy, waiting = StoreLock(accounts.loaders.lock(1)), StoreLock(other.loaders.lock(1))

    def again_and_again() -> None:
        while not ending.is_set():
            with busy:
                taken.append(1)
                ending.wait(0.05)

    thread = threading.Thread(target=again_and_again)
    thread.start()
    try:
        for _ in range(3):
            before = len(taken)
            with waiting:
                pass
            assert len(taken) - before < 100, "it waits for its turn, and not until the other one is idle"
    finally:
        ending.set()
        thread.join()
        other.close()


def test_a_holder_whose_connection_is_lost_does_not_go_on(postgres: Postgres) -> None:
    accounts, end_all = GovernDatabase(postgres.dsn), create_engine(postgres.dsn, isolation_level="AUTOCOMMIT")
    kill = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    lock = StoreLock(accounts.loaders.lock(5))
    steps = []

    def replace() -> None:
        with lock:
            steps.append("deleted")
            with end_all.connect() as connection:
                connection.execute(kill)
            with lock:
                steps.append("inserted")

    with pytest.raises(StoreBusy):
        replace()
    assert steps == ["deleted"]
    with pytest.raises(StoreBusy), lock, end_all.connect() as connection:
        connection.execute(kill)  # noticed at the end, at the latest
    with lock, lock:
        pass
    end_all.dispose()
    accounts.close()


def test_the_server_soon_finds_out_that_the_machine_of_a_holder_is_gone(postgres: Postgres) -> None:
    accounts = GovernDatabase(postgres.dsn)
    lock = accounts.loaders.lock(1)
    assert isinstance(lock, _AdvisoryLock)
    lock.acquire()
    try:
        assert [lock._ask(f"SHOW tcp_keepalives_{name}") for name in ("idle", "interval", "count")] == ["15", "5", "3"]
    finally:
        lock.release()
        accounts.close()
