"""`trackway store move` to a cluster of shards: what holds on a server holds there, and each row is on its shard."""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse import Shards
from site_store import answers, batch, fill, seen
from test_move import DIES, MOVE, TOTALS, Before, Moving, made_before, move_in_pieces, move_under_kills

from conftest import Server, also, cases
from trackway.statements import Statements
from trackway.store.cluster import MOVED_BY
from trackway.store.connection import Store
from trackway.store.derived_tables import disagreements
from trackway.store.loader import Loader
from trackway.store.recount import differences, purge_views, recount, refresh
from trackway.store.recovery import open_log


def fill_a_little(server: Server) -> None:
    """Some visitors of each kind: with sessions, orders, users and entities, and two who are one person."""
    people = [f"visitor-{n}" for n in range(60)]
    batch(server, [{"type": "page", "anonymousId": one, "messageId": f"{one}-page"} for one in people])
    batch(
        server, [{"type": "identify", "anonymousId": one, "userId": f"u{n // 2}"} for n, one in enumerate(people[:30])]
    )
    batch(server, [{"type": "track", "event": "Order Completed", "userId": f"u{n}", "messageId": f"order-{n}",
                    "properties": {"orderId": f"o{n}", "total": n, "currency": "EUR"}} for n in range(15)])  # fmt: skip
    batch(server, [{"type": "alias", "previousId": "u1", "userId": "u2"}])
    for n in range(10):
        viewed = server.post(f"entities/concert/c{n % 3}/view", {"session_id": f"s{n}", "anonymous_id": people[n]})
        assert viewed.status_code == 200, viewed.text
    server.stored()


@pytest.fixture(scope="module")
def before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Before:
    return made_before(tmp_path_factory.mktemp("local") / "data", getattr(request, "param", fill_a_little))


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    running = Shards(tmp_path_factory.mktemp("clickhouse"), min(cases(1), 2) + 1).start()  # three with --thorough
    yield running
    running.remove()


class MovingToShards(Moving):
    """A copy of a data directory, and a database of each shard that it is moved to."""

    def totals(self) -> dict[str, int]:
        """The sums over all shards, as the first sees them."""
        text = self.clickhouse.servers[0].ask(f"{above(TOTALS, self.database)} FORMAT JSONEachRow")
        return {name: int(value) for name, value in json.loads(text).items()}

    def numbers(self, statement: str) -> list[list[int]]:
        """The numbers that each shard answers over its own rows."""
        answers = (one.ask(statement.replace("FROM ", f"FROM {self.database}.")) for one in self.clickhouse.servers)
        return [[int(number) for number in answer.split()] for answer in answers]


def above(statement: str, database: str) -> str:
    return statement.replace("FROM ", f"FROM {database}_all.")


@pytest.fixture
def moving(before: Before, tmp_path: Path, clickhouse: Shards) -> Iterator[MovingToShards]:
    made = MovingToShards(before, tmp_path, clickhouse)
    made.create_users()
    yield made
    if made.process is not None:
        made.stop(signal.SIGKILL)
    made.drop()


