"""Memory and CPU time of the processes of a server, where the system tells them (Linux)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from trackway.store.engine import Engine, EngineProcess
from trackway.store.loader_process import LentEngine


class Use(TypedDict):
    """The use of one process.

    Attributes:
        memory_mb: resident memory; a page that processes share counts for each.
        cpu_seconds: CPU time since its start.
    """

    memory_mb: int
    cpu_seconds: float


def process_use(engine: Engine | None) -> dict[str, Use]:
    """Return what each running process of a server uses: `server`, and `loader` and `engine` if they have their own."""
    pids = {"server": os.getpid()}
    if isinstance(engine, LentEngine):
        pids["loader"] = engine.owner.pid
    if isinstance(engine, LentEngine | EngineProcess):
        pids["engine"] = engine.pid
    return {name: use for name, pid in pids.items() if pid and (use := _use(pid))}


def _use(pid: int) -> Use | None:
    with suppress(OSError, ValueError, IndexError):
        folder = Path(f"/proc/{pid}")
        pages = int((folder / "statm").read_text().split()[1])
        times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        seconds = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        return Use(memory_mb=pages * os.sysconf("SC_PAGE_SIZE") // 1024**2, cpu_seconds=round(seconds, 1))
    return None
