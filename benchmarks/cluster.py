"""The same rows and questions on one server and on two and three shards: equal answers, time, stored events a second.

    ./run bench cluster [MILLIONS [MILLIONS UNDER LOAD]]

With the second number, so many are also collected and stored on three shards: all of them once, and no statement refused. All servers run on this machine and share its cores, so more shards are not faster here: what is measured is what they
cost. Each question is asked of the engine process first; every other answer is compared with that one, to the digit.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psutil
import pyarrow as pa

import filling
from machinery import EVENTS_A_BATCH, Load, Unending, batches, cpu_seconds, load, machine, stored, trackway
from questions import QUESTIONS, SECRET_KEY, in_engine, timed
from store import status
from trackway.server_address import OF_ALL_SHARDS
from trackway.store.connection import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))
from clickhouse import ADMIN, ClickHouse, Shards

SECONDS = 20.0
HOME = Path(os.environ.get("TRACKWAY_BENCHMARKS", ".cache/benchmarks"))
FILLED, LOADED, LONGER = "filled", "loaded", "longer"
"""The databases of the questions, of the load, and of the load that is given in millions."""


@contextmanager
def servers(count: int) -> Iterator[tuple[str, list[ClickHouse]]]:
    """Run so many shards with an empty database; one is a server without a cluster. Yield their address."""
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        home = Path(directory)
        running: ClickHouse | Shards = ClickHouse(home / "only") if count == 1 else Shards(home, count)
        running.start()
        try:
            for name in (FILLED, LOADED, LONGER):
                running.ask(f"CREATE DATABASE {name}")
                running.ask(f"CREATE DATABASE {name}{OF_ALL_SHARDS}")
            each = [running] if isinstance(running, ClickHouse) else running.servers
            yield running.dsn("admin", ADMIN.replace(" ", "%20"), FILLED), each
        finally:
            running.remove()


def plain(answer: Any) -> Any:
    """An answer as lists, texts and numbers, without the time it took; rows that no ORDER BY sorts are sorted here."""
    if isinstance(answer, pa.Table):
        return sorted(answer.to_pylist(), key=repr)
    if hasattr(answer, "__dict__") and not isinstance(answer, type):
        return {name: plain(value) for name, value in vars(answer).items() if name != "took_ms"}
    if isinstance(answer, msgspec.Struct) or hasattr(answer, "_asdict"):
        fields = answer.__struct_fields__ if isinstance(answer, msgspec.Struct) else answer._fields
        return {name: plain(getattr(answer, name)) for name in fields if name != "took_ms"}
    if isinstance(answer, dict):
        return {str(name): plain(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [plain(value) for value in answer]
    return answer


def asked(store: Store, project: UUID) -> tuple[dict[str, Any], dict[str, float]]:
    """Each question's answer, and its median of three in ms."""
    store.persons.refresh()
    answers, took = {}, {}
    for name, (body, _) in QUESTIONS.items():
        run = in_engine(store, project, body)
        answers[name] = plain(run())
        took[name] = statistics.median(timed(run, 3))
    return answers, took


async def watched(address: str, most: int) -> Load:
    """Send batches; fail when the server says that storing does not go on."""
    requests, seconds = Unending("/v1/batch", batches(4_000)), 7_200.0 if most else SECONDS
    sending = asyncio.create_task(load(address, requests, seconds, 32, most=most // EVENTS_A_BATCH or 10**9))
    while not sending.done():
        await asyncio.to_thread(status, address)
        await asyncio.sleep(0.5)
    return await sending


def collected(dsn: str, each: list[ClickHouse], most: int = 0) -> tuple[float, float, float]:
    """Events a second from the request to the store; CPU seconds for a million, of Trackway and of the servers.

    Args:
        most: the number of events; without it, what is sent in some seconds.
    """
    with (
        tempfile.TemporaryDirectory(dir=HOME) as directory,
        trackway(Path(directory) / "data", store=dsn) as (address, process),
    ):
        engines = [psutil.Process(one.process.pid) for one in each if one.process is not None]

        def cpu() -> tuple[float, float]:
            return cpu_seconds(process), sum(cpu_seconds(engine) for engine in engines)

        before = cpu()
        began = time.perf_counter()
        sent = asyncio.run(watched(address, most))
        while (now := status(address))["stored"] < now["logged"]:
            time.sleep(0.05)
        events = now["stored"]
        assert (events, now["dead_letters"], sent.failed) == (len(sent.latencies) * EVENTS_A_BATCH, 0, 0), (
            now,
            sent.failed,
        )
        rate = events / (time.perf_counter() - began)
        ours, theirs = ((now - then) / events * 1e6 for now, then in zip(cpu(), before, strict=True))
        return rate, ours, theirs


def long_load(dsn: str, each: list[ClickHouse], millions: int) -> tuple[float, float, float]:
    """As `collected`, of so many millions; each of them has to be stored once."""
    measured = collected(dsn, each, millions * 1_000_000)
    store = Store(dsn, clients=1, memory_mb=8_000)
    [row] = store.ask("SELECT count() AS events, uniqExact(message_id) AS ids FROM events").to_pylist()
    store.close()
    assert set(row.values()) == {millions * 1_000_000}, row
    return measured


def main() -> None:
    """Fill, ask, compare, load; print two tables."""
    given = [int(text) for text in sys.argv[1:]]
    millions, under_load = given[0] if given else 20, given[1] if len(given) > 1 else 0
    HOME.mkdir(parents=True, exist_ok=True)
    place, project = filling.filled(HOME, millions, SECRET_KEY, "wk_bench")
    with stored(place, 8_000) as store:
        expected, alone = asked(store, project)
    took = {"engine process": alone}
    rates: dict[str, tuple[float, float, float]] = {}
    differ: list[str] = []
    for count in (1, 2, 3):
        name = "a server" if count == 1 else f"{count} shards"
        with servers(count) as (dsn, each):
            rates[name] = collected(dsn.replace(f"/{FILLED}", f"/{LOADED}"), each)
            store = Store(dsn, clients=2, memory_mb=8_000)
            store.migrate()
            filling.fill(store, project, millions)
            answers, took[name] = asked(store, project)
            differ += [f"{question} on {name}" for question in expected if answers[question] != expected[question]]
            store.close()
            if count == 3 and under_load:
                rates[f"{name}, {under_load} million"] = long_load(
                    dsn.replace(f"/{FILLED}", f"/{LONGER}"), each, under_load
                )
    print(f"\n{millions} million events, 26 questions; {machine()}; all servers share the cores\n")
    print(f"answers that differ from the engine process: {', '.join(differ) or 'none'}\n")
    print("| | events/s stored | CPU s per million: Trackway | servers |\n|---|---|---|---|")
    for name, (rate, ours, theirs) in rates.items():
        print(f"| {name} | {rate:,.0f} | {ours:.1f} | {theirs:.1f} |")
    slowest = sorted(alone, key=lambda question: -alone[question])[:5]
    print(f"\n| question, ms | {' | '.join(took)} |\n|---|{'---|' * len(took)}")
    for question in slowest:
        print(f"| {question} | {' | '.join(f'{times[question]:.0f}' for times in took.values())} |")
    print(f"| all together | {' | '.join(f'{sum(times.values()):.0f}' for times in took.values())} |")


if __name__ == "__main__":
    main()