def refuse_wrong(before: Before, moving: MovingToShards) -> None:
    """Check that the moved store is right: every answer, every sum, every comparison, each row on its shard."""
    assert moving.stored()["dead_letters"] == before.dead_letters
    assert answers(moving) == before.answers
    totals = moving.totals()
    assert len(set(totals.values())) == 1, totals
    shards = len(moving.clickhouse.servers)
    counts = [number for [number] in moving.numbers("SELECT count() FROM events")]
    assert all(count > sum(counts) / shards / 2 for count in counts), counts
    for place, visitors in enumerate(moving.numbers(f"SELECT DISTINCT xxh3(visitor_id) % {shards} FROM events")):
        assert visitors == [place]
    for shard, name in ((place, name) for place in range(shards) for name in ("sessions", "visitors")):
        assert moving.numbers(f"SELECT DISTINCT xxh3(visitor_id) % {shards} FROM {name}")[shard] == [shard]
    tables = moving.clickhouse.servers[0].ask(
        f"SELECT name FROM system.tables WHERE database = '{moving.database}' AND engine LIKE '%MergeTree'"
    )
    assert set(tables.split()) == set(MOVED_BY) | {"migrations"}, "each has a rule"
    assert moving.clickhouse.ask(f"SHOW TABLES FROM {moving.database} LIKE 'moving_%'") == ""
    checked = moving.command("store", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("before", [fill_a_little, also(fill)], indirect=True)
def test_a_store_is_moved_to_shards_while_messages_come_in(
    before: Before, moving: MovingToShards, clickhouse: Shards
) -> None:
    """The command and the shards are killed at random; every answer stays, and nothing is lost or doubled."""
    sent, pages = move_under_kills(moving, before, clickhouse, [2, 5] * cases(1), cases(1))
    refuse_wrong(before, moving)
    own = f"FROM {moving.database}_all.{{}} WHERE project_id IN (SELECT project_id FROM {moving.database}_all.events WHERE name = 'Seen')"
    first = clickhouse.servers[0]
    allowed = "SETTINGS distributed_product_mode = 'global'"
    counted = first.ask(f"SELECT count(), uniqExact(message_id) {own.format('events')} {allowed}")
    assert counted.split() == [str(sent + pages)] * 2
    sessions = own.format("sessions FINAL") + f" AND visitor_id = 'reader' {allowed}"
    assert first.ask(f"SELECT count(), sum(page_views) {sessions}").split() == ["1", str(pages)]
    assert sum(n > 0 for [n] in moving.numbers("SELECT count() FROM sessions WHERE visitor_id = 'reader'")) == 1
    assert sum(n > 0 for [n] in moving.numbers("SELECT count() FROM events WHERE visitor_id = 'reader'")) == 1
    moving.stop()
    refuse_differences(moving)
    if cases(1) > 1:
        moving.start()
        refuse_wrong(before, moving)


def refuse_differences(moving: MovingToShards) -> None:
    """Check that no job finds a difference, neither in what was moved nor in what it counts anew."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    stretch = now - timedelta(days=60), now + timedelta(hours=2)
    with contextlib.closing(Store(moving.environment["TRACKWAY_STORE"])) as store:
        assert disagreements(store) == []
        projects = store.ask("SELECT DISTINCT project_id FROM events")["project_id"].to_pylist()
        assert len(projects) == 2
        for project in projects:
            assert differences(store, nullcontext(), project, *stretch) == []
            assert recount(store, nullcontext(), project, *stretch)["event_counts"] > 0
            refresh(store, nullcontext(), project)
            assert differences(store, nullcontext(), project, *stretch) == []
        assert disagreements(store) == []


@pytest.mark.thorough
def test_a_move_to_shards_that_ends_at_any_of_its_changes_goes_on(before: Before, moving: MovingToShards) -> None:
    chance = random.Random(seed := secrets.randbits(32))
    print(f"seed {seed}")
    lasts = [*(chance.randint(30, 400) for _ in range(3)), *(chance.randint(20, 250) for _ in range(cases(4)))]
    move_in_pieces(moving, chance, lasts)
    moving.start()
    refuse_wrong(before, moving)
    moving.stop()
    refuse_differences(moving)


@pytest.mark.thorough
def test_a_store_that_was_used_again_meanwhile_is_copied_to_shards_anew(before: Before, moving: MovingToShards) -> None:
    assert moving.move(MOVE + DIES, "700", "after")[0] == 9
    again = moving.local().start()
    try:
        batch(again, seen(0, 700), before.second_key)  # 500 of them are there
        again.stored()
    finally:
        again.stop()
    assert moving.move()[0] == 0
    moving.start()
    refuse_wrong(before, moving)
    assert sum(n for [n] in moving.numbers("SELECT count() FROM events WHERE name = 'Seen'")) == 700


@pytest.mark.thorough
def test_a_cluster_that_spreads_rows_otherwise_is_refused(moving: MovingToShards, clickhouse: Shards) -> None:
    def refused(sentence: str) -> None:
        status, said = moving.move()
        assert status == 1 and sentence in said and "Traceback" not in said, said
        assert (moving.data / "store").exists()

    usual = clickhouse.servers[0].cluster
    try:
        for one in clickhouse.servers:
            one.cluster = usual.replace("<shard>", "<shard><weight>2</weight>", 1)
        clickhouse.restart()
        refused("have other weights")
    finally:
        for one in clickhouse.servers:
            one.cluster = usual
        clickhouse.restart()
    addresses = {name: moving.environment[name] for name in ("TRACKWAY_STORE", "TRACKWAY_STORE_READER")}
    moving.environment |= {name: address.replace(";", ",", 1) for name, address in addresses.items()}
    refused("the settings name replicas")
    moving.environment |= addresses
    assert moving.move()[0] == 0


@pytest.mark.thorough
def test_purged_views_are_moved_once_they_are_deleted(moving: MovingToShards) -> None:
    local, later = moving.data / "store", datetime.now(UTC).replace(tzinfo=None) + timedelta(days=40)
    log, _ = open_log(moving.data, local)
    with contextlib.closing(log), contextlib.closing(Store(f"local://{local}", clients=2)) as store:
        loader = Loader(log, store, moving.data / "loader", local=local)
        [views] = store.ask(
            "SELECT any(project_id) AS project, any(toYYYYMM(timestamp)) AS month FROM events WHERE name = 'view'"
        ).to_pylist()
        store.command(Statements("trackway.store.recount")("archive_month"), views)
        loader.checkpoint()
    status, said = moving.move()
    assert status == 1 and "archived and not deleted yet" in said, said
    log, _ = open_log(moving.data, local)
    with contextlib.closing(log), contextlib.closing(Store(f"local://{local}", clients=2)) as store:
        loader = Loader(log, store, moving.data / "loader", local=local)
        assert purge_views(store, nullcontext(), views["project"], later, moving.data)
        loader.checkpoint()
    assert moving.move()[0] == 0
    with contextlib.closing(Store(moving.environment["TRACKWAY_STORE"])) as store:
        for _ in range(2):
            assert store.ask("SELECT sum(views) AS n FROM view_counts")["n"].to_pylist() == [10]
            assert differences(store, nullcontext(), views["project"], later, later) == []
            assert disagreements(store) == []
            refresh(store, nullcontext(), views["project"])
