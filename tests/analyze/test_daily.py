"""Daily numbers: what a pack declares is what a plain count says, and what is recounted is what was there."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY, Loaded, Server
from factories import FIREFOX, message
from trackway.analyze.language.columns import column
from trackway.govern.metric_packs import INCLUDED, BadPack, pack_of

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("name", INCLUDED)
def test_included_packs_are_whole(name: str) -> None:
    pack = pack_of(name)
    assert {subject.of for subject in pack.subjects.values()} > {"person"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("unknown", "no metrics pack"),
        ("name = 1\n", "name"),
        ('name = "a"\n[subjects.x]\nof = "y"\n[subjects.x.metrics]\nm = {}\n', "sets nothing"),
        (
            'name = "a"\n[subjects.x]\nof = "y"\n[subjects.x.metrics]\nm = { count = ["a"], unique = ["a"] }\n',
            "count and unique",
        ),
        ('name = "a"\n[subjects.x]\nof = "y"\n[subjects.x.metrics]\nm = { ratio = ["a", "b"] }\n', "two metrics"),
        ('name = "a"\n[subjects.x]\nof = "person"\n[subjects.x.metrics]\nm = { rating = ["a"] }\n', "is for entities"),
        ('name = "a"\n[subjects.x]\nof = "y"\n[subjects.x.metrics]\nm = { sessions = "count" }\n', "only for persons"),
        ('name = "a"\nscore = { base = 2 }\n[subjects]\n', "score.base"),
    ],
)
def test_a_pack_that_says_nonsense_is_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(BadPack, match=why):
        pack_of(text)


def send(server: Server, *events: tuple[str, str, dict[str, Any]], day: datetime, hour: int = 10) -> None:
    batch = [
        {"type": "track", "event": name, "anonymousId": who, "properties": properties,
         "timestamp": (day + timedelta(hours=hour, seconds=n)).isoformat(), "context": {"userAgent": FIREFOX}}
        for n, (name, who, properties) in enumerate(events)
    ]  # fmt: skip
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()


def concert(entity_id: str, **more: Any) -> dict[str, Any]:
    return {"entity_type": "concert", "entity_id": entity_id, **more}


def daily(
    server: Server, subject: str, day: datetime, until: datetime | None = None, **more: Any
) -> dict[Any, dict[str, Any]]:
    body = {
        "question": "daily",
        "subject": subject,
        "from": f"{day:%Y-%m-%d}",
        "to": f"{until or day:%Y-%m-%d}",
        "max_age_s": -1,
        **more,
    }
    return {(row["day"], row["id"]): row for row in server.asked(body)["data"]}


@pytest.fixture(scope="module")
def path(server: Server) -> str:
    return "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])


DAY = TODAY - timedelta(days=20)
KEY = f"{DAY:%Y-%m-%d}"


@pytest.fixture(scope="module")
def told(server: Server, path: str) -> None:
    send(
        server,
        ("impression", "a", concert("d1")), ("impression", "b", concert("d1")), ("impression", "b", concert("d2")),
        ("event click", "a", concert("d1")), ("view_details", "a", concert("d1", duration_s=130)),
        ("view_details", "a", concert("d1", duration_s=31)), ("interest", "b", concert("d1")),
        ("review", "a", concert("d1", rating=4)), ("review", "b", concert("d1", rating=5)),
        ("share", "c", concert("d1")), ("ticket_click", "a", concert("d1")), ("search", "a", {"query": "jazz"}),
        ("follow", "a", {"entity_type": "artist", "entity_id": "x"}), ("follow", "b", {"entity_type": "artist", "entity_id": "x"}),
        day=DAY,
    )  # fmt: skip
    send(
        server,
        ("unfollow", "a", {"entity_type": "artist", "entity_id": "x"}), ("follow", "c", {"entity_type": "artist", "entity_id": "x"}),
        ("follow", "d", {"entity_type": "artist", "entity_id": "x"}), ("impression", "a", concert("d3")),
        day=DAY + timedelta(days=2),
    )  # fmt: skip
    register = [
        {"type": "concert", "id": "d1", "parents": ["artist:x", "venue:v"]},
        {"type": "concert", "id": "d2", "parents": ["artist:x"]},
        {"type": "concert", "id": "d3", "parents": ["artist:x", "artist:y"]},
    ]
    server.http.put(f"{path}/entities", json=register, headers=BEARER)


@pytest.mark.usefixtures("told")
def test_the_numbers_of_a_concert_by_hand(server: Server) -> None:
    row = daily(server, "event", DAY)[KEY, "d1"]
    assert row == {
        "day": KEY, "id": "d1", "impressions": 2, "unique_viewers": 2, "clicks": 1, "ctr": 0.5, "interested": 1, "reviews": 2,
        "average_rating": 4.5, "likes": 0, "comments": 0, "shares": 1, "ticket_clicks": 1, "ticket_conversion": 1.0, "orders": 0,
        # 0.5 and what it adds: 1 (130 s), 0.5 + 0.1 + 0.2 (31 s), click 0.7, interest 0.5, two reviews 0.5 each, share 0.9.
        "engagement": pytest.approx(1 + 0.8 + 0.7 + 0.5 + 0.5 + 0.5 + 0.9), "engagements": 1,
        "viewer_locations": {}, "viewer_demographics": {"gender": {}, "age_range": {}},
    }  # fmt: skip
    other = daily(server, "event", DAY)[KEY, "d2"]
    assert (other["impressions"], other["ctr"], other["average_rating"]) == (1, 0, None)


def test_daily_rows_say_where_the_viewers_are_and_who(server: Server) -> None:
    day = DAY - timedelta(days=5)
    for visitor, country, gender in (
        ("q1", "DE", "female"),
        ("q2", "DE", "male"),
        ("q3", "FR", "female"),
        ("q4", "", ""),
    ):
        context = {"location": {"country": country}} if country else {}
        if gender:
            traits = {"gender": "other", "age_range": "25-34"}
            at = f"{day:%Y-%m-%d}T08:00:00Z"
            server.post("identify", {"anonymousId": visitor, "traits": traits, "context": context, "timestamp": at})
            server.post("identify", {"anonymousId": visitor, "traits": {"gender": gender}, "context": context})
        for event in ("view_details", "impression", "like", "comment"):
            at = f"{day:%Y-%m-%d}T09:00:00Z"
            server.post("track", {"anonymousId": visitor, "event": event, "properties": concert("seen"),
                                  "context": context, "timestamp": at})  # fmt: skip
    server.stored()
    for ids in ([], ["seen"]):
        row = daily(server, "event", day, ids=ids)[f"{day:%Y-%m-%d}", "seen"]
        assert row["viewer_locations"] == {"DE": 2, "FR": 1}
        assert row["viewer_demographics"] == {"gender": {"female": 2, "male": 1}, "age_range": {"25-34": 3}}
        assert row["engagements"] == 8


@pytest.mark.usefixtures("told")
def test_an_artist_has_followers_so_far_and_what_their_concerts_earned(server: Server) -> None:
    found = daily(server, "artist", DAY, DAY + timedelta(days=3))
    first, later = found[KEY, "x"], found[f"{DAY + timedelta(days=2):%Y-%m-%d}", "x"]
    assert (first["new_followers"], first["total_followers"], later["new_followers"], later["total_followers"]) == (
        2,
        2,
        2,
        3,
    )
    assert (first["active_events"], first["events_impressions"], first["events_clicks"]) == (2, 3, 1)
    assert found[f"{DAY + timedelta(days=2):%Y-%m-%d}", "y"]["events_impressions"] == 1
    assert daily(server, "venue", DAY)[KEY, "v"]["events_impressions"] == 2
    assert set(daily(server, "artist", DAY, ids=["x"])) == {(KEY, "x")}


@pytest.mark.usefixtures("told")
def test_a_persons_day(server: Server) -> None:
    persons = {row["visitor_id"]: row["person"] for row in server.asked(
        {"question": "persons", "from": KEY, "to": KEY, "limit": 100})["data"]}  # fmt: skip
    row = daily(server, "user", DAY)[KEY, str(persons["a"])]
    assert {name: value for name, value in row.items() if value} == {
        "day": KEY, "id": str(persons["a"]), "events_viewed": 2, "events_clicked": 1, "ticket_links_clicked": 1,
        "reviews_written": 1, "searches": 1, "sessions": 1, "time_s": 12.0, "average_session_s": 12.0,
    }  # fmt: skip


@pytest.mark.usefixtures("told")
def test_recounting_a_day_changes_nothing_late_events_included(server: Server, path: str) -> None:
    send(server, ("impression", "late", concert("d1")), ("view", "late", concert("d9")), day=DAY, hour=5)
    before = {subject: daily(server, subject, DAY) for subject in ("user", "event", "artist", "venue")}
    assert before["event"][KEY, "d1"]["impressions"] == 3
    for _ in range(2):
        done = server.http.post(f"{path}/aggregate", json={"date": KEY}, headers=BEARER).json()
        assert done["differed"] == {}, "what the views hold is what the events say"
        assert done["rows"]["interaction_hours"] > 5
        assert {subject: daily(server, subject, DAY) for subject in before} == before


def test_what_the_views_hold_is_what_a_plain_count_of_a_week_of_concerts_says(filled: Server) -> None:
    project = "/api/v1/projects/" + str(filled.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    day = TODAY - timedelta(days=3)
    key = f"{day:%Y-%m-%d}"
    events = filled.sql(
        "SELECT entity_id, name, visitor_id FROM events WHERE bot = '' AND entity_type = 'concert' "
        f"AND toDate(timestamp, 'UTC') = '{key}'"
    )
    times: dict[str, Counter[str]] = defaultdict(Counter)
    viewers: dict[str, set[str]] = defaultdict(set)
    for row in events:
        times[row["entity_id"]][row["name"]] += 1
        if row["name"] in ("impression", "view_details", "view"):
            viewers[row["entity_id"]].add(row["visitor_id"])
    before = daily(filled, "event", day)
    assert {entity for _, entity in before} == set(times) and len(times) > 5
    for entity, counted in times.items():
        row = before[key, entity]
        clicks = counted["event click"] + counted["click"]
        assert row["impressions"] == counted["impression"]
        assert row["clicks"] == clicks
        assert row["ctr"] == (clicks / counted["impression"] if counted["impression"] else None)
        assert row["unique_viewers"] == len(viewers[entity])
        assert (row["interested"], row["ticket_clicks"], row["orders"]) == (
            counted["interest"], counted["ticket_click"], counted["Order Completed"],
        )  # fmt: skip
    users = daily(filled, "user", day)
    done = filled.http.post(f"{project}/aggregate", json={"date": key}, headers=BEARER).json()
    assert done["differed"] == {}
    assert daily(filled, "event", day) == before
    assert daily(filled, "user", day) == users


def test_what_is_no_number_or_no_time_spoils_no_sum(loaded: Loaded, project: UUID) -> None:
    values = ["nan", "inf", "-Infinity", 1e300, -5, 12]
    told = [
        message('review', 1_790_000_000_000, visitor='v', id=f'm{n}', properties=concert('1', duration_s=one, rating=one, other=one))
        for n, one in enumerate(values)
    ]  # fmt: skip
    loaded.load(project, told)
    for table, columns in (("interaction_hours", "duration_s, ratings, rating"), ("person_hours", "duration_s")):
        sums = ", ".join(f"sum({one})" for one in columns.split(", "))
        [row] = loaded.rows(project, f"SELECT {sums} FROM {table} WHERE project_id = {{p:UUID}}")
        assert list(row.values()) == [12, 1, 12][: len(row)]
    number = column("properties.other").number
    [row] = loaded.rows(project, f"SELECT sum({number}) - 1e300 AS n FROM events WHERE project_id = {{p:UUID}}")
    assert abs(row["n"]) < 1e290


def test_refreshing_the_counters_of_views_changes_nothing(server: Server, path: str) -> None:
    for session in ("r1", "r2"):
        server.http.post("/v1/entities/concert/refreshed/view", json={"session_id": session}, auth=("wk_test", ""))
    server.stored()
    body = {"question": "entity_views", "entity_type": "concert", "ids": ["refreshed"], "bots": True, "max_age_s": -1}
    before = server.asked(body)["data"]
    assert before[0]["views"] == 2
    for _ in range(2):
        assert server.http.post(f"{path}/refresh", headers=BEARER).json()["differed"] == {}
        assert server.asked(body)["data"] == before


def test_another_business_needs_no_code(new_server: Any) -> None:
    server = new_server().start()
    place = "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    admin = httpx.Client(base_url=server.url, timeout=60)
    csrf = {"x-csrf-token": admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()["csrf"]}
    pack = (
        'name = "library"\n[subjects.book]\nof = "book"\n[subjects.book.metrics]\nborrowed = { count = ["borrow"] }\n'
    )
    assert admin.patch(place, json={"metrics": pack}, headers=csrf).status_code == 200
    wrong = admin.patch(place, json={"metrics": "nonsense"}, headers=csrf)
    assert wrong.status_code == 400 and "no metrics pack" in wrong.json()["detail"]
    send(server, ("borrow", "a", {"entity_type": "book", "entity_id": "moby"}), day=DAY)
    assert daily(server, "book", DAY) == {(KEY, "moby"): {"day": KEY, "id": "moby", "borrowed": 1}}
    assert (
        server.http.post(f"{place}/ask", json={"question": "daily", "subject": "event"}, headers=BEARER).status_code
        == 400
    )


def test_a_metrics_name_is_never_sql_and_may_be_any(new_server: Any) -> None:
    server = new_server().start()
    place = "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])
    admin = httpx.Client(base_url=server.url, timeout=60)
    csrf = {"x-csrf-token": admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()["csrf"]}
    names = ["events", "name", "x FROM system.tables --", "Borrowed, so far"]
    metrics = "".join(f'"{name}" = {{ count = ["borrow"] }}\n' for name in names)
    pack = f'name = "odd"\n[subjects.book]\nof = "book"\n[subjects.book.metrics]\n{metrics}'
    pack += (
        '"so far" = { running = ["borrow"] }\n[subjects.reader]\nof = "person"\n[subjects.reader.metrics]\n' + metrics
    )
    assert admin.patch(place, json={"metrics": pack}, headers=csrf).status_code == 200
    send(server, ("borrow", "a", {"entity_type": "book", "entity_id": "moby"}), day=DAY)
    [row] = daily(server, "book", DAY).values()
    assert row == {"day": KEY, "id": "moby", **dict.fromkeys(names, 1), "so far": 1}
    [row] = daily(server, "reader", DAY).values()
    assert {name: row[name] for name in names} == dict.fromkeys(names, 1)


def test_who_may_not(server: Server, path: str) -> None:
    stranger = httpx.Client(base_url=server.url, timeout=60)
    assert stranger.post(f"{path}/aggregate", json={"date": KEY}).status_code == 401
    assert stranger.post(f"{path}/refresh").status_code == 401
    assert server.http.post(f"{path}/aggregate", json={"date": "yesterday"}, headers=BEARER).status_code == 400
