"""Segment's own Python library, unchanged, in front of a real server."""

from datetime import UTC, datetime
from typing import Any

from segment.analytics.client import Client

from conftest import WRITE_KEY, Server


def test_every_call_of_segments_library_is_stored_once_with_identity_time_and_properties(server: Server) -> None:
    problems: list[Any] = []
    client = Client(WRITE_KEY, host=server.url, gzip=True, on_error=lambda error, _: problems.append(error))
    at = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    common = {"timestamp": at, "context": {"ip": "81.2.69.160"}}
    client.identify("peer-user", {"plan": "pro"}, **common)
    client.track("peer-user", "Order Completed", {"revenue": 12.5, "currency": "EUR", "order_id": "o1"}, **common)
    client.page("peer-user", "Docs", "Python", {"url": "https://docs.example/python"}, **common)
    client.screen("peer-user", "Home", "App", {"tab": 1}, **common)
    client.group("peer-user", "peer-group", {"name": "Initech"}, **common)
    client.alias("peer-anonymous", "peer-user", **common)
    client.track(anonymous_id="peer-nobody", event="Looked", properties={"n": 1}, message_id="peer-own-id")
    client.flush()
    client.shutdown()
    assert problems == []
    server.stored()
    rows = server.sql(
        "SELECT * REPLACE (toJSONString(properties) AS properties) FROM events WHERE library = 'analytics-python'"
    )
    found = {(row["type"], row["name"]): row for row in rows}
    assert len(rows) == len(found) == 7
    order = found["track", "Order Completed"]
    assert (order["user_id"], order["revenue"], order["currency"], order["country"]) == (
        "peer-user",
        "12.5000",
        "EUR",
        "GB",
    )
    # The library's clock and the server's are one here, so the correction by sentAt is at most what sending took.
    assert abs((datetime.fromisoformat(order["timestamp"]) - at).total_seconds()) < 5
    assert (found["page", "page"]["host"], found["page", "page"]["path"]) == ("docs.example", "/python")
    assert found["group", "group"]["group_id"] == "peer-group"
    assert "peer-anonymous" in found["alias", "alias"]["properties"]
    assert (found["track", "Looked"]["visitor_id"], found["track", "Looked"]["message_id"]) == (
        "peer-nobody",
        "peer-own-id",
    )
