"""The command line as a process, as scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def run(*arguments: str, status: int = 0) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-m", "trackway", *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout, done.stderr


def as_json(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status)[0])
