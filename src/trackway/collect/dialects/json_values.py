"""JSON files other than one value per line: an array of messages, or values over several lines.

They are read piece by piece. A value is cut out by its brackets and quotes without decoding, so that invalid JSON costs
that value only, like a bad line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from trackway.collect.dialects.packed_lines import BadFile, InputFile

LONGEST = 1 << 20
"""The most characters of one value; a longer one is not a message, but a value that lacks a bracket or a quote."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[][{},"]', re.DOTALL)
_GOES_ON = "; what came before it is imported"


class Value(NamedTuple):
    """The text of a value, and the number of the line in which it starts."""

    line: int
    text: str


def shape(file: InputFile) -> str:
    """Return the layout of a JSON file: `lines` when each line holds a value, else `array` or `values`."""
    first = file.head.lstrip("\ufeff \t\r\n")
    if first.startswith("["):
        return "array"
    return "values" if re.match(r"\{[ \t]*[\r\n]", first) else "lines"


def values(file: InputFile, in_array: bool) -> Iterator[Value]:
    """Yield the values of a file, or the elements of the arrays in it.

    Raises:
        BadFile: a value does not end, or there is text between values.
    """
    outside = 1 if in_array else 0
    text, line = "", 1
    depth = start = at = 0
    for chunk in file.chunks():
        text += chunk
        while match := _TOKEN.search(text, at):
            sign = match[0]
            if sign == '"':
                break  # the string continues in the next chunk
            at = match.end()
            if sign in "[{":
                depth += 1
                if in_array and depth == 1:
                    _nothing_but_space(text[start : match.start()], line, sign)
                    line, start = line + text.count("\n", start, at), at
                continue
            depth -= sign in "]}"
            if depth < 0:
                raise BadFile(f"line {line + text.count(chr(10), start, at)}: {sign!r} closes nothing{_GOES_ON}")
            of_value = depth == outside and sign in ("," if in_array else "]}")
            if of_value or (in_array and depth == 0):
                whole = text[start : match.start() if in_array else at]
                if whole.strip():
                    yield Value(line + _lines_before(whole), whole.strip())
                line, start = line + text.count("\n", start, at), at
        else:
            at = len(text)
        if len(text) - start > LONGEST:
            raise BadFile(f"the value that begins in line {line} does not end: a bracket or quote is missing{_GOES_ON}")
        text, at, start = text[start:], at - start, 0
    if depth or text.strip(" \t\r\n,\ufeff"):
        where = line + _lines_before(text)
        raise BadFile(f"the file ends within the value that begins in line {where}: it was cut{_GOES_ON}")


def _nothing_but_space(text: str, line: int, opened: str) -> None:
    if text.strip(" \t\r\n,\ufeff") or opened == "{":
        line += _lines_before(text)
        raise BadFile(
            f"line {line}: {(text.strip() + opened)[:50]!r} is outside the arrays that hold the rest{_GOES_ON}"
        )


def _lines_before(text: str) -> int:
    return text.count("\n", 0, len(text) - len(text.lstrip()))
