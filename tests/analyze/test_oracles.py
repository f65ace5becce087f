"""Questions against plain Python, written from the definitions, over small sets of events that are made to be awkward.

Ties, gaps, days of 23 and 25 hours, merged persons, repeated and late messages, in any order of arrival.
"""

import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise, permutations
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.behavior.funnel import Exclusion, Funnel, FunnelUnits, entity_funnel, funnel, funnel_units
from trackway.analyze.behavior.funnel_any_order import families
from trackway.analyze.behavior.lifecycle import STATUSES, Lifecycle, LifecyclePeople, lifecycle, lifecycle_people
from trackway.analyze.behavior.paths import END, Paths, paths
from trackway.analyze.behavior.retention import Retention, RetentionPeople, retention, retention_people
from trackway.analyze.behavior.stickiness import Active, Stickiness, active, stickiness
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.language.filters import read
from trackway.analyze.language.period import BadQuestion, Period, first_day, ordinal
from trackway.analyze.language.question import Question
from trackway.analyze.language.sampling import make_whole
from trackway.analyze.language.series import Series
from trackway.analyze.language.steps import Step
from trackway.analyze.traffic.overview import overview
from trackway.analyze.traffic.sessions import Sessions, sessions
from trackway.analyze.traffic.sources import SourceRow, sources
from trackway.event import Message, new_id

BERLIN = ZoneInfo("Europe/Berlin")
# The last days of March 2026: in Berlin the 29th has 23 hours.
START = datetime(2026, 3, 20, tzinfo=BERLIN).astimezone(UTC)
END_OF = datetime(2026, 4, 3, tzinfo=BERLIN).astimezone(UTC)
SPAN = int((END_OF - START).total_seconds() * 1000)
NOW = datetime(2026, 4, 10, tzinfo=UTC)
EXAMPLES = int(os.environ.get("EXAMPLES", "25"))


class Happened(NamedTuple):
    """An event as the reference sees it; `at` in ms from START, `who` a person."""

    at: int
    name: str
    who: str
    visitor: str
    path: str
    value: int


def person_of(visitor: str, users: dict[str, str]) -> str:
    return users.get(visitor, visitor)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Message]], list[Happened]]:
    """Batches of messages, and what they mean. Visitors `a` and `b` may turn out to be one user."""
    users = draw(st.sampled_from([{}, {"a": "ann"}, {"a": "ann", "b": "ann"}, {"a": "ann", "b": "bob"}]))
    moments = st.one_of(
        st.integers(0, 14 * 86_400).map(lambda s: s * 1000),
        st.integers(0, 60).map(lambda s: s * 1000),
        st.sampled_from([86_400_000 * n - d for n in range(1, 14) for d in (0, 1, 3_600_000)]),
        st.integers(-5 * 86_400, 0).map(lambda s: s * 1000),
        st.integers(-3, 3).map(lambda s: SPAN + s * 500),
    )
    rows = draw(
        st.lists(
            st.tuples(moments, st.sampled_from("ABCXpp"), st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 3)),
            min_size=1, max_size=22,
        )
    )  # fmt: skip
    messages, happened = [], []
    for number, (at, name, visitor, path, value) in enumerate(rows):
        moment = int(START.timestamp() * 1000) + at
        common: dict[str, Any] = {
            "id": f"m{number}", "visitor": visitor, "at": moment, "url": f"https://s.example/{path}", "context": PERSON_AT_A_BROWSER,
            "properties": {"value": value, "revenue": value} if name != "p" else {},
        }  # fmt: skip
        messages.append(message("" if name == "p" else name, **common))
        happened.append(
            Happened(at, "page" if name == "p" else name, person_of(visitor, users), visitor, f"/{path}", value)
        )
    latest = int(START.timestamp() * 1000) - 6 * 86_400_000
    for visitor, user in users.items():
        # Before the oldest event, but a message like any other: one more event of that person.
        messages.append(
            message(
                at=latest, visitor=visitor, user=user, id=f"i{visitor}", type="identify", context=PERSON_AT_A_BROWSER
            )
        )
        happened.append(Happened(-6 * 86_400_000, "identify", user, visitor, "", 0))
    order = draw(st.permutations(messages))
    repeated = order + draw(st.lists(st.sampled_from(order), max_size=3))
    cut = draw(st.integers(0, len(repeated)))
    return [batch for batch in (repeated[:cut], repeated[cut:]) if batch], sorted(happened)


