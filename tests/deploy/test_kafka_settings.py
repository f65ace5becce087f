"""deploy/kafka/: a real broker starts with the properties, and the script creates the topic with the settings it promises."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import eventually
from ports import free_port

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kafka"
FETCH = ROOT.parent / "shared" / "tools" / "kafka.sh"
JARS = Path(os.environ.get("TRACKWAY_TEST_KAFKA_HOME", Path(tempfile.gettempdir()) / "trackway-kafka"))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """A broker with the properties of deploy/kafka, but for its addresses and its disk."""

    def __init__(self, home: Path, libraries: Path) -> None:
        self.port = free_port(2)
        control = self.port + 1
        text = (FOLDER / "broker.properties").read_text()
        for old, new in (
            ("1@kafka:9093", f"1@127.0.0.1:{control}"), ("BROKER://:9092", f"BROKER://127.0.0.1:{self.port}"),
            ("CONTROLLER://:9093", f"CONTROLLER://127.0.0.1:{control}"), ("BROKER://kafka:9092", f"BROKER://127.0.0.1:{self.port}"),
            ("/var/lib/kafka/data", str(home / "data")),
        ):  # fmt: skip
            assert old in text
            text = text.replace(old, new)
        properties = home / "broker.properties"
        properties.write_text(text)
        # Kafka's programs are scripts around these classes.
        (home / "log4j2.properties").write_text("rootLogger.level = warn\n")
        self.java = (
            f"java -Xmx256m -XX:+UseSerialGC -Dlog4j2.configurationFile={home}/log4j2.properties -cp '{libraries}/*'"
        )
        for program, name in (
            ("kafka-topics.sh", "org.apache.kafka.tools.TopicCommand"), ("kafka-storage.sh", "kafka.tools.StorageTool"),
            ("kafka-configs.sh", "org.apache.kafka.tools.ConfigCommand"), ("kafka-server-start.sh", "kafka.Kafka"),
        ):  # fmt: skip
            (home / program).write_text(f'#!/bin/sh\nexec {self.java} {name} "$@"\n')
            (home / program).chmod(0o755)
        self.home = home
        command = re.search(
            r"- (/opt/kafka/bin/kafka-storage\.sh.*?)\n    volumes",
            (FOLDER.parent / "compose.cluster.yaml").read_text(),
            re.S,
        )
        assert command is not None
        started = (
            command[1].replace("/opt/kafka/bin", str(home)).replace("/etc/kafka/trackway.properties", str(properties))
        )
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", " ".join(started.split())], stdout=(home / "out").open("wb"), stderr=subprocess.STDOUT
        )
        eventually(self.ready)

    def ready(self) -> bool:
        assert self.process.poll() is None, (self.home / "out").read_text()[-3000:]
        return listens(self.port)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KAFKA_BIN": str(self.home)}
        return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if not FETCH.exists():
        pytest.skip(f"there is no {FETCH}, which fetches Kafka")
    if not (shutil.which("java") and shutil.which("mvn")):
        pytest.skip("there is no Java (java and mvn), which Kafka needs")
    got = subprocess.run(
        [FETCH, "get"], env={**os.environ, "KAFKA_HOME_DIR": str(JARS)}, capture_output=True, text=True
    )
    if got.returncode:
        pytest.skip(f"Kafka's jars cannot be fetched: {got.stderr.strip()[-300:]}")
    (libraries,) = JARS.glob("libs-*[0-9]")
    running = Broker(tmp_path_factory.mktemp("kafka"), libraries)
    yield running
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(30)


def test_a_broker_starts_as_in_compose_and_the_topic_has_its_settings(broker: Broker) -> None:
    address = f"127.0.0.1:{broker.port}"
    for _ in range(2):  # the second time, it is there
        made = broker.run(FOLDER / "topic.sh", address, "trackway", "6", "1")
        assert made.returncode == 0, made.stderr + made.stdout
    told = broker.run(
        broker.home / "kafka-topics.sh", "--bootstrap-server", address, "--describe", "--topic", "trackway"
    ).stdout
    assert "PartitionCount: 6" in told, told
    for setting in (
        "min.insync.replicas=1", "retention.ms=604800000", "cleanup.policy=delete", "unclean.leader.election.enable=false",
        "message.timestamp.type=LogAppendTime", "retention.bytes=-1",
    ):  # fmt: skip
        assert setting in told, told
    refused = broker.run(
        broker.home / "kafka-topics.sh", "--bootstrap-server", address, "--describe", "--topic", "trackwya"
    )
    assert refused.returncode != 0, "a mistyped topic is not created"


def test_the_broker_has_every_property_of_the_file(broker: Broker) -> None:
    told = broker.run(
        broker.home / "kafka-configs.sh", "--bootstrap-server", f"127.0.0.1:{broker.port}", "--describe", "--all",
        "--entity-type", "brokers", "--entity-name", "1",
    ).stdout  # fmt: skip
    taken = dict(re.findall(r"^ +([\w.]+)=(\S*) ", told, re.MULTILINE))
    written = dict(re.findall(r"^([\w.]+)=(.*)$", (FOLDER / "broker.properties").read_text(), re.MULTILINE))
    own = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    assert {name: taken.get(name) for name in written.keys() - own} == {
        name: written[name] for name in written.keys() - own
    }


def test_the_script_says_what_it_needs() -> None:
    done = subprocess.run([FOLDER / "topic.sh", "kafka:9092"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "topic.sh BROKER:PORT TOPIC PARTITIONS REPLICAS" in done.stderr
