"""Segment's own Node library, unchanged, in front of a real server."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from conftest import WRITE_KEY, Server

SDK = Path(__file__).parents[2] / "sdk"


def test_every_call_of_segments_node_library_is_stored_once_with_identity_time_and_properties(server: Server) -> None:
    command = ["node", "peers/segment-node.mjs", server.url, WRITE_KEY]
    ran = subprocess.run(command, cwd=SDK, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    server.stored()
    rows = server.sql(
        "SELECT * REPLACE (toJSONString(properties) AS properties) FROM events WHERE library = '@segment/analytics-node'"
    )
    found = {(row["type"], row["name"]): row for row in rows}
    assert len(rows) == len(found) == 7
    order = found["track", "Order Completed"]
    assert (order["user_id"], order["revenue"], order["currency"], order["country"]) == (
        "node-user", "12.5000", "EUR", "GB",
    )  # fmt: skip
    at = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    assert abs((datetime.fromisoformat(order["timestamp"]) - at).total_seconds()) < 5
    assert (found["page", "page"]["host"], found["page", "page"]["path"]) == ("docs.example", "/node")
    assert found["group", "group"]["group_id"] == "node-group"
    assert "node-anonymous" in found["alias", "alias"]["properties"]
    looked = found["track", "Looked"]
    assert (looked["visitor_id"], looked["message_id"]) == ("node-nobody", "node-own-id")
