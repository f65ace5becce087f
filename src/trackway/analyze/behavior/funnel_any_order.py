"""Steps in any order: how many distinct events can each be given a step of their own, without trying every way.

Events and steps are the two sides of a graph, and an attempt is a matching. By König's theorem the largest matching of
the events since a moment is the least, over the sets S of steps, of |steps outside S| + |events of a step in S|. So the
i-th event of the earliest attempt is there as soon as each S of more than n - i steps has had i - n + |S| events: the
latest of these moments. Steps that no event can share need not be looked at together, and steps that are the same
events are in S together or not at all.
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
    """Steps that may share events, by what the SQL needs.

    `sets`: sets of steps, as bits, and how many steps each has. `moments`: for each event of the attempt, the earliest
    first, of which sets (as bits) the how-manieth event it waits for.
    """

    sets: dict[int, int]
    moments: list[list[tuple[int, int]]]


def families(steps: list[Step]) -> list[Family]:
    """The steps in families: no event can be a step of two of them.

    Raises:
        BadQuestion: so many different steps may share events that trying their sets would take too long.
    """
    nodes = [step.node("steps") for step in steps]
    return _families(
        len(steps),
        meet=lambda a, b: not _apart(nodes[a], nodes[b]),
        same=lambda a, b: nodes[a] == nodes[b],
    )


def _apart(one: Node, other: Node) -> bool:
    """Whether no event is both, as the two name different values of a column."""
    return any(
        a.column == b.column and {*map(as_text, a.values)}.isdisjoint(map(as_text, b.values))
        for a in _named(one) for b in _named(other)
    )  # fmt: skip


def _named(node: Node) -> list[Condition]:
    """The conditions on every event of a node that name the values of a column."""
    if isinstance(node, Group) and node.how == "all":
        return [found for member in node.members for found in _named(member)]
    return [node] if isinstance(node, Condition) and node.operator == "is" else []


def _families(n: int, meet: Callable[[int, int], bool], same: Callable[[int, int], bool]) -> list[Family]:
    found: list[Family] = []
    rest = list(range(n))
    while rest:
        own = [rest.pop(0)]
        for one in own:  # which grows meanwhile
            own += [step for step in rest if meet(one, step)]
            rest = [step for step in rest if step not in own]
        kinds = dict.fromkeys(tuple(b for b in own if same(a, b)) for a in own)
        found.append(_family(list(kinds)))
    return found


def _family(kinds: list[tuple[int, ...]]) -> Family:
    n = sum(map(len, kinds))
    if n * 2 ** (len(kinds) - 1) > _MOST_MOMENTS:
        raise BadQuestion(
            "steps",
            f"in any order, {len(kinds)} different steps that one event may be are too many to match; ask for fewer, "
            "for events of other names, or for the steps in order",
        )
    chosen = [some for size in range(1, len(kinds) + 1) for some in combinations(kinds, size)]
    sets = {sum(1 << step for kind in some for step in kind): sum(map(len, some)) for some in chosen}
    moments = [[(bits, i - n + size) for bits, size in sets.items() if size > n - i] for i in range(1, n + 1)]
    return Family(sets, moments)
