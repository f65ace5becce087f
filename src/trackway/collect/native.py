"""The native dialect: Segment's messages as JSON, decoded and checked one by one.

Limits are DESIGN.md §9's: 1 MiB a request, 500 messages a batch, 32 KiB and 255 properties a message, depth 16.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from trackway.collect.privacy import Privacy
from trackway.event import MESSAGE_TYPES, Message, Millis, Rejection, to_millis, uuid7

MAX_REQUEST = 1024 * 1024
MAX_MESSAGE = 32 * 1024
MAX_MESSAGES = 500
MAX_PROPERTIES = 255
MAX_DEPTH = 16
MAX_ID = 255
_OLDEST = 946_684_800_000  # 2000-01-01: before it, a clock is broken rather than late
_NEWEST = 4_102_444_800_000  # 2100-01-01


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: str | None = None
    sent_at: datetime | int | float | None = None
    context: dict[str, Any] | None = None


class _Single(msgspec.Struct, rename="camel"):
    write_key: str | None = None


class _Older(msgspec.Struct):
    action: str | None = None
    user_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None


_batch = msgspec.json.Decoder(_Batch)
_older = msgspec.json.Decoder(_Older)
_message = msgspec.json.Decoder(Message)
_single = msgspec.json.Decoder(_Single)
_AT = re.compile(r"^(.*?) - at `\$\.?(.*)`$")


class Refusal(Exception):
    """A request that cannot be read at all.

    Attributes:
        status: the HTTP status to answer with.
        field: the part of the request that is wrong.
    """

    def __init__(self, status: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.field = status, field


Nobody = Callable[[dict[str, Any]], str]
"""Gives a message that names nobody its visitor, from its context."""


class Request(msgspec.Struct):
    """What a request holds: messages that are good, rejections of those that are not, and its envelope."""

    messages: list[Message]
    indexes: list[int]
    rejections: list[Rejection]
    write_key: str | None = None
    sent_at: Millis | None = None

    def reject(self, index: int, field: str, reason: str) -> None:
        """Move a message, by its place among `messages`, to the rejections."""
        message = self.messages.pop(index)
        body = msgspec.json.encode(message).decode()
        self.rejections.append(Rejection(self.indexes.pop(index), field, reason, str(message.message_id), body))


_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def whole_characters(body: bytes) -> bytes:
    """JSON in which half of a surrogate pair, which JavaScript lets into strings, is U+FFFD."""
    return _LONE_SURROGATE.sub(rb"\\ufffd", body) if b"\\ud" in body or b"\\uD" in body else body


def decode(kind: str, body: bytes, privacy: Privacy, received_at: Millis, nobody: Nobody | None = None) -> Request:
    """Decode the body of `POST /v1/{kind}`.

    A message that names nobody is refused, or is that visitor's whom `nobody` finds in its context.
    Half of a surrogate pair, which JavaScript lets into strings, becomes U+FFFD.

    Raises:
        Refusal: the body is not JSON, not an object, or holds too many messages.
    """
    body = whole_characters(body)
    try:
        if kind != "batch":
            request = Request([], [], [], _single.decode(body).write_key)
            _take(request, 0, body, kind, None, privacy, received_at, nobody)
            return request
        envelope = _batch.decode(body)
        sent_at = None if envelope.sent_at is None else to_millis(envelope.sent_at)
    except msgspec.ValidationError as error:
        reason, field = _explain(error)
        raise Refusal(400, field or "body", reason) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "body", f"the body is not valid JSON: {error}") from error
    except (OverflowError, ValueError) as error:
        raise Refusal(400, "sentAt", "sentAt is not a time; send ISO 8601, such as 2026-01-31T12:00:00Z") from error
    if len(envelope.batch) > MAX_MESSAGES:
        raise Refusal(413, "batch", f"{len(envelope.batch)} messages in a batch; send at most {MAX_MESSAGES} at once")
    request = Request([], [], [], envelope.write_key, sent_at)
    for index, raw in enumerate(envelope.batch):
        _take(request, index, bytes(raw), "", envelope.context, privacy, received_at, nobody)
    return request


def _take(
    request: Request,
    index: int,
    raw: bytes,
    kind: str,
    context: dict[str, Any] | None,
    privacy: Privacy,
    received_at: Millis,
    nobody: Nobody | None,
) -> None:
    """Decode one message into `request`, as a message or as a rejection."""
    try:
        if len(raw) > MAX_MESSAGE:
            raise _Wrong("", f"the message has {len(raw)} bytes; at most {MAX_MESSAGE} are taken")
        message = _message.decode(raw)
        if kind:
            message.type = kind
        if context:
            message.context = {**context, **(message.context or {})}
        if not (message.type and (message.anonymous_id or message.user_id)):
            _older_spelling(message, raw)
            if nobody is not None and not (message.anonymous_id or message.user_id):
                message.anonymous_id = nobody(message.context or {})
        accept(message, received_at)
        # Each level opens with a bracket: with so few of them nothing can be too deep.
        if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
            _check_depth(message)
        privacy.apply(message)
        request.messages.append(message)
        request.indexes.append(index)
    except msgspec.ValidationError as error:
        reason, field = _explain(error)
        request.rejections.append(_reject(index, field, reason, raw, privacy))
    except _Wrong as error:
        request.rejections.append(_reject(index, error.field, str(error), raw, privacy))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        request.rejections.append(_reject(index, "", f"not valid JSON in UTF-8: {error}", raw, privacy))


def _older_spelling(message: Message, raw: bytes) -> None:
    """Segment's own examples also say `action` for `type` and `user_id` for `userId`."""
    older = _older.decode(raw)
    message.type = message.type or older.action or ""
    message.user_id = message.user_id or older.user_id
    message.anonymous_id = message.anonymous_id or older.anonymous_id


