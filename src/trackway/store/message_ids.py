"""The set of message ids stored in the last 7 days. See docs/explanation/counting.md.

Ids are kept as 128-bit hashes of 16 bytes each, so a false match is practically impossible. New ones are in memory
until a checkpoint appends them to a journal. A long journal becomes a sorted run, which is searched on disk. The runs
of a day are merged. A day's files are deleted when the day is outside the window and the window is full of later days.

    ids/20260131-000004.journal   hashes in the order of arrival
    ids/20260131-000003.run       hashes in order, for binary search
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt

from trackway.event import Millis
from trackway.store.checkpoint import BadCheckpoint

WINDOW_DAYS = 7
RUN_LENGTH = 500_000
MOST_RUNS = 6
_DAY = 86_400_000

Hashes = npt.NDArray[np.uint64]
"""An (n, 2) array: the two halves of n hashes, big-endian order."""
Files = dict[str, tuple[int, int]]
"""Files of ids by name: the number of valid bytes, and their CRC-32C."""


def from_bytes(data: bytes) -> Hashes:
    """Return the hashes in a run of 16-byte digests."""
    return np.frombuffer(data, dtype=">u8").reshape(-1, 2).astype(np.uint64)


class SeenMessages:
    """The set of recently stored message ids, in `directory`, for one writer.

    Args:
        directory: the directory of its files.
        files: the files in a checkpoint: name → number of valid bytes, and their CRC-32C. Anything else was written
            after the checkpoint and is removed. None: everything on disk is valid.

    Raises:
        BadCheckpoint: a file that the checkpoint names is missing, too short or damaged. Sorted runs may be large, so
            only the order of every hundredth hash is checked; `check_runs` checks all.
    """

    def __init__(self, directory: Path, files: Files | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._recent: dict[str, set[bytes]] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._runs: dict[str, list[tuple[Path, Hashes]]] = {}
        self._replaced: list[Path] = []
        self._checksums: dict[Path, int] = {}
        if files is not None:
            _remove_later(directory, files)
        for path in sorted(directory.glob("*.run")):
            self._runs.setdefault(path.stem[:8], []).append((path, _run(path)))
            self._checksums[path] = files[path.name][1] if files else google_crc32c.value(path.read_bytes())
        self._journals: dict[str, dict[Path, tuple[int, int]]] = {}
        for path in sorted(directory.glob("*.journal")):
            data = path.read_bytes()
            whole = len(data) // 16 * 16
            self._recent.setdefault(path.stem[:8], set()).update(data[at : at + 16] for at in range(0, whole, 16))
            self._journals.setdefault(path.stem[:8], {})[path] = (whole, google_crc32c.value(data[:whole]))

    def known(self, digests: list[bytes], received_at: Millis) -> list[bool]:
        """Return, for each 16-byte digest, whether it was added in the 7 days before `received_at`, or after it.

        Later days count too: when a clock jumps forward and comes back, a repeated message is still a repeat.
        """
        oldest = _name(received_at - (WINDOW_DAYS + 1) * _DAY)
        with self._lock:
            runs = [hashes for day, of_day in self._runs.items() if day > oldest for _, hashes in of_day]
            recent = [digests for day, digests in self._recent.items() if day > oldest]
            if runs and digests:
                hashes = from_bytes(b"".join(digests))
                in_any_run = np.zeros(len(hashes), dtype=bool)
                for run in runs:
                    in_any_run |= _in_run(run, hashes)
                hits = in_any_run.tolist()
            else:
                hits = [False] * len(digests)
            for day in recent:
                hits = [hit or digest in day for hit, digest in zip(hits, digests, strict=True)]
            return hits

    def add(self, digests: list[bytes], received_at: Millis) -> None:
        """Remember digests under the day of arrival; `flush` puts them on disk."""
        if not digests:
            return
        day = _name(received_at)
        with self._lock:
            self._recent.setdefault(day, set()).update(digests)
            self._pending.setdefault(day, []).extend(digests)

    def flush(self) -> Files:
        """Write the digests added since the last flush, durably; return the files that hold all digests.

        Files that were replaced stay until `settle`.
        """
        with self._lock:
            for day in list(self._pending):
                self._write(day, b"".join(self._pending[day]))
                del self._pending[day]
                if len(self._recent[day]) >= RUN_LENGTH:
                    self._spill(day)
            self._forget()
            journals = {path.name: file for of_day in self._journals.values() for path, file in of_day.items()}
            runs = [path for of_day in self._runs.values() for path, _ in of_day]
            return journals | {path.name: (path.stat().st_size, self._checksums[path]) for path in runs}

    def settle(self) -> None:
        """Delete the files that the last `flush` replaced: no checkpoint refers to them any more."""
        for path in self._replaced:
            path.unlink(missing_ok=True)
        self._replaced = []

    def _write(self, day: str, data: bytes) -> None:
        """Append to the day's journal, overwriting what a failed write may have left after its valid end."""
        journals = self._journals.setdefault(day, {})
        runs = self._runs.get(day)
        path = self._directory / f"{day}-{int(runs[-1][0].stem[9:]) + 1 if runs else 0:06d}.journal"
        size, checksum = journals.get(path, (0, 0))
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        journals[path] = size + len(data), google_crc32c.extend(checksum, data)

    def _spill(self, day: str) -> None:
        """Turn a day's journals into a run; when the day has many runs, merge all of them."""
        parts: list[Hashes] = [from_bytes(b"".join(self._recent[day]))]
        runs = self._runs.setdefault(day, [])
        replaced = list(self._journals[day])
        number = int(runs[-1][0].stem[9:]) + 1 if runs else 0
        if len(runs) >= MOST_RUNS:
            parts += [np.asarray(hashes) for _, hashes in runs]
            replaced += [path for path, _ in runs]
            runs.clear()
        path = self._directory / f"{day}-{number:06d}.run"
        merged = np.concatenate(parts)
        merged = merged[np.lexsort((merged[:, 1], merged[:, 0]))]
        with path.open("wb") as file:
            np.save(file, merged)
            file.flush()
            os.fsync(file.fileno())
        self._checksums[path] = google_crc32c.value(path.read_bytes())
        runs.append((path, _run(path)))
        self._recent[day], self._journals[day] = set(), {}
        self._replaced += replaced

    def _forget(self) -> None:
        """Drop days that are outside the window both by the newest day and by the number of later days.

        The second condition protects against a jump of the clock, which must not erase days that the next hour needs.
        """
        days = sorted({*self._runs, *self._recent})
        for day in days[: -(WINDOW_DAYS + 1)]:
            if day > _days_before(days[-1], WINDOW_DAYS + 1):
                return
            self._replaced += [path for path, _ in self._runs.pop(day, [])]
            self._recent.pop(day, None)
            self._replaced += self._journals.pop(day, {})


