"""`trackway serve` with a cluster of three shards as its store: what holds on a server holds there, too."""

import functools
import time
from collections.abc import Callable, Iterator

import pytest
from clickhouse import Shards
from test_server import (
    OnServer,
    running,
    send,
    server,
    test_a_changed_password_reaches_the_dictionaries,
    test_a_server_that_is_killed_and_comes_back_has_everything_once,
    test_every_question_is_answered_to_the_user_who_may_only_read,
    test_every_table_syncs_its_inserts,
    test_it_starts_stores_and_answers_with_the_rights_that_are_printed,
    test_large_batches_of_many_visitors_are_stored,
    test_questions_are_asked_as_the_user_who_may_only_read,
    test_the_doctor_checks_the_tables_with_the_rights_that_are_printed,
    test_trackway_that_is_killed_over_a_batch_stores_it_once,
    test_without_the_server_collecting_goes_on_and_questions_are_asked_later,
)

from conftest import SECRET_KEY
from trackway.store.cluster import COPIED, OWN, PLACED_BY


def thorough(test: Callable[..., None]) -> Callable[..., None]:
    """The same test again; the one of the other module has no mark by it."""

    @pytest.mark.thorough
    @functools.wraps(test)
    def again(*arguments: object, **named: object) -> None:
        test(*arguments, **named)

    return again


for slow in (
    test_a_server_that_is_killed_and_comes_back_has_everything_once,
    test_every_question_is_answered_to_the_user_who_may_only_read,
    test_every_table_syncs_its_inserts,
    test_a_changed_password_reaches_the_dictionaries,
    test_large_batches_of_many_visitors_are_stored,
    test_questions_are_asked_as_the_user_who_may_only_read,
    test_trackway_that_is_killed_over_a_batch_stores_it_once,
    test_without_the_server_collecting_goes_on_and_questions_are_asked_later,
):
    globals()[slow.__name__] = thorough(slow)

__all__ = [
    "running",
    "server",
    "test_it_starts_stores_and_answers_with_the_rights_that_are_printed",
    "test_the_doctor_checks_the_tables_with_the_rights_that_are_printed",
]


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    running = Shards(tmp_path_factory.mktemp("clickhouse")).start()
    yield running
    running.remove()


def test_each_row_is_on_one_shard_and_no_shard_has_most(running: OnServer, clickhouse: Shards) -> None:
    send(running, 2980, first=20)
    running.stored()
    counts = [
        int(one.ask(f"SELECT count() FROM {running.database}.events WHERE name = 'Seen'")) for one in clickhouse.servers
    ]
    assert sum(counts) == 3000 and all(800 < count < 1200 for count in counts)


def test_every_table_is_written_from_above_or_by_views_of_its_shard(running: OnServer, clickhouse: Shards) -> None:
    listed = clickhouse.servers[0].ask(
        f"SELECT name, engine FROM system.tables WHERE database = '{running.database}' ORDER BY name"
    )
    engines = dict(line.split("\t") for line in listed.splitlines())
    targets = {name.partition("_from_")[0] for name, engine in engines.items() if engine == "MaterializedView"}
    tables = {name for name, engine in engines.items() if engine.endswith("MergeTree") or engine == "Join"}
    assert tables == set(PLACED_BY) | COPIED | OWN | targets | {"view_archive"}


def test_without_a_shard_no_question_is_answered_by_the_others(server: OnServer, clickhouse: Shards) -> None:
    server.start()
    send(server, 300)
    server.stored()
    assert server.sql("SELECT count() AS n FROM events") == [{"n": 300}]
    for _ in clickhouse.servers:
        clickhouse.stop()
        with pytest.raises(AssertionError, match="the engine is busy"):
            server.sql("SELECT count() AS n FROM events")
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        project = server.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
        body = {"question": "trend", "period": "30d", "max_age_s": -1}
        asked = server.http.post(f"/api/v1/projects/{project}/ask", json=body, headers=headers)
        assert asked.status_code == 503 and asked.headers["retry-after"], asked.text
        clickhouse.start()
        assert server.sql("SELECT count() AS n FROM events") == [{"n": 300}]


def test_the_check_compares_the_address_with_the_servers_own_list(server: OnServer, clickhouse: Shards) -> None:
    found = server.command("store", "check")
    assert "3 shards" in found.stdout
    server.environment["TRACKWAY_STORE"] = server.environment["TRACKWAY_STORE"].replace("cluster=three", "cluster=four")
    server.environment["TRACKWAY_STORE_READER"] = server.environment["TRACKWAY_STORE_READER"].replace(
        "cluster=three", "cluster=four"
    )
    found = server.command("store", "check")
    assert found.returncode == 1 and "it knows no cluster four" in found.stdout + found.stderr


def test_a_server_that_is_named_twice_is_refused(server: OnServer, clickhouse: Shards) -> None:
    first, second, third = (f"127.0.0.1:{one.http}" for one in clickhouse.servers)
    for name in ("TRACKWAY_STORE", "TRACKWAY_STORE_READER"):
        server.environment[name] = server.environment[name].replace(third, second.replace("127.0.0.1", "localhost"))
    assert first in server.environment["TRACKWAY_STORE"]
    found = server.command("store", "check")
    assert found.returncode == 1 and "names this server twice" in found.stdout
    refused = server.command("store", "migrate")
    assert refused.returncode == 1 and "names this server twice" in refused.stderr


@pytest.mark.thorough
def test_servers_with_other_lists_are_refused(server: OnServer, clickhouse: Shards) -> None:
    last = clickhouse.servers[2]
    usual, ports = last.cluster, [one.tcp for one in clickhouse.servers]
    try:
        last.cluster = usual.replace(f"<port>{ports[0]}<", "<port>1<").replace(
            f"<port>{ports[1]}<", f"<port>{ports[0]}<"
        )
        last.cluster = last.cluster.replace("<port>1<", f"<port>{ports[1]}<")
        last.restart()
        refused = server.command("store", "migrate")
        assert refused.returncode == 1 and "is not the one of the other servers" in refused.stderr
    finally:
        last.cluster = usual
        last.restart()


@pytest.mark.thorough
def test_what_is_missing_above_is_created_again_and_nothing_else(server: OnServer, clickhouse: Shards) -> None:
    above = f"{server.database}_all"
    created = f"SELECT name, metadata_modification_time FROM system.tables WHERE database = '{above}' ORDER BY name"
    assert server.command("store", "migrate").returncode == 0
    before = clickhouse.servers[0].ask(created)
    time.sleep(1.1)
    assert server.command("store", "migrate").returncode == 0
    assert clickhouse.servers[0].ask(created) == before
    clickhouse.servers[0].ask(f"DROP VIEW {above}.order_totals_now")
    assert server.command("store", "migrate").returncode == 0
    now = clickhouse.servers[0].ask(created)
    assert now.split()[::3] == before.split()[::3], "the names"


def test_a_shard_cannot_join_others_that_have_rows(server: OnServer, clickhouse: Shards) -> None:
    assert server.command("store", "migrate").returncode == 0
    clickhouse.servers[2].ask(f"DROP DATABASE {server.database}")
    clickhouse.servers[2].ask(f"CREATE DATABASE {server.database}")
    clickhouse.servers[0].ask(f"INSERT INTO {server.database}.events (name) VALUES ('x')")
    refused = server.command("store", "migrate")
    assert refused.returncode == 1 and "another has rows already" in refused.stderr
