"""Customers: looked up by host pages, over HTTP and from Python."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from chromium import AGENT
from conftest import SECRET_KEY, SHARED, WRITE_KEY, Loaded, Server, needs, unpacked
from factories import message
from trackway.analyze.customers.value import CustomerValue, customer_value
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.client import Reader, ReadFailed
from trackway.event import Message, new_id


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
    assert one["displayName"] == one["visitor_name"]
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


def order(customer: str, day: datetime.date, amount: float, number: int = 0) -> Message:
    at = int(datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.UTC).timestamp() * 1000) + number
    return message("Order Completed", at, f"v-{customer}", customer, properties={"revenue": amount, "currency": "USD"})


def until(project: UUID, end: datetime.date) -> Question:
    moment = datetime.datetime(end.year, end.month, end.day, tzinfo=datetime.UTC)
    return Question(
        project_id=project, period=Period(datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC), moment), timezone="UTC"
    )


@pytest.fixture(scope="module")
def cdnow(loaded: Loaded) -> Iterator[UUID]:
    """Every order of CDNOW's sample, through log and loader."""
    project, messages = new_id(), []
    for number, line in enumerate(unpacked(SHARED / "cdnow" / "CDNOW_sample.txt.zst").decode().splitlines()):
        _, customer, day, _, amount = line.split()
        date = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
        messages.append(order(customer, date, float(amount), number))
    loaded.load(project, messages)
    yield project
    loaded.forget_before(201301)


@needs("cdnow")
def test_orders_of_cdnow_are_fitted_as_published_from_events(loaded: Loaded, cdnow: UUID) -> None:
    """Fader, Hardie, Lee 2005; Fader, Hardie 2013: the first 39 weeks of 1997."""
    asked = CustomerValue(weeks=39, limit=10_000)
    _, found = customer_value(loaded.store, until(cdnow, datetime.date(1997, 10, 1)), asked, "USD")
    model, spending = found.model, found.spending
    assert found.customers == 2357
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx([0.243, 4.414, 0.793, 2.426], rel=0.01)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.1)
    assert [spending.p, spending.q, spending.gamma] == pytest.approx([6.25, 3.74, 15.44], rel=0.01)
    assert found.expected_orders == pytest.approx(sum(row.expected_orders for row in found.rows))
    assert found.value == pytest.approx(sum(row.value for row in found.rows))
    values = [row.value for row in found.rows]
    assert values == sorted(values, reverse=True)
    for row in found.rows:
        assert 0 <= row.active <= 1 and row.low <= row.high and row.mean_low < row.mean_value < row.mean_high


@needs("cdnow")
def test_customers_are_paged_and_sorted_and_what_comes_later_is_not_known(loaded: Loaded, cdnow: UUID) -> None:
    question = until(cdnow, datetime.date(1997, 10, 1))
    whole = customer_value(loaded.store, question, CustomerValue(sort="orders", limit=50), "USD")[1].rows
    parts = [
        row
        for offset in (0, 20, 40)
        for row in customer_value(loaded.store, question, CustomerValue(sort="orders", limit=20, offset=offset), "USD")[
            1
        ].rows
    ]
    assert [row.person for row in parts[:50]] == [row.person for row in whole]
    assert whole[0].orders >= whole[-1].orders
    assert max(str(row.last_order) for row in whole) <= "1997-09-30"


def test_one_order_says_nothing_and_says_so(loaded: Loaded, project: UUID) -> None:
    day = datetime.date(2026, 1, 5)
    loaded.load(project, [order("a", day, 10), order("b", day, 20), order("b", day, 5, 1)])
    asked = CustomerValue()
    _, found = customer_value(loaded.store, until(project, datetime.date(2026, 2, 1)), asked, "USD")
    assert (found.customers, found.model, found.rows) == (2, None, [])
    assert "second time" in found.why, "two orders of a day are one"
    _, none = customer_value(loaded.store, until(new_id(), datetime.date(2026, 2, 1)), asked, "USD")
    assert none.customers == 0 and none.why
    for wrong in (CustomerValue(weeks=0), CustomerValue(orders=[]), CustomerValue(limit=0)):
        with pytest.raises(BadQuestion):
            customer_value(loaded.store, until(project, day), wrong, "USD")


def session_of(server: Server, visitor: str) -> dict[str, object]:
    server.stored()
    [row] = server.sql(f"SELECT * FROM sessions FINAL WHERE visitor_id = '{visitor}'")
    return row


