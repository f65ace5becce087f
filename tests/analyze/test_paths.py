"""Paths against plain Python, written from the definition, over awkward histories."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from histories import EXAMPLES, SPAN, Happened, histories, loaded_with
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded
from trackway.analyze.behavior.paths import END, Paths, paths
from trackway.event import Message


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
