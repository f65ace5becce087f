"""The command line as a process, as scripts use it."""

from __future__ import annotations

import json
from typing import Any

import processes


def run(*arguments: str, status: int = 0) -> tuple[str, str]:
    done = processes.run(["-m", "trackway", *arguments])
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout, done.stderr


def as_json(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status)[0])
