"""Paths: what people do after, or before, a page or event, in the form of a Sankey diagram.

A path contains what one unit (a session, or a person over the period) did, in order of time (within a millisecond, in
an arbitrary but stable order); consecutive repetitions of a node are merged. `after` follows a path from its first
visit of the anchor on, `before` follows it backwards from its last visit. Without an anchor, paths are followed from
their start (or backwards from their end). Wildcards merge pages into one node: in `/concerts/*`, the star stands for
one segment; two stars stand for any number of segments.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import numpy as np

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask, compiler, moment
from trackway.analyze.language.steps import unit
from trackway.enrich.url import as_path
from trackway.store.connection import Store

END, OTHER = "(end)", "(other)"
_NODES = {
    "page": ("path", "name IN ('page', 'screen') AND type IN ('page', 'screen')"),
    "event": ("toString(name)", "1"),
    "page_or_event": ("if(type IN ('page', 'screen'), path, toString(name))", "1"),
    "entity": ("concat(entity_type, ' ', entity_id)", "entity_id != ''"),
}


class Paths(msgspec.Struct, tag="paths", tag_field="question", kw_only=True):
    """The kind of nodes, the anchor, the direction, the number of steps, and the number of nodes to show for each
    step.
    """

    nodes: Literal["page", "event", "page_or_event", "entity"] = "page"
    anchor: str = ""
    direction: Literal["after", "before"] = "after"
    steps: int = 5
    top: int = 8
    unit: Literal["session", "person"] = "session"
    groups: list[str] = []


class PathNode(msgspec.Struct):
    """A node of a step, and the number of paths (`ways`) through it; `(other)` stands for all other nodes."""

    step: int
    name: str
    ways: int


class PathLink(msgspec.Struct):
    """The number of paths (`ways`) from a node of `step` to one of the next step; `(end)` means that they end there."""

    step: int
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    ways: int


class PathsAnswer(msgspec.Struct):
    """The number of all paths (`ways`), the nodes and the links. The links out of a node add up to its `ways`."""

    ways: int
    nodes: list[PathNode]
    links: list[PathLink]


def paths(store: Store, question: Question, asked: Paths) -> tuple[list[Answer], PathsAnswer]:
    """Return the paths, as links between the most frequent nodes of each step.

    Raises:
        BadQuestion: the number of steps, nodes or groups is out of range.
    """
    if not 2 <= asked.steps <= 10 or not 1 <= asked.top <= 50 or len(asked.groups) > 50:
        raise BadQuestion("steps", "is from 2 to 10, top from 1 to 50, and there are at most 50 groups")
    conditions = compiler(store, question)
    node, included = _NODES[asked.nodes]
    node = _grouped(node, [_spelled(pattern) for pattern in asked.groups], conditions)
    structure = {
        # 0 stands for the end of a path.
        "node_hash": f"bitOr(xxh3({node}), 1)",
        "node": node,
        "included": included,
        "unit": unit(asked.unit, conditions).key,
        "backwards": asked.direction == "before",
        "anchored": bool(asked.anchor),
    }
    anchor = _hash(store, _spelled(asked.anchor)) if asked.anchor else 0
    answer = ask(store, "behavior/paths.sql", question, structure, conditions, steps=asked.steps, anchor=anchor)
    table = answer.table
    columns = ("step", "node", "next_node", "path_count")
    step, node, next_node, path_count = (table[name].to_numpy() for name in columns)
    shown = _most_frequent(step, node, path_count, asked.steps, asked.top)
    answers, names = _names(
        store, question, structure, conditions, {node_hash for of_step in shown for node_hash in of_step}
    )
    return [answer, *answers], _sankey(step, node, next_node, path_count, shown, names)


def _names(
    store: Store, question: Question, structure: dict[str, Any], conditions: Compiler, hashes: set[int]
) -> tuple[list[Answer], dict[int, str]]:
    """Look up the names of hashes: first in the last part of the period, which contains most of them, then in all of
    it.
    """
    answers: list[Answer] = []
    names: dict[int, str] = {}
    start, end = question.period
    for since in (end - (end - start) / 30, start):
        if missing := sorted(hashes - names.keys()):
            answers.append(
                ask(
                    store,
                    "behavior/path_names.sql",
                    question,
                    structure,
                    conditions,
                    hashes=missing,
                    since=moment(since),
                )
            )
            names |= {row["hash"]: row["label"] for row in answers[-1].rows()}
    return answers, names


def _spelled(name: str) -> str:
    """Convert the path of a page to its stored form; other names are returned unchanged."""
    return as_path(name) if name.startswith("/") else name


def _grouped(node: str, groups: list[str], conditions: Compiler) -> str:
    """Return the SQL of a node, replaced by the first wildcard that it matches."""
    cases = []
    for pattern in groups:
        regex = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        bound = conditions.values.bind(f"^{regex}$", "String")
        cases.append(f"match({node}, {bound}), {conditions.values.bind(pattern, 'String')}")
    return f"multiIf({', '.join(cases)}, {node})" if cases else node


def _hash(store: Store, name: str) -> int:
    return int(store.ask("SELECT bitOr(xxh3({name:String}), 1) AS hash", {"name": name})["hash"][0].as_py())


def _most_frequent(step: Any, node: Any, path_count: Any, steps: int, top: int) -> list[list[int]]:
    """Return the hashes of the most frequent nodes of each step, the most frequent first."""
    shown = []
    for number in range(1, steps + 1):
        own = step == number
        nodes, position = np.unique(node[own], return_inverse=True)
        totals = np.bincount(position, weights=path_count[own], minlength=len(nodes)) if len(nodes) else np.zeros(0)
        order = np.lexsort((nodes, -totals))[:top]
        shown.append([int(nodes[i]) for i in order])
    return shown


def _sankey(
    step: Any, node: Any, next_node: Any, path_count: Any, shown: list[list[int]], names: dict[int, str]
) -> PathsAnswer:
    nodes: dict[tuple[int, str], int] = {}
    links: dict[tuple[int, str, str], int] = {}
    for number, of_step in enumerate(shown, 1):
        own = step == number
        next_nodes = shown[number] if number < len(shown) else []
        # The position in the list of shown nodes; behind it one position for all other nodes, and one for the end.
        width = len(next_nodes) + 2
        a = _positions(node[own], of_step)
        b = np.where(next_node[own] == 0, width - 1, _positions(next_node[own], next_nodes))
        totals = np.bincount(a * width + b, weights=path_count[own])
        for pair in np.flatnonzero(totals).tolist():
            first, second = divmod(pair, width)
            total = totals[pair]
            from_ = names.get(of_step[first], "?") if first < len(of_step) else OTHER
            nodes[number, from_] = nodes.get((number, from_), 0) + int(total)
            if number < len(shown):
                to = (
                    END
                    if second == width - 1
                    else names.get(next_nodes[second], "?")
                    if second < len(next_nodes)
                    else OTHER
                )
                links[number, from_, to] = links.get((number, from_, to), 0) + int(total)
    return PathsAnswer(
        ways=sum(total for (number, _), total in nodes.items() if number == 1),
        nodes=[PathNode(number, name, total) for (number, name), total in nodes.items()],
        links=[PathLink(number, from_, to, total) for (number, from_, to), total in links.items()],
    )


def _positions(values: Any, shown: list[int]) -> Any:
    """Return the position of each value in `shown`, or the length of `shown` for other values."""
    known = np.array(sorted(shown), dtype=np.uint64)
    rank = np.array([shown.index(int(value)) for value in known], dtype=np.int64)
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, rank[at], len(known))
