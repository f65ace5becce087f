"""Collect to stored: hard traffic over HTTP until every event is in the store with all views, and nothing lost or counted twice.

    ./run bench store [--seconds 20] [--events 50000000] [--connections 32] [--small] [--no-baseline]

All cores are everybody's: server, loader, engine and load. Three stages: as fast as answers come, for so many seconds or events (the
whole claim: `--seconds 3600 --events 50000000`); half of the stored rate, where latency counts from when a request was due; and half
of it while the server is killed (SIGKILL) and started again. Then the server stops, and the tables are compared with the load and with each other:
the number of events, of distinct ids, the sums of the ids' parts, and every view with another count of the events. The baseline
inserts ordinary events into PostgreSQL. Without `--small`, the loader has a process of its own, so that CPU time is known by part.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from machinery import (
    EVENTS_A_BATCH,
    HERE,
    baseline,
    batches,
    cpu_seconds,
    free_port,
    load_in_process,
    machine,
    resident_mb,
    trackway,
)


def status(address: str) -> dict[str, Any]:
    """Offsets logged and stored, and what each process uses."""
    with urllib.request.urlopen(address + "/readyz", timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


def all_stored(address: str) -> dict[str, Any]:
    """Wait until everything logged is stored; return the status."""
    while (now := status(address))["stored"] < now["logged"]:
        time.sleep(0.05)
    return now


class Syncs(threading.Thread):
    """Measures what a small `fdatasync` takes in a directory while the load runs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(daemon=True)
        self._file, self.took, self.over = directory / "synced", list[float](), threading.Event()

    def run(self) -> None:
        with self._file.open("wb") as file:
            while not self.over.wait(0.25):
                file.write(b"x" * 4096)
                file.flush()
                since = time.perf_counter()
                os.fdatasync(file.fileno())
                self.took.append((time.perf_counter() - since) * 1000)
        self._file.unlink()

    def __str__(self) -> str:
        self.over.set()
        took = sorted(self.took) or [float("nan")]
        return f"{took[len(took) // 2]:.1f} / {took[int(len(took) * 0.99)]:.1f}"


