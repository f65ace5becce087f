"""A server whose command line is taken from a file of deploy/, run as its user and in its sandbox."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Server

_CONFINED = str(Path(__file__).with_name("confined.py"))
NOBODY = 65534


@functools.cache
def why_not_filtered() -> str:
    """Why this machine cannot filter system calls as systemd does; empty when it can."""
    if sys.platform != "linux":
        return "system calls are filtered on Linux only"
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return "the library libseccomp.so.2 is not installed"
    return ""


@functools.cache
def why_not_another_user() -> str:
    """Why this machine cannot run a command as another user on a read-only file system; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        return "another user and a read-only file system need root on Linux, and the program mount"
    with tempfile.TemporaryDirectory() as writable:
        options = json.dumps({"writable": [writable], "user": NOBODY})
        command = [sys.executable, _CONFINED, options, f"{sys.prefix}/bin/trackway", "--version"]
        tried = subprocess.run(command, capture_output=True, text=True)
    if tried.returncode:
        return f"another user cannot run it here: {(tried.stderr.splitlines() or [str(tried.returncode)])[-1]}"
    return ""


class ConfinedServer(Server):
    """A server that another user runs, who can write one folder and nothing else. What this machine cannot do of that is
    left out with a warning, so that the command line is tried everywhere.

    Args:
        command: the command line, with the interpreter's folder in place of /opt/trackway.
        variables: what the file of deploy/ sets.
        sandbox: further options of `confined.py`.
        mounted: the folder is a volume of Kubernetes, which belongs to root and to the group of the pod.
    """

    def __init__(
        self, command: list[str], variables: dict[str, str], sandbox: dict[str, Any], mounted: bool = False
    ) -> None:
        # pytest's own folders are closed to other users
        self.home = home = Path(tempfile.mkdtemp(prefix="trackway-confined-"))
        super().__init__(home / "data", fresh=True)
        (home / "tmp").mkdir()
        (home / "trackway.toml").write_text("engine_memory_mb = 2048\n")
        self.command = [part.replace("/opt/trackway", sys.prefix) for part in command]
        ours = {
            "TRACKWAY_DATA": str(self.data), "TRACKWAY_PORT": str(self.port), "TRACKWAY_CONFIG": str(home / "trackway.toml"),
            "TMPDIR": str(home / "tmp"), "HOME": "/nonexistent", "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
        }  # fmt: skip
        assert set(variables) >= {"TRACKWAY_DATA", "TRACKWAY_CONFIG"}, "the file says where data and settings are"
        self.environment = {**self.environment, **variables, **ours}
        self.sandbox = dict(sandbox)
        if reason := why_not_another_user():
            warnings.warn(f"run as this user on a writable file system: {reason}", stacklevel=2)
        else:
            self.sandbox |= {"writable": [str(home)], "user": NOBODY}
            os.chown(home / "tmp", NOBODY, NOBODY)
            os.chown(home, 0 if mounted else NOBODY, NOBODY)
            if mounted:
                home.chmod(0o2775)
        if reason := why_not_filtered():
            warnings.warn(f"run without a filter of system calls: {reason}", stacklevel=2)
            self.sandbox = {name: it for name, it in self.sandbox.items() if name in ("writable", "user", "files")}

    def start(self) -> ConfinedServer:
        self.output = (self.home / "out").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, _CONFINED, json.dumps(self.sandbox), *self.command], env=self.environment, cwd=self.home,
            stdout=self.output, stderr=self.output, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        while True:
            try:
                if self.http.get("/healthz").status_code == 200:
                    return self
            except httpx.TransportError:
                if self.process.poll() is not None:
                    if "not confined: " in self.said():
                        pytest.skip(self.said())
                    raise AssertionError(self.said()) from None
            time.sleep(0.05)

    def said(self) -> str:
        return (self.home / "out").read_text(errors="replace")[-5000:]

    def remove(self) -> None:
        """End what runs, and delete the folder."""
        if self.process is not None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.home)
