"""The native dialect: Segment's messages as JSON, decoded and checked one by one.

Limits: 1 MiB a request, 500 messages a batch, 32 KiB and 255 properties a message, depth 16. An
error in a message costs that message only; an error in the envelope of a batch costs that field only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from trackway.collect.broken_json import Pieces, Unreadable, decoded, whole_characters
from trackway.collect.ids import MAX_ID, BadField, check_ids
from trackway.collect.privacy import Privacy
from trackway.event import MESSAGE_TYPES, Message, Millis, Rejection, to_millis, uuid7
from trackway.storable import OLDEST, is_time
from trackway.wording import fault

MAX_REQUEST = 1024 * 1024
MAX_MESSAGE = 32 * 1024
MAX_MESSAGES = 500
MAX_PROPERTIES = 255
MAX_DEPTH = 16
VIEW, COUNTER = "view", "views"
"""The event name and the library of a counted view; a view that a page reports itself does not have this library."""
_NOTHING = msgspec.Raw(b"null")


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: msgspec.Raw = _NOTHING
    context: msgspec.Raw = _NOTHING


class _Single(msgspec.Struct, rename="camel"):
    write_key: Any = None


class _Older(msgspec.Struct):
    action: str | None = None
    user_id: str | int | float | None = None
    anonymous_id: str | int | float | None = None


_batch = msgspec.json.Decoder(_Batch)
_older = msgspec.json.Decoder(_Older)
_message = msgspec.json.Decoder(Message)
_single = msgspec.json.Decoder(_Single)
_moment = msgspec.json.Decoder(datetime | int | float | None)
_context = msgspec.json.Decoder(dict[str, Any] | None)
_TIMES = "send ISO 8601, such as 2026-01-31T12:00:00Z"


class Refusal(Exception):
    """A request that cannot be read at all.

    Attributes:
        status: the HTTP status of the answer.
        field: the part of the request that is wrong.
    """

    def __init__(self, status: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.field = status, field


VisitorOf = Callable[[dict[str, Any]], str]
"""A function that returns the visitor of a message without ids, from the message's context."""


class BatchContext(NamedTuple):
    """The context of a batch, which applies to each of its messages, and its size in bytes."""

    context: dict[str, Any]
    size: int


class Request(msgspec.Struct):
    """The content of a request: good messages, rejections of the others, and the envelope.

    `notes` lists what was removed from accepted messages, such as a placeholder id; -1 is the envelope's index.
    """

    messages: list[Message]
    indexes: list[int]
    rejections: list[Rejection]
    write_key: str | None = None
    sent_at: Millis | None = None
    notes: list[Rejection] = []

    def note(self, index: int, field: str, reason: str, message_id: str = "") -> None:
        """Note what was removed from a message or the envelope; each kind is noted once in a request."""
        if not any(note.field == field and note.reason == reason for note in self.notes):
            self.notes.append(Rejection(index, field, reason, message_id))

    def reject(self, index: int, field: str, reason: str) -> None:
        """Move a message, given by its position in `messages`, to the rejections."""
        message = self.messages.pop(index)
        try:
            body = msgspec.json.encode(message).decode()
        except UnicodeError:
            body = ""
        self.rejections.append(Rejection(self.indexes.pop(index), field, reason, str(message.message_id), body))