class Sender:
    """The load, in a process of its own; `first` is the number of its first request."""

    def __init__(self, address: str, first: int, seconds: float, events: float, connections: int, rate: float) -> None:
        arguments = [address, *map(str, (first, seconds, events, connections, rate))]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "hard_load.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def start(self) -> None:
        """Let it send; its bodies are built."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Wait for its end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.wait()
        result: dict[str, Any] = json.loads(line)
        return result


def cpu_by_part(before: dict[str, Any], after: dict[str, Any], events: int, load: float) -> str:
    """Microseconds of CPU for each event, by process."""
    used = {
        name: use["cpu_seconds"] - before["processes"].get(name, {"cpu_seconds": 0})["cpu_seconds"]
        for name, use in after["processes"].items()
    }
    parts = {**used, "all": sum(used.values()), "load": load}
    return ", ".join(f"{name} {seconds / events * 1e6:.1f}" for name, seconds in parts.items())


def stage(address: str, data: Path, name: str, sender: Sender, process: Any) -> dict[str, Any]:
    """Run a stage to the last stored event; print its row."""
    before, syncs, peak = status(address), Syncs(data), resident_mb(process)
    syncs.start()
    sender.start()
    started = time.perf_counter()
    result: dict[str, Any] = {}
    waiting = threading.Thread(target=lambda: result.update(sender.result()))
    waiting.start()
    while waiting.is_alive():
        peak = max(peak, resident_mb(process))
        waiting.join(0.5)
    after = all_stored(address)
    seconds = time.perf_counter() - started
    events = after["stored"] - before["stored"]
    result["rate"] = result["sent"] / seconds
    print(
        f"| {name} | {result['sent']:,} | {result['rate']:,.0f} | {result['p50']:.0f} / {result['p99']:.0f} / {result['most']:.0f} | "
        f"{cpu_by_part(before, after, events, result['cpu'])} | {peak:,.0f} | {syncs} | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )
    return result


def killed(data: Path, port: int, sender: Sender, seconds: float, settings: dict[str, str]) -> dict[str, Any]:
    """Kill the server in the middle of a stage and start it again; return the result of the stage."""
    with trackway(data, port=port, **settings) as (address, process):
        all_stored(address)
        sender.start()
        time.sleep(seconds / 2)
        process.kill()
        process.wait()
    with trackway(data, port=port, **settings) as (address, process):
        result = sender.result()
        all_stored(address)
    print(
        f"| killed | {result['sent']:,} | | p50 {result['p50']:.0f} | {result['again']} requests sent again | | | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )
    return result


def check(data: Path, results: list[dict[str, Any]]) -> None:
    """Compare the tables of a stopped server with the load and with each other; print what differs."""
    sys.path.insert(0, str(HERE.parent / "tests" / "faults"))
    from oracle import _HIDDEN, _SHOWN  # the counts that the campaigns of faults compare

    def query(statement: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "trackway", "query", "--json", statement, "--data", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return list(json.loads(done.stdout))

    wanted = [sum(result[name] for result in results) for name in ("messages", "messages", "turns", "serials")]
    (row,) = query(
        "SELECT count() AS events, uniqExact(message_id) AS ids, sum(toUInt64(splitByChar('-', message_id)[1])) AS turns, "
        "sum(toUInt64(splitByChar('-', message_id)[2])) AS serials FROM events"
    )
    found = [int(row[name]) for name in ("events", "ids", "turns", "serials")]
    print(
        f"\nevents, distinct ids and sums of their parts: sent {wanted}, stored {found}: {'equal' if wanted == found else 'DIFFERENT'}"
    )
    counts = [one for statement in (*_SHOWN, *_HIDDEN) for one in query(statement)]
    wrong = [f"{one['part']}: {one['keys']} keys" for one in counts if int(one["keys"])]
    print(f"{len(counts)} other counts of tables and views: {'; '.join(wrong) or 'all equal'}")
    if wrong or wanted != found:
        raise SystemExit(1)


def postgresql(seconds: float, connections: int) -> float:
    """The baseline's row, with ordinary events; return its events a second."""
    bodies = batches(6_000)
    with baseline() as (address, process):
        before = cpu_seconds(process)
        result = load_in_process(address, "/v1/batch", bodies, seconds=seconds, connections=connections)
        events = len(result.latencies) * EVENTS_A_BATCH
        print(
            f"| FastAPI + PostgreSQL | {events:,} | {result.rate * EVENTS_A_BATCH:,.0f} | {result.percentile(0.5):.0f} / {result.percentile(0.99):.0f} / "
            f"{result.percentile(1):.0f} | service {(cpu_seconds(process) - before) / events * 1e6:.1f} | {resident_mb(process):,.0f} | | "
            f"{os.getloadavg()[0]:.1f} |",
            flush=True,
        )
    return result.rate * EVENTS_A_BATCH


def main() -> None:
    """Measure all stages, check, then measure a start and the idle memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--no-baseline", action="store_true")
    given = parser.parse_args()
    settings, short = {"small": str(given.small).lower()}, min(given.seconds, 60.0) / 2
    print(f"\nCollect to stored on {machine()}; everything shares all cores\n")
    print(
        "| stage | events | events/s stored | p50 / p99 / most ms to 202 | CPU µs an event | peak MB | fdatasync ms p50 / p99 | load |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        data, port = Path(directory) / "data", free_port()
        address, results = f"http://127.0.0.1:{port}", list[dict[str, Any]]()
        with trackway(data, port=port, **settings) as (_, process):
            full = Sender(address, 0, given.seconds, given.events, given.connections, 0)
            results.append(stage(address, data, "as fast as possible", full, process))
            rate = results[0]["rate"] / 2
            half = Sender(address, results[0]["requests"], short, 1e12, given.connections, rate)
            results.append(stage(address, data, "half of it, from when due", half, process))
        first = sum(result["requests"] for result in results)
        sender = Sender(address, first, short, 1e12, given.connections, rate)
        results.append(killed(data, port, sender, short, settings))
        check(data, results)
        started = time.perf_counter()
        with trackway(data, port=port, **settings) as (_, process):
            ready = time.perf_counter() - started
            time.sleep(5)
            print(
                f"\nserving {ready:.1f} s after the command on that store; {resident_mb(process):,.0f} MB when idle\n"
            )
    if not given.no_baseline:
        theirs = postgresql(min(given.seconds, 20.0), given.connections)
        print(
            f"\n{results[0]['rate'] / theirs:.1f} times the baseline's stored events a second; its events are simpler"
        )


if __name__ == "__main__":
    main()
