"""The results of suggestions: how many people saw, followed, dismissed and did each, and how much more often people
reach its goal than those in the holdout, who never see one.

Everybody with an action in the period counts, besides what they did with suggestions themselves; whether somebody was
shown a suggestion does not matter. So both groups differ by chance only, and their difference is what suggestions
change. A comparison of those who were shown one would not do: they are the ones who come often.
"""

from __future__ import annotations

import math

import msgspec

from trackway.analyze.language.question import Answer, Question, ask, compiler, people_filter
from trackway.govern.metric_packs import Pack
from trackway.govern.personal_rules import Priority
from trackway.personalize.preferences import lower_bound
from trackway.personalize.suggestions import DONE
from trackway.store.connection import Store


class SuggestionResults(msgspec.Struct, tag="suggestion_results", tag_field="question", kw_only=True):
    """The results of each suggestion of the metrics pack in the period, and what it changes."""


class Lift(msgspec.Struct, kw_only=True):
    """The share of people who reached the goal less that in the holdout, from -1 to 1, with its 95 % interval."""

    difference: float
    low: float
    high: float


class SuggestionResult(msgspec.Struct, kw_only=True):
    """People to whom a suggestion was `shown`, who `clicked` it, `dismissed` it and did it (`done`).

    `people` are those who may see suggestions and did anything in the period, `holdout` those who may not; `…_reached`
    are those of them with one of the events of the `goal` (for a suggestion without a goal, with `Suggestion Done`).
    `lift` is null while one of the groups is empty.
    """

    action: str
    stages: list[str]
    priority: Priority
    goal: list[str]
    shown: int
    clicked: int
    dismissed: int
    done: int
    people: int
    people_reached: int
    holdout: int
    holdout_reached: int
    lift: Lift | None


def suggestion_results(
    store: Store, question: Question, _: SuggestionResults, pack: Pack
) -> tuple[list[Answer], list[SuggestionResult]]:
    """Count what became of the suggestions of a metrics pack, in the order of the pack."""
    goals = {one.action: one.goal or [DONE] for one in pack.suggestions}
    pairs = [
        (action, name, action if name == DONE else "")
        for action, names in goals.items()
        for name in names
    ]  # fmt: skip
    conditions = compiler(store, question)
    answer = ask(
        store, "personalize/results.sql", question, people_filter(question, conditions), conditions,
        actions=list(goals), goals=pairs, names=sorted({name for _, name, _ in pairs}),
        bound=math.ceil(pack.holdout * 2.0**64),
    )  # fmt: skip
    counted = {row.pop("action"): row for row in answer.rows()}
    results = []
    for action in goals:
        row = counted.get(action) or dict.fromkeys(_COUNTS, 0)
        ones = [one for one in pack.suggestions if one.action == action]
        results.append(SuggestionResult(
            action=action, stages=[one.stage for one in ones if one.stage], priority=ones[0].priority,
            goal=ones[0].goal, **row,
            lift=lift(row["people_reached"], row["people"], row["holdout_reached"], row["holdout"]),
        ))  # fmt: skip
    return [answer], results


_COUNTS = (
    "shown", "clicked", "dismissed", "done", "people", "people_reached", "holdout", "holdout_reached",
)  # fmt: skip


def lift(reached: int, people: int, held_reached: int, held: int) -> Lift | None:
    """Return the difference of two shares, with its interval at 95 %; None if a group is empty.

    Source: R. G. Newcombe, Interval Estimation for the Difference Between Independent Proportions: Comparison of Eleven
    Methods, Statistics in Medicine 17 (1998), method 10: from the bounds of Wilson's score intervals of both shares.
    """
    if not people or not held:
        return None
    one, other = reached / people, held_reached / held
    difference = one - other
    below = math.hypot(one - lower_bound(one, people), upper_bound(other, held) - other)
    above = math.hypot(upper_bound(one, people) - one, other - lower_bound(other, held))
    return Lift(difference=difference, low=difference - below, high=difference + above)


def upper_bound(share: float, n: float) -> float:
    """Return the upper bound of a share, as `lower_bound` is its lower one."""
    return 1 - lower_bound(1 - share, n)