def loaded_with(loaded: Loaded, batches: list[list[Message]]) -> Question:
    project = new_id()
    for batch in batches:
        loaded.load(project, batch)
    return Question(project_id=project, period=Period(START, END_OF), timezone="Europe/Berlin")


# Funnels


def matched(known: list[tuple[int, int]], steps: int, window: int) -> tuple[int, tuple[int, ...]]:
    """The largest matching of distinct events to steps within a window that begins in the period, by trying every set.

    Of several the one that got there first, of those the one that began last; its other events are the earliest.
    """

    def each_has_a_step(masks: list[int]) -> bool:
        return any(
            all(mask >> k & 1 for mask, k in zip(masks, ways, strict=True))
            for ways in permutations(range(steps), len(masks))
        )

    for level in range(steps, 0, -1):
        attempts = [
            tuple(at for at, _ in chosen)
            for chosen in combinations(known, level)
            if 0 <= chosen[0][0] < SPAN
            and chosen[-1][0] - chosen[0][0] <= window
            and each_has_a_step([mask for _, mask in chosen])
        ]
        if attempts:
            return level, min(attempts, key=lambda times: (times[-1], -times[0], times))
    return 0, ()


def reached(events: list[Happened], steps: list[set[str]], asked: Funnel, window: int) -> tuple[int, tuple[int, ...]]:
    """The level and the times of the attempt that counts, by looking at every attempt there is."""
    exclusions = [(one.event, one.after, one.before or len(steps)) for one in asked.exclusions]

    def bits(one: Happened) -> int:
        found = sum(1 << k for k, names in enumerate(steps) if not names or one.name in names)
        return found + sum(1 << (len(steps) + k) for k, (name, _, _) in enumerate(exclusions) if one.name == name)

    known = sorted((one.at, bits(one), one.name) for one in events if bits(one) or asked.order == "strict")
    if asked.order == "any":
        return matched([(at, mask) for at, mask, _ in known if mask], len(steps), window)
    attempts: list[tuple[int, ...]] = []

    def ends(i: int, k: int) -> bool:
        return any(known[i][2] == name and after <= k < before for name, after, before in exclusions)

    def follow(chain: tuple[int, ...]) -> None:
        attempts.append(chain)
        k, last = len(chain), chain[-1]
        if k == len(steps) or ends(last, k):
            return
        for i in range(last + 1, len(known)):
            if known[i][0] - known[chain[0]][0] > window or ends(i, k):
                break
            if known[i][1] >> k & 1:
                follow((*chain, i))
            if asked.order == "strict":
                break

    for i, (at, mask, _) in enumerate(known):
        if mask & 1 and 0 <= at < SPAN and not ends(i, 1):
            follow((i,))
    if not attempts:
        return 0, ()
    level = max(map(len, attempts))
    furthest = [chain for chain in attempts if len(chain) == level]
    first = min(chain[-1] for chain in furthest)
    best_chain = min(
        (chain for chain in furthest if chain[-1] == first),
        key=lambda chain: (-known[chain[0]][0], [known[i][0] for i in chain]),
    )
    return level, tuple(known[i][0] for i in best_chain)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(
    histories(),
    st.lists(st.sampled_from([["A"], ["B"], ["C"], ["A", "B"], ["B", "C"], ["page"], []]), min_size=1, max_size=4),
    st.sampled_from(["ordered", "strict", "any"]),
    st.sampled_from([1, 30, 3600, 86_400, 3 * 86_400]),
    st.booleans(),
)
def test_funnels_equal_the_definition(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], names: list[list[str]], order: Any, window_s: int, excluding: bool
) -> None:  # fmt: skip
    batches, happened = history
    question = loaded_with(loaded, batches)
    exclusions = [Exclusion(event="X", after=1, before=2)] if excluding and len(names) > 1 and order != "any" else []
    asked = Funnel(steps=[Step(event=one) for one in names], order=order, window_s=window_s, exclusions=exclusions)
    by_person: dict[str, list[Happened]] = defaultdict(list)
    for one in happened:
        if 0 <= one.at <= SPAN + window_s * 1000:
            by_person[one.who].append(one)
    expected = {
        who: reached(events, [set(one) for one in names], asked, window_s * 1000) for who, events in by_person.items()
    }
    expected = {who: found for who, found in expected.items() if found[0]}
    _, data = funnel(loaded.store, question, asked)
    levels = [level for level, _ in expected.values()]
    assert [step.units for step in data.steps] == [
        sum(level >= k for level in levels) for k in range(1, len(names) + 1)
    ]
    shape = {name: getattr(asked, name) for name in asked.__struct_fields__}
    _, units = funnel_units(loaded.store, question, FunnelUnits(**shape, limit=1000))
    times = sorted(tuple(int((at - START).total_seconds() * 1000) for at in unit.times) for unit in units)
    assert times == sorted(chain for _, chain in expected.values())
    for k in range(1, len(names) + 1):
        _, dropped = funnel_units(loaded.store, question, FunnelUnits(**shape, step=k, dropped=True, limit=1000))
        assert len(dropped) == sum(level == k for level in levels)
    for pair in data.times or []:
        chains = [chain for level, chain in expected.values() if level >= pair.end]
        waits = sorted((chain[pair.end - 1] - chain[pair.start - 1]) / 1000 for chain in chains)
        assert pair.units == len(waits) == sum(one.units for one in pair.histogram)
        assert pair.mean_s == pytest.approx(sum(waits) / len(waits))
        assert (pair.least_s, pair.most_s) == (waits[0], waits[-1])
        middle = (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) / 2
        assert pair.median == pytest.approx(middle)


