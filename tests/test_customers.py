"""Customers: looked up by host pages, over HTTP and from Python."""

from __future__ import annotations

import pytest

from conftest import AGENT, SECRET_KEY, Server
from trackway.client import Reader, ReadFailed


@pytest.fixture(scope="module")
def reader(server: Server) -> Reader:
    batch = []
    for visitor, visits in (("looked-1", 2), ("looked-2", 1)):
        for number in range(visits):
            page = {"url": f"https://shop.example/?utm_source=looked-{number}&utm_medium=email"}
            context = {"userAgent": AGENT, "locale": "en", "page": page, "sessionId": f"{visitor}-{number}"}
            batch.append({"type": "page", "anonymousId": visitor, "context": context})
            batch.append({"type": "track", "event": "Looked", "anonymousId": visitor, "context": context})
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    return Reader(SECRET_KEY, server.url)


def test_profiles_of_visitors_are_looked_up_a_hundred_at_once(reader: Reader) -> None:
    found = reader.get_user_profiles(["looked-1", "looked-2", "never-seen"])
    assert set(found) == {"looked-1", "looked-2"}
    one = found["looked-1"]
    assert (one["sessions"], one["events"], one["page_views"]) == (2, 4, 2)
    assert one["visitor_name"].count(" ") == 1 and one["first_seen"] <= one["last_seen"]
    assert len(reader.get_user_profiles([f"looked-{n}" for n in range(100)])) == 2
    for ids in ([], ["x"] * 101):
        with pytest.raises(ReadFailed, match="1 to 100"):
            reader.get_user_profiles(ids)


def test_traffic_sources_of_the_last_days_have_shares_of_all_sessions(reader: Reader, server: Server) -> None:
    rows = reader.get_traffic_sources(7, 100)
    looked = {row["source"]: row for row in rows if row["source"].startswith("looked-")}
    assert {name: row["sessions"] for name, row in looked.items()} == {"looked-0": 2, "looked-1": 1}
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert [row["sessions"] for row in rows] == sorted((row["sessions"] for row in rows), reverse=True)
    assert len(reader.get_traffic_sources(90, 1)) == 1
    with pytest.raises(ReadFailed):
        reader.get_traffic_sources(8)
    asked = server.asked({"question": "sources", "by": ["channel"], "metrics": ["sessions"], "period": "7d"})["data"]
    assert sum(row["sessions"] for row in rows) == sum(row["sessions"] for row in asked)


def test_a_wrong_key_and_a_server_that_is_not_there_are_said(server: Server) -> None:
    with pytest.raises(ReadFailed, match="secret key"):
        Reader("sk_wrong", server.url).get_traffic_sources()
    with pytest.raises(ReadFailed, match="does not answer"):
        Reader(SECRET_KEY, "http://127.0.0.1:9").get_traffic_sources()
    with pytest.raises(ValueError, match="http"):
        Reader(SECRET_KEY, "ftp://x")
