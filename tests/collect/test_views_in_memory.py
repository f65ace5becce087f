"""Views that are decided in memory: over crashes, full disks, a small memory and a lost or old database."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_view_ledger import Reference

from conftest import cases
from trackway.collect.native import COUNTER, VIEW
from trackway.collect.views import in_memory
from trackway.collect.views.in_memory import ViewsInMemory
from trackway.collect.views.ledger import AGAIN_MS, Ledger, Total, View, entity_key, view_key
from trackway.event import Arrival, Location, Message, whole
from trackway.log import LogUnavailable
from trackway.log.local import LocalLog

PROJECT, START = b"p" * 16, 1_700_000_000_000


def viewed(entity: str, session: str, at: int, user: str = "", bot: bool = False) -> View:
    """A view as the view counter makes it, with its record for the log."""
    of = entity_key(PROJECT, "concert", entity)
    key = view_key(of, f"session {session}")
    key = view_key(key, "bot") if bot else key
    message = Message(
        type="track", event=VIEW, message_id=f"view-{key.hex()}-{at}", user_id=user or None, timestamp=at,
        context={"sessionId": session, "library": {"name": COUNTER}},
        properties={"entity_type": "concert", "entity_id": entity},
    )  # fmt: skip
    arrival = Arrival(at, PROJECT, "", Location("", "", "", False), "", "", True, None, [message], [], [])
    return View(key, at, msgspec.msgpack.encode(arrival), of, view_key(of, f"user {user}") if user else b"", bot)


class Installation:
    """A log and a ledger in a directory, opened and ended as often as a test wants."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.open()

    def open(self) -> None:
        self.log = LocalLog(self.directory / "log")
        self.committer = self.log.committer()
        self.ledger = Ledger(f"sqlite:///{self.directory / 'views.db'}", "c")
        self.views = ViewsInMemory(self.ledger, self.committer, self.log)

    async def end(self, killed: bool = False) -> None:
        """End in order, or as if killed: what is not in the log or the database by itself is gone."""
        if killed:
            self.views._write_in(1e9)
        else:
            await self.views.finish()
        await self.committer.close()
        self.ledger.close()
        self.log.close()

    def logged(self) -> list[tuple[str, str]]:
        """The entities and sessions of the views in the log."""
        return [
            (message.properties["entity_id"], message.context["sessionId"])  # type: ignore[index]
            for frame in self.log.read(self.log.start, 1_000_000)
            for arrival in frame.arrivals()  # type: ignore[union-attr]
            for message in map(whole, arrival.messages)
        ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2"]),
        st.sampled_from(["s1", "s2", "s3"]),
        st.sampled_from(["", "ann", "bob"]),
        st.sampled_from([0, 1, 60_000, AGAIN_MS // 2, AGAIN_MS - 1, AGAIN_MS, AGAIN_MS + 1]),
        st.sampled_from(["", "", "", "restart", "kill", "together", "written", "old database"]),
        st.booleans(),
    ),
    max_size=40,
)


class Totals(Reference):
    """The totals of views that count, from the rule alone."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, str, int]] = []

    def of(self, entity: str) -> Total:
        own = [(session, user, at) for of, session, user, at in self.seen if of == entity]
        return Total(
            len(own), len({session for session, _, _ in own}), len({user for _, user, _ in own if user}),
            sum(not user for _, user, _ in own), own[-1][2] if own else 0, False,
        )  # fmt: skip


@settings(max_examples=cases(60), deadline=None)
@given(STEPS)
def test_views_count_and_add_up_as_the_plain_rule_says_whatever_happens_to_the_process(steps: Any) -> None:
    async def run(directory: Path) -> None:
        here, rule, at = Installation(directory), Totals(), START
        waiting: list[tuple[Any, bool]] = []
        for entity, session, user, later, how, bot in steps:
            at += later
            clock[0] = at
            expected = rule.counts(f"{entity} {session} {bot}", at)
            if expected and not bot:
                rule.seen.append((entity, session, user, at))
            waiting.append((asyncio.ensure_future(here.views.count(viewed(entity, session, at, user, bot))), expected))
            await asyncio.sleep(0)
            if how == "together":
                continue
            assert [await decided for decided, _ in waiting] == [wanted for _, wanted in waiting]
            waiting = []
            if how == "written":
                await here.views._write()
                shutil.copy(directory / "views.db", directory / "older.db")
            elif how:
                await here.end(killed=how != "restart")
                if how == "old database" and (directory / "older.db").exists():
                    shutil.copy(directory / "older.db", directory / "views.db")
                    for beside in directory.glob("views.db-*"):
                        beside.unlink()
                here.open()
        assert [await decided for decided, _ in waiting] == [wanted for _, wanted in waiting]
        found = await asyncio.to_thread(here.ledger.totals_of, [entity_key(PROJECT, "concert", of) for of in "12"])
        for of in "12":
            assert found.get(entity_key(PROJECT, "concert", of), Totals().of(of)) == rule.of(of)
        await here.end()

    clock = [START]
    with tempfile.TemporaryDirectory() as place, small_memory(clock):
        asyncio.run(run(Path(place)))


@contextmanager
def small_memory(clock: list[int]) -> Iterator[None]:
    """Memory for so few keys that most views are looked up in the database; and a clock of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_memory, "_MOST_KEYS", 1)
        patch.setattr(in_memory, "now", lambda: clock[0])
        yield


