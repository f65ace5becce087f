"""`trackway serve` on a directory, as what is broken on purpose: started, starved, stopped and killed."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

import processes
from ports import free_port

WRITE_KEY, SECRET_KEY, EMAIL, PASSWORD = "wk_faults", "sk_faults", "admin@example.com", "correct horse"
BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
PATIENCE_S = 240.0
"""So long nothing may move before it is called a stall: far more than a slow machine needs."""


class Violation(Exception):
    """The promise is broken; the text says how."""


class Refused(Exception):
    """The server ended by itself while starting; the text is what it said."""


class Victim:
    """A server on a data directory.

    Args:
        data: the data directory.
        folder: where its output and the file of its clock are kept; not on the disk that is broken.
        settings: more settings, without TRACKWAY_.
    """

    def __init__(self, data: Path, folder: Path, **settings: str) -> None:
        self.data, self.folder = data, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / f"server-{self.port}.out"
        self.clock = folder / f"clock-{self.port}"
        self.clock.write_bytes(struct.pack("<q", 0))
        source = Path(__file__).parents[2] / "src"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
            "PYTHONPATH": f"{Path(__file__).parent / 'clock'}{os.pathsep}{source}",
            "FAULTS_CLOCK": str(self.clock),
            "TRACKWAY_WRITE_KEY": WRITE_KEY, "TRACKWAY_SECRET_KEY": SECRET_KEY, "TRACKWAY_ADMIN_EMAIL": EMAIL,
            "TRACKWAY_ADMIN_PASSWORD": PASSWORD, "TRACKWAY_REQUESTS_PER_MINUTE": "0",
            "TRACKWAY_FAILED_SIGN_INS_PER_MINUTE": "0",
            **{f"TRACKWAY_{name.upper()}": value for name, value in settings.items()},
        }  # fmt: skip
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S)
        self.process: processes.Process | subprocess.Popen[bytes] | None = None
        self._project, self._said_before = "", 0

    def launch(self, limits: Mapping[int, int] | None = None) -> None:
        """Start the process and do not wait. `limits` are of `resource`: which, and how much."""

        command = ["-m", "trackway", "serve", "--data", str(self.data), "--port", str(self.port)]
        self._said_before = self.output.stat().st_size if self.output.exists() else 0
        with self.output.open("ab") as output:
            self.process = processes.start(
                command, env=self.environment, cwd=self.folder, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        for which, most in (limits or {}).items():
            resource.prlimit(self.process.pid, which, (most, resource.getrlimit(which)[1]))

    def started(self) -> float:
        """Wait until the process answers; the seconds that took. Raises Refused when it ends by itself."""
        assert self.process is not None
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            try:
                if self.http.get("/readyz", timeout=5).status_code in (200, 503):
                    return time.monotonic() - began
            except httpx.HTTPError:
                if self.process.poll() is not None:
                    raise Refused(self.said()) from None
            time.sleep(0.05)
        raise Violation(f"the server did not answer within {PATIENCE_S:.0f} s of its start:\n{self.said()}")

    def start(self) -> float:
        """Start and wait."""
        self.launch()
        return self.started()

    def engine(self) -> int:
        """The number of the engine process, or of the one before it while it is being started again."""
        return int((self.data / "store" / "engine" / "lock").read_text() or 0) or (1 << 22)

    def loader(self) -> int:
        """The number of the loader process, or of the one before it while it is being started again."""
        return int((self.data / "loader" / "lock").read_text() or 0) or (1 << 22)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def said(self) -> str:
        """The end of what the process printed since its start."""
        whole = self.output.read_bytes() if self.output.exists() else b""
        return whole[self._said_before :].decode(errors="replace")[-4000:]

    def send(self, how: int) -> list[int]:
        """A signal to the process and all its children; who they were."""
        if self.process is None:
            return []
        family = [*_descendants(self.process.pid), self.process.pid]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        return family

    def kill(self) -> None:
        """SIGKILL to every process of the server; wait until none is left."""
        family = self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(PATIENCE_S)
        for pid in family:
            while _lives(pid):
                time.sleep(0.005)

    def stop(self) -> float:
        """SIGTERM; the seconds until nothing is left."""
        began = time.monotonic()
        if self.process is not None and self.alive:
            family = _descendants(self.process.pid)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Violation(
                    f"the server did not end within {PATIENCE_S:.0f} s of SIGTERM:\n{self.said()}"
                ) from None
            while any(map(_lives, family)):
                time.sleep(0.005)
        return time.monotonic() - began

    def move_clock(self, millis: int) -> None:
        """Let the server's clock go wrong by so much, at once."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("<q", millis))

    def status(self) -> dict[str, Any]:
        """What /readyz says."""
        return dict(self.http.get("/readyz").json())

    def settle(self) -> dict[str, Any]:
        """Wait until what is logged is stored and the server is ready; its status. A stall is a violation."""
        moved, seen = time.monotonic(), -1
        while True:
            status = self.status()
            if status["stored"] == status["logged"] and not status["unlogged_views"] and status["ready"]:
                return status
            if status["stored"] != seen:
                moved, seen = time.monotonic(), status["stored"]
            if time.monotonic() - moved > PATIENCE_S:
                raise Violation(f"nothing moves: {status}\n{self.said()}")
            time.sleep(0.05)

    def post(self, kind: str, body: Any) -> httpx.Response:
        """Messages to the collector."""
        return self.http.post(f"/v1/{kind}", json=body, auth=(WRITE_KEY, ""))

    @property
    def project(self) -> str:
        """The address of the project."""
        if not self._project:
            self._project = self.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
        return f"/api/v1/projects/{self._project}"

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """Rows of the running server."""
        answer = self.http.post(f"{self.project}/query", json={"sql": statement}, headers=BEARER)
        if answer.status_code != 200:
            raise Violation(f"a question was answered {answer.status_code}: {answer.text[:500]}\n{statement}")
        return list(answer.json()["data"])

    def command(self, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A `trackway` command on the stopped directory (or another)."""
        command = ["-m", "trackway", *arguments, "--data", str(data or self.data)]
        return processes.run(command, env=self.environment, cwd=self.folder)

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Rows of the stopped directory, of any table."""
        done = self.command("query", "--json", statement)
        if done.returncode:
            raise Violation(f"the stopped directory cannot be asked: {done.stderr[-1500:]}")
        return list(json.loads(done.stdout))


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, open_ = [], [pid]
    while open_:
        children = parents.get(open_.pop(), [])
        found += children
        open_ += children
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
