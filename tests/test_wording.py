"""Refusals are in plain words: every text of msgspec's is translated, with the field, the fix and an example."""

from __future__ import annotations

import enum
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from trackway.wording import _WORDS, fault

KIND = r"`|Expected|Invalid|RFC3339|ISO8601|regex|Object|\bstr\b|\bint\b|null`|float|enum|got "
"""Words of msgspec's own."""


class Colour(enum.Enum):
    RED = "red"


class Cat(msgspec.Struct, tag="cat"):
    age: int = 0


class Dog(msgspec.Struct, tag="dog"):
    age: int = 0


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: Literal["small", "large"] = "small"


class Pair(msgspec.Struct, array_like=True):
    first: int
    second: int = 0


CASES: list[tuple[Any, bytes, str, str]] = [
    (str, b"5", "", 'it is a whole number; send text, such as "abc"'),
    (str | None, b"5", "", 'it is a whole number; send text or null, such as "abc"'),
    (int, b"null", "", "it is empty; send a whole number, such as 42"),
    (int, b'"5"', "", "it is text; send a whole number, such as 42"),
    (int, b"5.5", "", "it is a number; send a whole number, such as 42"),
    (float, b"true", "", "it is a yes or no; send a number, such as 12.5"),
    (bool, b"{}", "", "it is an object; send true or false, such as true"),
    (list[int], b"{}", "", 'it is an object; send a list, such as ["a", "b"]'),
    (dict[str, Any] | None, b"[]", "", 'it is a list; send an object or null, such as {"name": "value"}'),
    (datetime | int | float | None, b"[]", "", "send a time or null, such as"),
    (datetime, b'"soon"', "", 'send a time, such as "2026-01-31T12:00:00Z"'),
    (date, b'"soon"', "", 'send a day, such as "2026-01-31"'),
    (time, b'"soon"', "", 'send a time of day, such as "12:00:00Z"'),
    (timedelta, b'"soon"', "", 'send a duration, such as "PT30M"'),
    (timedelta, b'"P1Y"', "", 'such as "PT30M"'),
    (timedelta, b"100", "", "send a duration"),
    (UUID, b'"x"', "", "send a UUID, such as"),
    (bytes, b'"*"', "", "send base64 text"),
    (Decimal, b'"x"', "", 'send an amount, such as "12.50"'),
    (Annotated[datetime, Meta(tz=True)], b'"2026-01-31T12:00:00"', "", "has no time zone"),
    (Annotated[datetime, Meta(tz=False)], b'"2026-01-31T12:00:00Z"', "", "has a time zone"),
    (Annotated[int, Meta(ge=1)], b"0", "", "it is too small; send a number that is at least 1, such as 1"),
    (Annotated[int, Meta(le=9)], b"10", "", "at most 9"),
    (Annotated[int, Meta(lt=9)], b"10", "", "at most 8"),
    (Annotated[float, Meta(gt=0)], b"0", "", "more than 0"),
    (Annotated[float, Meta(lt=1)], b"1", "", "less than 1"),
    (Annotated[int, Meta(multiple_of=5)], b"7", "", "not a multiple of 5"),
    (Annotated[float, Meta(multiple_of=0.5)], b"0.7", "", "not a multiple of 0.5"),
    (Annotated[str, Meta(min_length=1)], b'""', "", 'it is empty; send text of at least one character, such as "abc"'),
    (Annotated[str, Meta(max_length=2)], b'"abc"', "", "it is too long; send at most 2 characters"),
    (Annotated[list[int], Meta(min_length=1)], b"[]", "", "at least one entry"),
    (Annotated[list[int], Meta(max_length=1)], b"[1,2]", "", "at most 1 entry"),
    (Annotated[dict[str, int], Meta(min_length=2)], b"{}", "", "at least 2 members"),
    (Annotated[bytes, Meta(max_length=1)], b'"YWJj"', "", "at most 1 byte"),
    (Annotated[str, Meta(pattern="^[A-Za-z]{3}$")], b'"shillings"', "", 'such as "EUR"'),
    (Annotated[str, Meta(pattern="^a+$")], b'"b"', "", "of the form ^a+$"),
    (tuple[int, int], b"[1]", "", "send 2 entries"),
    (Pair, b"[]", "", "entries"),
    (Literal["a", "b"], b'"c"', "", "'c' is not an allowed value; send one of a, b"),
    (Literal[1, 2], b"3", "", "send one of 1, 2"),
    (Colour, b'"blue"', "", "send one of red"),
    (Cat | Dog, b'{"type":"cow"}', "type", "'cow' is not an allowed value"),
    (Inner, b"{}", "name", 'it is missing; send text, such as "abc"'),
    (Inner, b'{"name":"a","siz":"small"}', "siz", "there is no such field; did you mean size? known are name, size"),
    (Inner, b'{"name":"a","size":"huge"}', "size", "send one of large, small"),
    (list[Inner], b'[{"name":"a"},{"name":5}]', "[1].name", "send text"),
    (dict[str, list[Inner]], b'{"x":[{"name":"a","size":"huge"}]}', "[...][0].size", "send one of large, small"),
    (dict[int, int], b'{"x":1}', "", "a name in it is wrong: it is text; send a whole number, such as 42"),
    (float, b"1e400", "", "send a number of at most 64 bits, or text"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "field", "words"), CASES, ids=range(len(CASES)))
def test_a_refusal_says_the_field_what_is_wrong_and_what_to_send(
    kind: Any, given: bytes, field: str, words: str
) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(given, type=kind)
    found = fault(caught.value, kind)
    assert found.field == field, str(caught.value)
    assert words in found.reason, (found.reason, str(caught.value))
    assert not re.search(KIND, found.reason), found.reason
    blind = fault(caught.value)
    assert blind.field == field and not re.search(KIND, blind.reason), blind.reason


_FILLED = {"U": "datetime", "s": "int", "zd": "3", "lld": "3", "llu": "3", "R": "'x'"}


def said_by_msgspec() -> list[str]:
    """Every text of a ValidationError in the installed msgspec: its formats end with the place, `%U`."""
    compiled = Path(msgspec._core.__file__).read_bytes()
    return sorted({text.decode() for text in re.findall(rb"[A-Z][ -~]{4,300}(?=%U\0)", compiled)})


def test_every_text_of_msgspecs_has_plain_words() -> None:
    texts = said_by_msgspec()
    assert len(texts) > 40
    for text in texts:
        filled = re.sub(r"%(zd|lld|llu|U|s|R)", lambda match: _FILLED[match[1]], text)
        signs = ["<=", ">=", "<", ">"] if text.startswith("Expected `float` %s") else [""]
        for sign in signs:
            shown = f"Expected `float` {sign} 0.5" if sign else filled
            reason = fault(f"{shown} - at `$.a`").reason
            assert "cannot be used" not in reason and not re.search(KIND, reason), (shown, reason)
    assert all(fault(f"{text} - at `$.a[3].b`").field for text in texts)
    assert len(_WORDS) < len(texts)
