"""The view ledger: which views count, over restarts and several collectors, and their totals."""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from conftest import cases
from postgres import Postgres
from trackway.collect.views.ledger import AGAIN_MS, KEEP_MS, Ledger, LedgerUnavailable, Total, View, view_key


class Reference:
    """The rule, as plainly as it can be said."""

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}

    def counts(self, who: str, at: int) -> bool:
        last = self.counted.get(who)
        if last is not None and at - last < 24 * 60 * 60 * 1000:
            return False
        self.counted[who] = at
        return True


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["concert 1, ann", "concert 1, bob", "concert 2, ann"]),
        st.sampled_from([0, 1, 60_000, AGAIN_MS // 2, AGAIN_MS - 1, AGAIN_MS, AGAIN_MS + 1]),
        st.sampled_from(["", "", "", "restart", "together"]),
    ),
    max_size=40,
)


@settings(max_examples=cases(20), deadline=None)
@given(STEPS)
def test_views_count_as_the_plain_rule_says_at_the_edges_of_the_day_over_restarts_and_together(steps: Any) -> None:
    async def run(dsn: str) -> None:
        ledger, rule, at = Ledger(dsn, "c"), Reference(), 1_700_000_000_000
        waiting: list[tuple[Any, bool]] = []
        for who, later, how in steps:
            at += later
            expected = rule.counts(who, at)
            decided = asyncio.ensure_future(ledger.counts(View(who.encode(), at, b"record")))
            waiting.append((decided, expected))
            await asyncio.sleep(0)
            if how == "together":
                continue  # decided with the next ones, in one transaction
            for one, wanted in waiting:
                assert await one is wanted
            waiting = []
            if how == "restart":
                await ledger.finish()
                ledger.close()
                ledger = Ledger(dsn, "c")
        for one, wanted in waiting:
            assert await one is wanted
        await ledger.finish()
        ledger.close()

    with tempfile.TemporaryDirectory() as place:
        asyncio.run(run(f"sqlite:///{place}/views.db"))


