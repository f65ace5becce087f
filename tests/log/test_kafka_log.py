"""The log in Kafka, on a real broker: what was acknowledged is read back once, and in the order of each visitor."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cases, eventually
from factories import message
from kafka import Kafka
from trackway.event import Arrival, Location, Message, Rejection, Violation
from trackway.log import Gap, LocalLog, LogInUse, LogUnavailable
from trackway.log.kafka import KafkaLog
from trackway.log.kafka_group import Group
from trackway.log.kafka_numbers import Numbers
from trackway.log.kafka_topic import TopicUnusable
from trackway.store import recovery
from trackway.store.checkpoint import BadCheckpoint, Checkpoint, write

PROJECT = UUID(int=7)
TESTS = Path(__file__).parents[1]


def request(*messages: Message, rejections: list[Rejection] | None = None) -> bytes:
    return msgspec.msgpack.encode(
        Arrival(1, PROJECT.bytes, "", Location(), "", "", False, None, list(messages), rejections or [])
    )


def ids(items: object) -> list[str]:
    return [
        str(one.message_id)
        for item in items  # type: ignore[attr-defined]
        if not isinstance(item, Gap)
        for arrival in item.arrivals()
        for one in arrival.messages
    ]


def read_all(log: KafkaLog, position: int, count: int) -> list[object]:
    """Items from a position on, as the loader reads them, until they have so many messages."""
    found: list[object] = []
    until = time.monotonic() + 60
    while count > 0:
        assert time.monotonic() < until, f"{count} messages are not read: {log.trouble}"
        for item in log.read(position, 1000):
            found.append(item)
            count -= item.last - max(item.first, position)
            position = item.last
    return found


def test_what_was_written_is_read_back_and_each_visitor_is_in_order(kafka: Kafka, tmp_path: Path) -> None:
    log = KafkaLog(kafka.topic("order", 4), tmp_path)
    for step in range(20):
        log.write([request(message("E", visitor=f"v{one}", id=f"v{one}-{step}")) for one in range(10)], 10)
    log.write(
        [request(*(message("E", visitor=f"v{one % 10}", id=f"v{one % 10}-{20 + one // 10}") for one in range(50)))], 50
    )
    assert log.end == log.start + log.lag
    read = ids(read_all(log, 0, 250))
    for one in range(10):
        assert [name for name in read if name.startswith(f"v{one}-")] == [f"v{one}-{step}" for step in range(25)]
    assert log.end == 250
    assert log.lag == 0
    places = log.positions(250)
    assert {partition for partition, (offset, _) in places.items() if offset} == {0, 1, 2, 3}
    assert log.holds(log.mark(), 250)
    assert not log.holds(log.mark(), 249)
    log.close()


def test_a_request_of_many_visitors_is_divided_and_nothing_of_it_is_lost_or_doubled(
    kafka: Kafka, tmp_path: Path
) -> None:
    log = KafkaLog(kafka.topic("divided", 3), tmp_path)
    messages = [message("E", visitor=f"v{one}", id=f"m{one}") for one in range(30)]
    refused = [Rejection(30, "event", "it is missing"), Rejection(31, "event", "it is missing")]
    broken = [Violation("m4", "E", "p", "missing", "", "", False), Violation("gone", "E", "p", "missing", "", "", True)]
    log.write(
        [
            msgspec.msgpack.encode(
                Arrival(1, PROJECT.bytes, "", Location(), "", "", False, None, messages, refused, broken)
            )
        ],
        32,
    )
    arrivals = [arrival for item in read_all(log, 0, 32) for arrival in item.arrivals()]  # type: ignore[attr-defined]
    assert len(arrivals) == 3
    assert sorted(str(one.message_id) for arrival in arrivals for one in arrival.messages) == sorted(
        f"m{one}" for one in range(30)
    )
    assert [one for arrival in arrivals for one in arrival.rejections] == refused
    assert sorted(one.message_id for arrival in arrivals for one in arrival.violations) == ["gone", "m4"]
    (with_m4,) = [arrival for arrival in arrivals if any(one.message_id == "m4" for one in arrival.violations)]
    assert "m4" in [one.message_id for one in with_m4.messages]
    log.close()


def test_a_request_larger_than_a_broker_takes_is_divided(kafka: Kafka, tmp_path: Path) -> None:
    log = KafkaLog(kafka.topic("large", 1), tmp_path)
    noise = [message("E", visitor="v", id=f"m{one}", properties={"x": os.urandom(15_000).hex()}) for one in range(60)]
    log.write([request(*noise)], 60)
    assert ids(read_all(log, 0, 60)) == [f"m{one}" for one in range(60)]
    assert log.positions(60)[0][0] > 1
    log.close()


@pytest.mark.parametrize("cut", [0, 1, 7, 10, 13])
def test_a_checkpoint_in_the_middle_of_a_record_goes_on_there(kafka: Kafka, tmp_path: Path, cut: int) -> None:
    address = kafka.topic(f"middle{cut}", 3)
    log = KafkaLog(address, tmp_path)
    log.write([request(*(message("E", visitor="a", id=f"a{one}") for one in range(10)))], 10)
    log.write([request(message("E", visitor=f"v{one}", id=f"v{one}")) for one in range(10)], 10)
    read = ids(read_all(log, 0, 20))
    places, token, spans = log.positions(cut), log.token(0, cut), log.spans(0, cut)
    assert ids(log.read(0, 20)) == read, "the same numbers are other messages at the second look"
    log.close()
    log = KafkaLog(address, tmp_path)
    log.go_to(cut, places)
    assert log.positions(cut) == places
    assert log.end == cut + log.lag
    again = read_all(log, cut, 20 - cut)
    begins = again[0].first  # type: ignore[attr-defined]
    assert sorted(ids(again)[cut - begins :]) == sorted(read[cut:])
    assert log.token(0, cut) != log.token(0, cut + 1)
    log.close()
    if cut:
        log = KafkaLog(address, tmp_path)
        log.follow(spans)
        assert log.token(0, cut) == token
        assert ids(log.read(0, cut))[:cut] == read[:cut]
        log.close()


Step = tuple[int, list[int]]


@settings(max_examples=cases(150), deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.integers(1, 5), min_size=1, max_size=4)), min_size=1, max_size=12
    ),
    data=st.data(),
)
def test_from_any_number_every_message_after_it_comes_once(steps: list[Step], data: st.DataObject) -> None:
    """Records of three partitions are read in some order; a restart at any number reads the rest in any other order."""
    partitions: dict[int, list[int]] = {0: [], 1: [], 2: []}
    numbers = Numbers(100, {})
    for partition, counts in steps:
        offset = len(partitions[partition])
        partitions[partition] += counts
        numbers.add(partition, offset, offset + len(counts), counts)
    settled = data.draw(st.integers(100, numbers.end))
    numbers.settle(settled)
    cut = data.draw(st.integers(settled, numbers.end))
    places = numbers.positions(cut)
    taken = sum(
        sum(counts[: places.get(partition, (0, 0))[0]]) + places.get(partition, (0, 0))[1]
        for partition, counts in partitions.items()
    )
    assert taken == cut - 100
    again = Numbers(cut, places)
    assert (again.end, again.positions(cut)) == (cut, places)
    if again.first_to_read is not None:
        partition, offset = again.first_to_read, again.next_of(again.first_to_read)
        again.add(partition, offset, offset + 1, [partitions[partition][offset]])
    left = [p for p, counts in partitions.items() for _ in counts[again.next_of(p) :]]
    for partition in data.draw(st.permutations(left)):
        offset = again.next_of(partition)
        again.add(partition, offset, offset + 1, [partitions[partition][offset]])
    assert again.end == 100 + sum(map(sum, partitions.values()))


def test_records_that_the_topic_removed_and_foreign_ones_are_gaps(kafka: Kafka, tmp_path: Path) -> None:
    from confluent_kafka import Producer, TopicPartition
    from confluent_kafka.admin import AdminClient

    address = kafka.topic("gaps", 1)
    log = KafkaLog(address, tmp_path)
    log.write([request(message("E", visitor="v", id=f"m{one}")) for one in range(10)], 10)
    place = TopicPartition("gaps", 0, 4)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.delete_records([place])[place].result()
    producer = Producer({"bootstrap.servers": kafka.brokers})
    producer.produce("gaps", b"not ours", partition=0)
    producer.flush()
    log.write([request(message("E", visitor="v", id="last"))], 1)
    log.mark()
    found = read_all(log, 0, 12)
    assert [(one.first, one.last, one.position) for one in found if isinstance(one, Gap)] == [(0, 4, 0), (10, 11, 10)]
    assert ids(found) == [*(f"m{one}" for one in range(4, 10)), "last"]
    assert [one for one in log.read(0, 20) if isinstance(one, Gap)] == [one for one in found if isinstance(one, Gap)]
    log.close()


def test_a_place_that_is_gone_is_left_when_the_brokers_answer_again(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    log = KafkaLog(kafka.topic("left", 1), tmp_path)
    log.write([request(message("E", visitor="v", id=f"m{one}")) for one in range(10)], 10)
    place = TopicPartition("left", 0, 4)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.delete_records([place])[place].result()
    answered, refusals = log.topic.starts, [TopicUnusable("timed out"), TopicUnusable("timed out")]

    def starts() -> dict[int, int]:
        if refusals:
            raise refusals.pop()
        return answered()

    monkeypatch.setattr(log.topic, "starts", starts)
    while refusals:
        with pytest.raises(TopicUnusable):
            read_all(log, 0, 10)
    assert ids(read_all(log, 0, 10)) == [f"m{one}" for one in range(4, 10)]
    log.close()


def test_a_topic_that_gets_more_partitions_takes_every_message_meanwhile(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.log.kafka_writer._COUNTED_EVERY_S", 0.2)
    address = kafka.topic("wider", 1)
    log, group = KafkaLog(address, tmp_path), Group(address, 0)
    sent = 0

    def write() -> None:
        nonlocal sent
        log.write([request(message("E", visitor=f"v{sent % 20}", id=f"m{sent}"))], 1)
        sent += 1

    for _ in range(10):
        write()
    kafka.widen("wider", 4)
    until = time.monotonic() + 60
    while len([end for end in group.ends().values() if end]) < 4:
        assert time.monotonic() < until, "no message is written to the new partitions"
        write()
    assert sum(group.ends().values()) == sum(log.topic.ends().values()) == sent
    assert sorted(ids(read_all(log, 0, sent))) == sorted(f"m{one}" for one in range(sent))
    log.close()


def test_a_second_loader_is_refused_and_the_first_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    address = kafka.topic("second", 2)
    first = KafkaLog(address, tmp_path / "a")
    first.write([request(message("E", visitor="v", id="m1"))], 1)
    read_all(first, 0, 1)
    with pytest.raises(LogInUse):
        KafkaLog(address, tmp_path / "a")
    with pytest.raises(
        TopicUnusable, match=r"another loader \(on .*\) reads the topic 'second', and one loads at a time"
    ):
        KafkaLog(address, tmp_path / "b")
    collector = KafkaLog(address, None)  # any number of these
    collector.write([request(message("E", visitor="w", id="m2"))], 1)
    collector.close()
    first.mark()
    assert ids(read_all(first, 1, 1)) == ["m2"]
    first.close()
    KafkaLog(address, tmp_path / "a").close()  # the same data directory goes on at once


def test_two_loaders_that_start_at_once_do_not_share_the_partitions(kafka: Kafka, tmp_path: Path) -> None:
    address = kafka.topic("race", 2)
    logs = [KafkaLog(address, tmp_path / name) for name in "ab"]
    logs[0].write([request(message("E", visitor=f"v{one}", id=f"m{one}")) for one in range(20)], 20)
    for log in logs:
        log.mark()

    def refused() -> list[KafkaLog]:
        for log in logs:
            list(log.read(log.end - log.lag, 100))
            log.idle()
        return [log for log in logs if "another loader reads 1 of 2 partitions" in log.trouble]

    eventually(lambda: len(refused()) == 2)
    for log in logs:
        log.close()


def test_of_a_directory_and_its_copy_one_reads_and_the_other_returns_when_that_is_gone(
    kafka: Kafka, tmp_path: Path
) -> None:
    address = kafka.topic("copied", 2)
    logs = [KafkaLog(address, tmp_path / "a")]
    logs[0].write([request(message("E", visitor="v", id="m1"))], 1)
    read_all(logs[0], 0, 1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "id").write_text((tmp_path / "a" / "id").read_text())
    logs.append(KafkaLog(address, tmp_path / "b"))
    logs[1].mark()
    read_all(logs[1], 0, 1)

    def fenced() -> list[KafkaLog]:
        for log in logs:
            log.idle()
        return [log for log in logs if "another process with a copy of this data directory reads" in log.trouble]

    eventually(lambda: len(fenced()) == 1)
    (loser,) = fenced()
    next(log for log in logs if log is not loser).close()
    loser.write([request(message("E", visitor="v", id="m2"))], 1)
    assert ids(read_all(loser, 1, 1)) == ["m2"]
    assert loser.trouble == ""
    loser.close()


def test_a_topic_that_is_missing_or_away_is_named(kafka: Kafka, tmp_path: Path) -> None:
    with pytest.raises(TopicUnusable, match=r"the topic 'none' at .* cannot be used"):
        KafkaLog(f"kafka://{kafka.brokers}/none", tmp_path)
    with pytest.raises(TopicUnusable, match=r"Kafka at 127.0.0.1:9 cannot be used"):
        KafkaLog("kafka://127.0.0.1:9/none", tmp_path)
    with pytest.raises(TopicUnusable, match="the options of the setting log are refused"):
        KafkaLog(f"kafka://u:geheim@{kafka.brokers}/none?ssl.ca.location=/nowhere.pem", tmp_path)


@pytest.mark.thorough
def test_brokers_that_go_away_refuse_and_come_back(tmp_path: Path, kafka: Kafka) -> None:
    own = Kafka()
    try:
        log = KafkaLog(own.topic("away", 2) + "?message.timeout.ms=3000", tmp_path)

        async def appended(*names: str) -> list[object]:
            committer = log.committer()
            waiting = [committer.append(request(message("E", visitor="v", id=name)), 1) for name in names]
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            await committer.close()
            return list(answers)

        eventually(lambda: asyncio.run(appended("before")) == [0])
        own.kill()
        refused = asyncio.run(appended("lost1", "lost2"))
        assert [type(one) for one in refused] == [LogUnavailable, LogUnavailable]
        assert "did not take a record" in log.trouble
        own.restart()
        eventually(lambda: asyncio.run(appended("after")) == [0])
        assert log.trouble == ""
        found = ids(read_all(log, 0, 2))
        assert found[0] == "before"
        assert "after" in found
        log.close()
    finally:
        own.remove()


def test_another_log_than_before_is_refused_while_the_former_may_have_messages(kafka: Kafka, tmp_path: Path) -> None:
    address, server = kafka.topic("moved", 2), None
    files = LocalLog(tmp_path / "log")
    files.write([request(message("E", visitor="v", id="m"))], 1)
    files.close()
    with pytest.raises(BadCheckpoint, match=r"1 messages in the files of .* are not stored; start once without"):
        recovery.open_log(tmp_path, server, address=address)
    (tmp_path / "loader").mkdir()
    write(tmp_path / "loader", Checkpoint(offset=1, log=files.id, tables={}, ids={}))
    log, known = recovery.open_log(tmp_path, server, address=address)
    assert known is not None
    assert (log.start, log.end) == (1, 1), "numbers go on where the files ended"
    moved = Checkpoint(offset=1, log=log.id, tables={}, ids={}, positions=log.positions(1))
    log.close()
    write(tmp_path / "loader", moved)
    with pytest.raises(BadCheckpoint, match="is loaded from Kafka, and the setting log is empty"):
        recovery.open_log(tmp_path, server)


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["store/test_loader.py"])
def test_the_loader_keeps_its_promises_on_kafka(kafka: Kafka, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", str(TESTS / name)], cwd=TESTS.parent, text=True,
        capture_output=True, env={**os.environ, "TRACKWAY_TEST_KAFKA": kafka.brokers},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
