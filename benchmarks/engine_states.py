"""Collecting whatever the engine does: p99 until 202 with the engine idle, busy, stopped, killed again and again.

    ./run bench engine_states [REQUESTS A SECOND]

The baseline is the same server with an idle engine, in the same run. Server, engine and load share the cores. At the end
everything that was acknowledged has to be in the store, once.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from machinery import load_in_process, machine, message, trackway
from questions import SECRET_KEY
from store import status

RATE, SECONDS, CONNECTIONS = 500, 20.0, 32
HEAVY = """SELECT max(cityHash64(a.message_id, b.message_id)) AS most
FROM (SELECT message_id FROM events LIMIT 20000) AS a CROSS JOIN (SELECT message_id FROM events LIMIT 20000) AS b"""


def ask(address: str, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a statement of free SQL; none when it is refused."""
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/api/v1/projects", headers=headers)) as answer:
        project = json.load(answer)[0]["id"]
    body = json.dumps({"sql": statement}).encode()
    asked = urllib.request.Request(f"{address}/api/v1/projects/{project}/query", body, headers)
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return list(json.load(answer)["data"])
    except urllib.error.HTTPError:
        return []


def all_stored(address: str) -> bool:
    """Whether everything that was logged is stored; a server that is not ready says what is the matter with 503."""
    try:
        now = status(address)
    except urllib.error.HTTPError:
        return False
    return now["stored"] == now["logged"]


class Engine:
    """The engine process of a running server, and what is done to it until `over`."""

    def __init__(self, address: str, data: Path) -> None:
        self.address, self._lock, self.over = address, data / "store" / "engine" / "lock", threading.Event()

    @property
    def process(self) -> psutil.Process:
        """The engine process of this moment."""
        return psutil.Process(int(self._lock.read_text()))

    def idle(self) -> None:
        """Leave it alone, but for what comes in."""

    def busy(self) -> None:
        """Ask a question that needs seconds of all cores, again and again."""
        while not self.over.is_set():
            ask(self.address, HEAVY)

    def stopped(self) -> None:
        """Stop it, as a disk does that does not answer."""
        engine = self.process
        engine.suspend()
        self.over.wait()
        engine.resume()

    def killed(self) -> None:
        """Kill it every two seconds; the server starts it again."""
        while not self.over.wait(2):
            try:
                self.process.send_signal(signal.SIGKILL)
            except (psutil.NoSuchProcess, ValueError):
                continue


def measured(address: str, bodies: list[Any], rate: float, do: Callable[[], None], over: threading.Event) -> int:
    """Collect while something is done to the engine; print a row; return the number of acknowledged events."""
    over.clear()
    doing = threading.Thread(target=do)
    doing.start()
    found = load_in_process(address, "/v1/track", bodies, seconds=SECONDS, connections=CONNECTIONS, rate=rate)
    over.set()
    doing.join()
    began = time.perf_counter()
    while not all_stored(address):
        time.sleep(0.1)
    print(
        f"| {do.__name__} | {found.rate:,.0f} | {found.percentile(0.5):.1f} | {found.percentile(0.99):.1f} | "
        f"{found.percentile(1):,.0f} | {found.failed} | {time.perf_counter() - began:.1f} s |",
        flush=True,
    )
    return len(found.latencies)


def main() -> None:
    """Collect in each state, and count what is stored."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    rng = random.Random(7)
    print(f"\nCollecting {rate:,.0f} single events a second whatever the engine does, on {machine()}\n")
    print("| the engine is | requests/s | p50 ms | p99 ms | slowest ms | failed | all stored after |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as directory, trackway(Path(directory) / "data") as (address, _):
        serial, taken = iter(range(10**9)), 0

        def bodies(count: int, size: int = 1) -> list[Any]:
            return [[message(next(serial), rng, 20_000) for _ in range(size)] for _ in range(count)]

        first = load_in_process(address, "/v1/batch", bodies(450, 100), seconds=8, connections=4, rate=50)
        engine = Engine(address, Path(directory) / "data")
        for do in (engine.idle, engine.busy, engine.stopped, engine.killed, engine.idle):
            taken += measured(address, bodies(int(rate * SECONDS * 1.1)), rate, do, engine.over)
        expected = taken + 100 * len(first.latencies)
        [row] = ask(address, "SELECT count() AS events, uniqExact(message_id) AS ids FROM events")
        print(f"\nacknowledged: {expected:,}; stored: {row}")
        if {int(value) for value in row.values()} != {expected}:
            raise SystemExit("the store does not hold each acknowledged event once")


if __name__ == "__main__":
    main()
