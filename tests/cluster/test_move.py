"""`trackway store move`: a store of the engine process becomes one of a ClickHouse server, while messages come in."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from clickhouse import ClickHouse, Shards
from site_store import answers, batch, fill, seen, visit
from test_server import OnServer, clickhouse

import processes
from conftest import SECRET_KEY, Server, cases, eventually

sys.path.append(str(Path(__file__).parents[1] / "faults"))
from disk import Disk, NoDisk

from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.recovery import open_log
from trackway.store.unmoved import hold

MOVE = """
import sys
from trackway.cli.commands import main
from trackway.store import moving
moving._PIECE_ROWS = 200  # several pieces of a part
"""
DIES = """
import itertools, os
from trackway.store.connection import Store
last, when = int(sys.argv.pop(1)), sys.argv.pop(1)
count = itertools.count(1)
def dying(method):
    def call(self, *arguments, **options):
        ends = self.directory is None and next(count) == last
        if ends and when == "before":
            os._exit(9)
        answer = method(self, *arguments, **options)
        if ends:
            os._exit(9)
        return answer
    return call
for name in ("command", "insert_rows"):
    setattr(Store, name, dying(getattr(Store, name)))
"""
"""Ends the command before or after one of its changes of the server."""
TOTALS = """
SELECT
    (SELECT count() FROM events) AS events,
    (SELECT uniqExact(message_id) FROM events) AS ids,
    (SELECT sum(events) FROM event_counts) AS counted,
    (SELECT sum(events) FROM visitors) AS of_visitors,
    (SELECT sum(events) FROM activity) AS active,
    (SELECT sum(events) FROM sessions FINAL) AS in_sessions
"""


__all__ = ["clickhouse"]


class Before(NamedTuple):
    """A data directory of the engine process, the answers to all questions about it, and a second project in it."""

    data: Path
    answers: dict[str, Any]
    dead_letters: int
    second_key: str


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Before:
    return made_before(tmp_path_factory.mktemp("local") / "data", fill)


def made_before(data: Path, fill: Callable[[Server], None]) -> Before:
    """A data directory that `fill` has filled, with a second project in it; its server was killed."""
    local = Server(data).start()
    try:
        fill(local)
        dead = local.stored()["dead_letters"]
        found = answers(local)
    finally:
        local.stop()
    added = processes.run(
        ["-m", "trackway", "project", "add", "Second", "--data", str(local.data), "--json"], env=local.environment
    )
    key = json.loads(added.stdout)[0]["write_key"]
    local.start()
    batch(local, [*seen(0, 500), *visit(0)], key)
    local.stored()
    local.stop(signal.SIGKILL)
    return Before(local.data, found, dead, key)


class Moving(OnServer):
    """A copy of a data directory, and a database of its own that it is moved to."""

    def __init__(self, before: Before, folder: Path, clickhouse: ClickHouse) -> None:
        shutil.copytree(before.data, folder / "data", symlinks=True)
        super().__init__(folder / "data", clickhouse, f"m{secrets.token_hex(4)}")

    def begin(self, program: str = MOVE, *arguments: str) -> processes.Process:
        """Start the command."""
        with (self.data.parent / "move.out").open("wb") as out:
            options = [*arguments, "store", "move", "--data", str(self.data), "--json"]
            return processes.start(["-c", f"{program}main()", *options], env=self.environment, stdout=out, stderr=out)

    def move(self, program: str = MOVE, *arguments: str) -> tuple[int, str]:
        """The command's status and what it said."""
        status = self.begin(program, *arguments).wait(300)
        return status, (self.data.parent / "move.out").read_text()

    def totals(self) -> dict[str, int]:
        text = self.clickhouse.ask(f"{TOTALS.replace('FROM ', f'FROM {self.database}.')} FORMAT JSONEachRow")
        return {name: int(value) for name, value in json.loads(text).items()}

    def local(self) -> Server:
        """The server of the same directory without TRACKWAY_STORE."""
        return Server(self.data)


@pytest.fixture
def moving(before: Before, tmp_path: Path, clickhouse: ClickHouse) -> Iterator[Moving]:
    made = Moving(before, tmp_path, clickhouse)
    made.create_users()
    yield made
    if made.process is not None:
        made.stop(signal.SIGKILL)
    clickhouse.ask(f"DROP DATABASE IF EXISTS {made.database}")


