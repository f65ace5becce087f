"""One loader becomes three under load, one of them comes and goes, a topic gets more partitions, and jobs run meanwhile."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from loader_traffic import Sender, tables, traffic
from loaders import Site

from conftest import EMAIL, PASSWORD, WRITE_KEY
from kafka import Kafka

COMING_AND_GOING_S = 60.0
BATCHES = 120


def grow(kafka: Kafka, site: Site, topic: str, count: int) -> None:
    """Add loaders as docs/how-to/kafka.md says: topics, the role all, the collector, the loaders."""
    for number in range(1, count):
        kafka.topic(f"{topic}-{number}", 2)
    site.count, site.settings["log"] = count, f"{site.settings['log']}?loaders={count}"
    site.loaders = [site.loader(number) for number in range(1, count)]
    for process in (site.main, site.collector):
        process.environment["TRACKWAY_LOG"] = site.settings["log"]
        process.stop()
        process.start()
    for loader in site.loaders:
        loader.start()


class Jobs(threading.Thread):
    """Runs jobs one after another, until it is told to end."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site, self.over, self.runs = site, threading.Event(), 0

    def run(self) -> None:
        while not self.over.wait(0.5):
            try:
                with httpx.Client(base_url=self.site.main.url, timeout=60) as admin:
                    me = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
                    for name in ("purge-views", "aggregate", "refresh-views"):
                        answer = admin.post(f"/api/v1/jobs/{name}/run", headers={"x-csrf-token": me["csrf"]})
                        self.runs += answer.status_code == 202
            except (httpx.TransportError, ValueError, KeyError):
                continue  # the process with the role all is being restarted


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_growth_under_load_with_jobs_loses_and_doubles_nothing(kafka: Kafka, tmp_path: Path) -> None:
    rng = random.Random(5)
    site = Site(kafka, tmp_path, "growing", 1)
    try:
        site.start()
        jobs = Jobs(site)
        jobs.start()
        first = site.accounts().projects()[0]
        keys = {"first": (WRITE_KEY, str(first.id))}

        def sending(name: str) -> Sender:
            to = [site.collector, site.main]
            one = Sender(to, keys[name][0], traffic(name, "9", BATCHES), name, 0.3)
            one.start()
            return one

        senders = [sending("first")]
        time.sleep(5)
        grow(kafka, site, "growing", 3)
        for number, name in ((1, "second"), (2, "third")):
            project, key, _ = site.project(name, number)
            keys[name] = (key, str(project.id))
            senders.append(sending(name))
        until = time.monotonic() + COMING_AND_GOING_S
        for turn in range(1000):
            if time.monotonic() > until:
                break
            time.sleep(rng.uniform(1, 4))
            if turn == 3:
                kafka.widen("growing-1", 5)
                kafka.widen("growing", 3)
            if turn == 6:
                site.main.stop(signal.SIGKILL)
                site.main.start()
            site.loaders[0].stop(rng.choice((signal.SIGKILL, signal.SIGTERM)))
            time.sleep(rng.uniform(0, 2))
            site.loaders[0].start()
        for one in senders:
            one.join(240)
            assert not one.is_alive()
        jobs.over.set()
        jobs.join(60)
        status = site.stored(240)
        assert (status["lost"], status["dead_letters"]) == (0, 0)
        assert jobs.runs > 5
        for name, (_, project_id) in keys.items():
            check(site, name, project_id)
    finally:
        site.close()


def check(site: Site, name: str, project_id: str) -> None:
    """Compare what is stored of a project with what was acknowledged."""
    of = tables(site, project_id)
    stored = sorted(json.loads(row)["message_id"] for row in of["events"])
    assert stored == sorted(f"{name}-{number}" for number in range(BATCHES * 8)), name
    for table in ("sessions", "event_counts", "activity"):
        assert sum(json.loads(row)["events"] for row in of[table]) == len(stored), (name, table)
