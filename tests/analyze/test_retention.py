"""Retention, lifecycle and stickiness against plain Python, written from the definitions, over awkward histories."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from histories import BERLIN, END_OF, EXAMPLES, NOW, SPAN, START, Happened, histories, loaded_with
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded
from factories import message
from trackway.analyze.behavior.lifecycle import STATUSES, Lifecycle, LifecyclePeople, lifecycle, lifecycle_people
from trackway.analyze.behavior.retention import Retention, RetentionPeople, retention, retention_people
from trackway.analyze.behavior.stickiness import Active, Stickiness, active, stickiness
from trackway.analyze.language.period import Period, first_day, ordinal
from trackway.analyze.language.question import Question
from trackway.analyze.language.steps import Step
from trackway.event import Message


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
