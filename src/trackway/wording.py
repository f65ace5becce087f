"""Plain words for msgspec's validation errors: the problem, the correction, and an example."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import inspect

_PLACE = re.compile(r"(?P<text>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")
_TYPES = {
    "str": ("text", '"abc"'), "int": ("a whole number", "42"), "float": ("a number", "12.5"),
    "bool": ("true or false", "true"), "null": ("null", "null"), "object": ("an object", '{"name": "value"}'),
    "array": ("a list", '["a", "b"]'), "datetime": ("a time", '"2026-01-31T12:00:00Z"'),
    "date": ("a day", '"2026-01-31"'), "time": ("a time of day", '"12:00:00Z"'), "duration": ("a duration", '"PT30M"'),
    "uuid": ("a UUID", '"01890a5d-ac96-774b-bcce-b302099a8057"'), "decimal": ("an amount", '"12.50"'),
    "bytes": ("base64 text", '"YWJj"'), "ext": ("an extension", "null"),
}  # fmt: skip
_UNITS = {"str": "characters", "bytes": "bytes", "array": "entries", "object": "members"}
_PATTERNS = {
    r"^-?[0-9]{1,13}(\.[0-9]{1,10})?$": 'digits as text, such as "12.50"',
    "^[A-Za-z]{3}$": 'the three letters of a currency, such as "EUR"',
    "^[A-Z]{3}$": 'the three capital letters of a currency, such as "EUR"',
    "^([A-Z]{3})?$": 'the three capital letters of a currency, such as "EUR", or ""',
}
_LIKE = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


class Fault(NamedTuple):
    """The fault of a value: `field` is its path, such as `batch[2].name` (empty: the whole value), and `reason` is the
    problem and its correction.
    """

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


def fault(error: Exception | str, kind: Any = None) -> Fault:
    """Return msgspec's ValidationError, or its text, in plain words.

    Args:
        kind: the type that the value should have; with it, the possible values or names can be listed.
    """
    match = _PLACE.fullmatch(str(error))
    assert match is not None  # the last part is optional, the first matches anything
    path = (match["path"] or "").removeprefix(".")
    text = match["text"]
    if field_match := re.fullmatch(r"Object (missing required|contains unknown) field `(.*)`", text, re.DOTALL):
        field = f"{path}.{field_match[2]}".removeprefix(".")
        if field_match[1] == "missing required":
            return Fault(field, f"it is missing; send {_wanted(kind, field)}")
        return Fault(field, _unknown(field_match[2], kind, path))
    reason = _reason(text, kind, path)
    return Fault(path, f"a name in it is wrong: {reason}" if match["key"] else reason)


def _reason(text: str, kind: Any, path: str) -> str:
    for pattern, words in _WORDS:
        if match := re.fullmatch(pattern, text, re.DOTALL):
            return str(words(match, kind, path) if callable(words) else words)
    return f"it cannot be used ({text})"


def _type(match: re.Match[str], *_: Any) -> str:
    got = _TYPES.get(match["got"], (match["got"], ""))[0]
    problem = "it is empty" if match["got"] == "null" else f"it is {'a yes or no' if match['got'] == 'bool' else got}"
    kinds = match["wanted"].split(" | ")
    if "datetime" in kinds:  # numbers are valid times too; one way to write a time is enough
        kinds = [kind for kind in kinds if kind not in ("int", "float")]
    wanted = [_TYPES.get(kind, (kind, "")) for kind in kinds]
    names = list(dict.fromkeys(name for name, _ in wanted))
    example = next((example for _, example in wanted if example), "")
    return f"{problem}; send {_either(names)}" + (f", such as {example}" if example and example != "null" else "")


def _one_of(match: re.Match[str], kind: Any, path: str) -> str:
    values = _values(_at(kind, path))
    listed = f"; send one of {', '.join(map(str, values))}" if values else "; send one that is documented"
    return f"{match['value'].strip(chr(39))!r} is not an allowed value{listed}"


def _size(match: re.Match[str], *_: Any) -> str:
    unit, limit = _UNITS[match["kind"]], int(match["limit"])
    units = unit if limit != 1 else {"entries": "entry"}.get(unit, unit[:-1])
    if match["sign"] == ">=" and limit == 1:
        words, example = _TYPES[match["kind"]]
        return f"it is empty; send {words} of at least one {units}, such as {example}"
    return f"it is too {'long' if match['sign'] == '<=' else 'short'}; send {_LIKE[match['sign']]} {limit} {units}"


def _number(match: re.Match[str], *_: Any) -> str:
    sign, limit = match["sign"], match["limit"]
    if sign not in _LIKE:  # "that's a multiple of"
        return f"it is not a multiple of {limit}; send one, such as {limit}"
    text = "too large" if sign[0] == "<" else "too small"
    near = limit if sign.endswith("=") else str(float(limit) + (1 if sign == ">" else -1))
    return f"it is {text}; send a number that is {_LIKE[sign]} {limit}, such as {near}"


def _length(match: re.Match[str], *_: Any) -> str:
    wanted = match["wanted"].replace(" to ", " or up to ")
    got = f"{match['got']} are given" if match["got"] else "another number is given"
    return f"it is a list of another length: {got}; send {wanted} entries"


def _pattern(match: re.Match[str], *_: Any) -> str:
    pattern = match["pattern"].strip("'\"").replace("\\\\", "\\")
    return f"it has the wrong form; send {_PATTERNS.get(pattern, f'text of the form {pattern}')}"


def _simple(kind: str, name: str = "") -> str:
    words, example = _TYPES[kind]
    return f"it is not {name or words} that can be read; send {words}, such as {example}"


_WORDS: list[tuple[str, Any]] = [
    (r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`", _type),
    (r"Expected `(?P<kind>str|bytes|array|object)` of length (?P<sign><=|>=) (?P<limit>\d+)", _size),
    (r"Expected `array` of (?:length )?(?P<wanted>(?:at least length |at most length )?\d+(?: to \d+)?)"
     r"(?:, got (?P<got>\d+))?", _length),
    (r"Expected `(?:int|float|decimal)` (?P<sign>[<>]=?|that's a multiple of) (?P<limit>\S+)", _number),
    (r"Expected `float` multiple of (?P<limit>\S+)",
     lambda match, *_: f"it is not a multiple of {match['limit']}; send one, such as {match['limit']}"),
    (r"Expected `str` matching regex (?P<pattern>.*)", _pattern),
    (r"Expected `[a-z]+` with a timezone component",
     'it has no time zone; send one, such as "2026-01-31T12:00:00Z"'),
    (r"Expected `[a-z]+` with no timezone component",
     'it has a time zone; send it without one, such as "2026-01-31T12:00:00"'),
    (r"Expected `(?P<kind>int|str)`", lambda match, *_: _simple(match["kind"])),
    (r"Invalid enum value (?P<value>.*)", _one_of),
    (r"Invalid value (?P<value>.*)", _one_of),
    (r"(Integer value|Number) out of range", "it is too large; send a number of at most 64 bits, or text"),
    (r"Duration is out of range", 'it is too long; send a shorter duration, such as "PT30M"'),
    (r"(Timestamp is out of range ?|Invalid (MessagePack|epoch) timestamp.*)",
     "it is a time outside the calendar; send seconds since 1970, such as 1769860800"),
    (r"Only units .* ISO8601 durations", 'it has an unknown unit; send days, hours, minutes and seconds, '
     'such as "PT30M"'),
    (r"Invalid ISO8601 duration", _simple("duration")),
    (r"Invalid RFC3339 encoded datetime", _simple("datetime")),
    (r"Invalid RFC3339 encoded date", _simple("date")),
    (r"Invalid RFC3339 encoded time", _simple("time")),
    (r"Invalid UUID( bytes)?", _simple("uuid")),
    (r"Invalid base64 encoded string", _simple("bytes")),
    (r"Invalid decimal string", _simple("decimal")),
]  # fmt: skip
"""The texts of a msgspec.ValidationError without their paths, and our words for them.

