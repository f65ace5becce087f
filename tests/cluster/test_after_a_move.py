"""After `trackway store move`: another server in the place of the one that was filled is refused, also at the next start."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from clickhouse import ClickHouse
from test_server import OnServer, clickhouse

from conftest import Server

__all__ = ["clickhouse"]


def test_an_empty_database_in_the_place_of_the_server_is_refused_at_the_next_start(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    local = Server(data).start()
    assert local.post("track", {"event": "Before", "anonymousId": "a"}).status_code == 202
    local.stored()
    local.stop()
    moved, another = (OnServer(data, clickhouse, f"m{secrets.token_hex(4)}") for _ in range(2))
    for one in (moved, another):
        one.create_users()
    done = moved.command("store", "move")
    assert done.returncode == 0, done.stderr
    with pytest.raises(AssertionError, match=r"the\s+server\s+has\s+none\s+of\s+them"):
        another.start()
    moved.start()
    assert moved.sql("SELECT count() AS n FROM events") == [{"n": 1}]
    moved.stop()
