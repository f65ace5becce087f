"""Messages with numbers in them, in the part of ICU's MessageFormat that texts of metrics packs need (decision 25).

`{n}` is a value. `{n, plural, =0 {nothing} one {# concert} other {# concerts}}` chooses by a value: the form with
exactly that number, else that of its plural category in the language, else `other`; `#` is the value. `''` is an
apostrophe, and what stands between `'{` or `'}` and the next apostrophe is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

_HEAD = re.compile(r"\{\s*([a-z][a-z0-9_]*)\s*(?:(\})|,\s*plural\s*,)")
_FORM = re.compile(r"\s*(=\d{1,9}|[a-z]+)\s*\{")
_TEXT = re.compile(r"''|'([{}#].*?)(?:'|$)|[^{}#]", re.S)
_MOST_DEEP = 5


class BadMessage(ValueError):
    """A message that cannot be read; the text says where it is wrong."""


def _slavic(n: int) -> str:
    last, two = n % 10, n % 100
    if last == 1 and two != 11:
        return "one"
    return "few" if 2 <= last <= 4 and not 12 <= two <= 14 else "many"


def _polish(n: int) -> str:
    return "one" if n == 1 else ("many" if _slavic(n) == "one" else _slavic(n))


def _czech(n: int) -> str:
    return "one" if n == 1 else "few" if 2 <= n <= 4 else "other"


Category = Callable[[int], str]
_CATEGORIES: dict[str, tuple[Category, frozenset[str]]] = {
    language: (category, frozenset(names.split()))
    for languages, names, category in (
        ("en de nl sv da nb nn no fi et el hu tr bg it es ca", "one other", lambda n: "one" if n == 1 else "other"),
        ("fr pt", "one other", lambda n: "one" if n < 2 else "other"),
        ("ru uk", "one few many other", _slavic),
        ("pl", "one few many other", _polish),
        ("cs sk", "one few other", _czech),
        ("ja zh ko vi th id", "other", lambda _: "other"),
    )
    for language in languages.split()
}
"""The plural category of a whole number, and all categories, by language. Source: Unicode CLDR 47, cardinal rules.
The category `many` of millions in Romance languages is left out: `other` has their form."""

Part = str | tuple[str, dict[str, "list[Part]"] | None]
"""A text, or a value's name with its plural forms, if it has some; `("#", None)` is the value of the plural around."""


def filled(message: str, language: str, values: Mapping[str, int]) -> str:
    """Return a message with its values.

    Raises:
        BadMessage: it cannot be read.
        KeyError: it names a value that is not given.
    """
    return "".join(_filled(_parts(message), language, values, ""))


def check(message: str, language: str, names: set[str]) -> set[str]:
    """Return the names of the values in a message.

    Raises:
        BadMessage: it cannot be read, names another value than `names`, or has plural forms that the language has not.
    """
    used = set()
    for name, forms in _values(_parts(message)):
        if name not in names:
            raise BadMessage(f"there is no value {{{name}}}; the values are {', '.join(sorted(names))}")
        used.add(name)
        own = {form for form in forms or () if not form.startswith("=")}
        if forms is not None and "other" not in own:
            raise BadMessage(f"the plural of {name} needs the form `other`")
        known = _CATEGORIES.get(language[:2], (None, frozenset({"other"})))[1]
        if unknown := own - known:
            there = ", ".join(sorted(known))
            raise BadMessage(
                f"the plural of {name} has the form {min(unknown)!r}; in {language} there are {there}, and =NUMBER"
            )
    return used


def _values(parts: list[Part]) -> Iterator[tuple[str, dict[str, list[Part]] | None]]:
    for part in parts:
        if not isinstance(part, str) and part[0] != "#":
            yield part
            for inner in (part[1] or {}).values():
                yield from _values(inner)


def _filled(parts: list[Part], language: str, values: Mapping[str, int], around: str) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        name, forms = part
        name = around if name == "#" else name
        value = values[name]
        if forms is None:
            yield str(value)
            continue
        category = _CATEGORIES.get(language[:2], (lambda _: "other", None))[0](value)
        form = next((one for one in (f"={value}", category) if one in forms), "other")
        yield from _filled(forms[form], language, values, name)


@lru_cache(maxsize=1000)
def _parts(message: str) -> list[Part]:
    parts, end = _read(message, 0, 0)
    if end < len(message):
        raise BadMessage(f"character {end + 1}: a }} without a {{")
    return parts


def _read(message: str, at: int, depth: int) -> tuple[list[Part], int]:
    """Read up to the end of the message, or of the plural form that it is inside of."""
    if depth > _MOST_DEEP:
        raise BadMessage(f"plurals are nested more than {_MOST_DEEP} deep")
    parts: list[Part] = []
    while at < len(message) and message[at] != "}":
        if message[at] == "#":
            parts.append(("#", None) if depth else "#")
            at += 1
        elif message[at] == "{":
            part, at = _value(message, at, depth)
            parts.append(part)
        elif found := _TEXT.match(message, at):
            text = "'" if found[0] == "''" else found[1] if found[1] is not None else found[0]
            parts.append(text)
            at = found.end()
    return parts, at


def _value(message: str, at: int, depth: int) -> tuple[Part, int]:
    head = _HEAD.match(message, at)
    if head is None:
        raise BadMessage(f"character {at + 1}: write {{name}} or {{name, plural, one {{…}} other {{…}}}}")
    if head[2]:
        return (head[1], None), head.end()
    forms: dict[str, list[Part]] = {}
    at = head.end()
    while form := _FORM.match(message, at):
        forms[form[1]], at = _read(message, form.end(), depth + 1)
        if at >= len(message):
            break
        at += 1
    closing = re.compile(r"\s*\}").match(message, at)
    if closing is None:
        raise BadMessage(f"the plural of {head[1]} does not end; close it with }}")
    return (head[1], forms), closing.end()
