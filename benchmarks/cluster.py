"""The same rows and questions on one server and on two and three shards: equal answers, time, stored events a second.

    ./run bench cluster [MILLIONS]

All servers run on this machine and share its cores, so more shards are not faster here: what is measured is what they
cost. Each question is asked of the engine process first; every other answer is compared with that one, to the digit.
"""

from __future__ import annotations

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
from machinery import cpu_seconds, load_in_process, machine, stored, trackway
from questions import QUESTIONS, SECRET_KEY, in_engine, timed
from store import SECONDS, batches, status
from trackway.server_address import OF_ALL_SHARDS
from trackway.store.connection import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))
from clickhouse import ADMIN, ClickHouse, Shards

HOME = Path(os.environ.get("TRACKWAY_BENCHMARKS", ".cache/benchmarks"))
FILLED, LOADED = "filled", "loaded"
"""The databases of the questions and of the load."""


@contextmanager
def servers(count: int) -> Iterator[tuple[str, list[ClickHouse]]]:
    """Run so many shards with an empty database; one is a server without a cluster. Yield their address."""
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        home = Path(directory)
        running: ClickHouse | Shards = ClickHouse(home / "only") if count == 1 else Shards(home, count)
        running.start()
        try:
            for name in (FILLED, LOADED):
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


def collected(dsn: str, each: list[ClickHouse]) -> tuple[float, float, float]:
    """Events a second from the request to the store; CPU seconds for a million, of Trackway and of the servers."""
    with (
        tempfile.TemporaryDirectory(dir=HOME) as directory,
        trackway(Path(directory) / "data", store=dsn) as (address, process),
    ):
        engines = [psutil.Process(one.process.pid) for one in each if one.process is not None]

        def cpu() -> tuple[float, float]:
            return cpu_seconds(process), sum(cpu_seconds(engine) for engine in engines)

        before = cpu()
        began = time.perf_counter()
        load_in_process(address, "/v1/batch", batches(12_000), seconds=SECONDS, connections=32)
        while (now := status(address))["stored"] < now["logged"]:
            time.sleep(0.05)
        events = now["stored"]
        rate = events / (time.perf_counter() - began)
        ours, theirs = ((now - then) / events * 1e6 for now, then in zip(cpu(), before, strict=True))
        return rate, ours, theirs


def main() -> None:
    """Fill, ask, compare, load; print two tables."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 20
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
