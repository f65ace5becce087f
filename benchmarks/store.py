"""Collect to stored: batches over HTTP until every event is in the store with all views; start and idle memory.

Both cores are everybody's: server, engine, loader and load. The baseline inserts the same events into PostgreSQL.
`./run bench store`
"""

from __future__ import annotations

import json
import random
import tempfile
import time
import urllib.request
from pathlib import Path

from machinery import baseline, cpu_seconds, load_in_process, machine, message, resident_mb, trackway

EVENTS_A_BATCH = 100
SECONDS = 20.0


def batches(count: int) -> list[list[dict[str, object]]]:
    """Distinct batches: every message id once."""
    rng = random.Random(11)
    return [[message(n * EVENTS_A_BATCH + i, rng, 50_000) for i in range(EVENTS_A_BATCH)] for n in range(count)]


def status(address: str) -> dict[str, int]:
    """Offsets logged and stored."""
    with urllib.request.urlopen(address + "/readyz", timeout=30) as answer:
        content: dict[str, int] = json.load(answer)
        return content


def main() -> None:
    """Measure both sides, then start and idle memory."""
    print(f"\nCollect to stored on {machine()}; everything shares both cores\n")
    print("| server | events | events/s stored | p99 ms to 202 | CPU s per million | peak MB |")
    print("|---|---|---|---|---|---|", flush=True)
    bodies = batches(12_000)
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        with trackway(data) as (address, process):
            before = cpu_seconds(process)
            started = time.perf_counter()
            result = load_in_process(address, "/v1/batch", bodies, seconds=SECONDS, connections=32)
            peak = resident_mb(process)
            while (now := status(address))["stored"] < now["logged"]:
                peak = max(peak, resident_mb(process))
                time.sleep(0.05)
            seconds = time.perf_counter() - started
            events = now["stored"]
            ours = events / seconds
            cpu = (cpu_seconds(process) - before) / events * 1e6
            print(
                f"| Trackway | {events:,} | {ours:,.0f} | {result.percentile(0.99):.0f} | {cpu:.1f} | {peak:,.0f} |",
                flush=True,
            )
        started = time.perf_counter()
        with trackway(data) as (address, process):
            ready = time.perf_counter() - started
            time.sleep(5)
            idle = resident_mb(process)
    with baseline() as (address, process):
        before = cpu_seconds(process)
        result = load_in_process(address, "/v1/batch", bodies, seconds=SECONDS, connections=32)
        theirs = result.rate * EVENTS_A_BATCH
        events = len(result.latencies) * EVENTS_A_BATCH
        cpu = (cpu_seconds(process) - before) / events * 1e6
        print(
            f"| FastAPI + PostgreSQL | {events:,} | {theirs:,.0f} | {result.percentile(0.99):.0f} | "
            f"{cpu:.1f} (without PostgreSQL) | {resident_mb(process):,.0f} |",
            flush=True,
        )
    print(f"\n{ours / theirs:.1f} times the baseline's stored events a second")
    print(f"serving {ready:.1f} s after the command on that store; {idle:,.0f} MB when idle")


if __name__ == "__main__":
    main()
