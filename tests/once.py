"""Directories that one worker of a run makes and all of them copy: a first start of a server, a week of traffic."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_FOLDER = "TRACKWAY_TEST_RUN"


def begin_run() -> None:
    """Make the folder that the workers of a run share, in the process that starts them; they inherit its name."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="trackway-run-")
        atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)


def once(name: str, make: Callable[[Path], None]) -> Path:
    """The directory of this name, made by the worker that asks first while the others wait. Copy it; do not change it."""
    begin_run()  # a benchmark may ask, which is no run of pytest
    folder = Path(os.environ[_FOLDER]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            part.rename(folder)
    return folder