def test_one_event_is_one_step_of_a_funnel_in_any_order(loaded: Loaded) -> None:
    at = int(START.timestamp() * 1000)
    story = [("once", "L"), ("twice", "L"), ("twice", "L"), ("both", "LS"), ("three", "LLS")]
    messages = [
        message(event, at + 1000 * (number + n), visitor=who, id=f'{who}{number}{n}')
        for number, (who, events) in enumerate(story) for n, event in enumerate(events)
    ]  # fmt: skip
    question = loaded_with(loaded, [messages])
    for names, expected in (
        (["L", "L"], [4, 2]),
        (["L", "L", "L"], [4, 2, 0]),
        (["L", ["L", "S"]], [4, 3]),
        ([["L", "S"], "S", "L"], [4, 3, 1]),
        (["", "L", "S"], [4, 3, 1]),
        (["", "", "L"], [4, 3, 1]),
    ):
        asked = Funnel(steps=[Step(event=one) for one in names], order="any")
        _, data = funnel(loaded.store, question, asked)
        assert [step.units for step in data.steps] == expected, names
    named = [Step(event="L", where=f"user_id:is:{number}") for number in range(19)]
    _, data = funnel(loaded.store, question, Funnel(steps=[*named, Step(event="S")], order="any"))
    assert [step.units for step in data.steps] == [2, *[0] * 19]
    ones = [Step(event="L", where={"column": "revenue", "values": [one]}) for one in (0, 0.0, "0")]
    assert len(families([*ones, named[0]])) == 1
    shared = [Step(event="L", where=f"path:contains_not:{number}") for number in range(6)]
    funnel(loaded.store, question, Funnel(steps=[*shared[:5], Step(event="S")], order="any"))
    with pytest.raises(BadQuestion, match="6 different steps that one event may be"):
        funnel(loaded.store, question, Funnel(steps=shared, order="any"))


