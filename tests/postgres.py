"""A PostgreSQL server of one's own, for tests and benchmarks: installed from Debian when it is missing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ports import free_port

_QUIET: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None when they are not, and cannot be installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**_QUIET, "check": False, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "postgresql"], **quiet)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A server with an empty database, on a port of its own; `dsn` is its address.

    Args:
        options: further options of the server.
        core: the core it has to itself.
    """

    def __init__(self, options: str = "", core: int | None = None) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is not installed, and cannot be"
        self._programs = found
        self._directory = Path(tempfile.mkdtemp(prefix="trackway-pg-"))
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._user:
            shutil.chown(self._directory, "postgres", "postgres")
        port = free_port()
        self._data = str(self._directory / "data")
        subprocess.run([*self._user, found / "initdb", "-D", self._data, "-U", "tester", "-A", "trust"], **_QUIET)
        self._options = f"-p {port} -k {self._directory} -c listen_addresses=127.0.0.1 {options}"
        self._pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
        self.dsn = f"postgresql://tester@127.0.0.1:{port}/postgres"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self._directory / "log"
        command = [self._programs / "pg_ctl", "-D", self._data, "-w", "-o", self._options, "-l", log, "start"]
        subprocess.run([*self._pinned, *self._user, *command], **_QUIET)

    def stop(self, how: str = "fast") -> None:
        """Stop it: `fast`, or `immediate` as if its power failed."""
        subprocess.run([*self._user, self._programs / "pg_ctl", "-D", self._data, "-m", how, "stop"], **_QUIET)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no process of the server go on meanwhile: connections stay, and nothing is answered."""
        first = (Path(self._data) / "postmaster.pid").read_text().split()[0]
        found = subprocess.run(["pgrep", "-P", first], capture_output=True, text=True, check=True).stdout.split()
        every = [int(first), *map(int, found)]  # the first one before it can start another
        try:
            for pid in every:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(every):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        subprocess.run(
            [*self._user, self._programs / "pg_ctl", "-D", self._data, "-m", "immediate", "stop"],
            **{**_QUIET, "check": False},
        )
        shutil.rmtree(self._directory, ignore_errors=True)
