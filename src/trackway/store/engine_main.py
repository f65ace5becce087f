"""The engine process: a ClickHouse server on a loopback port, out of the engine's library (docs/decisions/0017).

`EngineProcess` (store/engine.py) starts this module as a program. Each line on its standard input asks it to release
unused memory; at the end of the input, when the process that started it is gone, it ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from trackway.store.engine_memory import release_unused


def _follow_parent() -> None:
    while os.read(0, 4096):
        release_unused()
    os.kill(os.getpid(), signal.SIGKILL)


def main(directory: Path) -> None:
    """Open the data in the parent of `directory` and listen as its `config.xml` says, until this process is killed.

    The listeners live as long as the query that opened them. The file `ready` appears once the port is bound. All paths
    are relative, because the engine does not take every character in a path.

    Raises:
        RuntimeError: the engine cannot open the data, or cannot listen.
    """
    threading.Thread(target=_follow_parent, daemon=True).start()
    for name in (signal.SIGINT, signal.SIGTERM):
        # A terminal or a service manager sends these to the whole group; the process that started this one decides.
        signal.signal(name, signal.SIG_IGN)
    os.chdir(directory.parent)  # the import opens an engine in memory, which would read the configuration and log
    import chdb

    os.chdir(directory)
    chdb._chdb.query(  # type: ignore[attr-defined]
        "SYSTEM START LISTEN HTTP;"
        "SELECT 1 INTO OUTFILE 'ready' FORMAT TSV;"
        "SELECT count() FROM system.numbers WHERE NOT ignore(sleepEachRow(1)) "
        "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0, max_threads = 1",
        "TSV",
        path="..",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
