"""The message ids of seven days: known across restarts, spills, merges and clocks that jump; damaged files are noticed."""

from typing import Any

import pytest
import xxhash

from trackway.store import checkpoint, message_ids
from trackway.store.message_ids import SeenMessages


def test_seen_messages_survive_a_restart_spills_and_merges(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(message_ids, "RUN_LENGTH", 10)
    monkeypatch.setattr(message_ids, "MOST_RUNS", 3)
    known = SeenMessages(tmp_path)
    digests = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(0, 400, 2)]
    day = 86_400_000 * 20_000
    for start in range(0, 200, 7):
        known.add(digests[start : start + 7], day)
        files = known.flush()
        known.settle()
    asked = [xxhash.xxh3_128_digest(str(number).encode()) for number in range(400)]
    for reader in (known, SeenMessages(tmp_path), SeenMessages(tmp_path, files)):
        assert reader.known(asked, day) == [number % 2 == 0 for number in range(400)]


def _digests(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 16 for number in numbers]


@pytest.mark.parametrize("name", ["*.run", "*.journal"])
def test_damaged_files_of_message_ids_are_noticed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from trackway.store import message_ids

    monkeypatch.setattr(message_ids, "RUN_LENGTH", 1000)
    known = SeenMessages(tmp_path)
    for start in (0, 1000):
        known.add([xxhash.xxh3_128_digest(str(start + number).encode()) for number in range(1000 - start // 2)], 10**12)
        files = known.flush()
        known.settle()
    SeenMessages(tmp_path, files)
    (path,) = tmp_path.glob(name)
    content = path.read_bytes()
    for damaged in (b"", bytes(len(content)), content[:200] + bytes(len(content) - 200)):
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.BadCheckpoint, match="--repair checkpoint"):
            SeenMessages(tmp_path, files)
    path.write_bytes(content[:-20] + bytes(20))
    with pytest.raises(checkpoint.BadCheckpoint):
        SeenMessages(tmp_path, files)
        message_ids.check_runs(tmp_path, files)


def test_message_ids_go_back_to_a_checkpoint(tmp_path: Any) -> None:
    day = 86_400_000 * 20_000
    known = SeenMessages(tmp_path)
    known.add(_digests(1), day)
    files = known.flush()
    known.settle()
    known.add(_digests(2), day)
    known.add(_digests(3), day + 86_400_000)
    known.flush()
    assert SeenMessages(tmp_path, files).known(_digests(1, 2, 3), day) == [True, False, False]


def test_a_message_id_counts_again_after_seven_days_and_not_when_a_clock_jumped(tmp_path: Any) -> None:
    day, first = 86_400_000, 86_400_000 * 20_000
    known = SeenMessages(tmp_path)
    known.add(_digests(1), first)
    known.flush()
    assert known.known(_digests(1), first + 7 * day) == [True]
    assert known.known(_digests(1), first + 9 * day) == [False]
    known.add(_digests(2), first + 400 * day)  # the clock jumps forward for an hour ...
    known.flush()
    known.settle()
    assert SeenMessages(tmp_path).known(_digests(1, 2), first + 1000) == [True, True]  # ... and comes back
    for later in range(401, 410):
        known.add(_digests(later % 256), first + later * day)
        known.flush()
        known.settle()
    assert SeenMessages(tmp_path).known(_digests(1), first) == [False]
