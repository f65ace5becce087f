"""The engine process: a ClickHouse server on a loopback port, out of the engine's library (docs/decisions/0017).

`EngineProcess` (store/engine.py) starts this module as a program. Each line on its standard input asks it to release
unused memory; at the end of the input, when the process that started it is gone, it ends at once.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from trackway.store.engine_files import read_only_own
from trackway.store.engine_memory import release_unused


def _follow_parent() -> None:
    while os.read(0, 4096):
        release_unused()
    os.kill(os.getpid(), signal.SIGKILL)


def _library() -> Any:
    """Load the engine's library alone. The package `chdb` around it opens an engine in memory, and imports numpy and
    pyarrow: five times the CPU time, at every start.
    """
    package = importlib.util.find_spec("chdb")
    assert package is not None and package.submodule_search_locations
    spec = importlib.util.spec_from_file_location("_chdb", Path(package.submodule_search_locations[0], "_chdb.abi3.so"))
    assert spec is not None and spec.loader is not None
    # As the package does: the library finds its own symbols before those of others.
    sys.setdlopenflags(sys.getdlopenflags() | getattr(os, "RTLD_DEEPBIND", 0))
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


def main(directory: Path) -> None:
    """Open the data in the parent of `directory` and listen as its `config.xml` says, until this process is killed.

    The listeners live as long as the query that opened them. The file `ready` appears once the port is bound. All paths
    are relative, because the engine does not take every character in a path.

    Raises:
        RuntimeError: the engine cannot open the data, or cannot listen.
    """
    read_only_own(directory.parent)  # before there are other threads, which it would not hold for
    threading.Thread(target=_follow_parent, daemon=True).start()
    for name in (signal.SIGINT, signal.SIGTERM):
        # A terminal or a service manager sends these to the whole group; the process that started this one decides.
        signal.signal(name, signal.SIG_IGN)
    os.chdir(directory)
    _library().query(
        "SYSTEM START LISTEN HTTP;"
        "SELECT 1 INTO OUTFILE 'ready' FORMAT TSV;"
        "SELECT count() FROM system.numbers WHERE NOT ignore(sleepEachRow(1)) "
        "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0, max_threads = 1, "
        "interactive_delay = 60000000",
        "TSV",
        path="..",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