def test_a_breakdown_of_a_funnel_and_its_trend_add_up(loaded: Loaded) -> None:
    messages = [
        message(event, int(START.timestamp() * 1000) + 1000 * n, visitor=who, id=f'{who}{event}', properties={'plan': plan})
        for n, (who, plan, events) in enumerate([("a", "free", "AB"), ("b", "pro", "A"), ("c", "pro", "AB"), ("d", "", "A")])
        for event in events
    ]  # fmt: skip
    question = loaded_with(loaded, [messages])
    asked = Funnel(steps=[Step(event="A"), Step(event="B")], by="properties.plan", top=1, interval="day")
    _, data = funnel(loaded.store, question, asked)
    assert [(part.value, [s.units for s in part.steps]) for part in data.parts] == [
        ("pro", [2, 1]),
        ("", [2, 1]),
    ]
    assert [step.units for step in data.steps] == [4, 2]
    assert sum(point.entered for point in data.trend) == 4
    assert data.trend[0].rate == 0.5


# Retention, lifecycle, stickiness


def interval_of(at: int, interval: Any) -> int:
    """An interval that the period cuts begins with the period: the days before belong to the interval before."""
    found = ordinal(START + timedelta(milliseconds=at), "Europe/Berlin", interval)
    return found if at >= 0 else min(found, ordinal(START, "Europe/Berlin", interval) - 1)


def intervals_of(happened: list[Happened], interval: Any, wanted: Any = None) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for one in happened:
        if wanted is None or one.name in wanted:
            found[one.who].add(interval_of(one.at, interval))
    return found


def days_of(number: int, interval: Any) -> tuple[str, bool]:
    """The first day of the period's part of an interval, and whether the period has all of it."""
    first, behind = first_day(number, interval), first_day(number + 1, interval)
    start, end = START.astimezone(BERLIN).date(), END_OF.astimezone(BERLIN).date()
    return max(first, start).isoformat(), first >= start and behind <= end


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    histories(), st.sampled_from(["day", "week", "month"]), st.sampled_from(["first_time", "recurring"]),
    st.sampled_from(["on", "on_or_after", "bracket"]), st.sampled_from(["", "A"]), st.sampled_from(["", "B"]),
)  # fmt: skip
def test_retention_equals_the_definition(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], interval: Any, kind: Any, mode: Any, start: str, back: str
) -> None:  # fmt: skip
    batches, happened = history
    question = loaded_with(loaded, batches)
    brackets = [(0, 0), (1, 3), (4, 6)]
    asked = Retention(
        start=Step(event=start), come_back=Step(event=back), interval=interval, kind=kind, mode=mode, intervals=4,
        brackets=brackets if mode == "bracket" else [],
    )  # fmt: skip
    _, data = retention(loaded.store, question, asked, NOW)
    started = intervals_of(happened, interval, {start} if start else None)
    inside = intervals_of([one for one in happened if 0 <= one.at < SPAN], interval, {start} if start else None)
    returns = intervals_of([one for one in happened if one.at >= 0], interval, {back} if back else None)
    low, high = (
        ordinal(START, "Europe/Berlin", interval),
        ordinal(END_OF - timedelta(milliseconds=1), "Europe/Berlin", interval),
    )

    def cohorts(who: str) -> set[int]:
        if kind == "recurring":
            return inside.get(who, set())
        first = min(one.at for one in happened if one.who == who and (not start or one.name == start))
        return {interval_of(first, interval)} if 0 <= first < SPAN else set()

    def came(who: str, cohort: int, k: int) -> bool:
        later = {one - cohort for one in returns.get(who, set())}
        if mode == "bracket":
            return any(brackets[k][0] <= one <= brackets[k][1] for one in later)
        return k in later if mode == "on" else any(one >= k for one in later)

    people = {cohort: [who for who in started if cohort in cohorts(who)] for cohort in range(low, high + 1)}
    for row in data.cohorts:
        cohort = ordinal(datetime.fromisoformat(row.cohort).replace(tzinfo=BERLIN), "Europe/Berlin", interval)
        assert row.persons == len(people[cohort])
        assert (row.cohort, row.complete) == days_of(cohort, interval)
        if start == back:
            assert row.cells[0].rate == (1 if people[cohort] else None)
        for k, cell in enumerate(row.cells):
            assert cell.persons == sum(came(who, cohort, k) for who in people[cohort])
    shape = {name: getattr(asked, name) for name in asked.__struct_fields__}
    for row in data.cohorts[:3]:
        cell = RetentionPeople(**shape, cohort=row.cohort, later=-1)
        assert len(retention_people(loaded.store, question, cell, NOW)[1]) == row.persons
        if row.cells:
            cell = RetentionPeople(**shape, cohort=row.cohort, later=0)
            assert len(retention_people(loaded.store, question, cell, NOW)[1]) == row.cells[0].persons


