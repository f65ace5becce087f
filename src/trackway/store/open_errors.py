"""Reasons for which the engine cannot be opened, in words for the operator."""

from __future__ import annotations

import shutil
from pathlib import Path

from trackway.server_address import hosts_of
from trackway.store.engine import local_directory

_LEAST_ROOM = 16 * 1024 * 1024
"""Free bytes below which a disk counts as full."""


def unopened(dsn: str, text: str) -> str:
    """Explain why the engine at an address cannot be opened, and name the remedy."""
    path = local_directory(dsn)
    if path is not None:
        if any(sign in text for sign in ("another process has it open", "Cannot lock file")):
            return (
                f"the store in {path} is open in another process; one process can open it at a time. "
                "Stop that process, or ask it through --url"
            )
        return f"the local store in {path} cannot be opened: {_first_line(text)}{_remedy(path, text)}"
    hosts = " or ".join(host for replicas in hosts_of(dsn) for host in replicas)
    return f"the ClickHouse server at {hosts} does not answer: {_first_line(text)}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:2000]


def _remedy(path: Path, text: str) -> str:
    if any(remedy in text for remedy in ("; rename it", "; delete it")):
        return ""
    if shutil.disk_usage(path).free < _LEAST_ROOM or "No space left" in text:
        return "; make room on its disk, and start again"
    if any(sign in text for sign in ("Too many open files", "Permission denied", "Read-only", "Cannot allocate")):
        return "; look at its owner and mode, and at `ulimit -n`"
    return "; restore the data directory from a backup, or rebuild the store from the log: `trackway rebuild`"
