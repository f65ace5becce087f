"""Replicas: the form of their tables, and a client that asks the next one when one does not answer.

The engine that runs in these tests has no Keeper, so nothing is replicated here: the servers are asked for what each has.
"""

import contextlib
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from clickhouse import ADMIN, ClickHouse

from conftest import eventually
from trackway.server_address import all_shards_of, database_of, hosts_of, servers_of, shards_of, user_of
from trackway.store.connection import Store
from trackway.store.migration import replicated
from trackway.store.refusals import StoreBusy, StoreUnavailable

ADDRESS = "clickhouse://u%40x:p%3Aw@a1:8123,a2:8123;b1:8123,b2:8123/tracking?secure=true&cluster=main"


def test_an_address_of_shards_and_replicas_is_taken_apart() -> None:
    assert hosts_of(ADDRESS) == [["a1:8123", "a2:8123"], ["b1:8123", "b2:8123"]]
    assert (user_of(ADDRESS), database_of(ADDRESS)) == (("u@x", "p:w"), "tracking")
    of_first, of_second = shards_of(ADDRESS)
    assert of_first == "clickhouse://u%40x:p%3Aw@a1:8123,a2:8123/tracking?secure=true"
    assert servers_of(of_second) == [
        "clickhouse://u%40x:p%3Aw@b1:8123/tracking?secure=true",
        "clickhouse://u%40x:p%3Aw@b2:8123/tracking?secure=true",
    ]
    assert all_shards_of(ADDRESS).endswith("@a1:8123,a2:8123,b1:8123,b2:8123/tracking_all?secure=true")


def test_every_table_of_replicas_names_its_shard_and_its_replica() -> None:
    for script in sorted(files("trackway.store").joinpath("schema").iterdir(), key=lambda found: found.name):
        text = script.read_text() if script.name.endswith(".sql") else ""
        for statement in re.findall(r"^CREATE TABLE .*?;$", text, re.MULTILINE | re.DOTALL):
            name = re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", statement)[0]
            engine, arguments = re.findall(r"^ENGINE = (\w+)(?:\((.*)\))?", statement, re.MULTILINE)[0]
            changed = replicated(statement, "tracking")
            if engine == "Join":
                assert changed == statement, "a table in memory is each server's own"
                continue
            place = f"'/clickhouse/tables/{{shard}}/tracking/{name}', '{{replica}}'"
            expected = f"ENGINE = Replicated{engine}({place}{', ' if arguments else ''}{arguments})"
            assert expected in changed.splitlines() or expected + ";" in changed.splitlines()
            assert changed.replace(expected, "") == re.sub(r"^ENGINE = \w+(\(.*\))?", "", statement, flags=re.MULTILINE)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[ClickHouse]]:
    servers = [ClickHouse(tmp_path / name).start() for name in ("one", "other")]
    yield servers
    for server in servers:
        server.remove()


def test_the_next_replica_is_asked_when_one_does_not_answer(pair: list[ClickHouse]) -> None:
    hosts = ",".join(f"127.0.0.1:{server.http}" for server in pair)
    address = f"clickhouse://admin:{ADMIN.replace(' ', '%20')}@{hosts}/default"
    name = "SELECT name FROM system.tables WHERE database = 'default'"
    for server, number in zip(pair, (1, 2), strict=True):
        server.ask(f"CREATE TABLE number_{number} (n UInt8) ENGINE = Null")
    pair[0].stop()
    with contextlib.closing(Store(address, clients=2)) as store:
        assert store.ask(name).to_pylist() == [{"name": "number_2"}], "at the start"
        pair[0].start()
        assert store.ask(name).to_pylist() == [{"name": "number_2"}], "no reason to change"
        pair[1].stop()

        def asked() -> list[dict[str, str]]:
            try:
                return store.ask(name).to_pylist()
            except StoreBusy:  # this one found out
                return []

        eventually(lambda: asked() == [{"name": "number_1"}])
        pair[0].stop()
        with pytest.raises(StoreBusy):
            store.ask(name)
        pair[1].start()
        eventually(lambda: asked() == [{"name": "number_2"}])
    for server in pair:
        server.stop()
    with pytest.raises(StoreUnavailable):
        Store(address, clients=1)