def test_weeks_that_the_period_cuts_begin_with_it_and_are_marked(loaded: Loaded) -> None:
    """From Wednesday 4 to Tuesday 17 March, asked on Monday the 16th: only the week from the 9th is whole."""
    days = {"before": (3, 5, 10), "cut": (4,), "same": (4, 8, 9, 16), "second": (9, 10), "last": (16,), "after": (18,)}
    noon = datetime(2026, 3, 1, 12, tzinfo=BERLIN)
    messages = [
        message('A', noon + timedelta(days=day - 1), visitor=who, id=f'{who}{day}')
        for who, on in days.items() for day in on
    ]  # fmt: skip
    period = Period(
        datetime(2026, 3, 4, tzinfo=BERLIN).astimezone(UTC), datetime(2026, 3, 18, tzinfo=BERLIN).astimezone(UTC)
    )
    asked_on = datetime(2026, 3, 16, 13, tzinfo=BERLIN)
    question = loaded_with(loaded, [messages])
    question = Question(project_id=question.project_id, period=period, timezone="Europe/Berlin")
    _, data = retention(loaded.store, question, Retention(intervals=2), asked_on)
    assert [(row.cohort, row.persons, row.complete) for row in data.cohorts] == [
        ("2026-03-04", 2, False), ("2026-03-09", 1, True), ("2026-03-16", 1, False),
    ]  # fmt: skip
    cells = [[(cell.persons, cell.complete) for cell in row.cells] for row in data.cohorts]
    assert cells == [[(2, True), (1, True), (1, False)], [(1, True), (0, False)], [(1, False)]]
    assert data.average[0] == 1
    cell = RetentionPeople(intervals=2, cohort="2026-03-04", later=2)
    (one,) = retention_people(loaded.store, question, cell, asked_on)[1]
    assert one.returns == ["2026-03-04", "2026-03-09", "2026-03-16"]
    _, rows = lifecycle(loaded.store, question, Lifecycle(), asked_on)
    counted = attrgetter("at", *STATUSES, "complete")
    assert [counted(row) for row in rows.intervals] == [
        ("2026-03-04", 2, 1, 0, 0, False), ("2026-03-09", 1, 2, 0, 1, True), ("2026-03-16", 1, 1, 0, 2, False),
    ]  # fmt: skip
    _, sticky = stickiness(loaded.store, question, Stickiness(interval="week"), asked_on)
    assert (sticky.of, sticky.incomplete) == (3, ["2026-03-04", "2026-03-16"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories(), st.sampled_from(["day", "week", "month"]), st.sampled_from(["", "A", "page"]))
def test_lifecycle_and_stickiness_equal_the_definitions(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], interval: Any, event: str
) -> None:  # fmt: skip
    batches, happened = history
    question = loaded_with(loaded, batches)
    known = [one for one in happened if one.at < SPAN]
    there = intervals_of(known, interval, {event} if event else None)
    low, high = (
        ordinal(START, "Europe/Berlin", interval),
        ordinal(END_OF - timedelta(milliseconds=1), "Europe/Berlin", interval),
    )
    _, data = lifecycle(loaded.store, question, Lifecycle(event=Step(event=event), interval=interval), NOW)
    for at, row in enumerate(data.intervals, low):
        assert (row.at, row.complete) == days_of(at, interval)
        here = {who for who, seen in there.items() if at in seen}
        before = {who for who, seen in there.items() if at - 1 in seen}
        new = {who for who in here if min(there[who]) == at}
        expected = {
            "new": new,
            "returning": here & before,
            "resurrecting": here - before - new,
            "dormant": before - here,
        }
        assert {name: getattr(row, name) for name in expected} == {name: len(who) for name, who in expected.items()}
    assert len(data.intervals) == high - low + 1
    one = LifecyclePeople(event=Step(event=event), interval=interval, at=data.intervals[0].at, status="dormant")
    assert len(lifecycle_people(loaded.store, question, one)[1]) == data.intervals[0].dormant

    inside = intervals_of([one for one in known if one.at >= 0], interval, {event} if event else None)
    _, sticky = stickiness(loaded.store, question, Stickiness(event=Step(event=event), interval=interval), NOW)
    assert sticky.persons == len(inside)
    assert sticky.of == high - low + 1
    parts = [days_of(at, interval) for at in range(low, high + 1)]
    assert sticky.incomplete == [day for day, complete in parts if not complete]
    assert [row.persons for row in sticky.rows] == [
        sum(len(seen) == n for seen in inside.values()) for n in range(1, max(map(len, inside.values()), default=0) + 1)
    ]
    _, days = active(loaded.store, question, Active(event=Step(event=event)))
    daily = intervals_of(known, "day", {event} if event else None)
    for day, row in enumerate(days.days, ordinal(START, "Europe/Berlin", "day")):
        for name, span in (("day", 1), ("week", 7), ("month", 30)):
            assert getattr(row, name) == sum(any(day - span < one <= day for one in seen) for seen in daily.values())


