"""The lock of a directory that belongs to one child process: held until that process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_ENDS_WITHIN_S = 3


class StillHeld(Exception):
    """Another process has the directory open and goes on."""


def locked(directory: Path, within_s: float = _ENDS_WITHIN_S) -> int:
    """Return the lock of a directory as a file descriptor; it is held until all its copies are closed.

    Raises:
        StillHeld: another process does not let go of it in time.
    """
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(lock)
                raise StillHeld("another process has it open (lock)") from None
            time.sleep(0.01)


def sign(lock: int, pid: int) -> None:
    """Write into a lock which process holds it."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(pid).encode(), 0)


def end_holder(directory: Path) -> None:
    """End the process that a killed server left behind with a directory; normally it ends by itself at once.

    Call this only while the lock of the log shows that no server uses the directory. The process is found by the path
    of the directory among its arguments.

    Raises:
        StillHeld: it goes on.
    """
    if not directory.is_dir():
        return
    try:
        os.close(locked(directory))
    except StillHeld:
        kill_holder(directory)
        os.close(locked(directory))


def kill_holder(directory: Path) -> None:
    """Kill the process that has a directory, if there is one, without waiting: it may be one that hangs."""
    with suppress(OSError):
        written = (directory / "lock").read_text(errors="replace")
        pid = int(written) if written.isdecimal() else 0
        if str(directory).encode() in _arguments(pid):
            os.kill(pid, signal.SIGKILL)


def _arguments(pid: int) -> list[bytes]:
    """Return the arguments of a running process; none where the system does not tell them."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
