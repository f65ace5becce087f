"""Memory of an idle server: of each process, and what it consists of.

A server stores the events of a load, ends and starts again; a minute later nothing has come, and the memory of its
processes is read from the kernel. PSS counts a page that several processes share once in all. `./run bench idle_memory [EVENTS]`
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from machinery import EVENTS_A_BATCH, batches, load_in_process, machine, trackway
from store import status

EVENTS = 400_000
IDLE_S = 40.0


def parts(pid: int) -> tuple[float, Counter[str]]:
    """PSS of a process in MB, and by what is mapped: a library, the heap, other memory."""
    by: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *others = line.split()
        if not first.endswith(":"):
            path = others[4] if len(others) > 4 else ""
            name = "own memory" if not path or path.startswith("[") else Path(path).name
        elif first == "Pss:":
            by[name] += int(others[0])
    return sum(by.values()) / 1024, Counter({name: round(size / 1024, 1) for name, size in by.items()})


def main() -> None:
    """Fill, start again, wait, and print a table."""
    bodies = batches((int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS) // EVENTS_A_BATCH)
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        with trackway(data) as (address, _):
            load_in_process(address, "/v1/batch", bodies, seconds=600, connections=16, most=len(bodies))
            while (now := status(address))["stored"] < now["logged"]:
                time.sleep(0.2)
        with trackway(data) as (_, process):
            time.sleep(IDLE_S)
            every = [process, *process.children(recursive=True)]
            print(f"\n{now['stored']:,} events; {machine()}\n")
            total = rss = 0.0
            for one in every:
                size, by = parts(one.pid)
                total, rss = total + size, rss + one.memory_info().rss / 1024**2
                print(
                    f"{' '.join(one.cmdline()[1:5])[:60]}: PSS {size:.0f} MB, RSS {one.memory_info().rss / 1024**2:.0f}"
                )
                print("   ", ", ".join(f"{name} {mb:g}" for name, mb in by.most_common(14)))
            print(f"all: PSS {total:.0f} MB, RSS {rss:.0f} MB")


if __name__ == "__main__":
    main()