def decode(
    kind: str, body: bytes, privacy: Privacy, received_at: Millis, visitor_of: VisitorOf | None = None
) -> Request:
    """Decode the body of `POST /v1/{kind}`.

    A message without ids gets the visitor that `visitor_of` returns for its context; without `visitor_of`, it is
    refused. Half of a surrogate pair, which JavaScript allows in strings, becomes U+FFFD.

    Raises:
        Refusal: the body is not JSON, not an object, or holds too many messages.
    """
    pieces = Pieces()
    try:
        envelope = (_batch if kind == "batch" else _single).decode(body)
    except msgspec.ValidationError as error:
        wrong = fault(error, _Batch if kind == "batch" else _Single)
        raise Refusal(400, wrong.field or "body", f"{wrong.field or 'the body'}: {wrong.reason}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        body = whole_characters(body)
        envelope = _salvaged(kind, body, pieces, error)
    write_key = envelope.write_key if isinstance(envelope.write_key, str) else None
    request = Request([], [], [], write_key)
    if isinstance(envelope, _Single):
        decode_message(request, 0, body, kind, privacy, received_at, visitor_of, pieces=pieces)
        return request
    if len(envelope.batch) > MAX_MESSAGES:
        raise Refusal(413, "batch", f"{len(envelope.batch)} messages in a batch; send at most {MAX_MESSAGES} at once")
    request.sent_at = _sent_at(request, bytes(envelope.sent_at))
    shared = _shared(request, bytes(envelope.context))
    for index, raw in enumerate(envelope.batch):
        decode_message(request, index, bytes(raw), "", privacy, received_at, visitor_of, shared, pieces)
    return request


def _salvaged(kind: str, body: bytes, pieces: Pieces, error: Exception) -> _Batch | _Single:
    """Return the envelope of a body that does not decode as a whole. Raises Refusal when it has none."""
    try:
        members = pieces.members(body)
        write_key = decoded(members.get("writeKey"))
        if kind != "batch":
            return _Single(write_key)
        messages = [msgspec.Raw(part.strip()) for part in pieces.parts(members.get("batch", b""))]
    except Unreadable:
        raise Refusal(400, "body", f"the body is not valid JSON: {error}") from error
    raw = {name: msgspec.Raw(members.get(name, b"null")) for name in ("sentAt", "context")}
    return _Batch(messages, write_key, raw["sentAt"], raw["context"])


def _sent_at(request: Request, raw: bytes) -> Millis | None:
    """Return the envelope's `sentAt`. An invalid one is left out, because the messages are not at fault."""
    try:
        value = _moment.decode(raw)
        return None if value is None else _time("sentAt", value)
    except (msgspec.DecodeError, UnicodeError, RecursionError, BadField):
        request.note(-1, "sentAt", f"the batch's sentAt is not a time and is not used; {_TIMES}")
        return None


def _shared(request: Request, raw: bytes) -> BatchContext | None:
    """Return the envelope's context, when it can be given to each message."""
    try:
        context = _context.decode(whole_characters(raw))
        if not context:
            return None
        if len(raw) <= MAX_MESSAGE and not _too_deep(context, 1) and not _unstorable(context, "context"):
            return BatchContext(context, len(raw))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    reason = (
        f"the batch's context is not an object of at most {MAX_MESSAGE} bytes and integers of 64 bits, and is not used"
    )
    request.note(-1, "context", reason)
    return None


def decode_message(
    request: Request,
    index: int,
    raw: bytes,
    kind: str,
    privacy: Privacy,
    received_at: Millis,
    visitor_of: VisitorOf | None = None,
    shared: BatchContext | None = None,
    pieces: Pieces | None = None,
    fill_in: Callable[[Message], None] | None = None,
) -> None:
    """Decode one message into `request`, as a message or as a rejection.

    Args:
        kind: the type, which overrides the message's own; empty to use the message's own.
        visitor_of: returns the visitor of a message without ids.
        shared: the context of its batch.
        pieces: finds the broken member of a message that does not decode.
        fill_in: fills in fields that messages of this origin may omit.
    """
    try:
        size = len(raw) + (shared.size if shared else 0)
        if size > MAX_MESSAGE:
            of_batch = " with the batch's context" if shared else ""
            raise BadField("", f"the message has {size} bytes{of_batch}; at most {MAX_MESSAGE} are taken")
        message = _message.decode(raw)
        if kind:
            message.type = kind
        if shared:
            message.context = {**shared.context, **(message.context or {})}
        if not (message.type and (message.anonymous_id or message.user_id)):
            _older_spelling(message, raw)
        if fill_in is not None:
            fill_in(message)
        for field, reason in check_ids(message):
            request.note(index, field, reason, str(message.message_id or ""))
        if message.event == VIEW and (reason := _claims_to_count(message)):
            request.note(index, "context.library.name", reason, str(message.message_id or ""))
        if visitor_of is not None and not (message.anonymous_id or message.user_id):
            message.anonymous_id = visitor_of(message.context or {})
        _check(message, received_at, request.sent_at)
        # Few brackets open few levels. `replace` finds a few single bytes several times faster than `count`.
        if 2 * len(raw) - len(raw.replace(b"{", b"")) - len(raw.replace(b"[", b"")) > MAX_DEPTH:
            _check_depth(message)
        privacy.apply(message)
        request.messages.append(message)
        request.indexes.append(index)
    except BadField as error:
        request.rejections.append(_reject(index, error.field, str(error), raw, privacy, pieces))
    except msgspec.ValidationError as error:
        field, reason = _fault(error, raw, pieces)
        request.rejections.append(_reject(index, field, reason, raw, privacy, pieces))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (whole := whole_characters(raw)) != raw:
            decode_message(request, index, whole, kind, privacy, received_at, visitor_of, shared, pieces, fill_in)
            return
        field, reason = (pieces or Pieces()).fault(raw)
        reason = reason or f"not valid JSON in UTF-8: {error}"
        request.rejections.append(_reject(index, field, reason, raw, privacy, pieces))


def _fault(error: msgspec.ValidationError, raw: bytes, pieces: Pieces | None) -> tuple[str, str]:
    """Return the field of a message that is wrong, and why."""
    field, reason = fault(error, Message)
    if "[...]" in field:  # for a member of an object, the decoder's error does not name it
        of_piece = (pieces or Pieces()).fault(raw)
        return of_piece if of_piece[0] else (field, reason)
    return field, reason


def _claims_to_count(message: Message) -> str:
    """Remove the library name of counted views from a page's own view, in place; return the reason, or empty."""
    library = (message.context or {}).get("library")
    if not isinstance(library, dict) or library.get("name") != COUNTER:
        return ""
    message.context = {**(message.context or {}), "library": {**library, "name": None}}
    return (
        f"{COUNTER!r} is the name of this server's own counter, so it was left out, and the event counts as no view; "
        "count views with POST /v1/entities/TYPE/ID/view"
    )


def _older_spelling(message: Message, raw: bytes) -> None:
    """Read the older spellings in Segment's own examples: `action` for `type`, and `user_id` for `userId`."""
    older = _older.decode(whole_characters(raw))
    message.type = message.type or older.action or ""
    message.user_id = message.user_id or older.user_id
    message.anonymous_id = message.anonymous_id or older.anonymous_id


def check_message(message: Message, received_at: Millis) -> None:
    """Check a decoded message and bring its ids into the form in which they are kept, in place.

    A missing `messageId` is generated. Raises `BadField` with the field, the problem and the correction.
    """
    check_ids(message)
    _check(message, received_at, None)


def _check(message: Message, received_at: Millis, sent_at: Millis | None) -> None:
    """Check a message's required fields and the bounds of its times and sizes. `sent_at` is that of its batch."""
    if message.type not in MESSAGE_TYPES:
        problem = f"{message.type!r} is not a type" if message.type else "the type is missing"
        raise BadField("type", f"{problem}; send one of {', '.join(MESSAGE_TYPES)}")
    if not message.message_id:
        message.message_id = "tw-" + uuid7(received_at).hex()
    _check_required(message)
    if message.timestamp is not None:
        message.timestamp = _time("timestamp", message.timestamp)
    if message.original_timestamp is not None:
        message.original_timestamp = _time("originalTimestamp", message.original_timestamp)
    if message.sent_at is not None:
        message.sent_at = _time("sentAt", message.sent_at)
    original: Any = message.original_timestamp or message.timestamp
    sent: Any = message.sent_at or sent_at
    if sent is not None and original is not None and received_at - (sent - original) < OLDEST:
        field = "sentAt" if message.sent_at else "timestamp"
        raise BadField(field, f"sent {(sent - original) // 86_400_000} days after it happened: before 2000; {_TIMES}")
    for values in (message.properties, message.traits, message.context):
        if values and len(values) > MAX_PROPERTIES:
            field = next(name for name in ("properties", "traits", "context") if getattr(message, name) is values)
            raise BadField(field, f"{len(values)} keys; at most {MAX_PROPERTIES} are taken")


def _check_required(message: Message) -> None:
    if message.type == "track" and not message.event:
        raise BadField("event", "a track message names its event; send event as a non-empty string")
    if message.event and len(message.event) > MAX_ID:
        raise BadField("event", f"the event's name has {len(message.event)} characters; at most {MAX_ID} are taken")
    if message.type == "group" and not message.group_id:
        raise BadField("groupId", "a group message names its group; send groupId as a non-empty string")
    if message.type == "alias" and not (message.previous_id and message.user_id):
        missing = "userId" if message.previous_id else "previousId"
        raise BadField(missing, "an alias message joins two ids; send both previousId and userId")
    if not (message.anonymous_id or message.user_id):
        raise BadField("anonymousId", "nobody is named; send anonymousId, userId or both")


def _time(field: str, value: datetime | int | float) -> Millis:
    try:
        millis = to_millis(value)
    except (OverflowError, ValueError):
        millis = -1
    if not is_time(millis):
        raise BadField(field, "the time lies outside the years 2000 to 2099; send ISO 8601 in UTC")
    return millis


def _check_depth(message: Message) -> None:
    for field in ("properties", "traits", "context"):
        for key, value in (getattr(message, field) or {}).items():
            if _too_deep(value, 2):
                raise BadField(f"{field}.{key}", f"nested deeper than {MAX_DEPTH} levels; flatten it")


def _too_deep(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > MAX_DEPTH or any(_too_deep(inner, depth + 1) for inner in value.values())
    if isinstance(value, list):
        return depth > MAX_DEPTH or any(_too_deep(inner, depth + 1) for inner in value)
    return False


def _reject(
    index: int, field: str, reason: str, raw: bytes, privacy: Privacy, pieces: Pieces | None = None
) -> Rejection:
    """Return a rejection with the part of the message that may be kept, for an administrator to look at."""
    message_id, body = "", ""
    try:
        value = msgspec.json.decode(whole_characters(raw[:MAX_MESSAGE]))
        privacy.apply_to_anything(value)
        if isinstance(value, dict):
            message_id = str(value.get("messageId", ""))[:MAX_ID]
            value.pop("writeKey", None)
        body = msgspec.json.encode(value).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # The message is cut or unreadable, so private data cannot be removed from it: it is not kept.
        message_id = _readable_id(raw, pieces or Pieces())
    return Rejection(index, field, reason, message_id, body)


def _readable_id(raw: bytes, pieces: Pieces) -> str:
    """Return the `messageId` of a message that does not decode."""
    try:
        value = decoded(pieces.members(raw).get("messageId"))
    except Unreadable:
        return ""
    return str(value)[:MAX_ID] if isinstance(value, str | int) else ""


def reject_unstorable(request: Request) -> None:
    """Move messages that MessagePack cannot hold (integers over 64 bits) to the rejections, in place."""
    try:
        msgspec.msgpack.encode(request.messages)
        return
    except (UnicodeError, OverflowError):
        pass
    for position in range(len(request.messages) - 1, -1, -1):
        message = request.messages[position]
        try:
            msgspec.msgpack.encode(message)
        except (UnicodeError, OverflowError):
            paths = (_unstorable(getattr(message, name), name) for name in ("properties", "traits", "context"))
            field = next((path for path in paths if path), "")
            request.reject(position, field, "an integer has more than 64 bits; send it as text")


def _unstorable(value: object, path: str) -> str:
    """Return the path of the first integer of more than 64 bits; empty when there is none."""
    if isinstance(value, int):
        return "" if -(2**63) <= value < 2**64 else path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next(
        (inner_path for name, inner_value in inner if (inner_path := _unstorable(inner_value, f"{path}.{name}"))), ""
    )
