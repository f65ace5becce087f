"""Single requests while the loader works on a backlog, with the loader as a thread of the server and as a process of its own.

    ./run bench backlog [RATE] [ROUNDS] [EVENTS]

Both ways take turns. In each turn, a server starts on a log with so many events that are not stored; from then on, so many single
events a second are collected for 10 s, with eight dashboards a second open in every other round. Latency counts from when a
request was due. CPU time is that of all processes of the server, by stored event.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from dashboards import opened
from loader import _fill
from machinery import Load, cpu_seconds, load, machine, message, request, resident_mb, trackway

SECONDS = 10.0
SECRET_KEY = "sk_bench"


def _state(address: str) -> dict[str, int]:
    with urllib.request.urlopen(address + "/readyz", timeout=60) as answer:
        content: dict[str, int] = json.load(answer)
        return content


def _project(address: str) -> str:
    asked = urllib.request.Request(address + "/api/v1/projects", headers={"authorization": f"Bearer {SECRET_KEY}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return str(json.load(answer)[0]["id"])


async def _measured(address: str, project: str, rate: int, dashboards: bool) -> tuple[Load, list[float]]:
    rng = random.Random(1)
    requests = [request("/v1/track", json.dumps(message(n, rng, 50_000)).encode()) for n in range(20_000)]
    took: list[float] = []
    looking = asyncio.create_task(opened(address, project, time.perf_counter() + SECONDS, took)) if dashboards else None
    measured = await load(address, requests, SECONDS, 50, rate)
    if looking:
        await looking
    return measured, sorted(took) or [0.0]


def turn(small: bool, rate: int, events: int, dashboards: bool) -> Load:
    """One turn; prints its row."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        with trackway(data):
            pass
        for segment in (data / "log").glob("*.log"):
            segment.unlink()
        _fill(data / "log", events)
        with trackway(data, small=str(small).lower()) as (address, process):
            project = _project(address)
            before, cpu = _state(address), cpu_seconds(process)
            measured, took = asyncio.run(_measured(address, project, rate, dashboards))
            after, used = _state(address), cpu_seconds(process) - cpu
            stored = after["stored"] - before["stored"]
            print(
                f"| {'thread' if small else 'process'} | {'8' if dashboards else '–'} | {measured.percentile(0.5) * 1:.1f} | "
                f"{measured.percentile(0.95):.1f} | {measured.percentile(0.99):.1f} | {measured.percentile(1):.0f} | "
                f"{measured.failed} | {len(measured.latencies) / SECONDS:,.0f} | {stored / SECONDS:,.0f} | {after['logged'] - after['stored']:,} | "
                f"{used / max(stored, 1) * 1e6:.0f} | {took[len(took) // 2] * 1000:.0f} / {took[int(len(took) * 0.95)] * 1000:.0f} | "
                f"{resident_mb(process):,.0f} | {os.getloadavg()[0]:.0f} |",
                flush=True,
            )
    return measured


def main() -> None:
    """Take turns, then print both ways with all turns together."""
    given = [int(one) for one in sys.argv[1:]]
    rate, rounds, events = [*given, *(1000, 4, 1_000_000)[len(given) :]]
    print(f"\n{rate} single events a second beside a backlog; {machine()}; ms\n")
    print(
        "| loader | dashboards a second | p50 | p95 | p99 | most | not 202 | requests/s | stored/s | backlog left | CPU µs an event | a question p50 / p95 | MB | load |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    whole: dict[tuple[bool, bool], Load] = {}
    for number in range(rounds):
        for small in (True, False) if number % 4 < 2 else (False, True):
            dashboards = bool(number % 2)
            one = turn(small, rate, events, dashboards)
            of_all = whole.setdefault((small, dashboards), Load())
            of_all.latencies += one.latencies
    print("\n| loader | dashboards | p50 | p99 |\n|---|---|---|---|")
    for (small, dashboards), one in whole.items():
        print(
            f"| {'thread' if small else 'process'} | {'8 a second' if dashboards else '–'} | {one.percentile(0.5):.1f} | "
            f"{one.percentile(0.99):.1f} |"
        )


if __name__ == "__main__":
    main()
