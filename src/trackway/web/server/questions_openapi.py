"""Questions and answers in the OpenAPI document, from the catalogue: the body of `POST …/ask` is one of all questions,
and its reply contains the answer of that question.

OpenAPI cannot say which response belongs to which body, so the data of a reply are any of the answers, and the
extension `x-answers` names the answer of each question.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.catalogue import KINDS, QUESTIONS
from trackway.analyze.desk import Common
from trackway.analyze.reply import Reply, SharedReply

_Json = dict[str, Any]
_AT = "#/components/schemas/"
_TEMPLATE = _AT + "{name}"


def _named(kind: type) -> str:
    return f"{kind.__name__}Question"


_BY_NAME = {name: f"{_AT}{_named(kind)}" for name, kind in KINDS.items()}
_ANY_QUESTION = {
    "oneOf": [{"$ref": reference} for reference in _BY_NAME.values()],
    "discriminator": {"propertyName": "question", "mapping": _BY_NAME},
}
REQUEST: _Json = {"required": True, "content": {"application/json": {"schema": _ANY_QUESTION}}}
"""The request body of `/ask`."""
REPLY: _Json = {"$ref": f"{_AT}Reply"}
"""The reply to a question."""


def schemas() -> dict[str, _Json]:
    """Return the schemas of all questions, answers and their parts, by name.

    Raises:
        TypeError: two different structs have the same name.
    """
    types = [entry.type for entry in QUESTIONS.values()]
    structs = [*types, Reply, SharedReply, Common, *KINDS.values()]
    shapes, parts = msgspec.json.schema_components(structs, ref_template=_TEMPLATE)
    if long := [name for name in parts if "." in name or "_" in name]:
        raise TypeError(f"two structs of questions or answers have the same name: {', '.join(long)}")
    answers = dict(zip(KINDS, shapes, strict=False))
    data = {"anyOf": [*_unique(answers.values())], "x-answers": answers}
    for name in ("Reply", "SharedReply", "Before"):
        parts[name]["properties"]["data"] = data
    common = parts.pop("Common")["properties"]
    for kind in KINDS.values():
        question = parts.pop(kind.__name__)
        properties = {**question["properties"], **common}
        parts[_named(kind)] = {**question, "title": _named(kind), "properties": properties,
                               "additionalProperties": False}  # fmt: skip
    return dict(sorted(parts.items()))


def _unique(answers: Any) -> list[_Json]:
    unique: list[_Json] = []
    for answer in answers:
        if answer not in unique:
            unique.append(answer)
    return unique
