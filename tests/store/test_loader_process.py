"""The loader process: what its death costs, alone or with its engine, and that it is never left behind."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conftest import cases, eventually
from factories import message
from stores import engine_pid, loader_pid
from trackway import config
from trackway.event import Arrival, Location, now
from trackway.log import LocalLog
from trackway.operate.doctor import examine_server
from trackway.store.connection import Store
from trackway.store.loader_process import LoaderProcess
from trackway.store.recovery import open_log
from trackway.store.refusals import StoreBusy

MINUTE_S = 60 if cases(1) > 1 else 5
"""How long the engine process is dead: a whole minute with --thorough."""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def send(server: Any, first: int, count: int = 20) -> None:
    """Messages of one batch, which the collector takes."""
    batch = [
        {"type": "track", "event": "Sent", "messageId": f"m{first + n}", "anonymousId": f"v{n % 3}"}
        for n in range(count)
    ]
    assert server.post("batch", {"batch": batch}).status_code == 202


def stored_once(server: Any, count: int) -> None:
    """Wait until all messages are stored, each once."""
    server.stored()
    (row,) = server.sql("SELECT count() AS rows, uniqExact(message_id) AS ids FROM events WHERE name = 'Sent'")
    assert (row["rows"], row["ids"]) == (count, count)


def by_loader(server: Any) -> None:
    os.kill(loader_pid(server.data), signal.SIGKILL)


def by_engine(server: Any) -> None:
    os.kill(engine_pid(server.data), signal.SIGKILL)


def both(server: Any) -> None:
    by_engine(server)
    by_loader(server)


@pytest.mark.parametrize(
    "small, kill", [("false", by_loader), ("false", by_engine), ("false", both), ("true", by_engine)]
)
def test_whichever_process_is_killed_collecting_goes_on_and_each_message_is_stored_once(
    new_server: Any, small: str, kill: Callable[[Any], None]
) -> None:
    server, sent = new_server(small=small).start(), 0
    for _ in range(3):
        for _ in range(5):
            send(server, sent)
            sent += 20
        kill(server)
        for _ in range(5):  # at once, while nothing can be stored
            send(server, sent)
            sent += 20
        stored_once(server, sent)
        eventually(lambda: server.http.get("/readyz").status_code == 200)


def test_a_question_waits_while_the_loader_process_is_started_again(new_server: Any) -> None:
    server = new_server(small="false").start()
    send(server, 0)
    server.stored()
    before = loader_pid(server.data)
    by_loader(server)
    eventually(lambda: loader_pid(server.data) != before)
    stored_once(server, 20)


@pytest.mark.timeout(600)
def test_the_engine_process_is_dead_for_a_minute_and_all_is_stored_afterwards(new_server: Any) -> None:
    server, sent = new_server(small="false").start(), 0
    send(server, sent)
    server.stored()
    until, ended = time.monotonic() + MINUTE_S, threading.Event()

    def keep_dead() -> None:
        while time.monotonic() < until:
            with suppress(ProcessLookupError, ValueError):  # between two lives
                by_engine(server)
            time.sleep(0.02)
        ended.set()

    threading.Thread(target=keep_dead, daemon=True).start()
    while not ended.wait(0.05):
        sent += 20
        send(server, sent)
    stored_once(server, sent + 20)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[tuple[LoaderProcess, Store, LocalLog]]:
    """A loader process that loads, its store and its log, all in this process's hands."""
    settings = config.load(data=str(tmp_path / "data"), batch_seconds=0.05)
    log, _ = open_log(settings.directory, settings.local_store)
    process = LoaderProcess(settings, log)
    store = Store(settings.store_dsn, engine=process.open())
    store.migrate()
    process.load(store)
    store.durability.settle = process.checkpoint
    process.checkpoint()
    process.start()
    yield process, store, log
    process.stop()
    log.close()


def write(log: LocalLog, number: int) -> None:
    """One message in the log."""
    arrival = Arrival(
        now(), b"p" * 16, "", Location(), "", "", False, None, [message("Sent", visitor="v", id=f"w{number}")]
    )
    log.write([msgspec.msgpack.encode(arrival)], 1)


def test_nothing_is_stored_while_somebody_has_the_lock(beside: tuple[LoaderProcess, Store, LocalLog]) -> None:
    process, _, log = beside
    with process.store_lock:
        write(log, 1)
        process.checkpoint()  # who has the lock may write, and make it durable
        with process.store_lock:
            time.sleep(1)
        assert process.stored == 0
    eventually(lambda: process.stored == 1)
    process.checkpoint()
    assert process.durable == 1


def test_who_has_the_lock_when_the_loader_process_dies_is_told_before_another_one_loads(
    beside: tuple[LoaderProcess, Store, LocalLog],
) -> None:
    process, store, log = beside
    before = store.durability.generation
    with pytest.raises(StoreBusy), process.store_lock:
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: process.trouble)
        time.sleep(1)
        assert process.lives == 1, "what the holder replaces must not be loaded meanwhile"
    eventually(lambda: process.lives == 2 and not process.trouble)
    assert store.durability.generation > before, "writes that were not durable have to be written again"
    write(log, 1)
    eventually(lambda: process.stored == 1)
    assert store.ask("SELECT count() AS n FROM events").to_pylist() == [{"n": 1}]
    assert process.engine.starts == 2


def test_memory_and_cpu_time_of_each_process_are_in_readyz_doctor_and_metrics(new_server: Any) -> None:
    server = new_server(small="false", metrics_token="token-of-16-letters").start()
    uses = server.http.get("/readyz").json()["processes"]
    assert list(uses) == ["server", "loader", "engine"]
    assert all(use["memory_mb"] > 20 and use["cpu_seconds"] >= 0 for use in uses.values())
    told = [finding.text for finding in examine_server(server.url) if finding.part.startswith("process ")]
    assert len(told) == 3 and all("MB of memory" in text for text in told)
    lines = server.http.get("/metrics", headers={"authorization": "Bearer token-of-16-letters"}).text
    for name in (
        "trackway_loader_starts_total 1.0",
        "trackway_engine_starts_total 1.0",
        "trackway_loader_process_resident",
    ):
        assert name in lines


def test_no_process_is_left_when_the_server_ends_or_is_killed(new_server: Any) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        server = new_server(small="false").start()
        send(server, 0)
        children = [loader_pid(server.data), engine_pid(server.data)]
        began = time.monotonic()
        server.stop(how)
        eventually(lambda: not any(map(lives, children)))
        assert time.monotonic() - began < 12


def test_a_start_right_after_a_kill_ends_a_loader_process_that_goes_on(new_server: Any) -> None:
    server = new_server(small="false").start()
    send(server, 0)
    stored_once(server, 20)
    loader = loader_pid(server.data)
    os.kill(loader, signal.SIGSTOP)  # it does not notice the death of the server
    server.stop(signal.SIGKILL)
    server.start()
    assert not lives(loader)
    send(server, 20)
    stored_once(server, 40)


def test_a_small_server_loads_in_a_thread(new_server: Any) -> None:
    server = new_server().start()
    send(server, 0)
    stored_once(server, 20)
    assert list(server.http.get("/readyz").json()["processes"]) == ["server", "engine"]
