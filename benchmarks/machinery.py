"""Parts that the benchmarks share: servers and their measurements, PostgreSQL, and a bounded load."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from trackway.store.connection import Store

WRITE_KEY = "wk_bench"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))  # the database that tests start too


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def machine() -> str:
    """Describe the machine in one line."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 1024**3
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {sys.version.split()[0]}"


@contextmanager
def trackway(
    data: Path, core: int | None = None, port: int = 0, **settings: str
) -> Iterator[tuple[str, psutil.Process]]:
    """Run a Trackway server on a port, by default on a free one; yields its address and its process."""
    port = port or free_port()
    environment = {
        **os.environ,
        "TRACKWAY_WRITE_KEY": WRITE_KEY,
        "TRACKWAY_SECRET_KEY": "sk_bench",
        "TRACKWAY_ADMIN_PASSWORD": "benchmark password",
        "TRACKWAY_REQUESTS_PER_MINUTE": "100000000",
        **{f"TRACKWAY_{name.upper()}": value for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "trackway", "serve", "--data", str(data), "--port", str(port)]
    with _process(command, core, environment, f"http://127.0.0.1:{port}", "/readyz") as server:
        yield server


@contextmanager
def baseline(core: int | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """Run the baseline on its own PostgreSQL."""
    with postgresql(core) as dsn, baseline_on(dsn, core=core) as server:
        yield server


@contextmanager
def baseline_on(dsn: str, schema: str = "make", core: int | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """Run the baseline on a database; `schema` is `skip` when the tables exist."""
    port = free_port()
    command = [sys.executable, str(HERE / "baseline.py"), schema, dsn, str(port)]
    with _process(command, core, dict(os.environ), f"http://127.0.0.1:{port}", "/docs") as server:
        yield server


@contextmanager
def _process(
    command: list[str], core: int | None, environment: dict[str, str], address: str, ready: str
) -> Iterator[tuple[str, psutil.Process]]:
    pinned = ["taskset", "-c", str(core), *command] if core is not None and shutil.which("taskset") else command
    started = subprocess.Popen(pinned, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(3000):
            try:
                urllib.request.urlopen(address + ready, timeout=5).close()
                break
            except OSError:
                if started.poll() is not None:
                    raise SystemExit(f"{command} ended with {started.returncode}") from None
                time.sleep(0.02)
        yield address, psutil.Process(started.pid)
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def stored(data: Path, memory_mb: int = 4096) -> Iterator[Store]:
    """Lend the store of a stopped server to be filled; then the next start finds a checkpoint with what is in it."""
    local = data / "store"
    from trackway.store.connection import Store
    from trackway.store.loader import Loader
    from trackway.store.recovery import open_log

    log, _ = open_log(data, local)
    store = Store(f"local://{local}", clients=1, memory_mb=memory_mb)
    store.migrate()
    loader = Loader(log, store, data / "loader", local=local)
    yield store
    loader.checkpoint()
    loader.stop()
    store.close()
    log.close()


@contextmanager
def postgresql(core: int | None = None) -> Iterator[str]:
    """Run a PostgreSQL server with an empty database; it is installed from Debian when it is missing."""
    from postgres import Postgres

    running = Postgres("-c shared_buffers=1GB -c max_wal_size=4GB", core)
    try:
        yield running.dsn
    finally:
        running.close()


# Traffic


def message(serial: int, rng: random.Random, visitors: int) -> dict[str, Any]:
    """One event of an ordinary site: a page view or a click, with a page, an agent and a few properties."""
    visitor = rng.randrange(visitors)
    concert = rng.randrange(500)
    return {
        "type": "track",
        "event": ("Page Read", "event click", "impression", "ticket_click")[serial % 4],
        "messageId": f"b{serial}-{rng.getrandbits(64):x}",
        "anonymousId": f"visitor-{visitor}",
        "context": {
            "page": {"url": f"https://concerts.example/concerts/{concert}", "referrer": "https://www.google.com/"},
            "userAgent": AGENTS[visitor % len(AGENTS)],
            "locale": "en-GB",
        },
        "properties": {"entity_type": "concert", "entity_id": f"c{concert}", "position": serial % 12, "genre": "jazz"},
    }


EVENTS_A_BATCH = 100


def batches(count: int) -> list[list[dict[str, Any]]]:
    """Batches of ordinary events, in which every message id is there once."""
    rng = random.Random(11)
    return [[message(n * EVENTS_A_BATCH + i, rng, 50_000) for i in range(EVENTS_A_BATCH)] for n in range(count)]


AGENTS = [
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for version in range(100, 142)
]


def request(path: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    """A whole HTTP/1.1 request."""
    from base64 import b64encode

    basic = b64encode(f"{WRITE_KEY}:".encode()).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {basic}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Unending(Sequence[bytes]):
    """Requests without end, no two of them with a message id in common, built when they are sent.

    Args:
        path: the address of the collector.
        bodies: the bodies of one round; each further round has them again with other message ids.
    """

    def __init__(self, path: str, bodies: list[list[dict[str, Any]]]) -> None:
        self._path = path
        self._bodies = [
            json.dumps({"batch": body}).replace('"messageId": "', '"messageId": "@').encode() for body in bodies
        ]

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, number: Any) -> Any:
        turn, body = divmod(number, len(self._bodies))
        return request(self._path, self._bodies[body].replace(b"@", b"%d-" % turn))


@dataclass
class Load:
    """The result of a load: seconds until 202 for each request with that answer, the number of others, and the duration."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")

    @property
    def rate(self) -> float:
        """Requests a second that were answered with 202."""
        return len(self.latencies) / self.seconds


async def load(
    address: str,
    requests: Sequence[bytes],
    seconds: float,
    connections: int,
    rate: float | None = None,
    status: int = 202,
    most: int = 10**9,
) -> Load:
    """Send at most `most` requests over keep-alive connections for so long: as fast as answers come, or `rate` a second in all.

    With a rate, latency counts from when a request was due, so that a server that stalls cannot hide it.
    """
    host, port = address.removeprefix("http://").split(":")
    result = Load()
    started = time.perf_counter()
    end = started + seconds
    queue = iter(range(most))

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        due = started + number / rate if rate else 0.0
        while (now := time.perf_counter()) < end and (at := next(queue, None)) is not None:
            if rate:
                if due > now:
                    await asyncio.sleep(due - now)
                since = due
                due += connections / rate
            else:
                since = now
            writer.write(requests[at % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            if b" %d " % status in head[:14]:
                result.latencies.append(time.perf_counter() - since)
            else:
                result.failed += 1
        writer.close()

    await asyncio.gather(*(connection(number) for number in range(connections)))
    result.seconds = time.perf_counter() - started
    return result


def load_in_process(address: str, path: str, bodies: list[list[dict[str, Any]]], **options: Any) -> Load:
    """Send the load from this process, on the core that the server does not use."""
    requests = [
        request(path, json.dumps(body[0] if path != "/v1/batch" else {"batch": body}).encode()) for body in bodies
    ]
    return asyncio.run(load(address, requests, **options))


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time of a process and its children so far."""
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return float(sum(used.user + used.system for used in times))


def resident_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children."""
    return float(sum(member.memory_info().rss for member in (process, *process.children(recursive=True)))) / 1024**2
