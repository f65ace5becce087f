"""Several loaders: each project has one, each message is stored once, and pages see all of it."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from loader_traffic import Sender, tables, traffic
from loaders import Site, events, send

import processes
from conftest import EMAIL, PASSWORD, WRITE_KEY, Loaded, Server, eventually
from engine_faults import BREAK, MEND
from kafka import Kafka
from trackway.config import Settings
from trackway.govern.database import GovernDatabase
from trackway.operate import several
from trackway.store.refusals import StoreUnavailable

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def site(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(kafka, tmp_path_factory.mktemp("site"), "several")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def distant(site: Site) -> Distant:
    """A project of loader 1."""
    project, write_key, secret_key = site.project("distant", 1)
    return Distant(site, project.id, write_key, {"authorization": f"Bearer {secret_key}"})


class Distant(NamedTuple):
    """A project whose loader is another process than the one that is asked."""

    site: Site
    id: str
    write_key: str
    headers: dict[str, str]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        url = f"/api/v1/projects/{self.id}/{path}"
        answer = self.site.main.http.request(method, url, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        return answer.json()

    def send(self, *names: str, event: str = "E") -> None:
        send(self.site.collector, self.write_key, [
            {"type": "track", "event": event, "messageId": name, "anonymousId": f"v-{name}"} for name in names
        ])  # fmt: skip

    def rows(self, condition: str = "true") -> int:
        return int(self.site.rows(f"SELECT count() FROM events WHERE project_id = '{self.id}' AND {condition}"))


def test_each_project_is_stored_by_its_loader(site: Site) -> None:
    keys = [WRITE_KEY, *(site.project(name)[1] for name in ("second", "third"))]
    projects = site.accounts().projects()
    assert [project.loader for project in projects] == [0, 1, 2]
    for server in (site.collector, site.main):
        for key in keys:
            send(server, key, [
                {"type": "track", "event": "E", "messageId": f"{server.port}-{n}", "anonymousId": f"v{n % 3}",
                 "userId": f"u{n % 2}"} for n in range(10)
            ])  # fmt: skip
    site.stored()
    assert [events(site, project) for project in projects] == [20, 20, 20]
    forgetting = "SELECT count() FROM system.tables WHERE database = 'tracking' AND engine_full LIKE '%window = 1000%'"
    assert site.rows(forgetting) == "0", "each table remembers more blocks than one loader needs"
    numbered = "SELECT token, any(number) AS number FROM identities GROUP BY token"
    assert site.rows(f"SELECT count() = uniqExact(number) FROM ({numbered})") == "1"


def test_an_answer_that_is_kept_changes_when_another_process_has_stored_something(distant: Distant) -> None:
    def total() -> float:
        answer = distant.call("POST", "ask", {"question": "trend", "period": "today", "series": [{"event": "Watched"}]})
        return float(sum(sum(series["points"]) for series in answer["data"]["series"]))

    assert total() == total() == 0
    for count in (1, 2):
        distant.send(f"watched-{count}", event="Watched")
        eventually(lambda count=count: total() == count)


def test_views_are_counted_and_recounted_for_a_project_of_another_process(distant: Distant) -> None:
    for session in ("s1", "s2", "s1"):
        answer = distant.site.main.http.post(
            "/v1/entities/song/a/view", json={"session_id": session}, auth=(distant.write_key, "")
        )
        assert answer.status_code == 200, answer.text
    recounted = distant.call("POST", "refresh", {})
    assert recounted == {"rows": {"view_counts": 1}, "differed": {}}
    assert distant.rows("entity_type = 'song'") == 2


def test_a_session_of_another_process_is_ended_by_its_id(distant: Distant) -> None:
    distant.send("ending")
    answer = distant.site.main.http.post(
        "/v1/sessions/end", json={"session_id": "x-1", "anonymous_id": "v-ending"}, auth=(distant.write_key, "")
    )
    assert answer.status_code == 202, answer.text


def test_a_dead_letter_of_another_process_is_replayed_from_the_page(distant: Distant) -> None:
    for statement in BREAK:
        distant.site.rows(statement)
    try:
        distant.send("bad", event="Poison it")
        eventually(lambda: distant.call("GET", "dead-letters")["count"] == 1)
        eventually(lambda: distant.site.main.http.get("/readyz").json()["dead_letters"] == 1)
    finally:
        for statement in MEND:
            distant.site.rows(statement)
    answer = distant.call("POST", "dead-letters/replay", {"letters": [{"message_id": "bad"}]})
    assert (answer["replayed"], answer["count"]) == (1, 0)
    eventually(lambda: distant.rows("message_id = 'bad'") == 1)
    assert distant.site.stored()["dead_letters"] == 0


def test_a_job_runs_once_for_all_projects(site: Site, distant: Distant) -> None:
    distant.send("for-the-job")
    site.stored()
    site.rows(
        f"INSERT INTO event_counts (project_id, hour, name, events) SELECT '{distant.id}', toStartOfHour(now()), 'Ghost', 5"
    )
    with httpx.Client(base_url=site.main.url, timeout=60) as admin:
        me = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        path = "/api/v1/jobs/refresh-views"
        eventually(lambda: admin.post(f"{path}/run", headers={"x-csrf-token": me["csrf"]}).status_code == 202)

        def by_hand() -> list[dict[str, Any]]:  # its schedule may run it too
            return [one for one in admin.get(f"{path}/runs").json() if one["by"] == EMAIL and one["ended_at"]]

        eventually(by_hand)
        assert [one["status"] for one in by_hand()] == ["done"]


def test_a_loader_stores_nothing_while_another_process_has_its_lock(site: Site, distant: Distant) -> None:
    accounts = site.accounts()
    lock = accounts.loaders.lock(1)
    lock.acquire()
    distant.send("locked-out")
    other = site.project("unlocked", 2)
    send(site.collector, other[1], [{"type": "track", "event": "E", "messageId": "free", "anonymousId": "v"}])
    eventually(lambda: events(site, other[0]) == 1)
    assert distant.rows("message_id = 'locked-out'") == 0
    lock.release()
    accounts.close()
    eventually(lambda: distant.rows("message_id = 'locked-out'") == 1)


def test_a_second_process_with_a_number_is_refused(site: Site) -> None:
    twin = site.loader(1)
    twin.data = site.folder / "twin"
    with pytest.raises(
        AssertionError,
        match=r"another\s+loader\s+\(on\s(.|\n)*the\s+number\s+of\s+a\s+loader\s+that\s+no\s+other\s+has",
    ):
        twin.start()


def test_who_names_fewer_loaders_than_there_are_refuses_their_projects(site: Site, distant: Distant) -> None:
    fewer = {**site.settings, "log": site.settings["log"].partition("?")[0]}
    collector = Server(site.folder / "fewer", fresh=True, role="collector", **fewer).start()
    try:
        message = {"type": "track", "event": "E", "anonymousId": "v"}
        assert collector.http.post("/v1/track", json=message, auth=(WRITE_KEY, "")).status_code == 202
        refused = collector.http.post("/v1/track", json=message, auth=(distant.write_key, ""))
        assert refused.status_code == 503
        assert "does not name the loader of the project" in refused.text
    finally:
        collector.stop()


def empty(folder: Path) -> Path:
    (folder / "empty.ndjson").touch()
    return folder / "empty.ndjson"


def trouble(server: Server) -> str:
    return str(server.http.get("/readyz").json()["trouble"])


def test_tables_stay_as_they_are_while_the_store_has_a_part_of_another_loaders_batch(
    kafka: Kafka, tmp_path: Path
) -> None:
    kafka.topic("part-of-a-batch-1")
    settings = Settings(log=kafka.topic("part-of-a-batch") + "?loaders=2")
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'accounts.db'}")
    loaded = Loaded(tmp_path / "loaded")
    last = "SELECT max(name) FROM migrations"
    loaded.store.command(f"ALTER TABLE migrations DELETE WHERE name = ({last}) SETTINGS mutations_sync = 1")
    try:
        several.refuse_running(settings, loaded.store, accounts.loaders)  # everything is stored
        accounts.loaders.began(1, "start")
        accounts.loaders.begin_batch(1, 4)  # and the loader is killed
        with pytest.raises(
            StoreUnavailable, match="a batch of loader 1 is stored in part; start that one with the ver"
        ):
            several.refuse_running(settings, loaded.store, accounts.loaders)
        accounts.loaders.finish_batch(1)
        several.refuse_running(settings, loaded.store, accounts.loaders)
    finally:
        accounts.close()
        loaded.store.close()
        loaded.log.close()


@pytest.mark.thorough
def test_a_loader_waits_until_the_tables_are_there_and_nobody_migrates_beside_it(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "waiting-beside", 2)
    try:
        site.main.start()
        site.main.stop()
        site.rows("DROP TABLE moves_1")
        loader = site.loaders[0].start()
        said = loader.http.get("/readyz")
        assert said.status_code == 503
        eventually(lambda: "lacks moves_1; restart the process with the role all" in trouble(loader))
        site.main.start()
        eventually(lambda: loader.http.get("/readyz").json()["ready"])
        assert loader.http.get("/v1/track").json()["detail"].startswith("this process only stores messages")
        site.main.stop()
        site.rows("ALTER TABLE migrations DELETE WHERE name = '0013_dead_letters.sql' SETTINGS mutations_sync = 1")
        with pytest.raises(AssertionError, match=r"loader\s+1\s+\(on(.|\n)*stop\s+the\s+other\s+loaders"):
            site.main.start()
        loader.stop()
        loader.start()
        eventually(lambda: "the store lacks 0013_dead_letters.sql" in trouble(loader))
        site.main.start()
        eventually(lambda: loader.http.get("/readyz").json()["ready"])
        key = site.project("its own", 1)[1]
        loader.stop(signal.SIGKILL)
        send(site.main, key, [{"type": "track", "event": "E", "messageId": "waits", "anonymousId": "v"}])
        eventually(lambda: "loader 1 has stored nothing for" in trouble(site.main))
        doctor = processes.run(["-m", "trackway", "doctor", "--url", site.main.url], env=site.main.environment)
        assert "1 records of the topic 'waiting-beside-1' wait" in " ".join(doctor.stdout.split())
        loader.start()
        assert site.stored()["loaders"] == [
            {"loader": 1, "topic": "waiting-beside-1", "waiting": 0, "lost": 0, "trouble": ""}
        ]
        site.main.stop()
        loader.stop()
        for server, command, sentence in (
            (site.main, ["store", "migrate"], "the process with the role all brings the tables up to date"),
            (site.main, ["doctor", "--repair", "accounts"], "only the accounts database knows which of them has which"),
            (site.main, ["doctor", "--repair", "checkpoint"], "the store is a server"),
            (site.main, ["import", "ndjson", str(empty(tmp_path)), "--project", "its own"], "belongs to loader 1"),
            (loader, ["letters", "list"], "the role is loader, whose data directory has no accounts"),
            (site.main, ["doctor"], "its tables are up to date; the server checks its own parts"),
            (site.main, ["doctor"], "loader 1: everything is stored"),
            (loader, ["doctor"], "its tables are up to date; the server checks its own parts"),
        ):
            done = processes.run(["-m", "trackway", *command, "--data", str(server.data)], env=server.environment)
            assert sentence in " ".join((done.stdout + done.stderr).split()), (command, done.stdout, done.stderr)
        site.main.environment["TRACKWAY_LOG"] = site.settings["log"].partition("?")[0]
        with pytest.raises(AssertionError, match=r"belongs\s+to\s+loader\s+1(.|\n)*may\s+only\s+grow"):
            site.main.start()
    finally:
        site.close()


NAMES = ("one", "two", "three")
ROWS = ("events", "sessions", "orders", "order_totals", "claims", "aliases", "sign_outs")


def filled(site: Site, seed: str, batches: int, kills: int) -> dict[str, dict[str, list[str]]]:
    """The tables of three projects after their traffic, while processes are killed."""
    rng = random.Random(seed)
    made = []
    for number, name in enumerate(NAMES):
        # Tokens of identities are computed from the project's id, so that it has to be the same in both.
        project, key, _ = site.project(name, min(number, site.count - 1), project_id=UUID(int=number + 1))
        made.append((key, project.id))
    senders = [
        Sender([site.collector, site.main], key, traffic(name, seed, batches), f"{seed}/{name}", 0.1 if kills else 0.0)
        for name, (key, _) in zip(NAMES, made, strict=True)
    ]
    for one in senders:
        one.start()
    for _ in range(kills):
        time.sleep(rng.uniform(0.2, 1.0))
        victim = rng.choice(site.processes)
        victim.stop(signal.SIGKILL)
        victim.start()
    for one in senders:
        one.join(240)
        assert not one.is_alive()
    status = site.stored()
    assert (status["lost"], status["dead_letters"]) == (0, 0)
    return {name: tables(site, project) for name, (_, project) in zip(NAMES, made, strict=True)}


def test_what_is_acknowledged_while_processes_are_killed_is_stored_once(site: Site) -> None:
    content = filled(site, "3", 12, 3)
    for name, of in content.items():
        ids = [json.loads(row)["message_id"] for row in of["events"]]
        assert sorted(ids) == sorted(f"{name}-{number}" for number in range(12 * 8))
        assert sum(json.loads(row)["events"] for row in of["sessions"]) == len(ids)
        assert sum(json.loads(row)["events"] for row in of["event_counts"]) == len(ids)


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("batches", "kills", "shards"), [(25, 5, 0), (25, 5, 2), (400, 60, 0)])
def test_three_loaders_that_are_killed_store_what_one_stores(
    kafka: Kafka, tmp_path: Path, batches: int, kills: int, shards: int
) -> None:
    contents = []
    for count in (3, 1):
        site = Site(
            kafka, tmp_path / f"of{count}", f"killed-{batches}-{shards}-{count}", count, "", shards if count > 1 else 0
        )
        try:
            contents.append(filled(site.start(), "7", batches, kills if count > 1 else 0))
        finally:
            site.close()
    several, single = contents
    assert {name: len(of["events"]) for name, of in several.items()} == dict.fromkeys(NAMES, batches * 8)
    differing: dict[str, Any] = {}
    for name in NAMES:
        for table, rows in single[name].items():
            if shards and table not in ROWS:  # each shard has a row of its own for a sum
                continue
            if rows != several[name][table]:
                ours, theirs = set(several[name][table]) - set(rows), set(rows) - set(several[name][table])
                differing[f"{name}.{table}"] = (sorted(ours)[:2], sorted(theirs)[:2])
    assert not differing, "\n".join(f"{name}\n  {ours}\n  {theirs}" for name, (ours, theirs) in differing.items())
