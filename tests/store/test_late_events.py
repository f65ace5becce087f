"""Late events in bulk: a constant number of statements a batch, done again after a death between any two of them."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from agreement import agree
from conftest import Loaded, also, cases
from factories import message
from trackway.event import Arrival, Location, Message, new_id, now
from trackway.log import LocalLog
from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.moved_events import settle
from trackway.store.orders import wrong_totals

START = 1_770_000_000_000
MINUTE = 60_000


def happened(visitor: int, minute: float, name: str = "", user: str = "", **properties: Any) -> Message:
    return message(
        name,
        START + int((visitor % 300 * 90 + minute) * MINUTE),
        visitor=f"visitor-{visitor}",
        user=user,
        id=f"{visitor} {minute}",
        properties=properties or None,
    )


def in_time(visitor: int) -> list[Message]:
    """Two visits, an order by nobody who is known, and a user who signs in."""
    return [
        happened(visitor, 0),
        happened(visitor, 40),
        happened(visitor, 45),
        happened(visitor, 50, "Order Completed", order_id=f"order {visitor}", total=10),
        happened(visitor, 60, user=f"user-{visitor}"),
    ]


def late(visitor: int) -> list[Message]:
    """A page that makes the two visits one, and a sign-out that ends it: what follows is somebody else's."""
    return [happened(visitor, 20), happened(visitor, 42, "Signed Out")]


@contextmanager
def counted(store: Store, thread: str = "", dies_at: int = -1) -> Iterator[list[str]]:
    """The statements of the store and its shards, those of threads of a name when it is given; it 'dies' before one."""
    found: list[str] = []
    wrapped = [(one, name) for one in (store, *store.shards) for name in ("ask", "command", "insert")]

    def counting(own: Any, name: str) -> Any:
        def call(said: str, *rest: Any) -> Any:
            if threading.current_thread().name.startswith(thread):
                found.append(f"{name} {said}")
                if len(found) == dies_at + 1:
                    raise Died
            return own(said, *rest)

        return call

    for one, name in wrapped:
        setattr(one, name, counting(getattr(one, name), name))
    try:
        yield found
    finally:
        for one, name in wrapped:
            delattr(one, name)


def write(loader: Loader, project: UUID, messages: list[Message]) -> None:
    arrival = Arrival(now(), project.bytes, "", Location(), "", "", False, None, messages)
    loader._log.write([msgspec.msgpack.encode(arrival)], len(messages))


class Died(BaseException):
    """Nothing catches it."""


def right(loaded: Loaded, project: UUID, visitors: int) -> None:
    """Everything that is derived from events is what the events and the rules say."""
    agree(loaded, project, 7 * visitors)
    assert loaded.rows(project, SESSIONS) == [{"shape": SHAPE, "n": visitors}]
    assert loaded.rows(project, PERSONS) == [{"people": [["0", "20", "40", "42"], ["45", "50", "60"]], "n": visitors}]
    for table, column, source in (
        ("activity", "events", "events"),
        ("person_hours", "events", "events"),
        ("session_hours", "sessions", "sessions FINAL"),
        ("customers", "sessions", "sessions FINAL"),
    ):
        kept = (
            f"SELECT identity, sum({column}) AS n FROM {table} WHERE project_id = {{p:UUID}} GROUP BY 1 HAVING n != 0"
        )
        now = f"SELECT identity, toInt64(count()) AS n FROM {source} WHERE project_id = {{p:UUID}} GROUP BY 1"
        assert loaded.rows(project, f"{kept} ORDER BY 1") == loaded.rows(project, f"{now} ORDER BY 1"), table
    by_name = "WHERE project_id = {p:UUID} GROUP BY identity, timestamp, name HAVING n != 0 ORDER BY ALL"
    counted = f"SELECT identity, timestamp, name, sum(actions) AS n FROM actions {by_name}"
    happened = f"SELECT identity, timestamp, name, toInt64(countIf(type IN ('page', 'screen', 'track'))) AS n FROM events {by_name}"
    assert loaded.rows(project, counted) == loaded.rows(project, happened)
    assert loaded.rows(project, ORDERS) == [{"n": visitors, "own": visitors}]
    assert wrong_totals(loaded.store, project) == 0
    assert loaded.rows(project, CLAIMS) == [{"n": visitors, "own": visitors}]


SHAPE = [{"1": 0, "2": 42, "3": 4}, {"1": 45, "2": 60, "3": 3}]
SAID = "splitByChar(' ', message_id)"
SESSIONS = f"""
SELECT shape, count() AS n FROM
(
    SELECT visitor_id, arraySort(groupArray((low, high, n))) AS shape FROM
    (
        SELECT any(visitor_id) AS visitor_id, min(toUInt32({SAID}[2])) AS low, max(toUInt32({SAID}[2])) AS high,
            count() AS n
        FROM events WHERE project_id = {{p:UUID}} GROUP BY session_id
    )
    GROUP BY visitor_id
)
GROUP BY shape
"""
PERSONS = f"""
SELECT people, count() AS n FROM
(
    SELECT visitor_id, arraySort(groupArray(minutes)) AS people FROM
    (
        SELECT any(visitor_id) AS visitor_id, arraySort(groupArray({SAID}[2])) AS minutes
        FROM events WHERE project_id = {{p:UUID}} GROUP BY identity + dictGet('persons', 'delta', identity)
    )
    GROUP BY visitor_id
)
GROUP BY people
"""
ORDERS = """
SELECT count() AS n, countIf(o.identity = e.identity) AS own
FROM (SELECT * FROM orders FINAL WHERE project_id = {p:UUID} AND NOT gone) AS o
INNER JOIN (SELECT * FROM events WHERE project_id = {p:UUID} AND name = 'Order Completed') AS e
ON o.visitor_id = e.visitor_id
"""
CLAIMS = """
SELECT count() AS n, countIf(c.identity = e.identity) AS own
FROM (SELECT DISTINCT identity, visitor_id FROM claims WHERE project_id = {p:UUID}) AS c
INNER JOIN (SELECT * FROM events WHERE project_id = {p:UUID} AND name = 'Order Completed') AS e
ON c.visitor_id = e.visitor_id
"""


