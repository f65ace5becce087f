"""Explains broken rules of JSON Schema in plain words: the problem and what the plan expects, without values of the
message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_TYPES = {
    "string": 'text, such as "abc"', "integer": "a whole number, such as 42", "number": "a number, such as 12.5",
    "boolean": "true or false", "object": 'an object, such as {"name": "value"}', "array": 'a list, such as ["a", "b"]',
    "null": "null",
}  # fmt: skip
_FORMATS = {
    "date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00Z", "email": "ada@example.com",
    "uri": "https://example.com/", "uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1", "hostname": "www.example.com", "duration": "PT30M", "regex": "^[a-z]+$",
}  # fmt: skip


def _listed(values: list[Any]) -> str:
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)


def _some(number: int, noun: str) -> str:
    return f"{number} {noun if number != 1 else {'entries': 'entry'}.get(noun, noun[:-1])}"


def _formatted(name: str) -> str:
    example = _FORMATS.get(name)
    return f"it is not a valid {name}; send one" + (f', such as "{example}"' if example else "")


_WORDS: dict[str, Callable[[Any], str]] = {
    "type": lambda types: f"it has the wrong type; send {' or '.join(_TYPES.get(kind, kind) for kind in types)}",
    "enum": lambda options: f"it is not one of the plan's values; send one of {_listed(options)}",
    "const": lambda value: f"it is not the plan's value; send {_listed([value])}",
    "pattern": lambda pattern: f"it does not match the plan's pattern; send text that matches {pattern}",
    "format": _formatted,
    "maximum": lambda limit: f"it is too large; send at most {limit}",
    "minimum": lambda limit: f"it is too small; send at least {limit}",
    "exclusiveMaximum": lambda limit: f"it is too large; send less than {limit}",
    "exclusiveMinimum": lambda limit: f"it is too small; send more than {limit}",
    "multipleOf": lambda step: f"it is not a multiple of {step}; send one, such as {step}",
    "maxLength": lambda limit: f"it is too long; send at most {_some(limit, 'characters')}",
    "minLength": lambda limit: f"it is too short; send at least {_some(limit, 'characters')}",
    "maxItems": lambda limit: f"it is too long; send at most {_some(limit, 'entries')}",
    "minItems": lambda limit: f"it is too short; send at least {_some(limit, 'entries')}",
    "maxProperties": lambda limit: f"it has too many members; send at most {_some(limit, 'members')}",
    "minProperties": lambda limit: f"it has too few members; send at least {_some(limit, 'members')}",
    "uniqueItems": lambda _: "the list contains an entry twice; send each entry once",
    "contains": lambda _: "the list lacks an entry that the plan requires; see the plan",
    "required": lambda name: f"{name} is missing; send it",
    "additionalProperties": lambda names: (
        f"the plan does not contain {_listed(names)}; leave it out or add it to the plan"
    ),
    "unevaluatedProperties": lambda names: (
        f"the plan does not contain {_listed(names)}; leave it out or add it to the plan"
    ),
    "additionalItems": lambda _: "the list has more entries than the plan allows; leave them out",
    "unevaluatedItems": lambda _: "the list has more entries than the plan allows; leave them out",
    "falseSchema": lambda _: "the plan does not allow this value; leave it out",
    "anyOf": lambda _: "it matches none of the forms that the plan allows; see the plan",
    "oneOf": lambda _: "it must match exactly one of the forms that the plan allows; see the plan",
    "not": lambda _: "it matches a form that the plan forbids; see the plan",
    "propertyNames": lambda _: "a name in it breaks the plan's rule; see the plan",
    "contentEncoding": lambda name: f"it does not have the plan's encoding; send {name}",
    "contentMediaType": lambda name: f"it does not have the plan's media type; send {name}",
}


def in_words(keyword: str, value: Any) -> str:
    """Describe a broken rule.

    Args:
        keyword: the keyword of JSON Schema.
        value: the value of the keyword in the schema.
    """
    describe = _WORDS.get(keyword)
    return describe(value) if describe else f"it breaks the plan's rule {keyword}; see the plan"
