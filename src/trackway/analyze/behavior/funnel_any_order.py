"""Funnel steps in any order: how many distinct events can each be assigned to a step of their own, without trying every
assignment.

Events and steps are the two sides of a bipartite graph, and an attempt is a matching. By König's theorem, the largest
matching of the events since a moment is the minimum, over the sets S of steps, of
|steps outside S| + |events of a step in S|. So the i-th event of the earliest attempt has happened as soon as each set
S of more than n - i steps has had i - n + |S| events: at the latest of these moments. Steps that cannot share an event
need not be considered together, and steps with identical events are either all in S or all outside.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

from trackway.analyze.language.conditions import as_text
from trackway.analyze.language.filters import Condition, Group, Node
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.steps import Step

_MOST_MOMENTS = 160


class Family(NamedTuple):
    """Steps that may share events, in the form that the SQL needs.

    `sets`: sets of steps, as bits, with the number of steps of each. `moments`: for each event of the attempt, the
    earliest first, the sets (as bits) that it waits for, each with the ordinal of the awaited event.
    """

    sets: dict[int, int]
    moments: list[list[tuple[int, int]]]


def families(steps: list[Step]) -> list[Family]:
    """Group the steps into families such that no event can be a step of two families.

    Raises:
        BadQuestion: so many different steps may share events that evaluating their sets would take too long.
    """
    nodes = [step.node("steps") for step in steps]
    return _families(
        len(steps),
        meet=lambda a, b: not _apart(nodes[a], nodes[b]),
        same=lambda a, b: nodes[a] == nodes[b],
    )


def _apart(first: Node, second: Node) -> bool:
    """Whether no event matches both nodes, because they name different values of a column."""
    return any(
        a.column == b.column and {*map(as_text, a.values)}.isdisjoint(map(as_text, b.values))
        for a in _named(first) for b in _named(second)
    )  # fmt: skip


def _named(node: Node) -> list[Condition]:
    """Return the conditions that every event of a node meets and that name the values of a column."""
    if isinstance(node, Group) and node.how == "all":
        return [condition for member in node.members for condition in _named(member)]
    return [node] if isinstance(node, Condition) and node.operator == "is" else []


def _families(n: int, meet: Callable[[int, int], bool], same: Callable[[int, int], bool]) -> list[Family]:
    families_: list[Family] = []
    rest = list(range(n))
    while rest:
        own = [rest.pop(0)]
        for member in own:  # grows during the loop
            own += [step for step in rest if meet(member, step)]
            rest = [step for step in rest if step not in own]
        kinds = dict.fromkeys(tuple(b for b in own if same(a, b)) for a in own)
        families_.append(_family(list(kinds)))
    return families_


def _family(kinds: list[tuple[int, ...]]) -> Family:
    n = sum(map(len, kinds))
    if n * 2 ** (len(kinds) - 1) > _MOST_MOMENTS:
        raise BadQuestion(
            "steps",
            f"in any order, {len(kinds)} different steps that one event may be are too many to match; ask for fewer, "
            "for events of other names, or for the steps in order",
        )
    chosen = [subset for size in range(1, len(kinds) + 1) for subset in combinations(kinds, size)]
    sets = {sum(1 << step for kind in subset for step in kind): sum(map(len, subset)) for subset in chosen}
    moments = [[(bits, i - n + size) for bits, size in sets.items() if size > n - i] for i in range(1, n + 1)]
    return Family(sets, moments)
