"""A store on a server and a data directory that are not of the same time: nothing is stored twice or left out in silence."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from pathlib import Path

import pytest
from loaders import Site, events, send

import processes
from conftest import WRITE_KEY, Server, also, eventually
from kafka import Kafka

pytestmark = pytest.mark.timeout(300)


def sent(site: Site, key: str, prefix: str) -> None:
    send(site.collector, key, [
        {"type": "track", "event": "E", "messageId": f"{prefix}-{n}", "anonymousId": f"v{n}"} for n in range(40)
    ])  # fmt: skip


def trouble(server: Server) -> str:
    return str(server.http.get("/readyz").json()["trouble"])


def doctor(server: Server) -> str:
    done = processes.run(["-m", "trackway", "doctor", "--data", str(server.data)], env=server.environment)
    return " ".join(done.stdout.split())


def replaced(server: Server, by: Path) -> None:
    shutil.rmtree(server.data)
    shutil.copytree(by, server.data)


def test_a_loader_on_an_older_copy_of_its_directory_stores_nothing_twice(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "restored", 2)
    try:
        site.main.start()
        project, key, _ = site.project("its own", 1)
        site.start()
        loader = site.loaders[0]
        sent(site, key, "before")
        sent(site, WRITE_KEY, "others")
        site.stored()
        loader.stop()
        shutil.copytree(loader.data, tmp_path / "older")
        loader.start()
        sent(site, key, "after")
        site.stored()
        loader.stop(signal.SIGKILL)
        shutil.copytree(loader.data, tmp_path / "newest")
        replaced(loader, tmp_path / "older")
        assert "messages would be stored twice" in doctor(loader)
        loader.start()
        sent(site, key, "later")
        eventually(lambda: "messages would be stored twice" in trouble(loader))
        assert events(site, project) == 80
        loader.stop()
        replaced(loader, tmp_path / "newest")
        loader.start()
        site.stored()
        assert events(site, project) == 120
        assert site.rows(f"SELECT uniqExact(message_id) FROM events WHERE project_id = '{project.id}'") == "120"
    finally:
        site.close()


def emptied(site: Site) -> None:
    site.engine.ask("DROP DATABASE tracking SYNC SETTINGS check_table_dependencies = 0")
    site.engine.ask("CREATE DATABASE tracking")


@pytest.mark.parametrize("count", [1, also(2)])
def test_an_empty_database_in_the_place_of_the_store_is_refused(kafka: Kafka, tmp_path: Path, count: int) -> None:
    site = Site(kafka, tmp_path, f"emptied-{count}", count)
    try:
        site.main.start()
        project, key, _ = site.project("its own", count - 1)
        site.start()
        sent(site, key, "before")
        site.stored()
        for one in site.processes:
            one.stop()
        emptied(site)
        if count == 1:
            with pytest.raises(AssertionError, match=r"the\s+server\s+has\s+none\s+of\s+them"):
                site.main.start()
            assert "the server has none of them" in doctor(site.main)
            shutil.rmtree(site.main.data / "loader")  # as the text says
            site.start()
        else:
            site.start()
            loader = site.loaders[0]
            sent(site, key, "after")
            eventually(lambda: "the server has none of them" in trouble(loader))
            assert events(site, project) == 0
            loader.stop()
            assert "the server has none of them" in doctor(loader)
            shutil.rmtree(loader.data / "loader")
            loader.start()
        site.stored()
        assert events(site, project) == 40 * count
    finally:
        site.close()


def test_a_server_that_lacks_the_newest_sessions_is_reported(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "older-backup", 1)
    try:
        site.start()
        for prefix in ("before", "after"):
            sent(site, WRITE_KEY, prefix)
            site.stored()
        assert not site.main.http.get("/readyz").json()["warnings"]
        site.main.stop()
        site.rows("DELETE FROM sessions WHERE version > 40")
        assert "the messages between are missing" in doctor(site.main)
        site.main.start()
        [warning] = site.main.http.get("/readyz").json()["warnings"]
        assert "the server has messages up to offset 40, and" in warning
    finally:
        site.close()


def test_projects_that_an_older_accounts_database_lacks_are_no_part_of_loader_0(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "older-accounts", 2)
    try:
        site.main.start()
        project, key, _ = site.project("newer", 1)
        site.start()
        sent(site, WRITE_KEY, "first")
        for prefix in ("one", "two"):
            sent(site, key, prefix)
        site.stored()
        for one in site.processes:
            one.stop()
        with sqlite3.connect(site.main.data / "accounts.db") as accounts:
            accounts.execute("DELETE FROM projects WHERE id = ?", (str(project.id),))
        site.start()
        warnings = " ".join(site.main.http.get("/readyz").json()["warnings"])
        assert f"there are events of the project {project.id}" in warnings
        sent(site, WRITE_KEY, "later")
        site.stored()
        assert events(site, project) == 80
        assert int(site.rows("SELECT count() FROM events")) == 160
    finally:
        site.close()
