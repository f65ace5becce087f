"""Several loaders where an operator makes mistakes: settings of before, an accounts database that hangs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from loaders import Site, events, send
from sqlalchemy import create_engine, text

from conftest import WRITE_KEY, eventually
from kafka import Kafka
from postgres import Postgres
from trackway.log.kafka_group import Group
from trackway.store.note import note_of

pytestmark = pytest.mark.timeout(300)


def test_a_process_with_the_setting_of_before_takes_nothing_for_a_project_of_a_new_loader(
    kafka: Kafka, tmp_path: Path
) -> None:
    site = Site(kafka, tmp_path, "mistaken", 2)
    try:
        site.main.environment["TRACKWAY_LOG"] = site.settings["log"].partition("?")[0]
        site.main.start()
        project, write_key, secret_key = site.project("newer", 1)
        headers = {"authorization": f"Bearer {secret_key}"}
        api = f"/api/v1/projects/{project.id}"
        asked = {"question": "trend", "period": "today", "series": [{"event": "E"}]}
        message = {"type": "track", "event": "E", "anonymousId": "v"}
        eventually(lambda: site.main.http.post("/v1/track", json=message, auth=(write_key, "")).status_code == 503)
        for path, body in (
            ("/v1/entities/song/a/view", {"session_id": "s"}),
            (f"{api}/refresh", {}),
            (f"{api}/ask", asked),
        ):
            answer = site.main.http.post(path, json=body, headers=headers)
            assert answer.status_code == 503, (path, answer.status_code, answer.text)
            assert not path.startswith(api) or "belongs to loader 1" in answer.json()["detail"], answer.text
        site.main.stop()
        site.main.environment["TRACKWAY_LOG"] = site.settings["log"]
        site.start()
        site.stored()
        assert site.rows("SELECT count() FROM events") == "0"
    finally:
        site.close()


def test_collecting_goes_on_while_the_accounts_database_hangs(kafka: Kafka, postgres: Postgres, tmp_path: Path) -> None:
    with create_engine(postgres.dsn).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    site = Site(kafka, tmp_path, "hanging", 2, postgres.dsn)
    try:
        site.main.start()
        project, key, _ = site.project("waits", 1)
        site.start()
        message = {"type": "track", "event": "E", "anonymousId": "v"}
        send(site.collector, key, [{**message, "messageId": "before"}])
        send(site.main, WRITE_KEY, [{**message, "messageId": "before"}])
        site.stored()
        sent, until = 0, time.monotonic() + 8  # keys are read again every 5 s
        with postgres.paused():
            while time.monotonic() < until:
                for server, write_key in ((site.collector, key), (site.main, WRITE_KEY)):
                    send(server, write_key, [{**message, "messageId": str(sent)}])
                sent += 1
            for process in (site.collector, site.main):
                answer = process.http.get("/readyz")
                assert answer.status_code == 503
                assert "the accounts database" in answer.json()["trouble"]
            assert site.loaders[0].http.get("/readyz").json()["loader"] == 1
            assert events(site, project) == 1
        site.stored()
        assert events(site, project) == sent + 1
    finally:
        site.close()


def test_a_loader_on_the_directory_of_another_says_which_it_needs(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "exchanged", 2)
    try:
        site.main.start()
        site.main.stop()
        site.loaders[0].data = site.main.data
        site.loaders[0].start()
        eventually(lambda: "its own data directory" in site.loaders[0].http.get("/readyz").json()["trouble"])
    finally:
        site.close()


def test_an_import_for_a_loader_that_is_dead_ends_and_lets_the_others_go_on(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "standing", 2)
    site.main.environment["TRACKWAY_IMPORT_PATIENCE_SECONDS"] = "2"
    lines = b"".join(b'{"event": "Imported", "userId": "u%d"}\n' % n for n in range(30))
    try:
        site.main.start()
        project, _, secret = site.project("dead", 1)
        other, _, its_secret = site.project("alive", 0)

        def transfers(project_id: str, secret_key: str) -> Callable[..., httpx.Response]:
            path, headers = f"/api/v1/projects/{project_id}/transfers", {"authorization": f"Bearer {secret_key}"}
            return lambda method, more="", **what: site.main.http.request(
                method, f"{path}{more}", headers=headers, **what
            )

        def newest(of: Callable[..., httpx.Response]) -> dict[str, Any]:
            return dict(of("GET").json()[0])

        dead, alive = transfers(project.id, secret), transfers(other.id, its_secret)
        params = {"name": "a.ndjson", "format": "ndjson"}
        assert dead("POST", "/imports", params=params, content=lines).status_code == 201
        # An export: on a busy machine, storing another import may take longer than the patience, too.
        exported = {"table": "events", "form": "csv", "period": "7d"}
        assert alive("POST", "/exports", json=exported).status_code == 201
        eventually(lambda: newest(alive)["state"] == "done", 120)
        ended = newest(dead)
        assert (ended["state"], ended["outcome"]["taken"]) == ("failed", 30)
        for said in ("the whole file is in the log", "messages wait, and the project's loader has stored nothing for 2 s",
                     "the project has 0 more events"):  # fmt: skip
            assert said in ended["message"]
        site.loaders[0].start()
        site.stored(150)  # tells what each process says if it does not come true
        assert events(site, project) == 30
    finally:
        site.close()


def started_as(group: Group) -> str:
    """The name of the start of loader 0 that the brokers know; empty if they know none."""
    note = note_of(group.committed().note)
    return note.start if note else ""


def test_a_loader_on_a_copy_of_the_accounts_database_is_named_and_later_refused(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "copied-accounts", 2)
    try:
        site.main.start()
        site.loaders[0].start()
        eventually(lambda: site.loaders[0].http.get("/readyz").status_code == 200, 150)
        site.loaders[0].stop()
        shutil.copytree(site.main.data, tmp_path / "copy")
        original = site.loaders[0].environment["TRACKWAY_ACCOUNTS"]
        site.loaders[0].environment["TRACKWAY_ACCOUNTS"] = f"sqlite:///{tmp_path / 'copy' / 'accounts.db'}"
        site.loaders[0].start()
        said = "loader 1 does not use the accounts database of this process"
        eventually(lambda: said in site.main.http.get("/readyz").json()["trouble"], 150)
        group = Group(site.main.environment["TRACKWAY_LOG"], 0)
        started = started_as(group)
        site.main.stop()
        site.main.start()
        site.loaders[0].stop()
        eventually(lambda: started_as(group) not in ("", started), 150)  # a loader asks for it when it begins
        site.loaders[0].start()
        said = "loader 0 does not use the accounts database of this process"
        eventually(lambda: said in site.loaders[0].http.get("/readyz").json()["trouble"], 150)
        site.loaders[0].stop()
        site.loaders[0].environment["TRACKWAY_ACCOUNTS"] = original
        site.loaders[0].start()
        for one in (site.loaders[0], site.main):
            eventually(lambda one=one: one.http.get("/readyz").status_code == 200, 150)  # type: ignore[misc]
    finally:
        site.close()