def test_several_collectors_on_one_database_count_a_view_once(tmp_path: Path) -> None:
    dsn, counted, at = f"sqlite:///{tmp_path / 'views.db'}", [], 1_700_000_000_000
    Ledger(dsn, "first")

    def collector(name: str) -> None:
        async def run() -> None:
            ledger = Ledger(dsn, name)
            views = [View(f"{n % 50}".encode(), at, b"r") for n in range(400)]
            counted.extend(await asyncio.gather(*(ledger.counts(view) for view in views)))
            await ledger.finish()
            ledger.close()

        asyncio.run(run())

    threads = [threading.Thread(target=collector, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(counted), sum(counted)) == (1600, 50)


def test_what_counted_and_was_not_logged_is_brought_back_by_its_own_collector(tmp_path: Path) -> None:
    async def run() -> None:
        dsn = f"sqlite:///{tmp_path / 'views.db'}"
        ledger = Ledger(dsn, "mine")
        logged, lacking = View(b"a", 1, b"first"), View(b"b", 1, b"second")
        assert await ledger.counts(logged) and await ledger.counts(lacking)
        ledger.logged(logged.pending)
        await ledger.finish()
        ledger.close()
        assert Ledger(dsn, "another").unlogged() == []
        again = Ledger(dsn, "mine")
        assert again.unlogged() == [(lacking.pending, b"second")]
        again.logged(lacking.pending)
        await again.finish()
        again.close()
        assert Ledger(dsn, "mine").unlogged() == []

    asyncio.run(run())


@pytest.fixture
def shared(postgres: Postgres) -> str:
    """An empty database in PostgreSQL."""
    with create_engine(postgres.dsn).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return postgres.dsn


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_view_that_waits_for_the_log_outlasts_a_later_one_of_its_session(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async def run(dsn: str) -> None:
        ledger, key, at = Ledger(dsn, "dead"), view_key(b"concert 1", "session 1"), 1_700_000_000_000
        first, later = View(key, at, b"first"), View(key, at + AGAIN_MS, b"later")
        assert await ledger.counts(first) and await ledger.counts(later)
        await ledger.finish()
        ledger.close()
        other = Ledger(dsn, "alive")
        assert other.left_behind(at - 1) == [] and other.waiting(at - 1) == 0
        assert other.left_behind(at) == [(first.pending, b"first")] and other.waiting(at) == 1
        assert other.left_behind(at + AGAIN_MS) == [(first.pending, b"first"), (later.pending, b"later")]
        for view in (first, later):
            other.logged(view.pending)
        await other.finish()
        assert other.waiting(at + AGAIN_MS) == 0
        other.close()

    lite = f"sqlite:///{tmp_path / 'views.db'}"
    asyncio.run(run(lite if kind == "sqlite" else request.getfixturevalue("shared")))


def test_collectors_that_start_together_and_decide_about_the_same_views_never_wait_in_a_circle(shared: str) -> None:
    keys = [view_key(b"%d" % (n % 20), f"session {n}") for n in range(400)]
    counted: list[list[bool]] = []

    def collector(number: int) -> None:
        async def run() -> None:
            ledger, order = Ledger(shared, f"c{number}"), list(range(400))
            random.Random(number).shuffle(order)
            views = [
                View(keys[n], 1_700_000_000_000, b"r", b"entity %d" % (n % 20), b"viewer %d" % (n % 30)) for n in order
            ]
            for start in range(0, len(views), 50):
                part = views[start : start + 50]
                counted.append(await asyncio.gather(*(ledger.counts(view) for view in part)))
                for view in part:
                    ledger.logged(view.pending)
            await ledger.finish()
            ledger.close()

        asyncio.run(run())

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(collector, range(6)))
    assert sum(map(sum, counted)) == 400
    totals = Ledger(shared, "reader").totals_of([b"entity %d" % n for n in range(20)])
    assert {total.views for total in totals.values()} == {20}
    assert {total.sessions for total in totals.values()} == {20}
    assert sum(total.viewers for total in totals.values()) == 30


def test_who_viewed_what_is_forgotten_after_three_months_and_changes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        ledger = Ledger(f"sqlite:///{tmp_path / 'views.db'}", "c")
        for n in range(10):
            assert await ledger.counts(View(b"%d" % n, n * KEEP_MS // 4, b""))
        assert ledger.forget(before=9 * KEEP_MS // 4) == 6
        assert not await ledger.counts(View(b"9", 9 * KEEP_MS // 4 + 1, b""))
        await ledger.finish()
        ledger.close()

    asyncio.run(run())


@pytest.mark.parametrize("dsn", ["nonsense", "sqlite:////proc/none/views.db", "postgresql+nodriver://a:secret@h/d"])
def test_a_ledger_that_cannot_be_opened_says_so_and_no_password(dsn: str) -> None:
    with pytest.raises(LedgerUnavailable, match="view ledger") as refused:
        Ledger(dsn, "c")
    assert "secret" not in str(refused.value)


def test_totals_are_those_of_the_views_that_counted(tmp_path: Path) -> None:
    async def run() -> None:
        ledger, at = Ledger(f"sqlite:///{tmp_path / 'views.db'}", "c"), 1_700_000_000_000
        ann, bob = (view_key(b"e", f"user {name}") for name in ("ann", "bob"))
        seen = [(b"1", 0, ann), (b"1", 1, ann), (b"2", 2, ann), (b"3", 3, b""), (b"1", AGAIN_MS, b""), (b"4", 4, bob)]
        for session, later, viewer in seen:
            await ledger.counts(View(session, at + later, b"", b"e", viewer))
        await ledger.counts(View(b"5", at + 5, b"", b"e", b"", bot=True))
        assert ledger.totals_of([b"e", b"other"]) == {b"e": Total(5, 4, 2, 2, at + AGAIN_MS, False)}
        ledger.hide({b"e": True, b"new": True})
        assert ledger.totals_of([b"e"])[b"e"].hidden and ledger.totals_of([b"new"])[b"new"] == Total(
            0, 0, 0, 0, 0, True
        )
        ledger.set_totals({b"e": Total(7, 5, 3, 2, at, False)})
        assert ledger.totals_of([b"e"])[b"e"] == Total(7, 5, 3, 2, at, True), "hidden stays"
        ledger.close()

    asyncio.run(run())
