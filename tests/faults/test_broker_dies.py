"""A process that asks how far another loader is, while the brokers die one after the other: it lives, and gets answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import processes
from conftest import cases, eventually
from kafka import Kafka, missing

ASKING = """
import sys, time
from trackway.log import DirectoryUnusable
from trackway.log.kafka_group import Group
group = Group(sys.argv[1], 0)
while True:
    for name, ask in (("committed", group.committed), ("ends", group.ends), ("members", lambda: group.topic.other_loaders(""))):
        try:
            ask()
            print(name, flush=True)
        except DirectoryUnusable:
            pass
    time.sleep(0.05)
"""


@pytest.mark.timeout(600)
def test_who_asks_for_a_loader_outlives_the_brokers_and_is_answered_again(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    kafka, said = Kafka(3), tmp_path / "said"
    address = kafka.topic("asked", 3)
    try:
        with said.open("wb") as output, (tmp_path / "errors").open("wb") as errors:
            asking = processes.start(["-c", ASKING, address], stdout=output, stderr=errors)

        def is_answered() -> bool:
            assert asking.poll() is None, (tmp_path / "errors").read_text()
            return set(said.read_text()[before:].split()) >= {"committed", "ends", "members"}

        try:
            for broker in (1, 2, 3, 1)[: cases(2)]:
                before = said.stat().st_size
                eventually(is_answered, 120)
                kafka.kill(broker)
                before = said.stat().st_size
                eventually(is_answered, 120)
                kafka.restart(broker)
                kafka.wait_in_sync("asked")
                before = said.stat().st_size
                eventually(is_answered, 120)
        finally:
            asking.kill()
            asking.wait()
    finally:
        kafka.remove()
