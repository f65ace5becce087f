"""Steps: which events a question is about, one kind after another."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import Condition, Group, Node, read
from trackway.analyze.language.period import BadQuestion


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Events of a name (or of several, or of any), of those that `where` says."""

    event: str | list[str] = ""
    where: Any = None
    name: str = ""

    @property
    def events(self) -> list[str]:
        """The names of its events; none for any."""
        return [self.event] if isinstance(self.event, str) and self.event else list(self.event)

    @property
    def shown(self) -> str:
        """What the step is called."""
        return self.name or " or ".join(self.events) or "any event"

    def node(self, field: str) -> Node:
        """What an event must be."""
        named: list[Node] = [Condition("name", "is", tuple(self.events))] if self.events else []
        return Group("all", (*named, *([read(self.where, f"{field}.where")] if self.where else ())))


def any_of(steps: list[Step], conditions: Compiler) -> str:
    """A condition on names that no event of any of the steps fails: the sort key skips all others."""
    if any(not step.events for step in steps):
        return "1"
    names = sorted({name for step in steps for name in step.events})
    return f"name IN {conditions.values.bind(names, 'Array(String)')}"


class Unit(NamedTuple):
    """Who or what goes through steps: the SQL that tells units apart, and the SQL of what they are shown as."""

    key: str
    shown: str


UNITS = {
    "person": ("{person}", "toString({person})"),
    "session": ("session_id", "toString(session_id)"),
    # By a hash of 64 bits: four times as fast as by the texts, and of ten million units two are taken for one with a
    # probability of 3 in a million.
    "entity": ("cityHash64(entity_type, entity_id)", "[toString(entity_type), entity_id]"),
    "person_entity": (
        "cityHash64({person}, entity_type, entity_id)",
        "[toString({person}), toString(entity_type), entity_id]",
    ),
}


def unit(name: str, conditions: Compiler) -> Unit:
    """Who or what goes through steps.

    Raises:
        BadQuestion: no such unit.
    """
    if name not in UNITS:
        raise BadQuestion("unit", f"{name!r} is not a unit; use one of {', '.join(UNITS)}")
    key, shown = UNITS[name]
    person = conditions.person if "{person}" in key else ""
    return Unit(key.format(person=person), shown.format(person=person))
