"""Funnels against plain Python, written from the definitions, over awkward histories."""

from collections import defaultdict
from itertools import combinations, permutations
from typing import Any

import msgspec
import pytest
from histories import EXAMPLES, SPAN, START, Happened, histories, loaded_with
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded
from factories import message
from trackway.analyze.behavior.funnel import Exclusion, Funnel, FunnelUnits, entity_funnel, funnel, funnel_units
from trackway.analyze.behavior.funnel_any_order import families
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Question
from trackway.analyze.language.sampling import make_whole
from trackway.analyze.language.steps import Step
from trackway.event import Message


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


def test_the_trend_of_a_sample_is_made_whole_too(loaded: Loaded) -> None:
    day = 86_400_000
    messages = [
        message(event, int(START.timestamp() * 1000) + n % 3 * day + 1000, visitor=f"t{n}", id=f"t{n}{event}")
        for n in range(3000)
        for event in ("A", "B")[: 1 + n % 2]
    ]
    question = loaded_with(loaded, [messages])
    asked = Funnel(steps=[Step(event="A"), Step(event="B")], interval="day")
    _, exact = funnel(loaded.store, question, asked)
    assert [(point.entered, point.converted) for point in exact.trend][:3] == [(1000, 500)] * 3
    assert exact.trend[0].entered_margin is msgspec.UNSET
    fields = {name: getattr(question, name) for name in question.__struct_fields__}
    _, some = funnel(loaded.store, Question(**{**fields, "sample": 0.2}), asked)
    make_whole(some, 0.2)
    assert sum(point.entered for point in some.trend) == some.steps[0].units
    assert sum(point.converted for point in some.trend) == some.steps[1].units
    for point, truth in zip(some.trend[:3], exact.trend, strict=False):
        assert abs(point.entered - truth.entered) < 2 * point.entered_margin < truth.entered / 2
        assert abs(point.converted - truth.converted) < 2 * point.converted_margin < truth.converted / 2
        assert point.rate == point.converted / point.entered
    assert (some.trend[-1].entered, some.trend[-1].entered_margin) == (0, 0.0)
