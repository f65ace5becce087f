"""Generates `src/client/generated.ts`: the types of the API, from its OpenAPI document. Run it by `./run types`.

With `--check`, nothing is written; it fails if the file is not what the document gives.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from trackway.web.server.app import document

Json = dict[str, Any]
FILE = Path(__file__).parent / "src" / "client" / "generated.ts"
HEAD = "/** The types of the API, generated from its OpenAPI document by `./run types`. Do not edit. */\n"
_REFERENCE = "#/components/schemas/"
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def generated(api: Json) -> str:
    """Return the text of the file: an interface for each component, and the maps `Questions` and `Answers` from the
    name of a question to its body and to its answer.
    """
    components: Json = api["components"]["schemas"]
    answered = _answered(api, components)
    parts = [HEAD]
    for name, schema in sorted(components.items()):
        parts.append(_comment(schema) + _component(name, schema, always=name in answered))
    questions, answers = _maps(api, components)
    parts.append("/** The body of each question. */\n" + _component("Questions", questions, always=True))
    parts.append("/** The answer of each question. */\n" + _component("Answers", answers, always=True))
    return "\n".join(parts)


def _maps(api: Json, components: Json) -> tuple[Json, Json]:
    ask = api["paths"]["/api/v1/projects/{project_id}/ask"]["post"]
    bodies = ask["requestBody"]["content"]["application/json"]["schema"]["discriminator"]["mapping"]
    answers = components["Reply"]["properties"]["data"]["x-answers"]
    questions = {name: {"$ref": reference} for name, reference in bodies.items()}
    return {"properties": questions, "required": [*questions]}, {"properties": answers, "required": [*answers]}


def _answered(api: Json, components: Json) -> set[str]:
    """Return the names of components that responses contain."""
    found: set[str] = set()
    left: list[Any] = [operation["responses"] for path in api["paths"].values() for operation in _operations(path)]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += one.values()
            name = _name(one)
            if name and name not in found:
                found.add(name)
                left.append(components[name])
    return found


def _operations(path: Json) -> list[Json]:
    return [operation for method, operation in path.items() if method in ("get", "post", "put", "patch", "delete")]


def _name(schema: Json) -> str:
    reference = schema.get("$ref")
    return reference.removeprefix(_REFERENCE) if isinstance(reference, str) else ""


def _component(name: str, schema: Json, always: bool) -> str:
    if "properties" not in schema:
        return f"export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", []))
    lines = []
    for field, value in schema["properties"].items():
        # A field with a default may be left out of a request, but a response always contains it.
        optional = field not in required and not (always and "default" in value)
        lines.append(f"  {_key(field)}{'?' if optional else ''}: {_type(value)};\n")
    return f"export interface {name} {{\n{''.join(lines)}}}\n"


def _type(schema: Json) -> str:
    if name := _name(schema):
        return name
    if "x-answers" in schema:
        return "Answers[keyof Answers]"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(_type(one) for one in schema[key]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PLAIN[one] for one in kind)
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return f"Record<string, {_type(schema.get('additionalProperties') or {})}>"
    return _PLAIN.get(kind or "", "unknown")


def _array(schema: Json) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
    item = _type(schema.get("items") or {})
    return f"({item})[]" if "|" in item else f"{item}[]"


def _key(field: str) -> str:
    return field if _IDENTIFIER.match(field) else json.dumps(field)


def _comment(schema: Json) -> str:
    text = " ".join(schema.get("description", "").split()).replace("*/", "* /")
    return f"/** {text} */\n" if text else ""


if __name__ == "__main__":
    text = generated(document())
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        raise SystemExit("dashboard/src/client/generated.ts is not what the API gives: run ./run types")
