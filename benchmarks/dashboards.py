"""Collecting while dashboards are opened: p99 until 202 with nobody looking, and with eight dashboards a second.

    ./run bench dashboards [20|100]

On a filled store (the one of `questions`), so many single events a second are collected; opening a dashboard asks what its
home page asks: overview, trend, sources, pages, countries, devices, and live. The load and the server share the cores.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

from filling import filled
from machinery import WRITE_KEY, load, machine, message, request, resident_mb, trackway
from questions import HOME, SECRET_KEY

RATE, SECONDS, DASHBOARDS = 500, 20.0, 8
HOMES = [
    "overview?{days}", "trend?metric=visitors&interval=day&{days}", "sources?by=channel&by=source&limit=10&{days}",
    "breakdown?by=path&limit=10&{days}", "breakdown?by=country&limit=10&{days}", "breakdown?by=device&limit=10&{days}", "live?",
]  # fmt: skip


async def opened(address: str, project: str, until: float, took: list[float]) -> int:
    """Open dashboards, so many a second, whether those before have been answered or not; how many were refused."""
    host, port = address.removeprefix("http://").split(":")
    refused = 0

    async def ask(path: str) -> None:
        nonlocal refused
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(host, int(port))
        target = f"/api/v1/projects/{project}/{path.format(days='from=2026-08-23&to=2026-08-29')}"
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET_KEY}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        refused += b" 200 " not in answer[:14]
        took.append(time.perf_counter() - began)

    tasks = []
    while time.perf_counter() < until:
        tasks += [asyncio.create_task(ask(path)) for path in HOMES]
        await asyncio.sleep(1 / DASHBOARDS)
    await asyncio.gather(*tasks)
    return refused


async def measure(address: str, project: str, dashboards: bool) -> str:
    """One row of the table."""
    rng = random.Random(1)

    requests = [request("/v1/track", json.dumps(message(n, rng, 50_000)).encode()) for n in range(20_000)]
    took: list[float] = []
    until = time.perf_counter() + SECONDS
    looking = asyncio.create_task(opened(address, project, until, took)) if dashboards else None
    measured = await load(address, requests, SECONDS, 50, RATE)
    refused = await looking if looking else 0
    homes = (
        f"{sorted(took)[len(took) // 2] * 1000:.0f} / {sorted(took)[int(len(took) * 0.95)] * 1000:.0f}" if took else "–"
    )
    return f"| {'eight dashboards a second' if dashboards else 'nobody looking'} | {measured.percentile(0.5):.1f} | {measured.percentile(0.99):.1f} | {measured.failed} | {homes} | {refused} |"


def main() -> None:
    """A copy of the store, a server on it, and both measurements."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    place, project = filled(HOME, millions, SECRET_KEY, WRITE_KEY)
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        copy = Path(directory) / "data"
        shutil.copytree(place, copy, symlinks=True, ignore=shutil.ignore_patterns("duck*"))
        with trackway(copy) as (address, process):
            asyncio.run(measure(address, str(project), False))  # the first seconds merge what the copy brought
            rows = [asyncio.run(measure(address, str(project), dashboards)) for dashboards in (False, True)]
            memory = resident_mb(process)
    print(f"\n{millions} million events stored, {RATE} single events a second collected; {machine()}; ms\n")
    print("| | collect p50 | p99 | not 202 | a question p50 / p95 | not 200 |\n|---|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\nthe server then holds {memory:.0f} MB; {psutil.cpu_count()} cores")


if __name__ == "__main__":
    main()