def test_the_statements_of_a_batch_do_not_depend_on_how_many_visitors_are_late(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded.loader, "_checkpoint_seconds", 3600)  # they come when time has passed
    loaded.load(new_id(), [happened(0, 0, "Signed Out")])  # from the first one on, visitors are looked up
    statements: list[int] = []
    lists: list[int] = []
    for visitors in (1, 10, 500):
        project = new_id()
        loaded.load(project, [one for visitor in range(visitors) for one in in_time(visitor)])
        with counted(loaded.store) as found:
            loaded.load(project, [one for visitor in range(visitors) for one in late(visitor)])
        lists.append(found.count("insert lists"))
        statements.append(len(found) - lists[-1])
        loaded.store.persons.refresh()
        right(loaded, project, visitors)
    # A checkpoint or a look-up more may fall into one; with each visitor, or each session, they would be hundreds.
    assert max(statements) <= min(statements) + 4, statements
    # Short lists are values of their statements; a long one is written before, by one statement.
    assert lists[:2] == [0, 0] and 0 < lists[2] <= 10, lists


@pytest.fixture
def as_of_a_server(loaded: Loaded) -> Iterator[Callable[[Path], Loader]]:
    """Makes loaders that take the store for a server, whose files are its own: they repeat what they had prepared."""
    logs: list[LocalLog] = []

    def make(directory: Path) -> Loader:
        for log in logs:
            log.close()
        is_new = not directory.exists()
        logs[:] = [LocalLog(directory / "log")]
        if is_new:  # offsets that no other log of this store has: the engine knows blocks by them
            logs[0].skip_to(now() * 1000)
        return Loader(logs[0], loaded.store, directory / "loader")

    yield make
    for log in logs:
        log.close()
    loaded.crash()  # back to what its own loader knows


def test_a_death_among_the_statements_of_late_events_changes_nothing_on_a_server(
    loaded: Loaded, as_of_a_server: Callable[[Path], Loader], tmp_path: Path
) -> None:
    for dies_at in range(0, 100, 5 - cases(1)):  # all with --thorough
        project = new_id()
        directory = tmp_path / str(dies_at)
        loader = as_of_a_server(directory)
        write(loader, project, [one for visitor in range(2) for one in in_time(visitor)])
        loader.drain()
        write(loader, project, [one for visitor in range(2) for one in late(visitor)])
        with counted(loaded.store, "apply", dies_at) as found:
            try:
                loader.drain()
            except Died:
                loader = as_of_a_server(directory)
                loader.drain()
        loaded.store.persons.stale()
        loaded.store.persons.refresh()
        right(loaded, project, 2)
        if len(found) <= dies_at:
            break  # it was done before
    assert dies_at > 15


@pytest.mark.parametrize("dies_at", [also(1), also(5), 9, also(11), 13, also(17)])
def test_a_death_among_the_statements_of_late_events_changes_nothing(
    loaded: Loaded, project: UUID, dies_at: int
) -> None:
    loaded.load(project, [one for visitor in range(3) for one in in_time(visitor)])
    loaded.append(project, [one for visitor in range(3) for one in late(visitor)])
    with counted(loaded.store, "apply", dies_at), pytest.raises(Died):
        loaded.loader.drain()
    loaded.crash()
    loaded.loader.drain()
    loaded.store.persons.stale()
    loaded.store.persons.refresh()
    right(loaded, project, 3)


def test_updates_are_written_into_their_parts_when_they_are_settled(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, in_time(1))
    loaded.load(project, late(1))
    assert "events" in settle(loaded.store)
    undone = "SELECT count() AS n FROM system.mutations WHERE NOT is_done AND database = currentDatabase()"
    while loaded.store.ask(undone)["n"][0].as_py():
        time.sleep(0.05)
    loaded.store.persons.refresh()
    right(loaded, project, 1)
    without = loaded.store.ask(
        "SELECT uniqExact(session_id) AS n FROM events WHERE project_id = {p:UUID}",
        {"p": project},
        "apply_patch_parts = 0",
    )
    assert without["n"][0].as_py() == 2


@pytest.mark.timeout(300)
def test_a_server_that_is_storing_late_events_ends_soon_and_has_all_of_them_after_a_restart(new_server: Any) -> None:
    server = new_server().start()
    visitors = range(1000)
    for messages in (in_time, late):
        every = [
            {
                "type": one.type, "event": one.event, "messageId": one.message_id, "anonymousId": one.anonymous_id,
                "userId": one.user_id, "timestamp": one.timestamp, "properties": one.properties,
            }
            for visitor in visitors
            for one in messages(visitor)
        ]  # fmt: skip
        for start in range(0, len(every), 500):
            server.post("batch", {"batch": every[start : start + 500]})
        if messages is in_time:
            server.stored()
    began = time.monotonic()
    server.stop(signal.SIGTERM)
    took = time.monotonic() - began
    print(f"ended {took:.1f} s after SIGTERM")
    assert took < 20
    server.start()
    server.stored()
    (found,) = server.sql(
        "SELECT count() AS n, uniqExact(message_id) AS ids, uniqExact(session_id) AS visits FROM events"
    )
    assert found == {"n": 7 * len(visitors), "ids": 7 * len(visitors), "visits": 2 * len(visitors)}
