"""One loader and three, with Kafka, on a server and on three shards: stored events a second, CPU for each event by
process, and collecting while the store is busy, away or comes and goes.

    ./run bench cluster_loaders [SECONDS]

A loader reads the topic of its projects, so three loaders have three projects. Collector, loaders, servers, a broker and the load share this
machine's cores: more loaders are not faster here, and what is measured is what they cost. It needs Java.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from machinery import WRITE_KEY, Load, cpu_seconds, load, machine, message, request

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "log"))

from loaders import Site

from kafka import Kafka, missing

SECONDS = 10.0
EVENTS_A_BATCH = 100
A_SECOND, CONNECTIONS = 100.0, 8
"""Requests a second of collecting while the store is in trouble, one event each, and their connections."""
BUSY = "SELECT sum(sipHash64(number)) FROM numbers_mt(2000000000) FORMAT Null"


class Row(NamedTuple):
    """What one installation was measured to do; CPU time is in µs for each event."""

    name: str
    stored: float
    cpu: dict[str, float]
    collecting: dict[str, Load]


def requests(keys: list[str], path: str, size: int, count: int, prefix: str) -> list[bytes]:
    """Distinct requests of the projects in turn."""
    rng, made, owner = random.Random(prefix), [], f"{WRITE_KEY}:".encode()
    for number, key in zip(range(count), cycle(keys), strict=False):
        batch = [message(number * size + one, rng, 20_000) for one in range(size)]
        for each in batch:
            each["messageId"] = f"{prefix}-{each['messageId']}"
        body = json.dumps({"batch": batch} if size > 1 else batch[0]).encode()
        of_project = base64.b64encode(f"{key}:".encode())
        made.append(request(path, body).replace(base64.b64encode(owner), of_project, 1))
    return made


def processes(site: Site, kafka: Kafka) -> dict[str, list[psutil.Process]]:
    """The processes that share the work, by what they do."""
    engines = getattr(site.engine, "servers", [site.engine])
    return {
        "collector": [psutil.Process(site.collector.process.pid)],
        "loader 0 with the role all": [psutil.Process(site.main.process.pid)],
        "other loaders": [psutil.Process(one.process.pid) for one in site.loaders],
        "servers": [psutil.Process(one.process.pid) for one in engines],
        "broker": [psutil.Process(kafka.pid(1))],
    }


def ready(site: Site, keys: list[str]) -> None:
    """Wait until the collector takes messages of each project."""
    for key in keys:
        message = {"type": "track", "event": "Ready", "anonymousId": "v"}
        while site.collector.http.post("/v1/track", json=message, auth=(key, "")).status_code != 202:
            time.sleep(0.2)
    site.stored()


@contextmanager
def busy(site: Site) -> Iterator[None]:
    """Ask a server for more than it can compute, twice at once."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                site.rows(f"{BUSY} SETTINGS max_execution_time = 3, timeout_overflow_mode = 'break'")
            except (httpx.TransportError, AssertionError):
                time.sleep(0.1)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    yield
    over.set()
    for one in asking:
        one.join()


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """Kill a server, and start it afterwards."""
    site.engine.stop()
    yield
    site.engine.start()


@contextmanager
def restarting(site: Site) -> Iterator[None]:
    """Kill and start a server over and over."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(0.5):
            site.engine.stop()
            time.sleep(0.5)
            site.engine.start()

    thread = threading.Thread(target=again)
    thread.start()
    yield
    over.set()
    thread.join()


@contextmanager
def quiet(site: Site) -> Iterator[None]:  # noqa: ARG001
    """Nothing else happens."""
    yield


STATES: dict[str, Callable[[Site], object]] = {
    "nothing else": quiet, "busy": busy, "stopped": stopped, "restarting": restarting,
}  # fmt: skip


def measured(kafka: Kafka, loaders: int, shards: int, seconds: float) -> Row:
    """Start an installation, load it, and put its store in trouble."""
    name = f"{loaders} loader{'s' * (loaders > 1)}, {f'{shards} shards' if shards else 'a server'}"
    with tempfile.TemporaryDirectory() as directory:
        site = Site(kafka, Path(directory) / "site", f"bench-{loaders}-{shards}", loaders, "", shards)
        for one in site.processes:
            del one.environment["TRACKWAY_BATCH_SECONDS"]
        try:
            site.start()
            keys = [site.project(f"project {number}", number)[1] for number in range(loaders)]
            ready(site, keys)
            bodies = requests(keys, "/v1/batch", EVENTS_A_BATCH, 3_000, "full")
            of = processes(site, kafka)
            before = {part: sum(map(cpu_seconds, running)) for part, running in of.items()}
            began = time.perf_counter()
            sent = asyncio.run(load(site.collector.url, bodies, seconds, 16, most=len(bodies)))
            site.stored(600)
            took, events = time.perf_counter() - began, len(sent.latencies) * EVENTS_A_BATCH
            cpu = {part: (sum(map(cpu_seconds, of[part])) - before[part]) / events * 1e6 for part in of}
            assert not sent.failed, f"{sent.failed} requests were refused"
            collecting, acknowledged = {}, events
            for state, around in STATES.items():
                singles = requests(keys, "/v1/track", 1, int(A_SECOND * seconds) + CONNECTIONS, state)
                with around(site):  # type: ignore[attr-defined]
                    collecting[state] = asyncio.run(
                        load(site.collector.url, singles, seconds, CONNECTIONS, rate=A_SECOND, most=len(singles))
                    )
                acknowledged += len(collecting[state].latencies)
            site.stored(600)
            stored = int(site.rows("SELECT count() FROM events WHERE name != 'Ready'"))
            assert stored == acknowledged, f"{acknowledged} events were acknowledged, {stored} are stored"
            return Row(name, events / took, cpu, collecting)
        finally:
            site.close()


def main() -> int:
    """Measure each installation; print three tables."""
    if reason := missing():
        print(reason)
        return 1
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    kafka = Kafka(1, for_long=True)
    try:
        rows = [measured(kafka, loaders, shards, seconds) for shards in (0, 3) for loaders in (1, 3)]
    finally:
        kafka.remove()
    print(f"\nLoaders and shards on {machine()}, load {psutil.getloadavg()[0]:.0f}; everything shares the cores\n")
    parts = list(rows[0].cpu)
    print(
        f"| | events/s stored | CPU, µs for each event: {' | '.join(parts)} | all |\n|---|---|{'---|' * len(parts)}---|"
    )
    for row in rows:
        cells = " | ".join(f"{row.cpu[part]:.1f}" for part in parts)
        print(f"| {row.name} | {row.stored:,.0f} | {cells} | {sum(row.cpu.values()):.1f} |")
    print(
        f"\nCollecting {A_SECOND:g} events a second, one in each request, while the store is in trouble: p50, p99 ms (refused)\n"
    )
    print(f"| | {' | '.join(STATES)} |\n|---|{'---|' * len(STATES)}")
    for row in rows:
        cells = " | ".join(
            f"{one.percentile(0.5):.0f}, {one.percentile(0.99):.0f} ({one.failed})" for one in row.collecting.values()
        )
        print(f"| {row.name} | {cells} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
