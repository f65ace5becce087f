"""Scheduled work: done when due, once among several processes, with a history; and what each job changes or leaves."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest

from commands import as_json
from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Loaded, Server, eventually
from factories import FIREFOX, message
from mails import Mails
from trackway.collect.views.ledger import Ledger
from trackway.config import Settings
from trackway.event import Message, new_id, now
from trackway.govern.database import GovernDatabase
from trackway.govern.saved.jobs import BadSchedule, next_after
from trackway.govern.saved.tables import Job
from trackway.govern.tables import utc_now
from trackway.operate.reports import send_digests
from trackway.outgoing import Outgoing
from trackway.store.entities import Entity, Notify, Register
from trackway.store.recount import CannotRecount, differences, purge_views, recount, refresh

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.mark.parametrize(
    ("schedule", "due"),
    [("7 * * * *", "10:07"), ("*/15 * * * *", "10:15"), ("0 6 * * *", "06:00"), ("40 3 1 * *", "03:40")],
)
def test_schedules_are_crons(schedule: str, due: str) -> None:
    found = next_after(schedule, datetime(2026, 1, 31, 10, 0, 30))
    assert f"{found:%H:%M}" == due and found > datetime(2026, 1, 31, 10, 0, 30)


@pytest.mark.parametrize("schedule", ["", "often", "61 * * * *", "* * * *", "0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(BadSchedule, match="not a cron schedule"):
        next_after(schedule, datetime(2026, 1, 1))


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[GovernDatabase]:
    made = GovernDatabase(f"sqlite:///{tmp_path / 'accounts.db'}")
    made.jobs.declare({"one": "* * * * *", "two": "0 0 1 1 *"})
    yield made
    made.close()


def due(accounts: GovernDatabase, name: str) -> None:
    with accounts._sessions.begin() as session:
        session.get_one(Job, name).next_run_at = utc_now() - timedelta(seconds=1)


def test_a_due_job_is_taken_by_one_of_many_runners(accounts: GovernDatabase, tmp_path: Path) -> None:
    due(accounts, "one")
    taken: list[str] = []

    def runner(n: int) -> None:
        own = GovernDatabase(f"sqlite:///{tmp_path / 'accounts.db'}")
        if (name := own.jobs.lease(f"r{n}")) is not None:
            taken.append(name)
        own.close()

    threads = [threading.Thread(target=runner, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["one"]
    assert accounts.jobs.lease("late") is None, "it runs already"
    assert accounts.jobs.lease("late", "one") is None, "nor by its name"


def test_a_paused_job_is_not_due_and_a_lost_one_is_taken_over_and_said_so(accounts: GovernDatabase) -> None:
    accounts.jobs.change("one", active=False)
    due(accounts, "one")
    assert accounts.jobs.lease("r") is None
    accounts.jobs.change("one", active=True)
    due(accounts, "one")
    assert accounts.jobs.lease("dies") == "one"
    lost = accounts.jobs.start_run("one", "its schedule")
    with accounts._sessions.begin() as session:
        session.get_one(Job, "one").leased_until = utc_now() - timedelta(seconds=1)
    assert accounts.jobs.lease("lives") == "one"
    assert accounts.jobs.extend_lease("dies", "one") is False
    run = accounts.jobs.start_run("one", "its schedule")
    accounts.jobs.finish_run("lives", "one", run, "done", "fine")
    assert [(one.id, one.status) for one in accounts.jobs.history("one")] == [(run, "done"), (lost, "lost")]
    [job] = [job for job in accounts.jobs.all() if job.name == "one"]
    assert (job.status, job.message) == ("done", "fine") and job.next_run_at > utc_now()


def test_jobs_are_listed_run_paused_and_changed_by_administrators_only(new_server: Any) -> None:
    server = new_server().start()
    admin = httpx.Client(base_url=server.url, timeout=60)
    csrf = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()["csrf"]
    calls = [
        ("GET", "/api/v1/jobs", None), ("PATCH", "/api/v1/jobs/digests", {"active": False}),
        ("POST", "/api/v1/jobs/digests/run", None), ("GET", "/api/v1/jobs/digests/runs", None),
    ]  # fmt: skip
    for method, path, body in calls:
        assert server.http.request(method, path, json=body).status_code == 401
        assert server.http.request(method, path, json=body, headers=BEARER).status_code == 403, "a key is nobody"
    admin.headers["x-csrf-token"] = csrf
    jobs = {job["name"]: job for job in admin.get("/api/v1/jobs").json()}
    assert set(jobs) == {
        "refresh-views",
        "aggregate",
        "purge-views",
        "forget-decisions",
        "digests",
        "score-customers",
        "settle-updates",
        "train-models",
        "predict",
        "watch-segments",
    }
    assert all(job["what"] and job["next_run_at"] and job["active"] for job in jobs.values())
    # Its schedule may start it too, once the hour of the directory's first start is over.
    eventually(lambda: admin.post("/api/v1/jobs/refresh-views/run").status_code == 202)

    def by_hand() -> list[dict[str, Any]]:
        runs = admin.get("/api/v1/jobs/refresh-views/runs").json()
        return [run for run in runs if run["by"] == EMAIL and run["status"] != "running"]

    eventually(by_hand)
    assert (by_hand()[0]["status"], by_hand()[0]["message"]) == ("done", "the counters agree with the events")
    paused = admin.patch("/api/v1/jobs/digests", json={"active": False}).json()
    assert (paused["active"], paused["next_run_at"]) == (False, None)
    changed = admin.patch("/api/v1/jobs/digests", json={"active": True, "schedule": "*/5 * * * *"}).json()
    assert (changed["schedule"], changed["active"]) == ("*/5 * * * *", True)
    assert admin.patch("/api/v1/jobs/digests", json={"schedule": "often"}).status_code == 400
    assert admin.post("/api/v1/jobs/none/run").status_code == 404
    accounts = GovernDatabase(f"sqlite:///{server.data / 'accounts.db'}")
    due(accounts, "forget-decisions")
    eventually(lambda: accounts.jobs.history("forget-decisions"))
    assert accounts.jobs.history("forget-decisions")[0].by == "its schedule"
    accounts.close()


def viewed(entity: str, session: str, at: datetime, user: str = "") -> Message:
    return message(
        "view",
        at,
        visitor=f"session:{session}",
        user=user,
        id=f"{entity} {session} {at}",
        context={
            "sessionId": session,
            "library": {"name": "views"},
            "userAgent": FIREFOX,
            "location": {"country": "TZ"},
        },
        properties={"entity_type": "song", "entity_id": entity, "referrer_source": "home"},
    )


STILL = contextlib.nullcontext()


def test_old_raw_views_go_their_counts_stay_and_are_in_a_file_before(
    loaded: Loaded, project: UUID, tmp_path: Path
) -> None:
    old, new = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 3, 5, 12, tzinfo=UTC)
    loaded.load(
        project, [viewed("a", "s1", old), viewed("a", "s2", old, "ann"), viewed("a", "s1", new), viewed("b", "s3", new)]
    )

    def counts() -> Any:
        return loaded.rows(
            project,
            "SELECT entity_id, sum(views) AS v, sum(anonymous) AS a, uniqExactMerge(sessions) AS s, uniqExactMerge(viewers) AS u "
            "FROM view_counts WHERE project_id = {p:UUID} GROUP BY entity_id ORDER BY entity_id",
        )

    def raw() -> int:
        return int(loaded.rows(project, "SELECT count() AS n FROM events WHERE project_id = {p:UUID}")[0]["n"])

    before = counts()
    assert before[0] == {"entity_id": "a", "v": 3, "a": 2, "s": 2, "u": 1}
    for _ in range(2):
        purged = purge_views(loaded.store, STILL, project, datetime(2026, 3, 20, tzinfo=UTC), tmp_path)
        assert (counts(), raw()) == (before, 2)
        assert (
            differences(loaded.store, loaded.loader.store_lock, project, new.replace(hour=0), new.replace(hour=23))
            == []
        )
        refresh(loaded.store, STILL, project)
        assert counts() == before
    assert purged == {}
    [file] = list(tmp_path.glob("*.csv"))
    assert file.name == f"views-{project}-2026-01.csv"
    assert file.read_text().splitlines()[1] == '"song","a","2026-01-10","","TZ","home",2,1'
    with pytest.raises(CannotRecount, match="2026-01"):
        recount(loaded.store, STILL, project, old.replace(hour=0), old.replace(hour=23))


def test_a_purge_that_was_interrupted_keeps_its_file_and_later_views_of_the_month_are_added(
    loaded: Loaded, project: UUID, tmp_path: Path
) -> None:
    old, until = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)

    def views() -> int:
        refresh(loaded.store, STILL, project)
        counted = "SELECT sum(views) AS n FROM view_counts WHERE project_id = {p:UUID}"
        return int(loaded.rows(project, counted)[0]["n"])

    loaded.load(project, [viewed("a", f"s{n}", old) for n in range(5)])
    purge_views(loaded.store, STILL, project, until, tmp_path)
    [file] = tmp_path.glob("*.csv")
    written = file.read_text()
    loaded.load(project, [viewed("a", "late", old)])  # or one that the interrupted purge did not delete
    assert views() == 6
    purge_views(loaded.store, STILL, project, until, tmp_path)
    assert views() == 6, "the archive has all of them"
    assert file.read_text() == written
    assert [other.read_text().splitlines()[1] for other in tmp_path.glob("*.csv") if other != file] == [
        '"song","a","2026-01-10","","TZ","home",1,1'
    ]


def test_a_view_that_comes_while_a_purge_begins_is_in_the_file_too(
    loaded: Loaded, project: UUID, tmp_path: Path
) -> None:
    old, until = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)
    loaded.load(project, [viewed("a", "s1", old)])
    late = [viewed("a", "s2", old)]

    class Busy(contextlib.AbstractContextManager[None]):
        """The lock of a loader that stores a batch before it is free."""

        def __enter__(self) -> None:
            if late:
                loaded.load(project, [late.pop()])

        def __exit__(self, *_: object) -> None:
            """Nothing."""

    purge_views(loaded.store, Busy(), project, until, tmp_path)
    [file] = tmp_path.glob("*.csv")
    assert [line.split(",")[6] for line in file.read_text().splitlines()[1:]] == ["2"]


class Hook(BaseHTTPRequestHandler):
    got: ClassVar[list[Any]] = []
    answers: ClassVar[list[int]] = [200]

    def do_POST(self) -> None:
        Hook.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(Hook.answers.pop(0) if len(Hook.answers) > 1 else Hook.answers[0])
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_owners_hear_of_views_once_a_day_by_hook_and_mail(loaded: Loaded, tmp_path: Path) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'accounts.db'}")
    made, _, _ = accounts.add_project("Digest")
    project = UUID(made.id)
    hook = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    mails = Mails()
    at = datetime(2026, 3, 4, 6, tzinfo=UTC)  # a Wednesday
    loaded.load(
        project, [viewed("a", f"s{n}", at - timedelta(hours=10 + n), "ann" if n == 0 else "") for n in range(3)]
    )
    register = Register(accounts, loaded.store, Ledger(f"sqlite:///{tmp_path / 'views.db'}", "c"))
    register.write(project, [
        Entity(type="song", id="a", name="Tide", notify=Notify(webhook=f"http://127.0.0.1:{hook.server_port}/", email="owner@example.com")),
        Entity(type="song", id="weekly", notify=Notify(every="weekly", webhook=f"http://127.0.0.1:{hook.server_port}/")),
    ], "test")  # fmt: skip
    settings = Settings(smtp_host="127.0.0.1", smtp_port=mails.port)
    outgoing = Outgoing(["127.0.0.1"])
    Hook.got.clear()
    Hook.answers = [500, 200]
    assert (
        send_digests(settings, accounts, loaded.store, outgoing, at)
        == "0 sent, 1 could not be sent and will be tried again"
    )
    assert send_digests(settings, accounts, loaded.store, outgoing, at) == "1 sent"
    assert send_digests(settings, accounts, loaded.store, outgoing, at) == "0 sent"
    mails.close()
    hook.shutdown()
    digest = Hook.got[-1]
    assert (digest["name"], digest["views"], digest["anonymous"]) == ("Tide", 3, 2)
    assert digest["sources"] == [{"source": "home", "views": 3}] and digest["places"] == [{"country": "TZ", "views": 3}]
    assert len(mails.got) == 1
    assert "Subject: Tide: 3 views" in mails.got[0] and "To: owner@example.com" in mails.got[0]
    accounts.close()


def test_the_command_line_runs_jobs_and_counts_anew(new_server: Any) -> None:
    server: Server = new_server().start()
    server.http.post("/v1/entities/song/a/view", json={"session_id": "s"}, auth=(WRITE_KEY, ""))
    server.stored()

    remote = ("--url", server.url, "--key", SECRET_KEY)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert as_json("refresh", *remote) == {"rows": {"view_counts": 1}, "differed": {}}
    assert as_json("aggregate", "--date", today, *remote)["differed"] == {}
    server.stop()
    data = ("--data", str(server.data))
    assert as_json("refresh", *data)["rows"] == {"view_counts": 1}
    assert as_json("aggregate", "--date", today, *data)["rows"]["view_hours"] == 1
    assert [(row["name"], row["status"]) for row in as_json("jobs", "run", "aggregate", *data)] == [
        ("aggregate", "done")
    ]
    assert as_json("jobs", "history", "aggregate", *data)[0]["by"] == "the command line"
    assert len(as_json("jobs", "list", *data)) == 10


def test_a_difference_is_counted_once_a_row_and_is_of_everything_that_a_counter_holds(loaded: Loaded) -> None:
    project = new_id()
    told = [
        message('view', now(), visitor='v', id=str(new_id()), context={'sessionId': 's', 'library': {'name': 'views'}}, properties={'entity_type': 'concert', 'entity_id': entity})
        for entity in ("a", "b")
    ]  # fmt: skip
    loaded.load(project, told)
    at = datetime.now(UTC)

    def differ() -> dict[str, int]:
        return dict(differences(loaded.store, loaded.loader.store_lock, project, at, at))

    assert differ() == {}
    for change, rows in (("views = views + 1", 1), ("last_viewed = last_viewed + 1", 1)):
        where = f"project_id = '{project}' AND entity_id = 'a'"
        loaded.store.command(f"ALTER TABLE view_counts UPDATE {change} WHERE {where} SETTINGS mutations_sync = 2")
        assert differ() == {"view_counts": rows}, change
        refresh(loaded.store, loaded.loader.store_lock, project)
        assert differ() == {}
