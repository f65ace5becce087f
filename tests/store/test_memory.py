"""The server's memory: caches that fit the machine, and nothing held when nothing happens."""

import time
from pathlib import Path

import pytest

from conftest import Loaded, Server, eventually
from stores import engine_pid
from trackway.store.engine_memory import IdleMemoryRelease, engine_options, machine_bytes


def test_the_engines_caches_together_fit_the_machine() -> None:
    for memory in (512 << 20, 4 << 30, 64 << 30):
        caches = [int(size) for name, size in engine_options(memory).items() if name.endswith("_cache_size")]
        assert sum(caches) < memory / 4 and min(caches) >= 8 << 20
    assert 0 < machine_bytes() <= 1 << 50


@pytest.mark.parametrize(
    ("own", "file"),
    [
        ("0::/\n", "memory.max"),
        ("0::/system.slice/trackway.service\n", "system.slice/trackway.service/memory.max"),
        ("0::/system.slice/trackway.service\n", "system.slice/memory.max"),
        ("4:memory:/a/b\n0::/\n", "memory/a/b/memory.limit_in_bytes"),
        ("4:cpu,memory:/\n1:cpu:/\n", "memory/memory.limit_in_bytes"),
    ],
)
def test_the_limit_of_a_container_or_a_service_counts(tmp_path: Path, own: str, file: str) -> None:
    (tmp_path / "own").write_text(own)
    limit = tmp_path / "groups" / file
    limit.parent.mkdir(parents=True)
    unlimited = machine_bytes(tmp_path / "groups", tmp_path / "own")
    for text, wanted in (("268435456\n", 268435456), ("max\n", unlimited), ("9223372036854771712\n", unlimited)):
        limit.write_text(text)
        assert machine_bytes(tmp_path / "groups", tmp_path / "own") == wanted
    assert machine_bytes(tmp_path / "groups", tmp_path / "missing") == unlimited


def test_the_engine_has_the_caches_that_it_was_opened_with(loaded: Loaded) -> None:
    wanted = engine_options(machine_bytes())
    found = loaded.store.ask("SELECT name, value FROM system.server_settings WHERE changed").to_pylist()
    assert wanted.items() <= {row["name"]: row["value"] for row in found}.items()


def test_neither_process_holds_a_library_that_it_does_not_use(server: Server) -> None:
    assert server.process is not None
    server.post("track", {"event": "E", "anonymousId": "memory"})
    server.stored()
    assert server.sql("SELECT 1 AS one") == [{"one": 1}]
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert not [name for name in ("/pandas/", "/sklearn/", "/implicit/", "/scipy/sparse/", "_chdb") if name in maps]
    maps = Path(f"/proc/{engine_pid(server.data)}/maps").read_text()
    assert "/pandas/" not in maps and "_chdb" in maps


def test_pages_of_the_engines_library_are_given_back_when_nothing_happens(server: Server) -> None:
    def resident() -> int:
        """Bytes of the engine's library in memory."""
        found, named = 0, False
        for line in Path(f"/proc/{engine_pid(server.data)}/smaps").read_text().splitlines():
            first, *others = line.split()
            if not first.endswith(":"):
                named = "_chdb" in line
            elif first == "Rss:" and named:
                found += int(others[0]) * 1024
        return found

    server.stored()
    eventually(lambda: resident() < 100 << 20)
    assert server.sql("SELECT count() > 0 AS some FROM events") == [{"some": 1}], "what is needed is read again"


def test_the_engine_is_purged_once_whenever_nothing_happens(loaded: Loaded) -> None:
    done, purged = [0], []

    def purge() -> None:
        loaded.store.command("SYSTEM JEMALLOC PURGE")  # the engine takes it
        purged.append(done[0])

    resting = IdleMemoryRelease(lambda: done[0], purge, after_s=0.05)
    try:
        eventually(lambda: purged == [0])
        done[0] = 1
        eventually(lambda: purged == [0, 1])
        time.sleep(0.3)
        assert purged == [0, 1], "once is enough"
    finally:
        resting.stop()


def test_what_happens_during_a_purge_is_followed_by_another() -> None:
    done, purged = [0], []

    def purge() -> None:
        purged.append(done[0])
        done[0] = 1

    resting = IdleMemoryRelease(lambda: done[0], purge, after_s=0.05)
    try:
        eventually(lambda: purged == [0, 1])
    finally:
        resting.stop()