# Paths


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    histories(),
    st.sampled_from(["after", "before"]),
    st.sampled_from(["", "/x"]),
    st.sampled_from([[], ["/*"], ["/y"]]),
)
def test_paths_equal_the_definition(
    loaded: Loaded, history: tuple[list[list[Message]], list[Happened]], direction: Any, anchor: str, groups: list[str]
) -> None:  # fmt: skip
    batches, happened = history
    # In the same millisecond the order has no meaning: leave such events out.
    seen = [(one.visitor, one.at) for one in happened]
    if len(set(seen)) < len(seen) or (anchor and groups == ["/*"]):
        return
    question = loaded_with(loaded, batches)
    asked = Paths(direction=direction, anchor=anchor, steps=3, unit="person", groups=groups, top=50)
    ways = []
    by_person: dict[str, list[Happened]] = defaultdict(list)
    for one in happened:
        if 0 <= one.at < SPAN and one.name == "page":
            by_person[one.who].append(one)
    if any(len({e.at for e in events}) < len(events) for events in by_person.values()):
        return
    for events in by_person.values():
        nodes = ["/*" if groups == ["/*"] else one.path for one in events]
        nodes = [node for i, node in enumerate(nodes) if i == 0 or nodes[i - 1] != node]
        nodes = nodes[::-1] if direction == "before" else nodes
        if anchor:
            nodes = nodes[nodes.index(anchor) :] if anchor in nodes else []
        if nodes:
            ways.append(nodes[:3])
    expected: dict[tuple[int, str, str], int] = defaultdict(int)
    for way in ways:
        for number, (here, behind) in enumerate(pairwise([*way, END][:3]), 1):
            expected[number, here, behind] += 1
    _, data = paths(loaded.store, question, asked)
    assert {(one.step, one.start, one.end): one.ways for one in data.links} == dict(expected)
    assert data.ways == len(ways)
    for node in data.nodes:
        if node.step < 3:
            out = sum(one.ways for one in data.links if (one.step, one.start) == (node.step, node.name))
            assert out == node.ways