def end(server: Server, **body: object) -> tuple[int, dict[str, object]]:
    answer = server.http.post("/api/analytics/session/end", json=body, auth=(WRITE_KEY, ""))
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "named",
    ["", str(new_id()), "a name of the client's own", "session_1762394628181_6vpstmhd2", "4711", "séance/1"],
    ids=["none", "uuid", "name", "host", "number", "letters"],
)
def test_a_session_is_ended_by_its_id_once(server: Server, named: str) -> None:
    visitor = f"ender-é-{named[:4]}"
    context = {"userAgent": AGENT, "locale": "en", **({"sessionId": named} if named else {})}
    ago = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)).isoformat()
    batch = [{"type": "page", "anonymousId": visitor, "userId": "kim", "timestamp": ago, "context": context}]
    assert server.post("batch", {"batch": batch}).status_code == 202
    own = session_of(server, visitor)
    assert not own["closed"]
    asked = {"session_id": named or own["session_id"], **({"anonymous_id": visitor} if " " in named else {})}
    status, said = end(server, **asked)
    assert status == 202 and 119 <= float(str(said["duration_s"])) <= 130
    closed = session_of(server, visitor)
    assert closed["closed"] and closed["user_id"] == "kim" and closed["events"] == 2
    for _ in range(3):
        status, again = end(server, **asked)
        assert status == 200 and again["duration_s"] == said["duration_s"]
    assert session_of(server, visitor) == closed, "the same end again changes nothing"


def test_of_several_visitors_sessions_of_one_name_the_one_that_goes_on_is_ended(server: Server) -> None:
    for visitor in ("twin-1", "twin-2"):
        server.post("track", {"anonymousId": visitor, "event": "Looked", "context": {"sessionId": "twin"}})
    server.stored()
    status, said = end(server, session_id="twin")
    assert status == 400 and "anonymous_id" in str(said["errors"])
    assert end(server, session_id="twin", anonymous_id="twin-1")[0] == 202
    assert end(server, session_id="twin")[0] == 202, "one of them is left"
    assert session_of(server, "twin-2")["closed"]
    assert end(server, session_id="twin")[0] == 200


@pytest.mark.parametrize("named", [str(new_id()), "shared-kiosk"], ids=["uuid", "name"])
def test_two_users_under_one_client_session_are_two_and_the_end_is_that_of_the_one_who_is_there(
    server: Server, named: str
) -> None:
    visitor = f"kiosk {named}"
    context = {"userAgent": AGENT, "locale": "en", "sessionId": named}
    for user in ("ann", "bob"):
        server.post("track", {"anonymousId": visitor, "userId": user, "event": "Looked", "context": context})
    server.stored()
    own = f"FROM sessions FINAL WHERE visitor_id = '{visitor}' ORDER BY started_at"
    ann, bob = server.sql(f"SELECT session_id, user_id, events {own}")
    assert [ann["user_id"], bob["user_id"]] == ["ann", "bob"] and ann["events"] == bob["events"] == 1
    assert end(server, session_id=named, anonymous_id=visitor)[0] == 202
    server.stored()
    assert server.sql(f"SELECT user_id, closed, events {own}") == [
        {"user_id": "ann", "closed": False, "events": 1},
        {"user_id": "bob", "closed": True, "events": 2},
    ]
    for over in (named, bob["session_id"]):
        assert end(server, session_id=over, anonymous_id=visitor)[0] == 200


def test_the_same_end_many_times_at_once_is_one(server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    named = str(new_id())
    context = {"userAgent": AGENT, "locale": "en", "sessionId": named}
    assert server.post("batch", {"batch": [{"type": "page", "anonymousId": "hurried", "context": context}]}).is_success
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: end(server, session_id=named)[0], range(16)))
    assert set(found) <= {200, 202}
    server.stored()
    names = server.sql("SELECT name, count() AS n FROM events WHERE visitor_id = 'hurried' GROUP BY name ORDER BY name")
    assert names == [{"name": "Session Ended", "n": 1}, {"name": "page", "n": 1}]


def test_a_session_that_is_over_stays_as_long_as_it_was(server: Server) -> None:
    named = str(new_id())
    context = {"userAgent": AGENT, "locale": "en", "sessionId": named}
    ago = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=40)).isoformat()
    batch = [{"type": "page", "anonymousId": "long-gone", "timestamp": ago, "context": context}]
    assert server.post("batch", {"batch": batch}).status_code == 202
    before = session_of(server, "long-gone")
    status, said = end(server, session_id=named)
    assert (status, said["duration_s"]) == (200, 0.0)
    assert session_of(server, "long-gone") == before


@pytest.mark.parametrize(
    "body, status",
    [({}, 400), ({"session_id": "x" * 256}, 400), ({"session_id": [1]}, 400), ({"session_id": "?"}, 404)],
)
def test_what_is_no_session_is_refused(server: Server, body: dict[str, object], status: int) -> None:
    assert end(server, **body)[0] == status
    assert server.http.post("/api/analytics/session/end", json={"session_id": "?"}).status_code == 401
    assert server.http.get("/api/analytics/session/end").status_code == 405
    answer = server.http.post("/v1/sessions/end", content=b"{", auth=(WRITE_KEY, ""))
    assert answer.status_code == 400 and "JSON" in answer.json()["detail"]


