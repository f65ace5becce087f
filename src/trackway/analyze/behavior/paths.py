"""Paths: what people do after, or before, a page or event; ready for a Sankey diagram.

A way is what one unit (a session, or a person over the period) did, in order of time (in the same millisecond, in an
order of no meaning but always the same), with repetitions of the same node folded into one. `after` looks at a way
from its first visit of the anchor on, `before` from its last visit back; without an anchor ways are followed from
their start (or, backwards, from their end). Wildcards turn pages into one node: in `/concerts/*` the star is one
segment, two stars are any number of them.
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
    """What nodes are, from where to look and in which direction, how many steps, and how many nodes to show a step."""

    nodes: Literal["page", "event", "page_or_event", "entity"] = "page"
    anchor: str = ""
    direction: Literal["after", "before"] = "after"
    steps: int = 5
    top: int = 8
    unit: Literal["session", "person"] = "session"
    groups: list[str] = []


def paths(store: Store, question: Question, asked: Paths) -> tuple[list[Answer], dict[str, Any]]:
    """The ways, as links between the most frequent nodes of each step.

    Returns:
        The answers, and `{"ways": all, "nodes": [{"step", "name", "ways"}], "links": [{"step", "from", "to",
        "ways"}]}`. A link leads from a node of `step` to one of the next; `(end)` is where ways end, `(other)` all
        other nodes. The links out of a node add up to its ways.

    Raises:
        BadQuestion: more steps, nodes or groups than there can be.
    """
    if not 2 <= asked.steps <= 10 or not 1 <= asked.top <= 50 or len(asked.groups) > 50:
        raise BadQuestion("steps", "is from 2 to 10, top from 1 to 50, and there are at most 50 groups")
    conditions = compiler(store)
    node, included = _NODES[asked.nodes]
    node = _grouped(node, [_spelled(one) for one in asked.groups], conditions)
    structure = {
        # 0 stands for the end of a way.
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
    step, here, behind, ways = (table[name].to_numpy() for name in ("step", "here", "behind", "ways"))
    shown = _most_frequent(step, here, ways, asked.steps, asked.top)
    answers, names = _names(store, question, structure, conditions, {one for of_step in shown for one in of_step})
    return [answer, *answers], _sankey(step, here, behind, ways, shown, names)


def _names(
    store: Store, question: Question, structure: dict[str, Any], conditions: Compiler, hashes: set[int]
) -> tuple[list[Answer], dict[int, str]]:
    """The names behind hashes. The period's last part has most of them; what is missing is looked for in all of it."""
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
    """The name of a page as it is stored, of anything else as it is."""
    return as_path(name) if name.startswith("/") else name


def _grouped(node: str, groups: list[str], conditions: Compiler) -> str:
    """The node, or the first of the wildcards that it matches."""
    cases = []
    for pattern in groups:
        regex = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        bound = conditions.values.bind(f"^{regex}$", "String")
        cases.append(f"match({node}, {bound}), {conditions.values.bind(pattern, 'String')}")
    return f"multiIf({', '.join(cases)}, {node})" if cases else node


def _hash(store: Store, name: str) -> int:
    return int(store.ask("SELECT bitOr(xxh3({name:String}), 1) AS hash", {"name": name})["hash"][0].as_py())


def _most_frequent(step: Any, here: Any, ways: Any, steps: int, top: int) -> list[list[int]]:
    """The hashes of the most frequent nodes of each step, most frequent first."""
    shown = []
    for number in range(1, steps + 1):
        own = step == number
        nodes, position = np.unique(here[own], return_inverse=True)
        totals = np.bincount(position, weights=ways[own], minlength=len(nodes)) if len(nodes) else np.zeros(0)
        order = np.lexsort((nodes, -totals))[:top]
        shown.append([int(nodes[i]) for i in order])
    return shown


def _sankey(
    step: Any, here: Any, behind: Any, ways: Any, shown: list[list[int]], names: dict[int, str]
) -> dict[str, Any]:
    nodes: dict[tuple[int, str], int] = {}
    links: dict[tuple[int, str, str], int] = {}
    for number, of_step in enumerate(shown, 1):
        own = step == number
        behind_them = shown[number] if number < len(shown) else []
        # Position in the list of shown nodes, or behind it for all others, and behind that for the end.
        width = len(behind_them) + 2
        a = _positions(here[own], of_step)
        b = np.where(behind[own] == 0, width - 1, _positions(behind[own], behind_them))
        totals = np.bincount(a * width + b, weights=ways[own])
        for pair in np.flatnonzero(totals).tolist():
            first, second = divmod(pair, width)
            total = totals[pair]
            from_ = names.get(of_step[first], "?") if first < len(of_step) else OTHER
            nodes[number, from_] = nodes.get((number, from_), 0) + int(total)
            if number < len(shown):
                to = (
                    END
                    if second == width - 1
                    else names.get(behind_them[second], "?")
                    if second < len(behind_them)
                    else OTHER
                )
                links[number, from_, to] = links.get((number, from_, to), 0) + int(total)
    return {
        "ways": sum(total for (number, _), total in nodes.items() if number == 1),
        "nodes": [{"step": number, "name": name, "ways": total} for (number, name), total in nodes.items()],
        "links": [
            {"step": number, "from": from_, "to": to, "ways": total} for (number, from_, to), total in links.items()
        ],
    }


def _positions(values: Any, shown: list[int]) -> Any:
    """Where each value stands in `shown`, or its length for a value that does not."""
    known = np.array(sorted(shown), dtype=np.uint64)
    rank = np.array([shown.index(int(one)) for one in known], dtype=np.int64)
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[at] == values, rank[at], len(known))
