"""Kafka on this machine, for tests and benchmarks: one broker or three, started by ../shared/tools/kafka.sh."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port

SCRIPT = Path(__file__).parents[2] / "shared" / "tools" / "kafka.sh"
_JARS = Path(os.environ.get("TRACKWAY_TEST_KAFKA_HOME", Path(tempfile.gettempdir()) / "trackway-kafka"))
"""Where the jars are kept, so that they are fetched once."""


def missing() -> str:
    """Why Kafka cannot be started here; empty when it can. The jars are fetched when they are not there."""
    if not SCRIPT.exists():
        return f"there is no {SCRIPT}, which starts Kafka"
    if not (shutil.which("java") and shutil.which("mvn")):
        return "there is no Java (java and mvn), which Kafka needs"
    got = subprocess.run(
        [SCRIPT, "get"], env={**os.environ, "KAFKA_HOME_DIR": str(_JARS)}, capture_output=True, text=True
    )
    return "" if got.returncode == 0 else f"Kafka's jars cannot be fetched: {got.stderr.strip()[-300:]}"


class Kafka:
    """Brokers with empty disks of their own, on ports of their own; `brokers` is their address.

    Args:
        count: 1 or 3.
        for_long: compile what runs often as fast as possible, which doubles the CPU time of a start.
    """

    def __init__(self, count: int = 1, for_long: bool = False) -> None:
        self.count, self.home = count, Path(tempfile.mkdtemp(prefix="trackway-kafka-"))
        (libs,) = _JARS.glob("libs-*[0-9]")
        (self.home / libs.name).symlink_to(libs)
        self._libs = libs
        # Otherwise a Java process of its own makes the name.
        (self.home / "cluster.id").write_text(base64.urlsafe_b64encode(b"k" + os.urandom(15)).decode().rstrip("="))
        self.port = free_port(max(2 * count, 6))
        self._environment = {**os.environ, "KAFKA_HOME_DIR": str(self.home), "KAFKA_PORT": str(self.port)}
        if not for_long:
            self._environment["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1"
        self.brokers = self._run("start", str(count)).splitlines()[-1]
        self._own: dict[int, subprocess.Popen[bytes]] = {}

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([SCRIPT, *arguments], env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    def topic(self, name: str, partitions: int = 3, **settings: str) -> str:
        """Create a topic with as many replicas as there are brokers; its address."""
        create_topic(self.brokers, name, partitions, self.count, **settings)
        return f"kafka://{self.brokers}/{name}"

    def secure(self, certificate: Path, private: Path, user: str, password: str) -> tuple[str, str]:
        """Restart the only broker with two more listeners: one demands TLS and the password of a user, by PLAIN or by
        SCRAM; the other demands a certificate of the client, signed by the broker's own. Return their addresses.
        """
        with_password, with_certificate, store = self.port + 5, self.port + 4, self.home / "broker.pem"
        store.write_bytes(private.read_bytes() + certificate.read_bytes())
        properties = self.home / "n1" / "server.properties"
        text = properties.read_text()
        for name in ("listeners=", "advertised.listeners="):
            added = f"SECURE://127.0.0.1:{with_password},CERTIFIED://127.0.0.1:{with_certificate},"
            text = text.replace(f"\n{name}", f"\n{name}{added}")
        text = text.replace("protocol.map=", "protocol.map=SECURE:SASL_SSL,CERTIFIED:SSL,")
        modules, listener = "org.apache.kafka.common.security", "listener.name.secure"
        scram = f"sasl.jaas.config={modules}.scram.ScramLoginModule required;\n"
        text += (
            "ssl.keystore.type=PEM\n" f"ssl.keystore.location={store}\n"
            "ssl.truststore.type=PEM\n" f"ssl.truststore.location={certificate}\n"
            "listener.name.certified.ssl.client.auth=required\n"
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n"
            f'{listener}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{user}="{password}";\n'
            f"{listener}.scram-sha-256.{scram}{listener}.scram-sha-512.{scram}"
        )  # fmt: skip
        properties.write_text(text)
        self.kill()
        self.restart()
        self._give(user, password)
        return f"127.0.0.1:{with_password}", f"127.0.0.1:{with_certificate}"

    def _give(self, user: str, password: str) -> None:
        """Give a user a password for both kinds of SCRAM."""
        from confluent_kafka.admin import (
            AdminClient,
            ScramCredentialInfo,
            ScramMechanism,
            UserScramCredentialUpsertion,
        )

        admin = AdminClient({"bootstrap.servers": self.brokers})
        for kind in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            given = UserScramCredentialUpsertion(user, ScramCredentialInfo(kind, 4096), password.encode())
            admin.alter_user_scram_credentials([given])[user].result()

    def widen(self, name: str, partitions: int) -> None:
        """Give a topic more partitions."""
        from confluent_kafka.admin import AdminClient, NewPartitions

        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.create_partitions([NewPartitions(name, partitions)])[name].result()

    def delete(self, name: str) -> None:
        """Delete a topic."""
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.delete_topics([name])[name].result()

    def pid(self, broker: int) -> int:
        """The process of a broker, from 1 on."""
        return int((self.home / f"n{broker}" / "pid").read_text())

    def kill(self, broker: int = 1) -> None:
        """SIGKILL to a broker."""
        pid = self.pid(broker)
        os.kill(pid, signal.SIGKILL)
        if broker in self._own:
            self._own.pop(broker).wait()
        while _lives(pid):
            time.sleep(0.02)

    @contextmanager
    def paused(self, broker: int = 1) -> Iterator[None]:
        """A broker takes connections and does not answer, as one on a machine that stands still."""
        pid = self.pid(broker)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def restart(self, broker: int = 1) -> None:
        """Start a killed broker on its disk, and wait until it listens."""
        directory = self.home / f"n{broker}"
        command = [
            "java", "-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={self.home}/log4j2.properties",
            "-cp", f"{self._libs}/*", "kafka.Kafka", str(directory / "server.properties"),
        ]  # fmt: skip
        with (directory / "out.log").open("ab") as output:
            self._own[broker] = subprocess.Popen(
                command, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        (directory / "pid").write_text(str(self._own[broker].pid))
        while not _listens(self.port + 2 * (broker - 1)):
            assert self._own[broker].poll() is None, (directory / "out.log").read_text()[-2000:]
            time.sleep(0.1)

    def wait_in_sync(self, name: str) -> None:
        """Wait until all replicas of a topic are in sync."""
        from confluent_kafka.admin import AdminClient

        admin, until = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0}), time.monotonic() + 240
        while any(
            len(one.isrs) < self.count for one in admin.list_topics(name, timeout=30).topics[name].partitions.values()
        ):
            assert time.monotonic() < until, "the replicas do not catch up"
            time.sleep(0.2)

    def remove(self) -> None:
        """Kill all brokers and remove their disks."""
        for broker in range(1, self.count + 1):
            pid = self.pid(broker)
            if _lives(pid):
                self.kill(broker)
        shutil.rmtree(self.home, ignore_errors=True)


def create_topic(brokers: str, name: str, partitions: int = 3, replicas: int = 1, **settings: str) -> None:
    """Create a topic unless it is there, and wait until every broker that is asked knows it."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": brokers})
    made = NewTopic(
        name, partitions, replicas, config={key.replace("_", "."): value for key, value in settings.items()}
    )
    for _ in range(60):  # the brokers elect a controller first
        try:
            admin.create_topics([made], request_timeout=10)[name].result()
            break
        except Exception as error:
            if "ALREADY_EXISTS" in repr(error):
                break
            time.sleep(0.5)
    while len(admin.list_topics(name, timeout=10).topics[name].partitions) < partitions:
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
