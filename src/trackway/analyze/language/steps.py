"""Steps: the sets of events that funnels, retention, lifecycle and trends are about."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.filters import Condition, Group, Node, read
from trackway.analyze.language.period import BadQuestion


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Events with one of the given names (any event if none is given) for which the filter `where` holds."""

    event: str | list[str] = ""
    where: Any = None
    name: str = ""

    @property
    def events(self) -> list[str]:
        """The event names of the step; empty for any event."""
        return [self.event] if isinstance(self.event, str) and self.event else list(self.event)

    @property
    def shown(self) -> str:
        """The name to show for the step."""
        return self.name or " or ".join(self.events) or "any event"

    def node(self, field: str) -> Node:
        """Build the filter that the step's events match."""
        named: list[Node] = [Condition("name", "is", tuple(self.events))] if self.events else []
        return Group("all", (*named, *([read(self.where, f"{field}.where")] if self.where else ())))


def any_of(steps: list[Step], conditions: Compiler) -> str:
    """Return a condition on event names that all events of all steps meet, so that the sort key can skip other
    events.
    """
    if any(not step.events for step in steps):
        return "1"
    names = sorted({name for step in steps for name in step.events})
    return f"name IN {conditions.values.bind(names, 'Array(String)')}"


class Unit(NamedTuple):
    """The unit that goes through steps: the SQL that identifies it, and the SQL that shows it."""

    key: str
    shown: str


UNITS = {
    "person": ("{person}", "toString({person})"),
    "session": ("session_id", "toString(session_id)"),
    # Entities are identified by a 64-bit hash, which is four times as fast as the texts. Among ten million units, two
    # collide with a probability of 3 in a million.
    "entity": ("cityHash64(entity_type, entity_id)", "[toString(entity_type), entity_id]"),
    "person_entity": (
        "cityHash64({person}, entity_type, entity_id)",
        "[toString({person}), toString(entity_type), entity_id]",
    ),
}


def unit(name: str, conditions: Compiler) -> Unit:
    """Return the unit of this name.

    Raises:
        BadQuestion: there is no such unit.
    """
    if name not in UNITS:
        raise BadQuestion("unit", f"{name!r} is not a unit; use one of {', '.join(UNITS)}")
    key, shown = UNITS[name]
    person = conditions.person if "{person}" in key else ""
    return Unit(key.format(person=person), shown.format(person=person))
