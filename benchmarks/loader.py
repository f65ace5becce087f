"""The loader's Python: CPU time of each part for an event, from the log to the finished blocks, on realistic traffic.

The baseline is the source of an earlier commit, in the same run, in turns. The store is one in memory that is not
measured. A hold of the interpreter's lock is the time that another thread waits for it.
`./run bench loader [--baseline COMMIT] [--events N] [--batch N]`
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
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
BASELINE = "8eb08da"
PARTS = {
    "read and decode the log, keys": ["store.reading:read"],
    "deduplication": ["store.preparing:fresh_of"],
    "enrich": ["store.preparing:_event", "store.preparing:session_hint", "store.preparing:described"],
    "identity": ["enrich.identity:Identities.assign"],
    "sessions": ["enrich.sessionizer:Sessionizer.assign", "enrich.sessionizer:Sessionizer.assign_columns"],
    "orders": ["enrich.orders:Orders.assign"],
    "block of events": ["store.arrow_blocks:events"],
    "block of sessions": ["store.arrow_blocks:sessions"],
    "the rest": ["store.preparing:prepare"],
}
"""The parts, with their functions; time in a function inside another one counts for the inner one."""
_UNCOUNTED = "the store in memory"


class Clock:
    """CPU seconds by part, each without the parts inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0

    def _switch(self) -> None:
        now = time.process_time()
        if self._stack:
            self.spent[self._stack[-1]] += now - self._since
        self._since = now

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, counted for a part."""

        def call(*args: Any, **named: Any) -> Any:
            self._switch()
            self._stack.append(part)
            try:
                return function(*args, **named)
            finally:
                self._switch()
                self._stack.pop()

        return call

    def wrap(self, place: str, part: str) -> Any:
        """Count a function or method, where it exists."""
        module_name, _, names = place.partition(":")
        owner: Any = import_module(f"trackway.{module_name}")
        *outer, name = names.split(".")
        for step in outer:
            owner = getattr(owner, step)
        if hasattr(owner, name):
            setattr(owner, name, self.timed(part, getattr(owner, name)))


class Ticker:
    """A thread that takes the interpreter's lock every millisecond.

    `longest` is the most CPU time that the thread which made it used between two turns: the longest hold of the lock, on
    a machine on which this thread is woken at once; more on a busy one.
    """

    def __init__(self) -> None:
        self.longest, self._ended = 0.0, False
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            before = time.clock_gettime(self._clock)
            time.sleep(0.001)
            self.longest = max(self.longest, time.clock_gettime(self._clock) - before)

    def stop(self) -> float:
        """End; return the longest hold in milliseconds."""
        self._ended = True
        self._thread.join()
        return self.longest * 1000


def measure(log_directory: Path, batch: int, by_part: bool) -> dict[str, float]:
    """Prepare all batches of the log; return µs of CPU an event by part, or in all with the longest hold."""
    sys.path[:0] = [str(ROOT / "tests")]
    import gc

    from memory_store import MemoryStore
    from trackway.enrich.identity import Identities
    from trackway.enrich.orders import Orders
    from trackway.enrich.sessionizer import Sessionizer
    from trackway.log import LocalLog
    from trackway.store import preparing, reading
    from trackway.store.message_ids import SeenMessages

    gc.set_threshold(100_000, 20, 50)  # as the server sets it
    clock = Clock()
    for part, functions in PARTS.items() if by_part else ():
        for place in functions:
            clock.wrap(place, part)
    store, log = MemoryStore(), LocalLog(log_directory)
    for name in ("sessions_of", "events_of", "orders_of", "numbers_of", "sign_outs_of", "last_seen", "users_of"):
        setattr(store, name, clock.timed(_UNCOUNTED, getattr(store, name)))
    derivers = preparing.Derivers(Sessionizer(store, None, []), Identities(store), Orders(store))
    position, events, total, longest, started = 0, 0, 0.0, [], 0
    with tempfile.TemporaryDirectory() as directory:
        seen = SeenMessages(Path(directory))
        while position < log.end:
            ticker, before = None if by_part else Ticker(), time.process_time()
            log_range = reading.read(log, position, batch, print)
            fresh = preparing.fresh_of(log_range, seen, set())
            prepared = preparing.prepare(fresh, derivers, {}, set())
            used = time.process_time() - before
            if ticker:
                longest.append(ticker.stop())
            seen.add(prepared.message_keys(), prepared.received_at)
            store.apply(prepared)
            gc.freeze()  # the store in memory is not the loader's garbage
            if position == 0:  # fills the caches
                clock.spent.clear()
            else:
                events, total, started = events + log_range.last - log_range.first, total + used, started + 1
            position = log_range.last
    log.close()
    if by_part:
        return {part: clock.spent[part] / events * 1e6 for part in PARTS}
    return {"all": (total - clock.spent[_UNCOUNTED]) / events * 1e6, "hold": sorted(longest)[len(longest) // 2]}


def main() -> None:
    """Measure both versions in turns and print the parts of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--baseline", default=BASELINE)
    parser.add_argument("--events", type=int, default=250_000)
    parser.add_argument("--batch", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--parts", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.log:
        print(json.dumps(measure(options.log, options.batch, options.parts)))
        return
    from machinery import machine

    with tempfile.TemporaryDirectory() as directory:
        old, log = Path(directory) / "old", Path(directory) / "log"
        old.mkdir()
        archive = subprocess.run(["git", "archive", options.baseline, "src"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "x", "-C", old], input=archive.stdout, check=True)
        _fill(log, options.events)
        sources = {f"baseline {options.baseline}": old / "src", "now": ROOT / "src"}
        best: dict[str, dict[str, float]] = {name: {} for name in sources}
        for turn in range(2 * options.rounds):
            for name, source in sources.items():
                command = [sys.executable, __file__, "--log", log, "--batch", str(options.batch)]
                environment = {**os.environ, "PYTHONPATH": str(source)}
                run = subprocess.run(
                    [*command, *["--parts"] * (turn % 2)], env=environment, check=True, capture_output=True
                )
                for part, value in json.loads(run.stdout).items():
                    best[name][part] = min(value, best[name].get(part, value))
        print(f"\nThe loader's Python on {machine()}, {options.events:,} events in batches of {options.batch:,};")
        print(f"µs of CPU an event, the least of {options.rounds} runs\n")
        print(f"| part | {' | '.join(sources)} |\n|---|{'---|' * len(sources)}")
        labels = {
            "all": "**all**, measured without the parts",
            "hold": "longest hold of the lock in a batch, median, ms",
        }
        for row in (*PARTS, "all", "hold"):
            print(f"| {labels.get(row, row)} | {' | '.join(f'{best[name][row]:.1f}' for name in sources)} |")


def _fill(directory: Path, events: int) -> None:
    """Write the log, in frames as group commit makes them."""
    import msgspec

    from trackway.log import LocalLog
    from traffic import arrivals

    log = LocalLog(directory)
    records: list[bytes] = []
    count = 0
    for arrival in arrivals(events):
        records.append(msgspec.msgpack.encode(arrival))
        count += len(arrival.messages)
        if count >= 300:
            log.write(records, count)
            records, count = [], 0
    if records:
        log.write(records, count)
    log.close()


if __name__ == "__main__":
    main()
