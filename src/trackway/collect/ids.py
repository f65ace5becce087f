"""Ids that clients send: kept exactly or refused with their field; placeholder ids are recognized."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackway.collect.numbers import READ, Note, check_numbers
from trackway.config import PLACEHOLDER_IDS
from trackway.event import Message

MAX_ID = 255
_MAX_ENTITY_ID = 2048
_EXACT = 10**15
"""Whole floats below this limit have at most 15 digits, which a double holds exactly."""
_FIELDS = ("anonymous_id", "user_id", "message_id", "group_id", "previous_id")
_OF_PROPERTIES = {
    "order_id": MAX_ID, "orderId": MAX_ID, "booking_id": MAX_ID, "bookingId": MAX_ID, "entity_id": _MAX_ENTITY_ID,
}  # fmt: skip
_LOOKED_AT = READ | _OF_PROPERTIES.keys()


class BadField(Exception):
    """A message that cannot be taken: the field, its problem and the correction."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


_placeholders = set(PLACEHOLDER_IDS)
_lengths = {len(name) for name in _placeholders}


def use_placeholders(names: Iterable[str]) -> None:
    """Set the placeholder ids of this process: the setting `placeholder_ids`."""
    _placeholders.clear()
    _placeholders.update(name.strip().lower() for name in names)
    _lengths.clear()
    _lengths.update(map(len, _placeholders))


def is_placeholder(text: str) -> bool:
    """Whether an id is blank or, in any case, a placeholder for an unknown id (`undefined`, `null`, …)."""
    bare = text.strip()
    # The length is compared first, because every id that arrives is checked and few have the length of a placeholder.
    return not bare or (len(bare) in _lengths and bare.lower() in _placeholders)


def exact_id(field: str, value: object, most: int = MAX_ID) -> str:
    """Return an id as text: a string unchanged, an integer as its digits, 42.0 as 42.

    Raises:
        BadField: it is too long, is neither string nor number, or is a number that may have been rounded in transit.
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise BadField(field, "an id is a string; send it as text")
    elif isinstance(value, float):
        if not value.is_integer() or abs(value) >= _EXACT:
            raise BadField(field, "the number may have been rounded; send it as text")
        text = str(int(value))
    elif abs(value) >= 10**most:  # this also keeps str() below its own limit of digits
        raise BadField(field, f"the id has more than {most} digits; at most {most} are taken")
    else:
        text = str(value)
    if len(text) > most:
        raise BadField(field, f"the id has {len(text)} characters; at most {most} are taken")
    return text


def optional_id(field: str, value: object) -> str:
    """Return an id as `exact_id` does, without surrounding blanks; empty when there is none or it is a placeholder.

    Raises:
        BadField: as in `exact_id`.
    """
    text = "" if value is None else exact_id(field, value).strip()
    return "" if is_placeholder(text) else text


def check_ids(message: Message) -> list[Note]:
    """Make a message's ids exact text and remove placeholder ids, in place.

    Returns:
        Notes on the ids that were removed, and on properties that should be numbers and are not.

    Raises:
        BadField: an id cannot be kept, or an alias has a placeholder id.
    """
    notes: list[Note] = []
    for field in () if _need_no_check(message) else _FIELDS:
        value = getattr(message, field)
        if value is None:
            continue
        if not (type(value) is str and len(value) <= MAX_ID):
            value = exact_id(json_name(field), value)
            setattr(message, field, value)
        if value and is_placeholder(value):
            if message.type == "alias" and field in ("user_id", "previous_id"):
                raise BadField(json_name(field), f"{value!r} is a placeholder and not an id; send an alias of real ids")
            setattr(message, field, None)
            notes.append((json_name(field), _placeholder_note(value)))
    if (properties := message.properties) and not _LOOKED_AT.isdisjoint(properties):
        notes += _check_properties(properties)
        notes += check_numbers(properties)
    if context := message.context:
        if isinstance(session := context.get("sessionId"), float):
            context["sessionId"] = exact_id("context.sessionId", session)
        if (group := context.get("groupId")) is not None:
            known = isinstance(group, str | int | float) and not isinstance(group, bool)
            text = exact_id("context.groupId", group) if known else ""
            context["groupId"] = None if is_placeholder(text) else text
    return notes


def _need_no_check(message: Message) -> bool:
    """Whether no id needs a closer look, as in nearly all messages.

    One call checks all ids, because every message needs the check.
    """
    for value in (message.anonymous_id, message.user_id, message.message_id, message.group_id, message.previous_id):
        if value is not None:
            if type(value) is not str or len(value) > MAX_ID:
                return False
            bare = value.strip()
            if not bare or len(bare) in _lengths:
                return False
    return True


def _check_properties(properties: dict[str, Any]) -> list[Note]:
    """Check the properties that identify orders and entities, in place. Numbers stay numbers where these are exact."""
    notes: list[Note] = []
    for name, most in _OF_PROPERTIES.items():
        if name not in properties:
            continue
        value = properties[name]
        if name == "entity_id" and type(value) is str and len(value) <= most:
            continue
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = exact_id(f"properties.{name}", value, most)
            if name != "entity_id" and text and is_placeholder(text):
                properties[name] = None
                notes.append((f"properties.{name}", _placeholder_note(text)))
            elif not isinstance(value, str):
                properties[name] = int(value) if -(2**63) <= value < 2**64 else text
    return notes


def _placeholder_note(value: str) -> str:
    return f"{value!r} is a placeholder and not an id: the message is accepted without it"


def json_name(field: str) -> str:
    """Return a field's name as it is in JSON."""
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)
