"""The tests of questions and of the store hold on a ClickHouse server and on a cluster: each store is a database there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clickhouse import ADMIN, ClickHouse, Shards

from conftest import also

TESTS = Path(__file__).parents[1]
FILES = [
    "store/test_persons.py",
    *map(also, ["analyze", *(f"store/test_{name}.py" for name in (
        "account_entities", "entities", "isolation", "late_events", "loader", "orders", "properties", "spreadsheet",
    ))]),
]  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", [also(ClickHouse), Shards])
@pytest.mark.parametrize("name", FILES)
def test_these_hold_on_a_server_and_on_three_shards(tmp_path: Path, name: str, kind: type[ClickHouse | Shards]) -> None:
    server = kind(tmp_path / "clickhouse").start()
    try:
        address = server.dsn("admin", ADMIN.replace(" ", "%20"))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", str(TESTS / name)], cwd=TESTS.parent, text=True,
            capture_output=True, env={**os.environ, "TRACKWAY_TEST_SERVER": address},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
    finally:
        server.remove()
