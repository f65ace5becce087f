"""What a small batch costs: CPU time of the engine process for one message, for each view, and per event of a large batch.

Before and after are the same store in turns: with parts of many files and lists that are written to a table, and with
parts of one file and lists among the values of the statement. Then messages trickle in.
`./run bench inserts [MESSAGES]`
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from uuid import UUID

import psutil

from machinery import AGENTS, machine
from trackway.event import Message, new_id, now
from trackway.store import engine_config, lists
from trackway.store.connection import Store
from trackway.store.pace import Pace
from trackway.store.view_statements import statement_of

from factories import message as made  # isort: skip  (machinery adds the folder of the tests)
from stores import Loaded  # isort: skip

FORMS = ("before", "after")
BATCH, BATCHES, TRICKLE_S = 50_000, 1, 20.0
_BEFORE = "schema/0018_shown_visitor.sql"
_VIEW_OF_BEFORE = re.compile(r"VIEW customers_from_sessions TO customers AS\n(.*?);\n", re.DOTALL)


def messages() -> Iterator[Message]:
    """Events of an ordinary site, one a second."""
    rng, start, serial = random.Random(5), now() - 86_400_000, 0
    while True:
        concert, serial = rng.randrange(500), serial + 1
        yield made(
            ("Page Read", "event click", "impression", "ticket_click")[serial % 4],
            start + serial * 100,
            visitor=f"visitor-{rng.randrange(50_000)}",
            url=f"https://concerts.example/concerts/{concert}",
            context={"userAgent": AGENTS[serial % len(AGENTS)], "locale": "en-GB"},
            properties={"entity_type": "concert", "entity_id": f"c{concert}", "position": serial % 12},
        )


def switch(store: Store, form: str) -> None:
    """Bring the store into the form of before or after."""
    lists._MOST_BOUND = 100 if form == "after" else 0
    packed = engine_config.PACKED_BYTES if form == "after" else 0
    tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    for table in store.ask(tables)["name"].to_pylist():
        store.command(f"ALTER TABLE {table} MODIFY SETTING min_bytes_for_full_part_storage = {packed}")


def engine_process() -> psutil.Process:
    """Return the engine process of this one."""
    [engine] = psutil.Process().children()
    return engine


def used(process: psutil.Process) -> float:
    """CPU seconds of a process."""
    return sum(process.cpu_times()[:2])


def threads_used(process: psutil.Process) -> float:
    """CPU milliseconds of the threads of a process, to the microsecond."""
    files = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


def loads(loaded: Loaded, project: UUID, count: int) -> None:
    """Print the cost of loading one message, and that of an event in large batches."""
    engine, ours, source = engine_process(), psutil.Process(), messages()
    print("\n| | engine | loader |\n|---|---|---|", flush=True)
    for size, repeats in ((1, count), (BATCH, BATCHES)):
        costs: dict[str, list[tuple[float, float]]] = {form: [] for form in FORMS}
        for form in FORMS * 3:
            switch(loaded.store, form)
            loaded.load(project, [next(source) for _ in range(5)])
            batches = [[next(source) for _ in range(size)] for _ in range(repeats)]
            before, before_ours = used(engine), used(ours)
            for batch in batches:
                loaded.load(project, batch)
            costs[form].append((used(engine) - before, used(ours) - before_ours))
        for form in FORMS:
            unit, name = (1e3, "ms a message alone") if size == 1 else (1e6, "µs an event of 50,000")
            engine_cost, our_cost = (
                statistics.median(cost) * unit / size / repeats for cost in zip(*costs[form], strict=True)
            )
            print(f"| {name}, {form} | {engine_cost:.1f} | {our_cost:.1f} |", flush=True)


def views(store: Store) -> None:
    """Print the cost of each view's statement over few rows: the least that it adds to any insert."""
    engine = engine_process()
    names = store.ask("SELECT name FROM system.tables WHERE engine = 'MaterializedView' ORDER BY name")[
        "name"
    ].to_pylist()
    asked = {name: f"SELECT count() FROM (SELECT * FROM ({statement_of(store, name)})) FORMAT Null" for name in names}
    costs: dict[str, list[float]] = {"": [], **{name: [] for name in names}}
    for _ in range(60):
        for name, found in costs.items():
            before = threads_used(engine)
            store.command(asked.get(name, "SELECT 1 FORMAT Null"))
            found.append(threads_used(engine) - before)
    nothing = statistics.median(costs.pop(""))
    print("\n| view | ms |\n|---|---|")
    for name, found in costs.items():
        print(f"| {name} | {statistics.median(found) - nothing:.1f} |", flush=True)