`tests/test_wording.py` checks that the list is complete for the installed msgspec.
"""


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _unknown(name: str, kind: Any, path: str) -> str:
    described = _at(kind, path)
    names = [field.encode_name for field in described.fields] if isinstance(described, inspect.StructType) else []
    near = difflib.get_close_matches(name, names, 1)
    known = f"did you mean {near[0]}? " if near else ""
    listed = f"; {known}known are {', '.join(sorted(names))}" if names else ""
    return f"there is no such field{listed or '; leave it out'}"


def _wanted(kind: Any, path: str) -> str:
    """Return the expected content of a field, in words."""
    described = _at(kind, path)
    if values := _values(described):
        return f"one of {', '.join(map(str, values))}"
    pattern = getattr(described, "pattern", None)
    if pattern in _PATTERNS:
        return _PATTERNS[pattern]
    name = type(described).__name__.removesuffix("Type").lower()
    spelled = {"dict": "object", "struct": "object", "list": "array", "none": "null"}.get(name, name)
    words, example = _TYPES.get(spelled, ("it", ""))
    return f"{words}, such as {example}" if example else words


def _values(described: Any) -> list[Any]:
    """Return the values of a choice; none for other types."""
    if isinstance(described, inspect.LiteralType):
        return list(described.values)
    if isinstance(described, inspect.EnumType):
        return [member.value for member in described.cls]
    if isinstance(described, inspect.UnionType):
        return [value for member in described.types for value in _values(member)]
    return [described.tag] if isinstance(described, inspect.StructType) and described.tag is not None else []


def _at(kind: Any, path: str) -> Any:
    """Return the description of the type at a path within another; None when it is not known."""
    if kind is None:
        return None
    try:
        return _within(_described(kind), [match[1] or match[2] for match in _STEP.finditer(path)])
    except (TypeError, NameError, KeyError):
        return None


@lru_cache(maxsize=100)
def _described(kind: Any) -> Any:
    return inspect.type_info(kind)


def _within(described: Any, steps: list[str]) -> Any:
    if isinstance(described, inspect.Metadata):
        described = described.type
    if not steps:
        return _bare(described)
    step, rest = steps[0], steps[1:]
    if isinstance(described, inspect.UnionType):
        inner = (_within(member, steps) for member in described.types)
        return next((member for member in inner if member is not None), None)
    if isinstance(described, inspect.StructType):
        field = next((member for member in described.fields if member.encode_name == step), None)
        return _within(field.type, rest) if field else None
    if isinstance(described, inspect.DictType):
        return _within(described.value_type, rest)
    return (
        _within(described.item_type, rest) if isinstance(described, inspect.ListType | inspect.VarTupleType) else None
    )


def _bare(described: Any) -> Any:
    """Return an optional type without its null."""
    if isinstance(described, inspect.UnionType):
        others = [member for member in described.types if not isinstance(member, inspect.NoneType)]
        return others[0] if len(others) == 1 else described
    return described