def test_customer_metrics_are_asked_with_a_key_and_paged(server: Server) -> None:
    batch = []
    for number in range(3):
        properties = {"order_id": f"m-{number}", "revenue": 150_000 + number, "currency": "TZS"}
        who: dict[str, object] = {"userId": f"metric-{number}", "anonymousId": f"metric-{number}"}
        who["context"] = {"userAgent": AGENT, "locale": "en"}
        batch += [{"type": "track", "event": "Order Completed", "properties": properties, **who}]
        batch += [{"type": "track", "event": "Signed In", **who}]
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    headers = {"authorization": f"Bearer {SECRET_KEY}"}

    def ask(**given: object) -> dict[str, object]:
        answer = server.http.get("/api/customers/metrics", params={"search": "metric-", **given}, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    for interval in ("all", "daily", "weekly", "monthly"):
        found = ask(interval=interval, sortBy="last_login", sortOrder="asc", pageSize=2)
        assert (found["customers"], len(found["rows"])) == (3, 2)  # type: ignore[arg-type]
        assert ask(interval=interval, sortBy="last_login", sortOrder="asc", pageSize=2, page=2)["rows"]
    [row] = ask(search="metric-2", sortBy="orders")["rows"]  # type: ignore[misc]
    assert row["last_order"]["currency"] == "TZS" and float(row["last_order"]["amount"]) == 150_002
    assert (row["browser"], row["orders"], row["sessions"]) == ("Chrome", 1, 1)
    assert ask(interval="daily", to="2020-01-01")["customers"] == 0
    wrong = server.http.get("/api/customers/metrics", params={"sortBy": "height"}, headers=headers)
    assert wrong.status_code == 400 and "sort by one of" in wrong.text
    by_path = server.get("customers", search="metric-", sortBy="orders")
    assert by_path["customers"] == 3
    assert server.http.get("/api/customers/metrics").status_code == 401


def test_sessions_say_whether_they_converted_and_what_for_with_versions_and_no_duration_while_they_go_on(
    server: Server,
) -> None:
    goal = "Order Completed"
    context = {"userAgent": AGENT, "locale": "en"}
    who = {"anonymousId": "converting", "userId": "converting"}
    earlier = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=3)).isoformat()

    def order(name: str, at: str | None, **properties: object) -> dict[str, object]:
        stated = {"timestamp": at} if at else {}
        return {"type": "track", "event": name, "properties": properties, "context": context, **who, **stated}

    batch = [
        order(goal, earlier, order_id="cv-1", revenue=80),
        order(goal, earlier, order_id="cv-1", revenue=80),
        order(goal, earlier, order_id="cv-2", revenue=50),
        order("Looked", None),
        order("Order Refunded", None, order_id="cv-2"),
    ]
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    of = "user_id:is:converting"
    found = server.asked({"question": "person", "user_id": "converting", "period": "all"})["data"]["sessions"]
    listed = server.asked({"question": "sessions", "filter": of})["data"]["rows"]
    sorted_ = server.asked({"question": "sessions", "filter": of, "sort": "ended_at"})["data"]["rows"]
    for rows in (found, listed, sorted_, server.get("sessions", filter=of)["data"]):
        assert [(row["converted"], row["conversion_value"]) for row in rows] == [(False, 0), (True, 80)]
    assert [(row["active"], row["duration_s"]) for row in found] == [(True, None), (False, 0)]
    assert {(row["browser_version"] != "", row["browser"]) for row in found} == {(True, "Chrome")}


@pytest.mark.parametrize("named", ["", "of {user}", "one for all"], ids=["by gaps", "by the client", "alike"])
def test_a_change_of_user_ends_the_session_and_ending_it_afterwards_changes_nothing(server: Server, named: str) -> None:
    visitor, users = f"shared-{named}", [f"first-{named}", f"second-{named}"]
    for user in users:
        context = {"sessionId": named.format(user=user)} if named else {}
        server.post("track", {"anonymousId": visitor, "userId": user, "event": "Looked", "context": context})
        server.stored()

    def asked() -> Any:
        return server.asked({"question": "sessions", "filter": f"visitor_id:is:{visitor}", "max_age_s": -1})["data"]

    def sessions() -> list[dict[str, object]]:
        return sorted(asked()["rows"], key=lambda row: str(row["user_id"]))

    first, second = sessions()
    totals = asked()["totals"]
    assert (totals["sessions"], totals["ended"], totals["end_rate"]) == (2, 1, 0.5)
    assert [(one["user_id"], bool(one["active"])) for one in (first, second)] == [(users[0], False), (users[1], True)]
    of_first = server.asked({"question": "person", "user_id": users[0], "period": "all"})["data"]["sessions"]
    assert [one["active"] for one in of_first if one["user_id"] == users[0]] == [False]
    assert end(server, session_id=first["session_id"])[0] == 200
    server.stored()
    assert [(one["session_id"], one["events"]) for one in sessions()] == [
        (first["session_id"], 1),
        (second["session_id"], 1),
    ]
    assert end(server, session_id=second["session_id"])[0] == 202
    assert [bool(one["active"]) for one in (server.stored(), sessions())[1]] == [False, False]