def rows(store: Store) -> None:
    """Print the cost of a row of a large block: of sessions for their view of customers with a group for each identity
    and without groups, and of events with all views; each with rows of a block merged before they are written, and not.
    """
    store.command("SYSTEM STOP MERGES")
    [grouped] = _VIEW_OF_BEFORE.findall(resources.files("trackway.store").joinpath(_BEFORE).read_text())
    for form, statement in (("before", grouped), ("after", statement_of(store, "customers_from_sessions"))):
        store.command(f"CREATE TABLE sessions_{form} AS sessions ENGINE = Null")
        store.command(f"CREATE TABLE customers_{form} AS customers")
        view = statement.replace("FROM sessions", f"FROM sessions_{form}")
        store.command(f"CREATE MATERIALIZED VIEW view_{form} TO customers_{form} AS {view}")
    counts = {}
    for table in ("sessions", "events"):
        store.command(f"CREATE TABLE known_{table} AS {table} ENGINE = Memory")
        store.command(f"INSERT INTO known_{table} SELECT * FROM {table} LIMIT {BATCH}")
        counts[table] = store.ask(f"SELECT count() AS n FROM known_{table}")["n"][0].as_py()
    cases = {
        "customers of a session's row": [("sessions", "sessions_before", 1), ("sessions", "sessions_after", 0)],
        "an event with its views": [("events", "events", 1), ("events", "events", 0)],
    }
    clock = (~engine_process().pid << 3) | 2  # that of the CPU time of a process, to the nanosecond
    print("\n| µs a row | before | after |\n|---|---|---|")
    for name, forms in cases.items():
        costs: list[list[float]] = [[], []]
        for serial in range(6):
            for found, (table, into, merged) in zip(costs, forms, strict=True):
                before = time.clock_gettime(clock)
                store.command(
                    f"INSERT INTO {into} SELECT * FROM known_{table} SETTINGS optimize_on_insert = {merged}, "
                    f"min_insert_block_size_rows = {BATCH}, insert_deduplication_token = '{merged}-{serial}'"
                )
                found.append((time.clock_gettime(clock) - before) * 1e6 / counts[table])
        print(f"| {name} | {' | '.join(f'{min(found):.1f}' for found in costs)} |", flush=True)
    store.command("SYSTEM START MERGES")


def trickle(loaded: Loaded, project: UUID) -> None:
    """Print the CPU of engine and loader at five messages a second, with small batches half a second and one apart."""
    source, members = messages(), (engine_process(), psutil.Process())
    loaded.loader.start()
    print("\n| five messages a second | engine and loader, % of a core |\n|---|---|")
    for apart in (0.5, 1.0):
        loaded.loader._pace = Pace(BATCH, apart / 2)
        before, began = sum(used(member) for member in members), time.perf_counter()
        while (passed := time.perf_counter() - began) < TRICKLE_S:
            loaded.append(project, [next(source)])
            time.sleep(0.2)
        share = (sum(used(member) for member in members) - before) / passed
        print(f"| batches {apart} s apart | {100 * share:.0f} |", flush=True)


def main() -> None:
    """Print the costs of inserts."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"\nInserts on {machine()}; CPU time")
    with tempfile.TemporaryDirectory() as directory:
        loaded, project = Loaded(Path(directory) / "data"), new_id()
        loaded.load(project, [next(messages()) for _ in range(3)])
        views(loaded.store)
        loads(loaded, project, count)
        trickle(loaded, project)
        loaded.loader.stop()
        rows(loaded.store)  # the last, because it stores events again
        loaded.store.close()
        loaded.log.close()


if __name__ == "__main__":
    main()
