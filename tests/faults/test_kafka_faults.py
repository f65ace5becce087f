"""A short campaign on three brokers; `benchmarks/faults.py --log kafka --n 100` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka_campaign import campaign

from conftest import cases
from kafka import missing

FAULTS = ["kill_loader", "kill_broker", "kill_collector", "kill_loader", "kill_two_brokers", "kill_collector"] * cases(
    1
)


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_whoever_is_killed_what_was_acknowledged_is_stored_once(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    print(campaign(len(FAULTS), "20261129", tmp_path, each=FAULTS))