def move_under_kills(
    moving: Moving, before: Before, clickhouse: ClickHouse | Shards, kills: list[int], restarts: int
) -> tuple[int, int]:
    """Move while messages come in; kill the command and restart the servers at random. Return the numbers of events
    `Seen` and of pages that were sent.

    Args:
        kills: the longest time, in seconds, after which each command is killed.
        restarts: how often the servers are killed under the last command.
    """
    chance = random.Random(seed := secrets.randbits(32))
    print(f"seed {seed}")
    moving.start()
    stopping, sent, pages = threading.Event(), 500, 1

    def collect() -> None:
        nonlocal sent, pages
        while not stopping.is_set():
            batch(moving, [*seen(sent - 20, 40), *visit(pages)], before.second_key)  # half of them again
            sent, pages = sent + 20, pages + 1
            time.sleep(0.05)

    sender = threading.Thread(target=collect)
    sender.start()
    killed = 0
    try:
        for longest in kills:
            command = moving.begin()
            time.sleep(chance.uniform(0.3, longest))
            killed += command.poll() is None
            command.kill()
            command.wait(30)
            if not (moving.data / "store").exists():
                break
        command = moving.begin()
        for _ in range(restarts):
            time.sleep(chance.uniform(0.5, 2))
            clickhouse.stop()
            time.sleep(0.5)
            clickhouse.start()
        status = command.wait(300)
        said = (moving.data.parent / "move.out").read_text()
        assert status == 0 or "there is no store" in said, said
        eventually(lambda: moving.http.get("/readyz").status_code == 200)
    finally:
        stopping.set()
        sender.join()
    assert killed, "nothing was killed"
    return sent, pages


def test_a_store_is_moved_while_messages_come_in(before: Before, moving: Moving, clickhouse: ClickHouse) -> None:
    """The command and the server are killed at random; every answer stays, and nothing is lost or doubled."""
    sent, pages = move_under_kills(moving, before, clickhouse, [1, 3, 5] * cases(1), 2)
    assert moving.stored()["dead_letters"] == 2
    assert answers(moving) == before.answers
    own = f"FROM {moving.database}.{{}} WHERE project_id IN (SELECT project_id FROM {moving.database}.events WHERE name = 'Seen')"
    assert (
        clickhouse.ask(f"SELECT count(), uniqExact(message_id) {own.format('events')}").split()
        == [str(sent + pages)] * 2
    )
    sessions = own.format("sessions FINAL") + " AND visitor_id = 'reader'"
    assert clickhouse.ask(f"SELECT count(), sum(page_views) {sessions}").split() == ["1", str(pages)]
    totals = moving.totals()
    assert len(set(totals.values())) == 1, totals
    assert clickhouse.ask(f"SHOW TABLES FROM {moving.database} LIKE 'moving_%'") == ""


def move_in_pieces(moving: Moving, chance: random.Random, lasts: list[int]) -> None:
    """Move with commands that end at the changes with these numbers, one after the other, and then to the end."""
    died = 0
    for last in lasts:
        status, said = moving.move(MOVE + DIES, str(last), chance.choice(["before", "after"]))
        assert status in (0, 9), said
        died += status == 9
        if status == 0:
            break
    else:
        status, said = moving.move()
    assert status == 0, said
    assert died > 3, "it hardly died"


@pytest.mark.thorough
def test_a_move_that_ends_at_any_of_its_changes_goes_on(before: Before, moving: Moving) -> None:
    chance = random.Random(seed := secrets.randbits(32))
    print(f"seed {seed}")
    while_creating = [chance.randint(30, 150) for _ in range(3)]
    move_in_pieces(moving, chance, [*while_creating, 250, *(chance.randint(32, 200) for _ in range(cases(10)))])
    moving.start()
    moving.stored()
    assert answers(moving) == before.answers
    totals = moving.totals()
    assert len(set(totals.values())) == 1, totals


def test_until_it_is_moved_the_server_collects_and_says_so(before: Before, moving: Moving) -> None:
    moving.start()
    assert moving.post("track", {"event": "Early", "anonymousId": "v"}).status_code == 202
    status = moving.http.get("/readyz")
    assert status.status_code == 503 and "`trackway store move`" in status.json()["trouble"]
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    project = moving.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
    for path, body in (("ask", {"question": "overview", "period": "7d"}), ("query", {"sql": "SELECT 1 AS one"})):
        asked = moving.http.post(f"/api/v1/projects/{project}/{path}", json=body, headers=headers)
        assert asked.status_code == 503 and asked.headers["retry-after"], asked.text
        assert "`trackway store move`" in asked.json()["detail"] and str(moving.data) not in asked.text
    viewed = moving.post("entities/concert/c2/view", {"session_id": "s", "anonymous_id": "v"})
    assert viewed.status_code == 200, viewed.text
    assert "has not been moved" in moving.command("store", "check").stdout
    doctor = moving.command("doctor")
    assert doctor.returncode == 1 and "has not been moved" in doctor.stdout
    asked = moving.command("query", "SELECT 1")
    assert asked.returncode == 1 and "has not been moved" in asked.stderr
    moving.stop()
    moving.start()
    assert moving.move()[0] == 0
    moving.stored()
    assert moving.sql("SELECT count() AS n FROM events WHERE name = 'Early'") == [{"n": 1}]
    assert moving.sql("SELECT count() AS n FROM events WHERE entity_id = 'c2' AND name = 'view'") == [{"n": 1}]
    again = moving.move()
    assert again[0] == 1 and "store.moved-" in again[1]


@pytest.mark.thorough
def test_the_way_back(before: Before, moving: Moving) -> None:
    assert moving.move()[0] == 0
    [kept] = moving.data.glob("store.moved-*")
    kept.rename(moving.data / "store")
    (moving.data / "store" / "checkpoint").replace(moving.data / "loader" / "checkpoint")
    back = moving.local().start()
    try:
        back.stored()
        assert answers(back) == before.answers
    finally:
        back.stop()


