"""Questions: right by hand, in agreement with each other, and in the project's own time zone."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import FIREFOX, message
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.data import free_sql
from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import parse
from trackway.analyze.language.money import Money
from trackway.analyze.language.period import BadQuestion, Period, buckets, period
from trackway.analyze.language.question import Question
from trackway.analyze.language.series import Series
from trackway.analyze.people.visitors import visitor, visitors
from trackway.analyze.traffic.breakdown import breakdown
from trackway.analyze.traffic.feed import newest_events, newest_sessions
from trackway.analyze.traffic.live import live
from trackway.analyze.traffic.overview import overview
from trackway.analyze.traffic.sources import sources
from trackway.event import Message, new_id
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed

DAY = datetime(2026, 3, 10, tzinfo=UTC)


def happened(minute: float, visitor: str, path: str = "", event: str = "", **fields: Any) -> Message:
    properties, context = fields.pop("properties", {}), fields.pop("context", {})
    page = {"url": f"https://a.example{path}", "referrer": fields.pop("referrer", "")} if path else {}
    at = int((DAY + timedelta(minutes=minute)).timestamp() * 1000)
    return message(
        event,
        at,
        visitor=visitor,
        id=f"{visitor}{minute}{event}",
        context={"userAgent": FIREFOX, "ip": "x", "location": {"country": "DE"}, "page": page, **context},
        properties=properties,
        **fields,
    )


DATA = [
    happened(0, "ann", "/", referrer="https://www.google.com/"),
    happened(1, "ann", "/concerts"),
    happened(2, "ann", "/concerts", event="Order Completed", properties={"revenue": 20, "currency": "EUR", "seats": 2}),
    happened(3, "bob", "/?utm_source=news&utm_medium=email"),
    happened(100, "ann", "/about"),
    happened(101, "ann", "/about", event="Clicked", properties={"seats": 7}),
    happened(200, "cat", "/", referrer="https://chatgpt.com/", context={"location": {"country": "FR"}}),
    happened(
        210, "cat", "/", event="Order Completed", properties={"revenue": 5}, context={"location": {"country": "FR"}}
    ),
    happened(300, "bot", "/", context={"userAgent": "Googlebot/2.1"}),
    happened(-1440, "bob", "/"),
]


@pytest.fixture(scope="module")
def filled(loaded: Loaded) -> UUID:
    project = new_id()
    loaded.load(project, DATA)
    return project


def ask(project: UUID, *filters: str, bots: bool = False, timezone: str = "UTC") -> Question:
    stretch = Period(DAY, DAY + timedelta(days=1))
    return Question(
        project_id=project,
        period=stretch,
        timezone=timezone,
        filters=tuple(parse(text) for text in filters),
        bots=bots,
        goals=("Order Completed",),
    )


def test_overview_of_a_day_against_the_day_before(loaded: Loaded, filled: UUID) -> None:
    question = ask(filled)
    _, totals = overview(loaded.store, question, question.period.before("UTC", "previous"), "USD")
    current = msgspec.structs.asdict(totals.current)
    revenue = current.pop("revenue")
    assert current == {
        "visitors": 3, "sessions": 4, "page_views": 5, "events": 8, "bounce_rate": 0.25, "duration_s": (120 + 0 + 60 + 600) / 4,
    }  # fmt: skip
    assert sorted((one.currency, one.amount) for one in revenue) == [
        ("EUR", Decimal("20")),
        ("USD", Decimal("5")),
    ]
    assert totals.previous.visitors == totals.previous.sessions == 1


def test_bots_count_when_asked_for(loaded: Loaded, filled: UUID) -> None:
    question = ask(filled, bots=True)
    _, totals = overview(loaded.store, question, question.period.before("UTC", "previous"), "USD")
    assert (totals.current.visitors, totals.current.sessions) == (4, 5)


def test_a_reason_that_is_overruled_makes_nobody_a_bot_at_any_time(loaded: Loaded, filled: UUID) -> None:
    rows = breakdown(loaded.store, ask(filled, bots=True), "bot", 10).rows()
    [reason] = [row["value"] for row in rows if row["value"]]
    for filters in ([], ["path:set"]):
        overruled = msgspec.structs.replace(ask(filled, *filters), overruled_bot_reasons=(reason, "crawler: another"))
        with_bots = ask(filled, *filters, bots=True)
        before = overruled.period.before("UTC", "previous")
        totals = [overview(loaded.store, one, before, "USD")[1].current for one in (overruled, with_bots)]
        assert (totals[0].visitors, totals[0].sessions) == (4, 5)
        assert totals[0] == totals[1], "counters and rows alike"
        found = [
            sources(loaded.store, one, ["channel"], "USD", metrics=["sessions"])[1] for one in (overruled, with_bots)
        ]
        assert found[0] == found[1] and sum(row.sessions for row in found[0]) == 5
        listed = [visitors(loaded.store, one)[1] for one in (overruled, with_bots)]
        assert listed[0] == listed[1] and len(listed[0]) == 4


@pytest.mark.parametrize(
    ("filters", "visitors", "sessions", "events"),
    [
        (["channel:is:Organic Search"], 1, 1, 3),
        (["channel:is:Organic Search|Email"], 2, 2, 4),
        (["country:is_not:DE"], 1, 1, 2),
        (["path:contains:CONCERT"], 1, 1, 2),
        (["name:is:Order Completed"], 2, 2, 2),
        (["entry_path:is:/about"], 1, 1, 2),
        (["properties.seats:greater:2"], 1, 1, 1),
        (["properties.seats:set"], 1, 2, 2),
        (["properties.seats:is:2", "channel:is:Organic Search"], 1, 1, 1),
        (["path:starts_with:/con", "country:is:FR"], 0, 0, 0),
        (["visitor_id:is:x' OR 1=1 --"], 0, 0, 0),
        (["properties.seats:between:2|5"], 1, 1, 1),
        (["properties.seats:at_most:2"], 1, 1, 1),
        (["path:ends_with:certs"], 1, 1, 2),
        (["path:matches:^/con.*s$"], 1, 1, 2),
        (["path:matches_not:^/c"], 3, 4, 6),
        (["session.duration_s:greater:300"], 1, 1, 2),
        (["session.page_views:is:2"], 1, 1, 3),
        (["visitor.sessions:at_least:2"], 2, 3, 6),
        (["visitor.first_seen:before:2026-03-10"], 1, 1, 1),
        (["person.first_source:is:google"], 1, 2, 5),
        (["person.sessions:at_least:2", "country:is:DE"], 2, 3, 6),
        (["person.first_seen:after:2026-03-10T01:00:00"], 1, 1, 2),
        (["timestamp:after:2026-03-10T03:00:00"], 1, 1, 2),
        (["revenue:greater:10"], 1, 1, 1),
    ],
)
def test_filters_on_events_properties_and_sessions(
    loaded: Loaded, filled: UUID, filters: list[str], visitors: int, sessions: int, events: int
) -> None:
    question = ask(filled, *filters)
    _, totals = overview(loaded.store, question, question.period.before("UTC", "previous"), "USD")
    current = totals.current
    assert (current.visitors, current.sessions, current.events) == (visitors, sessions, events)


@pytest.mark.parametrize("name", ["page_views", "events", "bounces", "duration_s"])
def test_a_filter_on_a_session_may_be_called_like_a_number_of_the_answer(
    loaded: Loaded, filled: UUID, name: str
) -> None:
    question = ask(filled, f"session.{name}:at_least:0")
    everything = ask(filled)
    for by in ("country", "path", "name"):
        assert breakdown(loaded.store, question, by).rows() == breakdown(loaded.store, everything, by).rows()
    assert (
        sources(loaded.store, question, ["source"], "EUR")[1] == sources(loaded.store, everything, ["source"], "EUR")[1]
    )
    assert newest_sessions(loaded.store, question, DAY).rows() == newest_sessions(loaded.store, everything, DAY).rows()


@pytest.mark.parametrize(
    "text", ["nope:is:1", "path:like:1", "path:is", "path:set:1", "properties.a`b:is:1", "properties.a:greater:x"]
)
def test_filters_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(BadQuestion):
        parse(text)


def test_sources_by_session_with_conversions_and_revenue(loaded: Loaded, filled: UUID) -> None:
    _, rows = sources(loaded.store, ask(filled), ["channel", "source"], "USD")
    found = {
        (row.channel, row.source): (
            row.sessions,
            row.conversions,
            [(paid.currency, paid.amount) for paid in row.revenue],
        )
        for row in rows
    }
    assert found == {
        ("Organic Search", "google"): (1, 1, [("EUR", Decimal(20))]),
        ("Email", "news"): (1, 0, []),
        ("Direct", "(direct)"): (1, 0, []),
        ("AI Assistant", "chatgpt"): (1, 1, [("USD", Decimal(5))]),
    }
    with pytest.raises(BadQuestion):
        sources(loaded.store, ask(filled), ["revenue"], "USD")


def test_breakdowns_by_column_and_by_property(loaded: Loaded, filled: UUID) -> None:
    pages = {row["value"]: row["page_views"] for row in breakdown(loaded.store, ask(filled), "path").rows()}
    assert pages == {"/": 3, "/concerts": 1, "/about": 1}
    seats = {row["value"]: row["events"] for row in breakdown(loaded.store, ask(filled), "properties.seats").rows()}
    assert seats == {"": 6, "2": 1, "7": 1}


def test_feeds_are_newest_first_and_page_back(loaded: Loaded, filled: UUID) -> None:
    rows = newest_events(loaded.store, ask(filled), 3).rows()
    assert [(row["visitor_id"], row["name"]) for row in rows] == [
        ("cat", "Order Completed"),
        ("cat", "page"),
        ("ann", "Clicked"),
    ]
    more = newest_events(loaded.store, ask(filled), 2, rows[-1]["timestamp"]).rows()
    assert [row["name"] for row in more] == ["page", "page"]
    sessions = newest_sessions(loaded.store, ask(filled), DAY + timedelta(minutes=230)).rows()
    assert [(row["visitor_id"], row["entry_path"], row["exit_path"], row["active"]) for row in sessions] == [
        ("cat", "/", "/", True), ("ann", "/about", "/about", False), ("bob", "/", "/", False), ("ann", "/", "/concerts", False),
    ]  # fmt: skip


def test_a_visitors_profile_and_the_list(loaded: Loaded, filled: UUID) -> None:
    _, profile = visitor(loaded.store, ask(filled), "ann")
    assert profile is not None
    assert (profile.sessions, profile.events, profile.page_views) == (2, 5, 3)
    assert profile.revenue == [Money("EUR", Decimal(20))]
    _, rows = visitors(loaded.store, ask(filled))
    assert [row.visitor_id for row in rows] == ["cat", "ann", "bob"]
    name = rows[0].visitor_name
    assert [row.visitor_id for row in visitors(loaded.store, ask(filled), search=name.lower())[1]] == ["cat"]
    assert visitor(loaded.store, ask(filled), "nobody")[1] is None


def test_who_is_here_now(loaded: Loaded, filled: UUID) -> None:
    _, data = live(loaded.store, ask(filled), DAY + timedelta(minutes=211))
    assert [one.visitor_id for one in data.here] == ["cat"]
    assert sum(minute.events for minute in data.minutes) == 2
    assert len(data.minutes) == 31


@pytest.mark.parametrize(
    ("text", "visitors"),
    [("country:is:FR", ["cat"]), ("country:is:DE", []), ("path:is:/", ["cat"]), ("device:is:desktop", ["cat"]),
     ("name:is:Order Completed", ["cat"]), ("visitor_name:set", ["cat"]), ("session.events:at_least:3", [])],
)  # fmt: skip
def test_who_is_here_now_can_be_filtered(loaded: Loaded, filled: UUID, text: str, visitors: list[str]) -> None:
    _, data = live(loaded.store, ask(filled, text), DAY + timedelta(minutes=211))
    assert [one.visitor_id for one in data.here] == visitors


def test_the_newest_before_a_time_are_the_same_however_its_zone_is_written(loaded: Loaded, filled: UUID) -> None:
    until = DAY + timedelta(minutes=101)
    for before in (until, until.astimezone(ZoneInfo("Asia/Kolkata")), until.replace(tzinfo=None)):
        rows = newest_events(loaded.store, ask(filled), 2, before).rows()
        assert [row["timestamp"] for row in rows] == [DAY + timedelta(minutes=100), DAY + timedelta(minutes=3)]


def test_another_project_sees_nothing_of_it(loaded: Loaded, filled: UUID) -> None:
    stranger = ask(new_id(), bots=True)
    _, totals = overview(loaded.store, stranger, stranger.period.before("UTC", "previous"), "USD")
    assert totals.current.events == totals.previous.events == 0
    assert newest_events(loaded.store, stranger).rows() == []
    assert visitors(loaded.store, stranger)[1] == []
    assert free_sql.query(loaded.store.within(Policy(new_id())), "SELECT count() AS n FROM events").rows() == [{"n": 0}]


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("metric", ["events", "visitors", "page_views", "sessions"])
def test_a_trend_adds_up_in_every_time_zone(loaded: Loaded, filled: UUID, metric: str, timezone: str) -> None:
    stretch = period("", timezone, DAY, "2026-03-08", "2026-03-11")
    question = Question(project_id=filled, period=stretch, timezone=timezone)
    asked = Trend(series=[Series(metric=metric)])
    _, drawn = trend(loaded.store, question, asked)
    line = drawn.series[0]
    assert len(line.points) == len(drawn.moments) == 4
    filtered = Question(project_id=filled, period=stretch, timezone=timezone, filters=(parse("source:set"),))
    assert trend(loaded.store, filtered, asked)[1] == drawn, "the hourly counters and the rows tell different numbers"
    _, hours = trend(loaded.store, question, Trend(series=[Series(metric=metric)], interval="hour"))
    assert hours.series[0].total == line.total
    if metric != "visitors":
        assert sum(hours.series[0].points) == sum(line.points) == line.total


def test_days_have_23_and_25_hours() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        stretch = period("", "Europe/Berlin", DAY, day, day)
        assert len(buckets(stretch, "Europe/Berlin", "hour")) == hours
        assert len(buckets(stretch, "Europe/Berlin", "day")) == 1


@settings(max_examples=cases(20), deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Chatham", "UTC"]),
    st.dates(datetime(2020, 1, 1).date(), datetime(2030, 1, 1).date()),
    st.integers(0, 90),
    st.sampled_from(["hour", "day", "week", "month"]),
)
def test_intervals_cover_a_period_without_gap_or_overlap(timezone: str, first: Any, days: int, interval: Any) -> None:
    last = first + timedelta(days=min(days, 60) if interval == "hour" else days)
    stretch = period("", timezone, DAY, first.isoformat(), last.isoformat())
    starts = buckets(stretch, timezone, interval)
    assert starts == sorted(set(starts))
    assert starts[0] <= stretch.start < (starts[1] if len(starts) > 1 else stretch.end)
    assert starts[-1] < stretch.end
    zone = ZoneInfo(timezone)
    if interval != "hour":
        assert all(start.astimezone(zone).strftime("%H:%M") == "00:00" for start in starts)


def test_filters_bind_every_value() -> None:
    hostile = "'; DROP TABLE events; --"
    for name in ("path", "source", "properties.x", "person.properties.x", "entry_path", "visitor.sessions"):
        for operator in ("is", "contains", "starts_with"):
            conditions = Compiler(lambda: "identity", lambda name, _: name)
            node = parse(f"{name}:{operator}:{hostile}")
            assert hostile not in conditions.on_events(node) + conditions.on_sessions(node)
            stored = str([hostile.replace(" ", "%20")])  # as paths are stored
            assert set(map(str, conditions.values.parameters.values())) == {
                stored if "path" in name else str([hostile])
            }


ALLOWED = [
    "SELECT count() AS n FROM events",
    "WITH x AS (SELECT * FROM events) SELECT count() AS n FROM x",
    "SELECT count() AS n FROM events AS e JOIN sessions AS s ON e.session_id = s.session_id",
    "SELECT count() AS n FROM sessions FINAL",
    "SELECT (SELECT count() FROM events) AS n",
    "SELECT count() AS n FROM visitors WHERE visitor_id IN (SELECT visitor_id FROM events)",
    "SELECT sum(events) AS n FROM event_counts -- a comment",
    "SELECT count() AS n FROM `events`;",
]
REFUSED = [
    "SELECT * FROM system.tables",
    "SELECT * FROM default.events",
    "SELECT count() FROM migrations",
    "SELECT count() FROM visitors_from_events",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'a String')",
    "SELECT * FROM merge(currentDatabase(), '.*')",
    "SELECT * FROM remote('127.0.0.1', default.events)",
    "SELECT * FROM view(SELECT 1)",
    "SELECT 1 WHERE 'a' IN events",
    "SELECT * FROM events SETTINGS additional_table_filters = {}",
    "SELECT * FROM (SELECT * FROM events SETTINGS max_threads = 1)",
    "SELECT 1; DROP TABLE events",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 FORMAT JSON",
    "INSERT INTO events SELECT * FROM events",
    "DROP TABLE events",
    "ALTER TABLE events DELETE WHERE 1",
    "SELECT dictGet('a', 'b', 1)",
    "SELECT 1) UNION ALL (SELECT count() FROM system.one",
    "SELECT sleep(3)",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "nonsense",
]


@pytest.mark.parametrize("statement", ALLOWED)
def test_sql_sees_the_projects_own_rows_only(loaded: Loaded, filled: UUID, statement: str) -> None:
    assert free_sql.query(loaded.store.within(Policy(filled)), statement).rows()[0]["n"] > 0
    assert not free_sql.query(loaded.store.within(Policy(new_id())), statement).rows()[0]["n"]


@pytest.mark.parametrize("statement", REFUSED)
def test_sql_that_reaches_further_is_refused_and_changes_nothing(loaded: Loaded, filled: UUID, statement: str) -> None:
    with pytest.raises((BadQuestion, QuestionFailed)):
        free_sql.query(loaded.store.within(Policy(filled)), statement)
    assert free_sql.query(loaded.store.within(Policy(filled)), "SELECT count() AS n FROM events").rows() == [
        {"n": len(DATA)}
    ]
