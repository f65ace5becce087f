"""Kafka as the log and a ClickHouse server as the store: the loader keeps its promises there too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import also
from kafka import Kafka

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "cluster"))

from clickhouse import ADMIN, ClickHouse  # noqa: E402


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "name", ["store/test_loader.py", *map(also, ["store/test_late_events.py", "store/test_orders.py"])]
)
def test_the_loader_keeps_its_promises(kafka: Kafka, tmp_path: Path, name: str) -> None:
    server = ClickHouse(tmp_path / "clickhouse").start()
    try:
        environment = {
            "TRACKWAY_TEST_KAFKA": kafka.brokers,
            "TRACKWAY_TEST_SERVER": server.dsn("admin", ADMIN.replace(" ", "%20")),
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", str(TESTS / name)], cwd=TESTS.parent, text=True,
            capture_output=True, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
    finally:
        server.remove()
