"""Processes on Kafka: collectors beside the loader, what the doctor says, the way from files, brokers with TLS and a password."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import processes
from conftest import WRITE_KEY, Server
from kafka import Kafka
from trackway.log.kafka_topic import dangers_of

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

from tls import certify

Make = Callable[..., Server]


def send(server: Server, *names: str) -> None:
    batch = [{"type": "track", "event": "E", "messageId": name, "anonymousId": f"v-{name}"} for name in names]
    answer = server.post("batch", {"batch": batch})
    assert answer.status_code == 202, answer.text


def stored(server: Server) -> list[str]:
    server.stored()
    return [row["message_id"] for row in server.sql("SELECT message_id FROM events ORDER BY message_id")]


def doctor(server: Server, *arguments: str) -> str:
    command = ["-m", "trackway", "doctor", *arguments, "--data", str(server.data)]
    done = processes.run(command, env=server.environment)
    return " ".join((done.stdout + done.stderr).split())


def beside(server: Server, **settings: Any) -> Server:
    """A collector on the data directory of a loader."""
    log = server.environment["TRACKWAY_LOG"]
    return Server(server.data, role="collector", log=log, **settings).start()


def test_collectors_take_messages_and_one_process_stores_them(kafka: Kafka, new_server: Make) -> None:
    loader = new_server(log=kafka.topic("roles", 3)).start()
    collectors = [beside(loader) for _ in range(2)]
    try:
        for number, one in enumerate((*collectors, loader)):
            send(one, *(f"{number}-{index}" for index in range(10)))
        assert collectors[0].http.get("/v1/pixel.gif", params={"writeKey": WRITE_KEY}).status_code == 200
        loader.stop(signal.SIGKILL)
        send(collectors[0], "meanwhile")
        loader.start()
        assert len(stored(loader)) == 32
        state = collectors[0].http.get("/readyz").json()
        assert "it does not know the store" in state.pop("only_messages")
        assert state == {"ready": True, "trouble": "", "warnings": []}
        assert collectors[0].http.get("/healthz").json()["status"] == "alive"
        other = collectors[0].http.get("/api/v1/projects")
        assert other.status_code == 404
        assert other.json()["detail"] == "this process only collects messages; ask the one with the role all"
    finally:
        for one in collectors:
            one.stop()


def test_a_collector_needs_a_project(kafka: Kafka, tmp_path: Path) -> None:
    lonely = Server(tmp_path / "lonely", fresh=True, role="collector", log=kafka.topic("lonely", 1))
    with pytest.raises(AssertionError, match=r"the accounts database has no project; start the process with the role"):
        lonely.start()


def test_a_second_loader_is_refused_by_the_host_of_the_first(kafka: Kafka, new_server: Make) -> None:
    address = kafka.topic("two", 2)
    first = new_server(log=address).start()
    send(first, "a")
    assert stored(first) == ["a"]
    with pytest.raises(AssertionError, match=r"another loader\s+\(on\s.*and one loads at a time"):
        new_server(log=address, fresh=True).start()
    send(first, "b")
    assert stored(first) == ["a", "b"]


def test_the_doctor_names_what_waits_and_what_endangers_messages(kafka: Kafka, new_server: Make) -> None:
    address = kafka.topic("checked", 2, retention_ms="3600000", retention_bytes="1000000")
    loader = new_server(log=address).start()
    send(loader, "a", "b")
    loader.stored()
    loader.stop()
    said = doctor(loader)
    assert "the topic 'checked' has 2 partitions; 2 entries are stored" in said
    for danger in ("it has 1 replica: use 3", "min.insync.replicas is 1: use 2", "keeps messages for 1 hours: use 7 days",
                   "retention.bytes is set"):  # fmt: skip
        assert danger in said
    collector = beside(loader)
    send(collector, *(f"m{index}" for index in range(20)))
    collector.stop()
    assert "2 more records are stored at the next start" in doctor(loader)
    for name in ("loader/checkpoint", "checkpoint.before"):
        (loader.data / name).unlink()
    with pytest.raises(AssertionError, match=r"does\s+not\s+say\s+up\s+to"):
        loader.start()
    assert "2 messages are stored; the next start reads the log again" in doctor(loader, "--repair", "checkpoint")
    loader.start()
    assert stored(loader) == sorted(["a", "b", *(f"m{index}" for index in range(20))])


def test_dangers_of_a_topic_are_named_and_a_sound_one_has_none() -> None:
    sound = {
        "min.insync.replicas": "2",
        "retention.ms": "604800000",
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
    }
    assert dangers_of(sound, 3) == []
    unclean = {
        **sound,
        "min.insync.replicas": "3",
        "cleanup.policy": "compact",
        "unclean.leader.election.enable": "true",
    }
    assert [text.partition(":")[0] for text in dangers_of(unclean, 3)] == [
        "min.insync.replicas is 3 of 3 replicas", "cleanup.policy compacts", "unclean.leader.election.enable is true",
    ]  # fmt: skip


@pytest.mark.thorough
def test_from_files_to_kafka_and_back(kafka: Kafka, new_server: Make) -> None:
    server = new_server().start()
    send(server, "files")
    assert stored(server) == ["files"]
    server.stop()
    server.environment["TRACKWAY_LOG"] = kafka.topic("there", 2)
    server.start()
    send(server, "kafka", "files")
    assert stored(server) == ["files", "kafka"]
    server.stop(signal.SIGKILL)
    server.start()
    assert stored(server) == ["files", "kafka"]
    server.stop()
    address = server.environment.pop("TRACKWAY_LOG")
    with pytest.raises(AssertionError, match=r"is loaded\s+from Kafka"):
        server.start()
    assert "2 messages are stored" in doctor(server, "--repair", "checkpoint")
    server.start()
    send(server, "back")
    assert stored(server) == ["back", "files", "kafka"]
    kafka.delete("there")
    server.stop()
    server.environment["TRACKWAY_LOG"] = address.replace("there", kafka.topic("another", 2).rpartition("/")[2])
    server.start()
    send(server, "again")
    assert stored(server) == ["again", "back", "files", "kafka"]


@pytest.mark.thorough
def test_brokers_with_tls_and_a_password(kafka: Kafka, tmp_path: Path, new_server: Make) -> None:
    own = Kafka()
    try:
        certificate, private = certify(tmp_path)
        address, _ = own.secure(certificate, private, "ann", "p@ss word")
        topic = own.topic("secret", 2).rpartition("/")[2]
        options = f"sasl.mechanism=PLAIN&ssl.ca.location={certificate}"
        server = new_server(log=f"kafka://ann:p%40ss%20word@{address}/{topic}?{options}").start()
        send(server, "a")
        assert stored(server) == ["a"]
        server.stop()
        said = (tmp_path / "data0.out").read_text()
        assert "p@ss" not in said
        for wrong, why in ((f"kafka://ann:wrong@{address}/{topic}?{options}", "cannot be used"),
                           (f"kafka://ann:p%40ss%20word@{address}/{topic}?sasl.mechanism=PLAIN", "cannot be used")):  # fmt: skip
            server.environment["TRACKWAY_LOG"] = wrong
            with pytest.raises(AssertionError) as refused:
                server.start()
            assert why in str(refused.value)
            assert "p%40ss" not in str(refused.value)
    finally:
        own.remove()
