"""Infers tracking plans from stored events, checks plans against stored events, and compares two plans."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from trackway.event import Message
from trackway.govern.plans.plan import Checker, Plan, PlannedEvent

Stored = tuple[str, dict[str, Any]]
"""A stored event: its name and its properties."""


class Broken(NamedTuple):
    """A rule of a plan that stored events break, and the number of those events."""

    event: str
    property: str
    problem: str
    events: int


def check(plan: Plan, stored: Iterable[Stored]) -> list[Broken]:
    """Check stored track events against a plan. Returns the broken rules, the most frequent first."""
    checker, broken_rules = Checker(plan), Counter[tuple[str, str, str]]()
    for name, properties in stored:
        message = Message(type="track", event=name, properties=properties)
        broken_rules.update(
            {(violation.event, violation.property, violation.problem) for violation in checker.check(message)}
        )
    return [Broken(*rule, times) for rule, times in broken_rules.most_common()]


def infer(stored: Iterable[Stored], name: str = "inferred") -> Plan:
    """Infer a plan that all given events keep: the events, their properties and the types. A property is required if
    every event of that name has it.
    """
    times = Counter[str]()
    kinds: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for event, properties in stored:
        times[event] += 1
        for key, value in properties.items():
            if value is not None:
                kinds[event][key][_kind(value)] += 1
    events = {}
    for event in sorted(times):
        properties = {key: _schema(counted) for key, counted in sorted(kinds[event].items())}
        required = [key for key in properties if kinds[event][key].total() == times[event]]
        events[event] = PlannedEvent(required=required, properties=properties)
    return Plan(name=name, events=events)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return "array"
    if isinstance(value, dict):
        return "object"
    return "date-time" if _is_time(str(value)) else "string"


def _is_time(text: str) -> bool:
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _schema(counted: Counter[str]) -> dict[str, Any]:
    kinds = set(counted)
    if kinds == {"date-time"}:
        return {"type": "string", "format": "date-time"}
    if kinds == {"integer", "number"}:
        return {"type": "number"}
    plain = sorted({"string" if kind == "date-time" else kind for kind in kinds})
    return {"type": plain[0] if len(plain) == 1 else plain}


class Change(NamedTuple):
    """A difference between two plans. `breaking` says that messages which kept the old plan may break the new one."""

    event: str
    property: str
    change: str
    breaking: bool


def diff(old: Plan, new: Plan) -> list[Change]:
    """List the differences between two plans, in order of event names."""
    changes: list[Change] = []
    if old.unplanned != new.unplanned:
        changes.append(Change("", "", f"unplanned events: {old.unplanned} → {new.unplanned}", new.unplanned != "allow"))
    for name in sorted(old.events.keys() | new.events.keys()):
        before, after = old.events.get(name), new.events.get(name)
        if before is None:
            changes.append(Change(name, "", "new event", True))
        elif after is None:
            changes.append(Change(name, "", "event removed", new.unplanned != "allow"))
        else:
            changes += _event_changes(name, before, after)
    return changes


def _event_changes(name: str, before: PlannedEvent, after: PlannedEvent) -> Iterator[Change]:
    for field in ("description", "owner", "on_violation"):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield Change(name, "", f"{field}: {old or 'none'} → {new or 'none'}", False)
    if before.additional_properties != after.additional_properties:
        closed = not after.additional_properties
        yield Change(name, "", "no other properties" if closed else "other properties are allowed", closed)
    for key in sorted(before.properties.keys() | after.properties.keys() | {*before.required, *after.required}):
        if key in after.required and key not in before.required:
            yield Change(name, key, "required now", True)
        if key in before.required and key not in after.required:
            yield Change(name, key, "no longer required", False)
        old, new = _shape(before.properties.get(key)), _shape(after.properties.get(key))
        if old != new:
            change = "new property" if old is None else "property removed" if new is None else f"{old} → {new}"
            yield Change(name, key, change, new is not None or not after.additional_properties)


def _shape(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if schema is None else {key: value for key, value in schema.items() if key != "description"}
