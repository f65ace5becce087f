"""The log: what was acknowledged is read back, what was torn is cut, what is corrupt is reported."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cases
from trackway.event import Arrival, Location, Message
from trackway.log import Committer, Frame, Gap, LocalLog, LogInUse, LogUnavailable


def record(*names: str) -> bytes:
    messages = [Message(type="track", event=name, user_id="u") for name in names]
    return msgspec.msgpack.encode(Arrival(1, b"p" * 16, "", Location(), "", "", False, None, messages))


def names(log: LocalLog, offset: int = 0) -> list[str | None]:
    return [
        message.event
        for item in log.read(offset, 10**9)
        if isinstance(item, Frame)
        for arrival in item.arrivals()
        for message in arrival.messages
    ]


def test_messages_are_read_back_in_order_with_offsets_that_count_messages(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    assert log.write([record("a"), record("b", "c")], 3) == 0
    assert log.write([record("d")], 1) == 3
    assert names(log) == ["a", "b", "c", "d"]
    assert names(log, 3) == ["d"]
    assert log.end == 4


def test_a_reopened_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    log.write([record("a", "b")], 2)
    log.close()
    log = LocalLog(tmp_path)
    assert log.write([record("c")], 1) == 2
    assert names(log) == ["a", "b", "c"]


@settings(max_examples=cases(15), deadline=None)
@given(cut=st.integers(min_value=1, max_value=80))
def test_a_torn_tail_is_cut_on_open_and_nothing_before_it(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = LocalLog(directory)
    log.write([record("kept")], 1)
    kept = log.segments()[0].stat().st_size
    log.write([record("torn")], 1)
    log.close()
    path = log.segments()[0]
    os.truncate(path, max(kept, path.stat().st_size - cut))
    log = LocalLog(directory)
    assert log.end == 1
    assert path.stat().st_size == kept
    log.write([record("after")], 1)
    assert names(log) == ["kept", "after"]
    log.close()


@pytest.mark.parametrize("stale", (0, 1))
def test_an_older_frame_behind_the_end_is_cut(tmp_path: Path, stale: int) -> None:
    """A file system may leave blocks of a removed file behind the end: a sound frame, of earlier offsets."""
    log = LocalLog(tmp_path)
    bounds = [0]
    for name in "abc":
        log.write([record(name)], 1)
        bounds.append(log.segments()[0].stat().st_size)
    log.close()
    path = log.segments()[0]
    whole = path.read_bytes()
    path.write_bytes(whole + whole[bounds[stale] : bounds[stale + 1]] + whole[: bounds[1] - 4])
    log = LocalLog(tmp_path)
    assert (log.end, log.cut) == (3, len(whole[bounds[stale] : bounds[stale + 1]]) + bounds[1] - 4)
    log.write([record("d")], 1)
    assert names(log) == ["a", "b", "c", "d"]
    assert not list(tmp_path.glob("*.cut"))
    log.close()


@settings(max_examples=cases(20), deadline=None)
@given(data=st.data())
def test_a_corrupt_frame_in_the_middle_is_reported_and_only_it_is_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = LocalLog(directory)
    log.write([record("a")], 1)
    start = log.segments()[0].stat().st_size
    log.write([record("b", "c")], 2)
    end = log.segments()[0].stat().st_size
    log.write([record("d")], 1)
    log.close()
    path = log.segments()[0]
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(start, end - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    log = LocalLog(directory)
    gaps = [item for item in log.read(0, 100) if isinstance(item, Gap)]
    assert [(gap.first, gap.last, gap.file, gap.position) for gap in gaps] == [(1, 3, path, start)]
    assert names(log) == ["a", "d"]
    assert log.end == 4
    log.close()


def test_a_segment_cut_short_in_the_middle_of_the_log_is_reported(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, segment_bytes=1)
    for name in "abc":
        log.write([record(name)], 1)
    os.truncate(log.segments()[1], 10)
    assert [(item.first, item.last, isinstance(item, Gap)) for item in log.read(0, 100)] == [
        (0, 1, False), (1, 2, True), (2, 3, False),
    ]  # fmt: skip


def test_segments_are_removed_only_when_stored_and_old(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, segment_bytes=1)
    for name in "abc":
        log.write([record(name)], 1)
    assert log.remove_stored(3, keep_hours=1) == []
    assert log.remove_stored(1, keep_hours=-1) == [tmp_path / f"{0:020d}.log"]
    assert names(log, 1) == ["b", "c"]
    assert log.start == 1


def test_a_second_process_is_refused_with_the_reason(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    with pytest.raises(LogInUse, match="open in another process"):
        LocalLog(tmp_path)
    log.close()


def test_a_full_disk_refuses_keeps_nothing_half_and_resumes_by_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: " + mounted.stderr.decode())
    try:
        log = LocalLog(disk)
        log.write([record("first")], 1)
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 4096)
        big = [record(os.urandom(6000).hex())]
        with pytest.raises(LogUnavailable, match="No space left"):
            log.write(big, 1)
        assert log.end == 1 and names(log) == ["first"]
        ballast.unlink()
        assert log.write([record("second")], 1) == 1
        assert names(log) == ["first", "second"]
        log.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_reader_beside_the_writer_sees_every_message_and_no_gap(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, segment_bytes=5_000)
    total = 400
    writer = threading.Thread(target=lambda: [log.write([record(str(number))], 1) for number in range(total)])
    writer.start()
    seen: list[str | None] = []
    while len(seen) < total:
        for item in log.read(len(seen), 500):
            assert isinstance(item, Frame), f"{item} while writing"
            seen += [message.event for arrival in item.arrivals() for message in arrival.messages]
    writer.join()
    assert seen == [str(number) for number in range(total)]


def test_concurrent_appends_share_frames_and_each_learns_its_own_offset(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)

    async def append_many() -> list[int]:
        committer = Committer(log)
        futures = [committer.append(record(str(number)), 1) for number in range(200)]
        offsets = await asyncio.gather(*futures)
        await committer.close()
        return offsets

    offsets = asyncio.run(append_many())
    assert offsets == list(range(200))
    assert names(log) == [str(number) for number in range(200)]
    assert len(list(log.read(0, 1000))) < 10


def test_what_a_write_refuses_fails_and_the_next_group_is_written(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    real, errors = log.write, [LogUnavailable("full"), LogUnavailable("one", frozenset({1})), ValueError("unforeseen")]

    def write(records: list[bytes], count: int) -> int:
        if errors:
            raise errors.pop(0)
        return real(records, count)

    log.write = write  # type: ignore[method-assign]

    async def append_groups() -> list[list[int | BaseException]]:
        committer = Committer(log)
        outcomes = []
        for _ in range(4):
            futures = [committer.append(record(str(number)), 1) for number in range(3)]
            outcomes.append(await asyncio.gather(*futures, return_exceptions=True))
        await committer.close()
        return outcomes

    full, one, unforeseen, written = asyncio.run(append_groups())
    assert [str(error) for error in full] == ["full"] * 3
    assert [isinstance(outcome, LogUnavailable) for outcome in one] == [False, True, False]
    assert [type(outcome) for outcome in unforeseen] == [ValueError] * 3
    assert written == [0, 1, 2] and names(log) == ["0", "1", "2"]
    log.close()
