"""Python commands as processes of their own, without the second that each of them spends on its imports.

A *spawner* is a Python process that has imported Trackway and nothing that starts threads of the engine, and has built what
does not depend on settings: the commands, the application of the API, the data of places. It forks for each command; the
fork gets the command's arguments, environment, directory and files, runs it as `python ARGUMENTS` would, and ends like any
process. One spawner serves all commands with the same Python settings. Where there is no `fork` to trust (not Linux),
commands start as usual.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

FORKS = sys.platform == "linux"
_MOST_BYTES = 1 << 20


class Process:
    """A running command: the part of `subprocess.Popen` that tests use."""

    def __init__(self, spawner: _Spawner, arguments: Sequence[str], pid: int) -> None:
        self.args, self.pid = arguments, pid
        self.returncode: int | None = None
        self._spawner, self._lock = spawner, threading.Lock()
        self._end = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit status; None while it runs. Its number is given to no other process before this is asked."""
        with self._lock:
            if self.returncode is None and _readable(self._end, 0):
                self.returncode = self._spawner.ask({"ended": self.pid})
                os.close(self._end)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = 1.0 if until is None else min(until - time.monotonic(), 1.0)
            if left <= 0:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
            _readable(self._end, left)
        return status

    def send_signal(self, how: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _readable(file: int, within_s: float) -> bool:
    """Whether a file descriptor of any number can be read within a time, or is closed."""
    waiting = select.poll()
    waiting.register(file, select.POLLIN)
    return bool(waiting.poll(within_s * 1000))


def start(
    arguments: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | Path | None = None,
    stdout: IO[Any] | int | None = None, stderr: IO[Any] | int | None = None,
    start_new_session: bool = False, umask: int | None = None,
) -> Process | subprocess.Popen[bytes]:  # fmt: skip
    """Start `python ARGUMENTS`: "-m MODULE …", "-c PROGRAM …" or "SCRIPT …". Outputs are files, DEVNULL or this process's own."""
    environment, arguments = dict(os.environ if env is None else env), list(map(str, arguments))
    if not FORKS:
        return subprocess.Popen(
            [sys.executable, *arguments], env=environment, cwd=cwd, stdout=stdout, stderr=stderr,
            start_new_session=start_new_session, umask=-1 if umask is None else umask,
        )  # fmt: skip
    spawner = _spawner(frozenset(pair for pair in environment.items() if pair[0].startswith(("PYTHON", "FAULTS_"))))
    request = {
        "arguments": arguments, "environment": environment, "directory": str(cwd or Path.cwd()),
        "session": start_new_session, "umask": _umask() if umask is None else umask,
    }  # fmt: skip
    with Path(os.devnull).open("r+b") as nothing:
        files = [nothing.fileno(), _number(stdout, 1, nothing), _number(stderr, 2, nothing)]
        return Process(spawner, arguments, spawner.ask(request, files))


def _number(file: IO[Any] | int | None, own: int, nothing: IO[Any]) -> int:
    """The file descriptor of what was given as an output."""
    if file is None:
        return own
    if isinstance(file, int):
        assert file == subprocess.DEVNULL, "give a file"
        return nothing.fileno()
    return file.fileno()


def run(
    arguments: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | Path | None = None,
    timeout: float = 300, umask: int | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run `python ARGUMENTS` to its end. Raises TimeoutExpired after ending it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = start(arguments, env=env, cwd=cwd, stdout=out, stderr=said, umask=umask)
        try:
            status = process.wait(timeout)
        except BaseException:
            process.kill()
            raise
        out.seek(0)
        said.seek(0)
        return subprocess.CompletedProcess(list(arguments), status, out.read().decode(), said.read().decode())


class _Spawner:
    """A process that forks on request; see this module's head."""

    def __init__(self, settings: frozenset[tuple[str, str]]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket, self._lock = ours, threading.Lock()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FAULTS_"))}
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], env={**environment, **dict(settings)},
            pass_fds=[theirs.fileno()], cwd="/",
        )  # fmt: skip
        theirs.close()
        atexit.register(self.close)

    def ask(self, request: dict[str, Any], files: Sequence[int] = ()) -> int:
        """Send a request with file descriptors; the number that is answered."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            answer = self._socket.recv(64)
        assert answer, "the spawner has ended"
        return int(answer)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)


@functools.cache
def _spawner(settings: frozenset[tuple[str, str]]) -> _Spawner:
    return _Spawner(settings)


def _umask() -> int:
    """The umask of this process, as the kernel tells it: reading it otherwise means setting it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("Umask:")), 8)


# What follows runs in the spawner.


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Answer requests until nobody can send any. In a fork: return the command it has to run."""
    while True:
        text, files, _, _ = socket.recv_fds(requests, _MOST_BYTES, 3)
        if not text:
            return None
        request = json.loads(text)
        if "ended" in request:
            status = os.waitpid(request["ended"], 0)[1]
            requests.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        if child := os.fork():
            requests.send(str(child).encode())
            for file in files:
                os.close(file)
            continue
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        return dict(request)


def _become(command: dict[str, Any]) -> list[str]:
    """Take over the command's surroundings; its arguments."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if command["session"]:
        os.setsid()
    os.umask(command["umask"])
    os.chdir(command["directory"])
    os.environ.clear()
    os.environ.update(command["environment"])
    time.tzset()
    return list(command["arguments"])


_IMPORTED = (
    "trackway.cli.commands", "trackway.cli.ask", "trackway.cli.dry_run", "trackway.cli.import_files", "trackway.cli.rebuild",
    "trackway.operate.doctor", "trackway.operate.repair", "trackway.runtime",
    "trackway.web.server.serve", "trackway.web.server.app", "anyio._backends._asyncio", "geoip2fast", "is_bot",
    "litestar._kwargs", "litestar.exceptions.responses", "litestar.logging.standard", "litestar.plugins.pydantic",
    "litestar.middleware._internal.exceptions", "pydantic.type_adapter", "regex", "rich.markdown", "rich.traceback",
    "sqlalchemy.dialects.sqlite", "typer._adapters", "typer.rich_utils", "ua_parser_builtins.lazy",
    "xml.etree.ElementTree",
)  # fmt: skip
"""What commands import. The engine's library starts threads, so each command loads that itself."""


def _import_all() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    from sqlalchemy.orm import configure_mappers
    from typer import main as typer

    from trackway.cli.commands import app
    from trackway.enrich.place import countries
    from trackway.web.server.app import unserved

    typer.get_command = functools.cache(typer.get_command)
    typer.get_command(app)
    unserved()
    configure_mappers()
    countries()
    assert "chdb" not in sys.modules
    gc.freeze()  # collections of the forks leave these objects, and so their pages, alone
    gc.set_threshold(100_000, 20, 50)  # as the server sets it


if __name__ == "__main__":
    import runpy

    sys.path.pop(0)  # the folder of this file
    _requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and their commands
    _import_all()
    if (_command := _serve(_requests)) is not None:
        _requests.close()
        _arguments = _become(_command)
        if _arguments[0] == "-c":
            sys.argv = ["-c", *_arguments[2:]]
            sys.path.insert(0, "")
            exec(compile(_arguments[1], "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
        elif _arguments[0] == "-m":
            sys.argv = _arguments[1:]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(_arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = _arguments
            sys.path.insert(0, str(Path(_arguments[0]).resolve().parent))
            runpy.run_path(_arguments[0], run_name="__main__")
