"""Which message ids have been stored in the last 7 days (DESIGN.md §5.2).

Ids are kept as 128-bit hashes: 16 bytes each, so that a false match is not to be expected in the life of the
universe. New ones are appended to a journal; when it is long it becomes a sorted run, which is searched where it
lies on disk. Runs of a day are merged; a day's files are deleted when the day is out of the window.

    ids/20260131.journal          hashes in the order of arrival
    ids/20260131-000003.run       hashes in order, for binary search
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trackway.event import Millis

WINDOW_DAYS = 7
RUN_LENGTH = 500_000
MOST_RUNS = 6
_DAY = 86_400_000

Hashes = npt.NDArray[np.uint64]
"""An (n, 2) array: the two halves of n hashes, big-endian order."""


def from_bytes(data: bytes) -> Hashes:
    """The hashes in a run of 16-byte digests."""
    return np.frombuffer(data, dtype=">u8").reshape(-1, 2).astype(np.uint64)


class SeenMessages:
    """The set of recently stored message ids, in `directory`, for one writer."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._recent: dict[str, set[bytes]] = {}
        self._runs: dict[str, list[tuple[Path, Hashes]]] = {}
        for path in sorted(directory.glob("*.run")):
            self._runs.setdefault(path.stem[:8], []).append((path, np.load(path, mmap_mode="r")))
        for path in directory.glob("*.journal"):
            data = path.read_bytes()
            whole = len(data) // 16 * 16
            self._recent[path.stem] = {data[at : at + 16] for at in range(0, whole, 16)}
            os.truncate(path, whole)
        for leftover in directory.glob("*.tmp*"):
            leftover.unlink()

    def known(self, digests: list[bytes]) -> list[bool]:
        """For each 16-byte digest, whether it has been added."""
        with self._lock:
            return self._known(digests)

    def _known(self, digests: list[bytes]) -> list[bool]:
        runs = [hashes for day in self._runs.values() for _, hashes in day]
        if runs and digests:
            hashes = from_bytes(b"".join(digests))
            found = np.zeros(len(hashes), dtype=bool)
            for run in runs:
                found |= _in_run(run, hashes)
            hits = found.tolist()
        else:
            hits = [False] * len(digests)
        for recent in self._recent.values():
            hits = [hit or digest in recent for hit, digest in zip(hits, digests, strict=True)]
        return hits

    def add(self, digests: list[bytes], received_at: Millis) -> None:
        """Remember digests, durably, as of the day of arrival; forget what is older than the window."""
        if not digests:
            return
        with self._lock:
            self._add(digests, _name(received_at))
            self._forget(_name(received_at - (WINDOW_DAYS + 1) * _DAY))

    def _add(self, digests: list[bytes], day: str) -> None:
        with (self._directory / f"{day}.journal").open("ab") as journal:
            journal.write(b"".join(digests))
            journal.flush()
            os.fdatasync(journal.fileno())
        recent = self._recent.setdefault(day, set())
        recent.update(digests)
        if len(recent) >= RUN_LENGTH:
            self._spill(day)

    def _spill(self, day: str) -> None:
        """Turn a day's journal into a run, and all of its runs into one when there are many."""
        parts: list[Hashes] = [from_bytes(b"".join(self._recent[day]))]
        runs = self._runs.setdefault(day, [])
        replaced: list[Path] = []
        if len(runs) >= MOST_RUNS:
            parts += [np.asarray(hashes) for _, hashes in runs]
            replaced = [path for path, _ in runs]
        number = int(runs[-1][0].stem[9:]) + 1 if runs else 0
        path = self._directory / f"{day}-{number:06d}.run"
        merged = np.concatenate(parts)
        merged = merged[np.lexsort((merged[:, 1], merged[:, 0]))]
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            np.save(file, merged)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        self._runs[day] = [] if replaced else runs
        self._runs[day].append((path, np.load(path, mmap_mode="r")))
        (self._directory / f"{day}.journal").unlink()
        self._recent[day] = set()
        for old in replaced:
            old.unlink()

    def _forget(self, oldest: str) -> None:
        for day in [day for day in {*self._runs, *self._recent} if day <= oldest]:
            for path, _ in self._runs.pop(day, []):
                path.unlink(missing_ok=True)
            self._recent.pop(day, None)
            (self._directory / f"{day}.journal").unlink(missing_ok=True)


def _name(at: Millis) -> str:
    return str(np.datetime64(at // _DAY, "D")).replace("-", "")


def _in_run(run: Hashes, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which hashes stand in a sorted run, by their first half and then the second.

    Only the first of stored hashes with the same first half is looked at: a chance of one in 2^64.
    """
    heads = run[:, 0]
    at = np.searchsorted(heads, hashes[:, 0])
    inside = at < len(run)
    at[~inside] = 0
    found: npt.NDArray[np.bool_] = inside & (run[at, 0] == hashes[:, 0]) & (run[at, 1] == hashes[:, 1])
    return found
