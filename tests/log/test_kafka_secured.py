"""Brokers that demand TLS with a password or a certificate: which clients they let in, and what the others are told."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest

from factories import message
from kafka import Kafka
from trackway.event import Arrival, Location
from trackway.log import Gap
from trackway.log.kafka import KafkaLog
from trackway.log.kafka_topic import Topic, TopicUnusable

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

from tls import certify

from trackway.kafka_address import parse

pytestmark = pytest.mark.timeout(240)


class Secured(NamedTuple):
    """Addresses without a topic: of the listener for passwords, of the one for certificates; and the files."""

    kafka: Kafka
    passwords: str
    certificates: str
    certificate: Path
    private: Path

    def address(self, topic: str, how: str) -> str:
        """The address of a topic with `password USER:PASSWORD MECHANISM`, or with a `certificate`."""
        authority = f"ssl.ca.location={self.certificate}"
        if how == "certificate":
            own = f"ssl.certificate.location={self.certificate}&ssl.key.location={self.private}"
            return f"kafka://{self.certificates}/{topic}?security.protocol=SSL&{authority}&{own}"
        _, user, mechanism = how.split()
        return f"kafka://{user}@{self.passwords}/{topic}?sasl.mechanism={mechanism}&{authority}"


@pytest.fixture(scope="module")
def secured(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    own, folder = Kafka(), tmp_path_factory.mktemp("certificates")
    try:
        files = certify(folder)
        yield Secured(own, *own.secure(*files, "ann", "p@ss word"), *files)
    finally:
        own.remove()


RIGHT = "ann:p%40ss%20word"


@pytest.mark.parametrize("how", [f"password {RIGHT} SCRAM-SHA-256", f"password {RIGHT} SCRAM-SHA-512", "certificate"])
def test_a_client_that_is_let_in_writes_and_reads(secured: Secured, tmp_path: Path, how: str) -> None:
    topic = f"let-in-{how.rpartition(' ')[2]}"
    secured.kafka.topic(topic, 1)
    log = KafkaLog(secured.address(topic, how), tmp_path)
    try:
        sent = Arrival(1, UUID(int=7).bytes, "", Location(), "", "", False, None, [message("E", visitor="v", id="a")])
        log.write([msgspec.msgpack.encode(sent)], 1)
        found, until = [], time.monotonic() + 60
        while not found:
            assert time.monotonic() < until, log.trouble
            found = [one for item in log.read(0, 10) if not isinstance(item, Gap) for one in item.arrivals()]
        assert [one.message_id for arrival in found for one in arrival.messages] == ["a"]
    finally:
        log.close()


def test_a_client_that_is_not_let_in_is_told_why_without_its_secret(secured: Secured) -> None:
    secured.kafka.topic("closed", 1)
    certified = secured.address("closed", "certificate")
    wrong = {
        secured.address("closed", f"password ann:wr0ng-{kind} {kind}"): said
        for kind, said in (
            ("SCRAM-SHA-256", "invalid credentials with SASL mechanism SCRAM-SHA-256"),
            ("SCRAM-SHA-512", "invalid credentials with SASL mechanism SCRAM-SHA-512"),
            ("PLAIN", "Invalid username or password"),
        )
    }
    wrong[secured.address("closed", f"password {RIGHT} SCRAM-SHA-512").partition("&")[0]] = "certificate verify failed"
    wrong[certified.partition("&ssl.certificate")[0]] = "alert bad certificate"  # it has none

    def refused(address: str) -> str:
        with pytest.raises(TopicUnusable) as raised:
            Topic(parse(address))
        return str(raised.value)

    with ThreadPoolExecutor() as pool:
        for told, said in zip(pool.map(refused, wrong), wrong.values(), strict=True):
            assert said in told
            assert "do not let this process in" in told
            assert "correct user, password, certificates" in told
            assert not any(secret in told for secret in ("wr0ng", "p@ss", "p%40ss"))
