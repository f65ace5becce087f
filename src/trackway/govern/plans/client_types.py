"""Generates TypeScript and Python types of a plan's events, for client code that records them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from typing import Any

import msgspec

from trackway.govern.plans.plan import Plan, PlannedEvent

_TYPESCRIPT = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null",
    "array": "unknown[]", "object": "Record<string, unknown>",
}  # fmt: skip
_PYTHON = {
    "string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None",
    "array": "list[Any]", "object": "dict[str, Any]",
}  # fmt: skip


def typescript(plan: Plan, version: int = 0) -> str:
    """Generate the interface `Events` for `load<Events>(…)` of `@trackway/browser`, so that the compiler checks every
    event.
    """
    lines = [
        f"/** Generated from the tracking plan{_named(plan, version)}; do not edit. */",
        "export interface Events {",
    ]
    for name, event in _tracked(plan):
        if event.description:
            lines.append(f"  /** {_comment(event.description)} */")
        lines.append(f"  {_quoted(name)}: {{")
        for key, schema in event.properties.items():
            if "description" in schema:
                lines.append(f"    /** {_comment(schema['description'])} */")
            optional = "" if key in event.required else "?"
            lines.append(f"    {_quoted(key)}{optional}: {_type(schema, _TYPESCRIPT, _quoted)};")
        if event.additional_properties:
            lines.append("    [other: string]: unknown;")
        lines.append("  };")
    return "\n".join([*lines, "}", ""])


def python(plan: Plan, version: int = 0) -> str:
    """Generate typed dictionaries of the events' properties and a class `Events` with one method for each event."""
    dictionaries, methods = [], []
    for name, event in _tracked(plan):
        kind = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", name)) or "Event"
        kind = f"_{kind}" if kind[0].isdigit() or keyword.iskeyword(kind) else kind
        method = "_".join(word.lower() for word in re.findall(r"[A-Za-z0-9]+", name)) or "event"
        method = f"{method}_" if keyword.iskeyword(method) else f"_{method}" if method[0].isdigit() else method
        fields = [
            f"    {key!r}: {_need(event, key)}[{_type(schema, _PYTHON, repr)}],"
            for key, schema in event.properties.items()
        ]
        dictionaries.append("\n".join([f"{kind} = TypedDict({kind!r}, {{", *fields, "})", ""]))
        text = _comment(event.description or f"Track {name}.").replace('"', "'")
        methods.append(
            f"    def {method}(self, user_id: Ids, properties: {kind}, *, anonymous_id: Ids = None) -> None:\n"
            f'        """{text}"""\n'
            f"        self._client.track(user_id, {name!r}, properties, anonymous_id=anonymous_id)\n"
        )
    head = (
        f'"""Generated from the tracking plan{_named(plan, version)}; do not edit."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Any, Literal, NotRequired, Required, TypedDict\nfrom uuid import UUID\n\n"
        "from trackway.client import Trackway\n\nIds = str | int | UUID | None\n"
    )
    start = 'class Events:\n    """The plan\'s events, recorded by a client."""\n\n'
    start += "    def __init__(self, client: Trackway) -> None:\n        self._client = client\n"
    return "\n".join([head, *dictionaries, "", start, "\n".join(methods)])


def _need(event: PlannedEvent, key: str) -> str:
    return "Required" if key in event.required else "NotRequired"


def _tracked(plan: Plan) -> list[tuple[str, PlannedEvent]]:
    return [(n, e) for n, e in plan.events.items() if n not in ("page", "screen", "identify", "group", "alias")]


def _named(plan: Plan, version: int) -> str:
    return (f" {plan.name!r}" if plan.name else "") + (f", version {version}" if version else "")


def _type(schema: dict[str, Any], types: dict[str, str], literal: Callable[[object], str]) -> str:
    if "enum" in schema:
        values = [literal(value) for value in schema["enum"]]
        return " | ".join(values) if types is _TYPESCRIPT else f"Literal[{', '.join(values)}]"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " | ".join(dict.fromkeys(types[kind] for kind in kinds)) or ("unknown" if types is _TYPESCRIPT else "Any")


def _quoted(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _comment(text: str) -> str:
    return " ".join(str(text).replace("*/", "* /").replace('"""', "'''").split())
