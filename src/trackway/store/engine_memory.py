"""The embedded engine's memory: caches that fit the machine, and nothing held that nobody uses."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

_SHARES = {
    "mark_cache_size": 32, "primary_index_cache_size": 32, "index_mark_cache_size": 64,
    "query_condition_cache_size": 256, "compiled_expression_cache_size": 256, "parquet_metadata_cache_size": 256,
    "text_index_tokens_cache_size": 256, "text_index_header_cache_size": 256, "text_index_postings_cache_size": 256,
    "vector_similarity_index_cache_size": 256, "iceberg_metadata_files_cache_size": 256,
}  # fmt: skip
"""The engine's caches, each as one part of so many of the machine's memory; by themselves they may take 22 GB."""
_LEAST = 8 * 1024 * 1024
_FREE_THREADS = 8
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_LIBRARY = "_chdb"
_DONTNEED = 4


def machine_bytes() -> int:
    """The memory of the machine or of the container, whichever is less."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in map(Path, _CGROUPS):
        if path.exists() and (limit := path.read_text().strip()).isdecimal():
            found = min(found, int(limit))
    return found


def engine_options(memory: int) -> dict[str, str]:
    """What the embedded engine is opened with on a machine of so many bytes."""
    caches = {name: str(max(_LEAST, memory // share)) for name, share in _SHARES.items()}
    return {**caches, "max_thread_pool_free_size": str(_FREE_THREADS)}


class _Without:
    """Finds a module to be missing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Raises ModuleNotFoundError for the one that is left out."""
        if name == self._name:
            raise ModuleNotFoundError(f"{name} is not used here", name=name)
        return None


def leave_out(name: str) -> None:
    """Let this process do without a library that others would import because it is there. pandas takes 80 MB."""
    if name not in sys.modules:
        sys.meta_path.insert(0, _Without(name))


def rest() -> None:
    """Give back what is held and not used: what the allocator keeps, and pages of the engine's library that were read
    when it was loaded. What is needed again is read again from the file.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    for start, end in _unchanged():
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)


def _unchanged() -> Iterator[tuple[int, int]]:
    """The mapped ranges of the engine's library of which no page differs from the file."""
    where, named = (0, 0), False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *others = line.split()
        if not first.endswith(":"):
            start, end = first.split("-")
            where = (int(start, 16), int(end, 16))
            named = len(others) == 5 and Path(others[4]).name.startswith(_LIBRARY) and "w" not in others[0]
        elif first == "Anonymous:" and named and others[0] == "0":
            yield where


class Resting:
    """Rests once whenever `done` has been the same for `after_s` seconds: nothing is stored or asked meanwhile.

    Args:
        done: how much was done until now, the purges themselves not counted.
        purge: has the engine give back what it keeps.
    """

    def __init__(self, done: Callable[[], object], purge: Callable[[], object], after_s: float = 10.0) -> None:
        self._done, self._purge, self._after_s = done, purge, after_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resting", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        before: object = None
        rested: object = None
        while not self._over.wait(self._after_s):
            now = self._done()
            if now == before != rested:
                self._purge()
                rest()
                rested = now
            before = now

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()
