"""The log in Kafka beside the log in files, in one run: events a second until 202, and until stored; one broker and three.

Server, loader, engine and brokers share the machine's cores with the load. `./run bench kafka_log`; not among the benchmarks that
run without a name, as it needs Java.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import httpx

from machinery import cpu_seconds, load_in_process, machine, message, trackway

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kafka import Kafka, missing

SECONDS = 6.0


def measure(name: str, size: int, path: str, directory: Path, **settings: str) -> None:
    """Load a server for some seconds, wait until everything is stored, and print a row."""
    rng = random.Random(7)
    # More requests than are sent: a repeated message id would cost the loader next to nothing.
    count = 20_000 if size == 1 else 1_500
    bodies = [[message(number * size + offset, rng, 20_000) for offset in range(size)] for number in range(count)]
    with trackway(directory, **settings) as (address, process):
        load_in_process(address, path, bodies, seconds=2.0, connections=32)
        _stored(address)
        before, began = cpu_seconds(process), time.monotonic()
        full = load_in_process(address, path, bodies, seconds=SECONDS, connections=64)
        _stored(address)
        took, cpu = time.monotonic() - began, cpu_seconds(process) - before
    events = full.rate * full.seconds * size
    print(
        f"| {name} | {size} | {full.rate * size:,.0f} | {full.percentile(0.5):.1f} | {full.percentile(0.99):.1f} | "
        f"{events / took:,.0f} | {cpu / events * 1e6:,.0f} | {full.failed} |",
        flush=True,
    )


def _stored(address: str) -> None:
    while True:
        status = httpx.get(f"{address}/readyz", timeout=60).json()
        if status["stored"] == status["logged"]:
            return
        time.sleep(0.05)


def main() -> int:
    """Measure files, one broker and three."""
    if reason := missing():
        print(reason)
        return 1
    print(f"\nThe log on {machine()}; everything shares the cores\n")
    print(
        "| log | events a request | events/s to 202 | p50 ms | p99 ms | events/s to stored | CPU µs an event (server and engine) | failed |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for size, path in ((1, "/v1/track"), (100, "/v1/batch")):
        with tempfile.TemporaryDirectory() as directory:
            measure("files", size, path, Path(directory) / "data")
        for count, partitions in ((1, 1), (1, 3), (3, 6)):
            brokers = Kafka(count, for_long=True)
            name = f"Kafka, {count} broker{'s' * (count > 1)}, {partitions} partition{'s' * (partitions > 1)}"
            try:
                log = brokers.topic("bench", partitions, min_insync_replicas=str(min(count, 2)))
                with tempfile.TemporaryDirectory() as directory:
                    measure(name, size, path, Path(directory) / "data", log=log)
            finally:
                brokers.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