@pytest.mark.thorough
def test_a_store_that_was_used_again_meanwhile_is_copied_anew(before: Before, moving: Moving) -> None:
    assert moving.move(MOVE + DIES, "150", "after")[0] == 9
    again = moving.local().start()
    try:
        batch(again, seen(0, 700), before.second_key)  # 500 of them are there
        again.stored()
        refused = moving.move()
        assert refused[0] == 1 and "a server that uses the store" in refused[1]
    finally:
        again.stop()
    assert moving.move(MOVE + DIES, "400", "before")[0] == 9
    assert moving.move()[0] == 0
    moving.start()
    assert answers(moving) == before.answers
    assert moving.clickhouse.ask(f"SELECT count() FROM {moving.database}.events WHERE name = 'Seen'") == "700\n"
    totals = moving.totals()
    assert len(set(totals.values())) == 1, totals


@pytest.mark.thorough
@pytest.mark.parametrize("last", [150, 330])
def test_a_database_that_was_created_again_is_filled_from_the_beginning(moving: Moving, last: int) -> None:
    assert moving.command("store", "migrate").returncode == 0
    assert moving.move(MOVE + DIES, str(last), "after")[0] == 9
    moving.clickhouse.ask(f"DROP DATABASE {moving.database}")
    moving.clickhouse.ask(f"CREATE DATABASE {moving.database}")
    status, said = moving.move()
    assert status == 0, said
    totals = moving.totals()
    assert len(set(totals.values())) == 1, totals


@pytest.mark.thorough
def test_what_cannot_be_moved_is_refused_in_a_sentence(before: Before, moving: Moving, clickhouse: ClickHouse) -> None:
    def refused(sentence: str) -> None:
        status, said = moving.move()
        assert status == 1 and sentence in said and "Traceback" not in said, said
        assert (moving.data / "store").exists()

    name = f"writer_{moving.database}"
    password, rights = clickhouse.users[name]
    clickhouse.users[name] = (password, [right for right in rights if "KILL QUERY" not in right])
    clickhouse.restart()
    refused("lacks rights: KILL QUERY ON *.*")
    clickhouse.users[name] = (password, rights)
    clickhouse.restart()
    assert moving.command("store", "migrate").returncode == 0
    clickhouse.ask(f"INSERT INTO {moving.database}.migrations (name) VALUES ('9999_later.sql')")
    refused("of a newer version of Trackway (9999_later.sql)")
    clickhouse.ask(
        f"ALTER TABLE {moving.database}.migrations DELETE WHERE name = '9999_later.sql' SETTINGS mutations_sync = 1"
    )
    clickhouse.ask(f"INSERT INTO {moving.database}.rates (project_id, currency) VALUES (generateUUIDv4(), 'EUR')")
    refused("is not empty (1 rows in rates)")
    clickhouse.ask(f"TRUNCATE TABLE {moving.database}.rates")
    local = moving.local().start()
    try:
        refused("a server that uses the store")
    finally:
        local.stop()
    with contextlib.closing(hold(moving.data, "lock")):
        refused("another process is moving the store")
        started = processes.run(["-m", "trackway", "serve", "--data", str(moving.data)], env=moving.local().environment)
        assert started.returncode == 1 and "is copying the store" in started.stderr, started.stderr
    clickhouse.stop()
    refused("does not answer")
    clickhouse.start()
    status, said = moving.move()
    assert status == 0, said


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("INSERT INTO migrations (name) VALUES ('9999_later.sql')", "of a newer version of Trackway (9999_later.sql)"),
        (
            "ALTER TABLE migrations DELETE WHERE name = '0016_refused_lines.sql' SETTINGS mutations_sync = 1",
            "of an older version",
        ),
    ],
)
def test_a_store_of_another_version_is_refused(moving: Moving, change: str, said: str) -> None:
    local = moving.data / "store"
    log, _ = open_log(moving.data, local)
    with contextlib.closing(log), contextlib.closing(Store(f"local://{local}", clients=1)) as store:
        loader = Loader(log, store, moving.data / "loader", local=local)
        store.command(change)
        loader.checkpoint()
    status, printed = moving.move()
    assert status == 1 and said in printed, printed


@pytest.mark.thorough
def test_a_full_disk_of_the_server_is_told_and_the_move_goes_on(before: Before, tmp_path: Path) -> None:
    try:
        disk = Disk()
    except NoDisk as error:
        pytest.skip(f"a disk of its own cannot be had: {error}")
    with disk:
        clickhouse = ClickHouse(disk.path / "clickhouse").start()
        try:
            moving = Moving(before, tmp_path, clickhouse)
            moving.create_users()
            assert moving.command("store", "migrate").returncode == 0
            disk.fill(left=300_000)
            status, said = moving.move()
            assert (
                status == 1 and "the server's disk is full (" in said and "http://" not in said.split("trackway: ")[1]
            ), said
            disk.free()
            status, said = moving.move()
            assert status == 0, said
            assert len(set(moving.totals().values())) == 1
        finally:
            clickhouse.remove()
