"""Recovery of sound parts from JSON that does not decode as a whole.

The decoder refuses a request for one NaN, one bracket too deep or half of a surrogate pair. This module counts
brackets, strings and commas instead, which finds the messages of a batch and the members of a message whatever is wrong
inside them. It is used only after the decoder failed, and looks at a limited number of tokens.
"""

from __future__ import annotations

import re

import msgspec

from trackway.wording import fault

_MOST_TOKENS = 300_000
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(_STRING + rb'|[\[{]+|[\]}]+|,|"', re.DOTALL)
_MEMBER = re.compile(rb"\s*(" + _STRING + rb")\s*:\s*(.*)", re.DOTALL)
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_WORDS = {b"NaN", b"Infinity", b"-Infinity"}


def whole_characters(body: bytes) -> bytes:
    """Return JSON with U+FFFD for half of a surrogate pair, which JavaScript allows in strings."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], body)


class Unreadable(Exception):
    """Brackets or strings do not end, or there are too many of them: the parts cannot be separated."""


class Pieces:
    """Splits JSON into its parts, with one limit of tokens for a whole request."""

    def __init__(self) -> None:
        self._left = _MOST_TOKENS

    def parts(self, text: bytes) -> list[bytes]:
        """Return the parts between the commas of an array or object. Raises Unreadable."""
        text = text.strip()
        if text[:1] not in (b"[", b"{"):
            raise Unreadable
        depth, begin = 0, 1
        parts: list[bytes] = []
        for match in _TOKEN.finditer(text):
            self._left -= 1
            if self._left < 0:
                raise Unreadable
            start, end = match.span()
            first = text[start : start + 1]
            if first == b",":
                if depth == 1:
                    parts.append(text[begin:start])
                    begin = end
            elif first == b'"':
                if end - start == 1:
                    raise Unreadable
            elif first in b"[{":
                depth += end - start
            else:
                closing = start + depth - 1
                depth -= end - start
                if depth <= 0:
                    if closing + 1 != len(text):
                        raise Unreadable
                    last = text[begin:closing]
                    return [*parts, last] if parts or last.strip() else []
        raise Unreadable

    def members(self, text: bytes) -> dict[str, bytes]:
        """Return the members of an object by name; anything that is not a member is left out. Raises Unreadable."""
        if text.lstrip()[:1] != b"{":
            raise Unreadable
        members: dict[str, bytes] = {}
        for part in self.parts(text):
            match = _MEMBER.fullmatch(part)
            name = decoded(match[1]) if match else None
            if match and isinstance(name, str):
                members[name] = match[2].rstrip()
        return members

    def fault(self, text: bytes, levels: int = 2) -> tuple[str, str]:
        """Return the path of an object's member that cannot be decoded, and the error; both empty when unknown."""
        try:
            members = self.members(text)
        except Unreadable:
            return "", ""
        for name, value in members.items():
            if reason := decoding_fault(value):
                within, inner = self.fault(value, levels - 1) if levels > 1 else ("", "")
                return (f"{name}.{within}", inner) if within else (name, reason)
        return "", ""


def elements(body: bytes) -> list[bytes]:
    """Return the values of an array, each as written, whatever is wrong inside it.

    Raises:
        msgspec.DecodeError, RecursionError: it is not an array, or cannot be split.
    """
    try:
        return [bytes(raw) for raw in _array.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        try:
            if body.lstrip()[:1] == b"[":
                return Pieces().parts(whole_characters(body))
        except Unreadable:
            pass
        raise


def decoding_fault(text: bytes) -> str:
    """Return why a value cannot be decoded; empty when it can."""
    try:
        msgspec.json.decode(text)
    except RecursionError:
        return "it is nested too deep; flatten it"
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except msgspec.ValidationError as error:
        return fault(error).reason
    except msgspec.DecodeError as error:
        if text in _WORDS:
            return f"JSON has no {text.decode()}; send null"
        return f"it is not valid JSON: {error}"
    return ""


def decoded(text: bytes | None) -> object:
    """Return the value; None when it cannot be decoded."""
    try:
        return None if text is None else msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
