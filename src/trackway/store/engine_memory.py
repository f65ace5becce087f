"""The engine process's memory: caches sized for the machine, and release of memory that is not in use."""

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
    "compiled_expression_cache_size": 256, "parquet_metadata_cache_size": 256,
    "text_index_tokens_cache_size": 256, "text_index_header_cache_size": 256, "text_index_postings_cache_size": 256,
    "vector_similarity_index_cache_size": 256, "iceberg_metadata_files_cache_size": 256,
}  # fmt: skip
"""Divisors: each cache of the engine gets the machine's memory divided by its number. The defaults may take 22 GB."""
_LEAST = 8 * 1024 * 1024
_FREE_THREADS = 8
_LIBRARY = "_chdb"
_DONTNEED = 4


def machine_bytes(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory of the machine, of the container or of the service, whichever is least, in bytes.

    Args:
        groups, own: where the kernel shows the control groups, and those of this process.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _limits(groups, own):
        if path.exists() and (limit := path.read_text().strip()).isdecimal():
            total = min(total, int(limit))
    return total


def _limits(groups: Path, own: Path) -> Iterator[Path]:
    """Yield the files with the memory limits of this process's control group and of those above it.

    A container sees its own group as the top; a service of systemd (`MemoryMax=`) is a group below it.
    """
    lines = own.read_text().splitlines() if own.exists() else []
    for _, controllers, place in (line.split(":", 2) for line in lines):
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        for group in (Path(place), *Path(place).parents):
            yield folder / group.relative_to("/") / name


def engine_options(memory: int) -> dict[str, str]:
    """Return the options for opening the engine process on a machine with `memory` bytes."""
    caches = {name: str(max(_LEAST, memory // share)) for name, share in _SHARES.items()}
    return {**caches, "max_thread_pool_free_size": str(_FREE_THREADS)}


class _Without:
    """An import hook that reports one module as missing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Find no module. Raises ModuleNotFoundError for the one that is left out."""
        if name == self._name:
            raise ModuleNotFoundError(f"{name} is not used here", name=name)
        return None


def leave_out(name: str) -> None:
    """Make a library look absent in this process, so that other libraries do not import it. pandas takes 80 MB."""
    if name not in sys.modules:
        sys.meta_path.insert(0, _Without(name))


def release_unused() -> None:
    """Give unused memory back to the system: the allocator's reserve, and unmodified pages of the engine's library.

    Pages of the library that are needed again are read from the file.
    """
    if "pyarrow" in sys.modules:  # the engine process has none
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    for start, end in _unchanged():
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)


def _unchanged() -> Iterator[tuple[int, int]]:
    """Yield the mapped ranges of the engine's library in which no page differs from the file."""
    mapped, named = (0, 0), False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *others = line.split()
        if not first.endswith(":"):
            start, end = first.split("-")
            mapped = (int(start, 16), int(end, 16))
            named = len(others) == 5 and Path(others[4]).name.startswith(_LIBRARY) and "w" not in others[0]
        elif first == "Anonymous:" and named and others[0] == "0":
            yield mapped


class IdleMemoryRelease:
    """A thread that releases memory once whenever `done` has not changed for `after_s` seconds.

    Args:
        done: returns a measure of the work done so far, purges excluded.
        purge: makes the engine release the memory it keeps.
    """

    def __init__(self, done: Callable[[], object], purge: Callable[[], object], after_s: float = 10.0) -> None:
        self._done, self._purge, self._after_s = done, purge, after_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle-memory-release", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        before: object = None
        released_at: object = None
        while not self._over.wait(self._after_s):
            now = self._done()
            if now == before != released_at:
                self._purge()
                release_unused()
                released_at = now
            before = now

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()