class _Wrong(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def accept(message: Message, received_at: Millis) -> None:
    """Check a decoded message and bring its ids into the form in which they are kept, in place.

    A missing `messageId` is minted. Raises `_Wrong` with the field, the problem and the fix.
    """
    if message.type not in MESSAGE_TYPES:
        given = f"{message.type!r} is not a type" if message.type else "the type is missing"
        raise _Wrong("type", f"{given}; send one of {', '.join(MESSAGE_TYPES)}")
    for field in ("anonymous_id", "user_id", "message_id", "group_id", "previous_id"):
        value = getattr(message, field)
        if value is not None and not (type(value) is str and len(value) <= MAX_ID):
            setattr(message, field, _identifier(field, value))
    if not message.message_id:
        message.message_id = "tw-" + uuid7(received_at).hex()
    _check_required(message)
    for field in ("timestamp", "original_timestamp", "sent_at"):
        value = getattr(message, field)
        if value is not None:
            setattr(message, field, _time(field, value))
    for field in ("properties", "traits", "context"):
        values = getattr(message, field)
        if values is not None and len(values) > MAX_PROPERTIES:
            raise _Wrong(field, f"{len(values)} keys; at most {MAX_PROPERTIES} are taken")


def _check_required(message: Message) -> None:
    if message.type == "track" and not message.event:
        raise _Wrong("event", "a track message names its event; send event as a non-empty string")
    if message.event and len(message.event) > MAX_ID:
        raise _Wrong("event", f"the event's name has {len(message.event)} characters; at most {MAX_ID} are taken")
    if message.type == "group" and not message.group_id:
        raise _Wrong("groupId", "a group message names its group; send groupId as a non-empty string")
    if message.type == "alias" and not (message.previous_id and message.user_id):
        missing = "userId" if message.previous_id else "previousId"
        raise _Wrong(missing, "an alias message joins two ids; send both previousId and userId")
    if not (message.anonymous_id or message.user_id):
        raise _Wrong("anonymousId", "nobody is named; send anonymousId, userId or both")


def _identifier(field: str, value: str | int | float) -> str:
    text = value if isinstance(value, str) else f"{value:.0f}" if float(value).is_integer() else str(value)
    if len(text) > MAX_ID:
        raise _Wrong(_camel(field), f"the id has {len(text)} characters; at most {MAX_ID} are taken")
    return text


def _time(field: str, value: datetime | int | float) -> Millis:
    try:
        millis = to_millis(value)
    except (OverflowError, ValueError):
        millis = -1
    if not _OLDEST <= millis <= _NEWEST:
        raise _Wrong(_camel(field), "the time lies outside the years 2000 to 2099; send ISO 8601 in UTC")
    return millis


def _check_depth(message: Message) -> None:
    for field in ("properties", "traits", "context"):
        for key, value in (getattr(message, field) or {}).items():
            if _too_deep(value, 2):
                raise _Wrong(f"{field}.{key}", f"nested deeper than {MAX_DEPTH} levels; flatten it")


def _too_deep(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > MAX_DEPTH or any(_too_deep(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return depth > MAX_DEPTH or any(_too_deep(inner, depth + 1) for inner in value)
    return False


def _explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's message taken apart: the reason, and the field it names."""
    match = _AT.match(str(error))
    return (match[1], match[2]) if match else (str(error), "")


def _reject(index: int, field: str, reason: str, raw: bytes, privacy: Privacy) -> Rejection:
    """A rejection with what can be kept of the message for an administrator to look at."""
    message_id, body = "", ""
    try:
        value = msgspec.json.decode(raw[:MAX_MESSAGE])
        privacy.apply_to_anything(value)
        if isinstance(value, dict):
            message_id = str(value.get("messageId", ""))[:MAX_ID]
            value.pop("writeKey", None)
        body = msgspec.json.encode(value).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError, msgspec.ValidationError):
        pass  # cut or unreadable: what cannot be cleaned is not kept
    return Rejection(index, field, reason, message_id, body)


def _camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)


def reject_unstorable(request: Request) -> None:
    """Move messages that MessagePack cannot hold (integers over 64 bits) to the rejections, in place."""
    taken = list(zip(request.indexes, request.messages, strict=True))
    request.indexes, request.messages = [], []
    for index, message in taken:
        try:
            msgspec.msgpack.encode(message)
        except (UnicodeError, OverflowError) as error:
            reason = f"a value cannot be stored: {error}; send larger numbers as text"
            request.rejections.append(Rejection(index, "properties", reason, str(message.message_id)))
        else:
            request.indexes.append(index)
            request.messages.append(message)
