"""One number for one thing: totals, breakdowns, lists and filters against plain Python, over awkward histories."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from histories import EXAMPLES, SPAN, START, Happened, histories, loaded_with
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import FIREFOX, message
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.customers.revenue import Revenue, revenue
from trackway.analyze.language.filters import parse, read
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.analyze.language.series import Series
from trackway.analyze.people.visitors import visitors
from trackway.analyze.traffic.overview import overview
from trackway.analyze.traffic.sessions import Sessions, sessions
from trackway.analyze.traffic.sources import SourceRow, sources
from trackway.event import Message, new_id


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories(), st.sampled_from(["", "A"]))
def test_total_breakdown_and_drill_down_agree(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], event: str
) -> None:  # fmt: skip
    batches, happened = history
    question = loaded_with(loaded, batches)
    inside = [one for one in happened if 0 <= one.at < SPAN and (not event or one.name == event)]
    metrics = ("events", "persons", "visitors", "per_person", "event_revenue")
    asked = Trend(series=[Series(event=event, metric=one) for one in metrics], by=["name", "path"], top=2)
    plain = Trend(series=asked.series)
    _, split = trend(loaded.store, question, asked, "EUR")
    _, drawn = trend(loaded.store, question, plain, "EUR")
    known = {
        "events": len(inside),
        "persons": len({one.who for one in inside}),
        "visitors": len({one.visitor for one in inside}),
        "per_person": len(inside) / len({one.who for one in inside}) if inside else None,
        "event_revenue": sum(one.value for one in inside if one.name in "ABCX"),
    }
    for name, line, unsplit in zip(metrics, split.series, drawn.series, strict=True):
        assert unsplit.total == line.total == known[name], name
        assert line.points == unsplit.points
        if name in ("events", "event_revenue"):
            assert sum(line.points) == line.total == sum(part.total for part in line.parts)
    _, totals = overview(loaded.store, question, question.period.before("Europe/Berlin", "previous"), "EUR")
    if not event:
        assert totals.current.events == known["events"]
        assert totals.current.visitors == known["visitors"]
        of_sessions = Trend(series=[Series(metric="sessions"), Series(metric="bounce_rate"), Series(metric="depth")])
        lines = trend(loaded.store, question, of_sessions)[1].series
        assert lines[0].total == totals.current.sessions
        counted = sources(loaded.store, question, ["source"], "EUR", metrics=["sessions", "bounce_rate", "page_views"])[
            1
        ]
        listed = sources(loaded.store, question, ["source"], "EUR")[1]
        assert sum(row.sessions for row in counted) == sum(row.sessions for row in listed) == lines[0].total
        names = ("source", "sessions", "bounce_rate", "page_views")
        assert counted == [SourceRow(**{name: getattr(row, name) for name in names}) for row in listed]


_FILTERS = (None, "path:is:/x", "session.events:at_least:2", "entry_path:set", "visitor.sessions:less:3")


@settings(max_examples=cases(3), deadline=None)
@given(histories(), st.sampled_from(_FILTERS), st.booleans())
def test_an_overview_of_two_periods_is_that_of_each_and_visitors_are_those_whom_it_counts(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], filtered: str | None, hours: bool
) -> None:  # fmt: skip
    question = loaded_with(loaded, history[0])
    if filtered:
        question = msgspec.structs.replace(question, filters=(parse(filtered),))
    if not hours:  # from rows, although nothing is filtered
        question = msgspec.structs.replace(question, timezone="Asia/Kolkata")
    end = question.period.end
    days = [(0, 14), (-14, 0), (3, 8), (6, 7), (7, 14)]
    periods = [question.period, *(Period(START + timedelta(a), min(START + timedelta(b), end)) for a, b in days)]
    asked = [msgspec.structs.replace(question, period=period) for period in periods]
    totals = [overview(loaded.store, one, one.period, "EUR")[1].current for one in asked]
    for place, (one, total) in enumerate(zip(asked, totals, strict=True)):
        for other in (place - 1, place - 3):
            compared = overview(loaded.store, one, periods[other], "EUR")[1]
            assert (compared.current, compared.previous) == (total, totals[other])
        assert len({row.visitor_id for row in visitors(loaded.store, one)[1]}) == total.visitors
        if not filtered:
            assert revenue(loaded.store, one, Revenue(), "EUR")[1].totals.visitors == total.visitors


def test_a_visitor_with_one_event_of_a_bot_is_listed_for_the_others(loaded: Loaded) -> None:
    project, at = new_id(), int(START.timestamp() * 1000)
    page = {"page": {"url": "https://a.example/seen"}}
    loaded.load(
        project,
        [
            message("", at, visitor="mixed", id="1", context={"userAgent": FIREFOX, "ip": "x", **page}),
            message("", at + 1, visitor="mixed", id="2", context={"userAgent": "Googlebot/2.1", "ip": "x"}),
        ],
    )
    question = Question(project_id=project, period=Period(START, START + timedelta(1)), timezone="Europe/Berlin")
    for text, count in (("", 1), ("path:is:/seen", 1), ("path:is:/elsewhere", 0)):
        filters = (parse(text),) if text else ()
        asked = msgspec.structs.replace(question, filters=filters)
        assert len(visitors(loaded.store, asked)[1]) == count


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    histories(),
    st.sampled_from(["any", "all", "not"]),
    st.integers(1, 3),
    st.sampled_from(["at_least", "at_most", "exactly"]),
)
def test_filters_on_behaviour_mean_the_people_they_say(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], how: str, times: int, compare: Any
) -> None:  # fmt: skip
    batches, happened = history
    question = loaded_with(loaded, batches)
    did = {"did": "A", "times": times, "compare": compare}
    here = {"column": "path", "values": ["/x"]}
    value = {"column": "properties.value", "operator": "between", "values": [1, 2]}
    given_: dict[str, Any] = {"not": {"any": [did, here]}} if how == "not" else {how: [did, here, value]}
    asked = Trend(series=[Series(metric="events"), Series(metric="persons")])
    _, data = trend(
        loaded.store,
        Question(
            **{**{name: getattr(question, name) for name in question.__struct_fields__}, "filters": (read(given_),)}
        ),
        asked,
    )
    counts: dict[str, int] = defaultdict(int)
    for one in happened:
        counts[one.who] += one.name == "A"
    test = {"at_least": lambda n: n >= times, "at_most": lambda n: n <= times, "exactly": lambda n: n == times}[compare]

    def fits(one: Happened) -> bool:
        parts = [test(counts[one.who]), one.path == "/x", one.name in "ABCX" and 1 <= one.value <= 2]
        return not any(parts[:2]) if how == "not" else all(parts) if how == "all" else any(parts)

    kept = [one for one in happened if 0 <= one.at < SPAN and fits(one)]
    assert [line.total for line in data.series] == [len(kept), len({one.who for one in kept})]


def test_sessions_have_their_totals_and_are_sorted(loaded: Loaded) -> None:
    def seen(who: str, minute: int, path: str) -> Message:
        at = int(START.timestamp() * 1000) + minute * 60_000
        return message(at=at, visitor=who, id=f"{who}{minute}", url=f"https://s.example{path}")

    question = loaded_with(
        loaded, [[seen("a", 0, "/"), seen("a", 10, "/x"), seen("b", 5, "/"), seen("c", 0, "/"), seen("c", 4, "/y")]]
    )
    _, data = sessions(loaded.store, question, Sessions(sort="duration_s"), START + timedelta(minutes=36))
    totals = data.totals
    assert (totals.sessions, totals.visitors, totals.bounces, totals.ended) == (3, 3, 1, 2)
    assert totals.end_rate == pytest.approx(2 / 3)
    assert (totals.mean_duration_s, totals.median_duration_s) == (pytest.approx(280), 240)
    assert totals.depth == pytest.approx(5 / 3)
    assert [(row.duration_s, row.entry_path, row.exit_path) for row in data.rows] == [
        (600, "/", "/x"), (240, "/", "/y"), (0, "/", "/"),
    ]  # fmt: skip
