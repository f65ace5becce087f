"""A systemd unit as a table, and what its sandbox means for `confined.py`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "trackway.service"


def options() -> dict[str, list[str]]:
    """Every option of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if not line.startswith(("#", "[")) and "=" in line:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def environment() -> dict[str, str]:
    """The variables that the unit sets."""
    pairs = (part.partition("=") for value in options()["Environment"] for part in value.split())
    return {name: value for name, _, value in pairs}


def seconds(text: str) -> int:
    """A time span of the unit, of which all are whole seconds."""
    assert re.fullmatch(r"\d+", text), text
    return int(text)


def system_calls(group: str) -> list[str]:
    """The system calls of a group such as @system-service, by this machine's systemd."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return [
        call for name in names if name and not name.startswith("#")
        for call in (system_calls(name) if name.startswith("@") else [name])
    ]  # fmt: skip


def sandbox() -> dict[str, Any]:
    """The sandbox of the unit for `confined.py`, but for the writable directories and the user."""
    unit = options()
    return {
        "files": int(unit["LimitNOFILE"][0]),
        "calls": [call for group in unit["SystemCallFilter"][0].split() for call in system_calls(group)],
        "families": unit["RestrictAddressFamilies"][0].split(),
        "no_new_code": unit.get("MemoryDenyWriteExecute") == ["yes"],
    }
