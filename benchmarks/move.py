"""Moving a data directory's store to a ClickHouse server, while a server on the directory collects.

The server is that of the tests: the wheel's own program, on the same two cores. `./run bench move [MILLIONS]`
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from filling import filled
from machinery import WRITE_KEY, free_port, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))
from clickhouse import ADMIN, ClickHouse

from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.recovery import open_log


def with_checkpoint(data: Path) -> int:
    """Give a filled data directory the checkpoint of a loader; return the bytes of its tables."""
    log, _ = open_log(data, data / "store")
    with closing(log), closing(Store(f"local://{data / 'store'}", clients=1)) as store:
        Loader(log, store, data / "loader", local=data / "store").checkpoint()
        size = store.ask("SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active")["n"][0].as_py()
        return int(size)


def moved(data: Path, environment: dict[str, str]) -> tuple[str, float, float]:
    """Run the command; return what it said, its seconds, and the most memory it took, in MB, without the engine."""
    began, most = time.perf_counter(), 0.0
    command = [sys.executable, "-m", "trackway", "store", "move", "--data", str(data), "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, watched.memory_info().rss / 1e6)
            time.sleep(0.05)
        assert process.stdout is not None
        return process.stdout.read(), time.perf_counter() - began, most


@contextmanager
def collecting(data: Path, environment: dict[str, str]) -> Iterator[list[float]]:
    """Run a server on the directory and send it messages; yield the seconds that each took to be acknowledged."""
    port, taken, stopping = free_port(), [], threading.Event()
    command = [sys.executable, "-m", "trackway", "serve", "--data", str(data), "--port", str(port)]

    def send() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, auth=(WRITE_KEY, "")) as http:
            while not stopping.wait(0.05):
                began = time.perf_counter()
                with suppress(httpx.ConnectError):  # it has not started yet
                    http.post("/v1/track", json={"event": "Now", "anonymousId": "v"}).raise_for_status()
                    taken.append(time.perf_counter() - began)

    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        sender = threading.Thread(target=send)
        sender.start()
        while not taken:
            time.sleep(0.05)
        yield taken
        stopping.set()
        sender.join()
        server.terminate()


def main(millions: int) -> None:
    """Fill, move, and print."""
    print(machine())
    with tempfile.TemporaryDirectory() as home:
        data, _ = filled(Path(home), millions, "sk_bench", WRITE_KEY)
        size = with_checkpoint(data)
        clickhouse = ClickHouse(Path(home) / "clickhouse").start()
        try:
            clickhouse.ask("CREATE DATABASE moved")
            address = clickhouse.dsn("admin", ADMIN.replace(" ", "%20"), "moved")
            environment = os.environ | {"TRACKWAY_STORE": address, "TRACKWAY_REQUESTS_PER_MINUTE": "0"}
            with collecting(data, environment) as taken:
                said, seconds, memory = moved(data, environment)
            print(said, f"{seconds:.1f} s, {size / 1e6:,.0f} MB of tables, the command took {memory:,.0f} MB")
            print(f"events: {clickhouse.ask('SELECT count() FROM moved.events').strip()}")
            print(f"collecting meanwhile: {len(taken)} messages, slowest {max(taken) * 1000:.0f} ms")
        finally:
            clickhouse.remove()


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["1"])[0]))
