"""The directory of the engine process: any name, and files that somebody damaged."""

import fcntl
from pathlib import Path

import pytest

from conftest import also
from trackway.store import engine
from trackway.store.connection import Store
from trackway.store.refusals import StoreUnavailable


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "it's",
        'quoted"',
        "back\\slash",
        "a&b<c>",
        "#hash",
        "50%25",
        "ümlaut",
        "-P",
        "x" * 200,
    ],
)
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        store = Store(f"local://{tmp_path / name / 'store'}", clients=1)
        store.command("CREATE TABLE IF NOT EXISTS kept (n UInt8) ENGINE = MergeTree ORDER BY n")
        store.command("INSERT INTO kept VALUES (1)")
        store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    store = Store(f"local://{tmp_path / name / 'store'}", clients=1)
    assert store.ask("SELECT count() AS n FROM kept").to_pylist() == [{"n": 2}]
    store.close()


def test_a_directory_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "engine").write_text("a file")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Store(f"local://{tmp_path / 'store'}", clients=1)


@pytest.mark.parametrize("content", [b"", also(b"garbage"), b"99999999999", also(b"\xff")])
def test_a_lock_file_with_garbage_locks_nothing(tmp_path: Path, content: bytes) -> None:
    Store(f"local://{tmp_path / 'store'}", clients=1).close()
    (tmp_path / "store" / "engine" / "lock").write_bytes(content)
    engine.end_orphan(tmp_path / "store")
    with (tmp_path / "store" / "engine" / "lock").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(engine.EngineUnavailable, match="open"):
            engine.end_orphan(tmp_path / "store")
    Store(f"local://{tmp_path / 'store'}", clients=1).close()


@pytest.mark.parametrize("name", ["a*b", "a?b", "{1,2}", "[ab]", "a\nb"])
def test_a_directory_whose_name_is_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"rename it$"):
        Store(f"local://{tmp_path / name / 'store'}", clients=1)
