"""Collect to 202: single events and batches of 100, beside FastAPI + asyncpg + PostgreSQL, in one run.

Everything a side needs (server, loader and engine; server and PostgreSQL) has one core, the load the other. Each side is first loaded to saturation and then at half of that rate,
where the latencies are taken. `./run bench collect`
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from machinery import baseline, cpu_seconds, load_in_process, machine, message, resident_mb, trackway

SECONDS = 8.0


def measure(name: str, address: str, process: object, path: str, size: int) -> float:
    """Saturate, then halve; print a row; return events a second per core."""
    rng = random.Random(7)
    # A server that drops repeated message ids is not helped by it: the drop comes after the log.
    bodies = [[message(number * size + offset, rng, 20_000) for offset in range(size)] for number in range(400)]
    load_in_process(address, path, bodies, seconds=2.0, connections=32)
    before = cpu_seconds(process)  # type: ignore[arg-type]
    full = load_in_process(address, path, bodies, seconds=SECONDS, connections=64)
    cpu = cpu_seconds(process) - before  # type: ignore[arg-type]
    half = load_in_process(address, path, bodies, seconds=SECONDS, connections=64, rate=full.rate / 2)
    print(
        f"| {name} | {size} | {full.rate:,.0f} | {full.rate * size:,.0f} | {half.percentile(0.5):.1f} | "
        f"{half.percentile(0.99):.1f} | {cpu / full.seconds * 100:.0f} % | {cpu / len(full.latencies) * 1e6:,.0f} | {resident_mb(process):,.0f} | "  # type: ignore[arg-type]
        f"{full.failed + half.failed} |",
        flush=True,
    )
    return full.rate * size


def main() -> None:
    """Run both sides and print the ratio."""
    print(f"\nCollect to 202 on {machine()}; each side on one core, the load on the other\n")
    print(
        "| server | events a request | requests/s | events/s | p50 ms at half | p99 ms at half | CPU | CPU µs a request | "
        "MB | failed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    rates: dict[tuple[str, int], float] = {}
    for path, size in (("/v1/track", 1), ("/v1/batch", 100)):
        with (
            tempfile.TemporaryDirectory() as directory,
            trackway(Path(directory) / "data", core=0) as (address, process),
        ):
            rates["trackway", size] = measure("Trackway", address, process, path, size)
        with baseline(core=0) as (address, process):
            rates["baseline", size] = measure("FastAPI + PostgreSQL", address, process, path, size)
    for size in (1, 100):
        ratio = rates["trackway", size] / rates["baseline", size]
        print(f"\n{size} event(s) a request: {ratio:.1f} times the baseline's events a second per core", flush=True)


if __name__ == "__main__":
    main()
