"""The tracking plan: the planned events, the schemas of their properties, and the owners of the events.

An event's `properties`, `required` and `additionalProperties` are JSON Schema, draft 2020-12
(https://json-schema.org/draft/2020-12/json-schema-core). A plan is a YAML or JSON file; its versions are stored with
the project.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jsonschema_rs
import msgspec
import yaml

from trackway.event import Message, Violation
from trackway.govern.plans.schema_errors import in_words
from trackway.wording import fault

INCLUDED = ("concerts",)
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MOST_VIOLATIONS = 20

Action = Literal["flag", "reject"]


class BadPlan(ValueError):
    """A plan that cannot be used; the text names the place and the reason."""


class PlannedEvent(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One event of a plan. Its key in the plan is the event's name; messages of other types use `page`, `identify`, ...

    A message that breaks the rules is either `flag`ged (stored, and listed as a violation) or `reject`ed.
    """

    description: str = ""
    owner: str = ""
    on_violation: Action = "flag"
    required: list[str] = []
    properties: dict[str, dict[str, Any]] = {}
    additional_properties: bool = msgspec.field(default=True, name="additionalProperties")


class Plan(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A tracking plan. `unplanned` says what to do with track events that the plan does not name."""

    name: str = ""
    description: str = ""
    unplanned: Literal["allow", "flag", "reject"] = "allow"
    events: dict[str, PlannedEvent] = {}


def read(content: str | bytes, source: str = "the plan") -> Plan:
    """Read a plan from YAML or JSON.

    Raises:
        BadPlan: the text is neither, has an unknown field, or contains an invalid schema.
    """
    try:
        plan = msgspec.convert(yaml.safe_load(content) or {}, Plan)
    except yaml.YAMLError as error:
        raise BadPlan(f"{source} is not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadPlan(f"{source}: {fault(error, Plan)}") from error
    Checker(plan)
    return plan


def read_named(name: str) -> Plan:
    """Read a plan from a file, or one of the `INCLUDED` plans by name.

    Raises:
        BadPlan: there is no such file, or it is not a plan.
    """
    if name in INCLUDED:
        return read(files("trackway.govern").joinpath("plans", f"{name}.yaml").read_bytes(), name)
    try:
        return read(Path(name).read_bytes(), name)
    except OSError as error:
        raise BadPlan(
            f"{name} cannot be read ({error.strerror}); the included plans are {', '.join(INCLUDED)}"
        ) from error


def as_yaml(plan: Plan) -> str:
    """Write a plan as YAML."""
    return str(yaml.safe_dump(msgspec.to_builtins(plan), sort_keys=False, allow_unicode=True, width=110))


def planned_name(message: Message) -> str:
    """Return the name under which a plan lists a message."""
    return message.event or "" if message.type == "track" else message.type


class _Rule(NamedTuple):
    validator: Any
    rejects: bool


class Checker:
    """A plan compiled for checking messages; a check takes about a third of a microsecond.

    Raises:
        BadPlan: the schema of an event is invalid.
    """

    def __init__(self, plan: Plan) -> None:
        self._unplanned = plan.unplanned
        self._rules: dict[str, _Rule] = {}
        for name, event in plan.events.items():
            schema = {
                "$schema": _DRAFT,
                "type": "object",
                "required": event.required,
                "properties": event.properties,
                "additionalProperties": event.additional_properties,
            }
            try:
                validator = jsonschema_rs.validator_for(schema, mask="the value", retriever=_nowhere)
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
                path = "/".join(str(step) for step in getattr(error, "instance_path", []))
                kind = getattr(error, "kind", None)
                reason = in_words(kind.name, kind.value) if kind else str(error).partition("\n")[0]
                raise BadPlan(f"events.{name}.{path}: {reason}") from error
            self._rules[name] = _Rule(validator, event.on_violation == "reject")

    def check(self, message: Message) -> list[Violation]:
        """Return the violations of a message; an empty list when it keeps the plan."""
        name = planned_name(message)
        rule = self._rules.get(name)
        if rule is None:
            if message.type != "track" or self._unplanned == "allow":
                return []
            return [_violation(message, name, "", "the event is not in the plan", self._unplanned == "reject")]
        values = (message.traits if message.type in ("identify", "group") else message.properties) or {}
        if rule.validator.is_valid(values):
            return []
        violations = []
        for error in rule.validator.iter_errors(values):
            path = ".".join(str(step) for step in error.instance_path)
            name_of = getattr(error.kind, "property", None) if error.kind.name == "required" else None
            problem = "it is missing" if name_of else in_words(error.kind.name, error.kind.value)
            violations.append(_violation(message, name, name_of or path, problem, rule.rejects))
        return violations[:_MOST_VIOLATIONS]


def _violation(message: Message, event: str, property_: str, problem: str, rejected: bool) -> Violation:
    library = (message.context or {}).get("library")
    about = library if isinstance(library, dict) else {}
    return Violation(
        str(message.message_id), event, property_, problem[:300], str(about.get("name", ""))[:100],
        str(about.get("version", ""))[:50], rejected,
    )  # fmt: skip


def _nowhere(uri: str) -> Any:
    """Refuse every external reference: a plan must be self-contained."""
    raise ValueError(f"{uri} is outside the plan")