def test_what_memory_has_no_room_for_is_looked_up_even_after_a_day(tmp_path: Path) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        half_a_day = START + AGAIN_MS // 2
        assert await here.views.count(viewed("1", "s", half_a_day))
        for n in range(8):  # the first is soon gone from memory
            assert await here.views.count(viewed("2", f"s{n}", half_a_day))
            await here.views._write()
        assert await here.views.count(viewed("1", "s", START + AGAIN_MS + 1)) is False
        assert await here.views.count(viewed("1", "s", half_a_day + AGAIN_MS)) is True
        await here.end()

    with small_memory([START]):
        asyncio.run(run())


def test_when_the_log_refuses_neither_the_first_nor_its_repeats_count_and_the_next_try_does(tmp_path: Path) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        write = here.log.write

        def refuse(records: list[bytes], count: int) -> int:
            raise LogUnavailable("the disk is full")

        here.log.write = refuse  # type: ignore[method-assign]
        outcomes = await asyncio.gather(
            *(here.views.count(viewed("1", "s", START + n)) for n in range(20)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {LogUnavailable}
        here.log.write = write  # type: ignore[method-assign]
        assert await here.views.count(viewed("1", "s", START + 30)) is True
        assert await here.views.count(viewed("1", "s", START + 31)) is False
        assert here.logged() == [("1", "s")]
        await here.end()

    asyncio.run(run())


def test_a_sender_who_leaves_before_the_answer_has_counted_and_counts_no_second_time(tmp_path: Path) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        leaving = asyncio.ensure_future(here.views.count(viewed("1", "s", START)))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        assert await here.views.count(viewed("1", "s", START + 1)) is False
        assert here.logged() == [("1", "s")]
        await here.end()

    asyncio.run(run())


def test_a_lost_database_is_filled_from_the_log_and_one_of_an_earlier_version_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        for n in range(30):
            assert await here.views.count(viewed(str(n % 3), f"s{n}", START + n, "ann" if n % 2 else ""))
        await here.end(killed=True)
        for file in tmp_path.glob("views.db*"):
            file.unlink()
        here.open()
        assert await here.views.count(viewed("1", "s1", START + 100)) is False
        of = entity_key(PROJECT, "concert", "1")
        assert (await asyncio.to_thread(here.ledger.totals_of, [of]))[of] == Total(10, 10, 1, 5, START + 28, False)
        await here.end()
        with sqlite3.connect(tmp_path / "views.db") as connection:  # as an earlier version wrote it
            connection.execute("DROP TABLE view_positions")
            connection.execute("UPDATE view_totals SET views = 7")
        connection.close()
        here.open()
        assert (await asyncio.to_thread(here.ledger.totals_of, [of]))[of].views == 7
        await here.end()

    asyncio.run(run())


def test_a_database_that_cannot_be_written_delays_the_totals_only(tmp_path: Path) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        blocking = sqlite3.connect(tmp_path / "views.db")
        blocking.execute("BEGIN IMMEDIATE")
        assert await here.views.count(viewed("1", "s", START)) is True
        assert await here.views.count(viewed("1", "s", START + 1)) is False
        blocking.rollback()
        blocking.close()
        of = entity_key(PROJECT, "concert", "1")
        assert (await asyncio.to_thread(here.ledger.totals_of, [of]))[of].views == 1
        await here.end()

    asyncio.run(run())


@pytest.mark.parametrize("messages", [0, 60_000])
def test_the_next_start_reads_only_what_the_database_lacks(tmp_path: Path, messages: int) -> None:
    async def run() -> None:
        here = Installation(tmp_path)
        assert await here.views.count(viewed("1", "s", START))
        await here.views._write()
        record = msgspec.msgpack.encode(
            Arrival(START, PROJECT, "", Location("", "", "", False), "", "", True, None, [], [], [])
        )
        if messages:
            here.log.write([record], messages)
        await here.views._write()
        position = here.ledger.positions()[here.log.id]
        assert position == (here.log.end if messages else 1)
        await here.end()
        assert Ledger(f"sqlite:///{tmp_path / 'views.db'}", "c").positions()[here.log.id] == here.log.end

    asyncio.run(run())