def _remove_later(directory: Path, files: Files) -> None:
    """Remove what was written after a checkpoint."""
    for path in directory.iterdir():
        if path.name not in files:
            path.unlink()
    for name, (size, checksum) in files.items():
        path = directory / name
        if not path.exists():
            raise _bad(path, "missing")
        if path.stat().st_size < size:
            raise _bad(path, "shorter than the checkpoint says")
        os.truncate(path, size)
        if path.suffix == ".journal" and google_crc32c.value(path.read_bytes()) != checksum:
            raise _bad(path, "damaged")


def check_runs(directory: Path, files: Files) -> None:
    """Read the sorted runs completely. Raises BadCheckpoint when one is damaged."""
    for name, (_, checksum) in files.items():
        path = directory / name
        if path.suffix == ".run" and google_crc32c.value(path.read_bytes()) != checksum:
            raise _bad(path, "damaged")


def _run(path: Path) -> Hashes:
    """Open a sorted run on disk, memory-mapped. Raises BadCheckpoint when the file cannot be a run."""
    try:
        run: Hashes = np.load(path, mmap_mode="r")
        heads = run[::100, 0]
    except (ValueError, OSError, EOFError, IndexError):
        raise _bad(path, "damaged") from None
    if len(heads) > 1 and not bool(np.all(heads[1:] >= heads[:-1]) and heads[-1] > heads[0]):
        raise _bad(path, "damaged")
    return run


def _bad(path: Path, fault: str) -> BadCheckpoint:
    return BadCheckpoint(f"{path} is {fault}; run `trackway doctor --repair checkpoint`")


def _name(at: Millis) -> str:
    return str(np.datetime64(at // _DAY, "D")).replace("-", "")


def _days_before(day: str, days: int) -> str:
    return str(np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "D") - days).replace("-", "")


def _in_run(run: Hashes, hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Return which hashes are in a sorted run, compared by their first half and then the second.

    Of stored hashes with the same first half only the first is compared: the chance that this matters is one in 2^64.
    """
    heads = run[:, 0]
    at = np.searchsorted(heads, hashes[:, 0])
    inside = at < len(run)
    at[~inside] = 0
    is_in_run: npt.NDArray[np.bool_] = inside & (run[at, 0] == hashes[:, 0]) & (run[at, 1] == hashes[:, 1])
    return is_in_run