# One number for one thing


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


# What small sets do not show


def test_the_standing_funnel_of_an_entity_as_an_answer_and_as_rows(loaded: Loaded) -> None:
    way = ["impression", "click", "view_details", "interest", "ticket_click"]

    def said(who: str, entity: str, second: int, name: str) -> Message:
        at = int(START.timestamp() * 1000) + second * 1000
        return message(
            name,
            at,
            visitor=who,
            id=f"{who}{entity}{second}",
            properties={"entity_type": "concert", "entity_id": entity},
        )

    story = [said("a", "c1", 10 * n, name) for n, name in enumerate(way)]
    story += [said("a", "c2", 5, "impression"), said("a", "c3", 6, "click"), said("b", "c1", 7, "impression")]
    story += [said("b", "c1", 9, "click"), said("b", "c1", 8, "view_details")]
    question = loaded_with(loaded, [story])
    _, data = funnel(loaded.store, question, entity_funnel())
    assert [step.units for step in data.steps] == [3, 2, 1, 1, 1]
    for unit in ("person_entity", "entity", "session"):
        steps = funnel(loaded.store, question, entity_funnel(unit))[1].steps
        shape = {name: getattr(entity_funnel(unit), name) for name in Funnel.__struct_fields__}
        listed = [funnel_units(loaded.store, question, FunnelUnits(**shape, step=k))[1] for k in range(1, 6)]
        assert [step.units for step in steps] == [len(units) for units in listed]
    _, by_entity = funnel(loaded.store, question, entity_funnel("entity"))
    assert [step.units for step in by_entity.steps] == [2, 1, 1, 1, 1]
    _, by_session = funnel(loaded.store, question, entity_funnel("session"))
    assert [step.units for step in by_session.steps] == [2, 2, 1, 1, 1]
    shape = {name: getattr(entity_funnel(), name) for name in Funnel.__struct_fields__}
    _, rows = funnel_units(loaded.store, question, FunnelUnits(**shape, rows=True, limit=100))
    whole = [row for row in rows if row.unit[1:] == ["concert", "c1"] and row.step != "impression"][-4:]
    assert [row.step for row in whole] == way[1:]
    assert [(row.position, row.from_start_s, row.from_previous_s) for row in whole] == [
        (n, (n - 1) * 10.0, 10.0) for n in range(2, 6)
    ]
    backwards = Funnel(steps=[Step(event="click"), Step(event="impression")], order="any", unit="person_entity")
    shape = {name: getattr(backwards, name) for name in Funnel.__struct_fields__}
    _, rows = funnel_units(loaded.store, question, FunnelUnits(**shape, rows=True))
    assert {row.step for row in rows} == {None}, "in any order a position is no step"


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


def test_a_sample_is_of_whole_people_and_says_how_far_off_it_may_be(loaded: Loaded) -> None:
    messages = [
        message(event, int(START.timestamp() * 1000) + 1000, visitor=f"s{n}", id=f"{n}{event}")
        for n in range(3000)
        for event in ("A", "B")[: 1 + n % 2]
    ]
    question = loaded_with(loaded, [messages])
    asked = Funnel(steps=[Step(event="A"), Step(event="B")])
    _, some = funnel(
        loaded.store,
        Question(**{**{n: getattr(question, n) for n in question.__struct_fields__}, "sample": 0.2}),
        asked,
    )
    make_whole(some, 0.2)
    for step, truth in zip(some.steps, (3000, 1500), strict=True):
        assert step.units % 5 == 0  # one person stands for five
        assert abs(step.units - truth) < 2 * step.units_margin < truth / 2
