"""Orders as other systems have them, said in messages: by the API, payment providers, shops and databases.

Whoever reports an order states all of it. What is reported again is the same order; each message has an id that is a
function of what it says, so that a delivery that comes twice counts once. Such messages belong to no session.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import msgspec

from trackway.collect.ids import MAX_ID, Wrong, is_placeholder
from trackway.collect.native import accept
from trackway.event import Message, now, to_millis
from trackway.storable import is_time
from trackway.wording import fault

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_MaybeId = Annotated[str, msgspec.Meta(max_length=255)]
_Amount = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,13}(\.[0-9]{1,10})?$")]


class BadOrder(ValueError):
    """An order that cannot be taken; the text names the field, what is wrong and how to mend it.

    Attributes:
        field: the field alone, where one is wrong.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class OrderReport(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An order or booking as somebody's system has it at a moment.

    `status` is `placed` when it counts, `waiting` when it does not yet (unpaid), `ended` when it does not any more
    (cancelled, failed, removed). Amounts are texts such as "12.50"; `refunded` is all that was given back so far.
    """

    order_id: _Id
    kind: Literal["order", "booking"] = "order"
    status: Literal["placed", "waiting", "ended"] = "placed"
    user_id: _MaybeId = ""
    anonymous_id: _MaybeId = ""
    placed_at: datetime
    updated_at: datetime | None = None
    total: _Amount
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{3}$")]
    refunded: _Amount | None = None
    service: Annotated[str, msgspec.Meta(max_length=255)] = ""


def shaped(one: OrderReport) -> OrderReport:
    """An order that was put together here, once its fields are as they have to be. Raises BadOrder."""
    try:
        return msgspec.convert(msgspec.to_builtins(one), OrderReport)
    except msgspec.ValidationError as error:
        wrong = fault(error, OrderReport)
        raise BadOrder(str(wrong), wrong.field) from error


def plain(amount: object, field: str) -> str:
    """A field's amount as digits, such as "12.50". Raises BadOrder when it is none, or one of very many digits."""
    try:
        found = Decimal(str(amount).strip())
    except (InvalidOperation, ValueError) as error:
        reason = f"{field}: {str(amount)[:40]!r} is not an amount; send digits with a point, such as 12.50"
        raise BadOrder(reason, field) from error
    if not found.is_finite() or not -20 < found.adjusted() < 20:
        if found.is_finite() and found.is_zero():
            return "0"
        reason = f"{field}: {str(amount)[:40]!r} is out of the range of amounts; send at most 13 digits, such as 12.50"
        raise BadOrder(reason, field)
    return f"{found:f}"


def check(one: OrderReport) -> None:
    """Raises BadOrder when an order names nobody, has no id of its own, or a time that no clock shows."""
    if is_placeholder(one.order_id):
        raise BadOrder(f"order_id is {one.order_id!r}, which is a placeholder; send the order's own id", "order_id")
    if all(is_placeholder(name) for name in (one.user_id, one.anonymous_id)):
        raise BadOrder(f"the order {one.order_id!r} names nobody; send user_id, anonymous_id or both", "user_id")
    _check_times(one)


def _check_times(one: OrderReport) -> None:
    for field in ("placed_at", "updated_at"):
        at = getattr(one, field)
        if at is not None and not is_time(to_millis(at)):
            raise BadOrder(
                f"{field} of the order {one.order_id!r} is {at.isoformat()}; send a time of the years 2000 to 2099",
                field,
            )


def messages(one: OrderReport, known: bool, source: str, change: str = "", created: bool = False) -> list[Message]:
    """What is to be said of an order.

    Args:
        known: whether it has been stored before.
        source: who reports it; part of the ids of messages.
        change: names this report, where its source does; else what it says does.
        created: the report says that it is the first of this order.

    Raises:
        BadOrder: it cannot be said; never of an order that `check` lets pass.
    """
    _check_times(one)
    said = change or _digest(one)
    if one.status != "placed":
        # Of what waits and nobody has heard of, there is nothing to say.
        return [_message(one, "Cancelled", source, said)] if known or one.status == "ended" else []
    if known:
        return [_message(one, "Updated", source, said)]
    completed = _message(one, "Completed", source, "completed")
    # Of two reports that come together the later may arrive first: the completion is one, the state is each one's.
    return [completed] if created or one.updated_at is None else [completed, _message(one, "Updated", source, said)]


def transition(before: OrderReport | None, after: OrderReport | None, source: str, change: str) -> list[Message]:
    """The same of a change of which both sides are known; None is a row that is not there."""
    if before is not None and after is not None and (before.kind, before.order_id) != (after.kind, after.order_id):
        return transition(before, None, source, f"{change}-from") + transition(None, after, source, f"{change}-to")
    was, now_ = (one is not None and one.status == "placed" for one in (before, after))
    if now_:
        assert after is not None
        return [_message(after, "Updated" if was else "Completed", source, change)]
    gone = after or before
    return [_message(gone, "Cancelled", source, change)] if was and gone is not None else []


def _message(one: OrderReport, what: str, source: str, change: str) -> Message:
    at = _utc(one.placed_at if what == "Completed" or one.updated_at is None else one.updated_at)
    properties: dict[str, Any] = {
        f"{one.kind}_id": one.order_id, "total": one.total, "currency": one.currency.upper(), "status": one.status,
    }  # fmt: skip
    if one.updated_at is not None:
        properties["updated_at"] = _utc(one.updated_at).isoformat(timespec="milliseconds")
    if one.refunded is not None:
        properties["refunded"] = one.refunded
    if one.service:
        properties["service"] = one.service
    message = Message(
        type="track",
        event=f"{one.kind.capitalize()} {what}",
        message_id=_short(f"{source}-{one.kind}-{one.order_id}-{change}"),
        anonymous_id=one.anonymous_id or None,
        user_id=one.user_id or None,
        timestamp=at,
        context={"sessionId": False, "library": {"name": source.partition(" ")[0]}},
        properties=properties,
    )
    try:
        accept(message, now())
    except Wrong as error:
        raise BadOrder(f"{error.field} of the order {one.order_id!r}: {error}", error.field) from error
    return message


def aliases(previous: str, user_id: str, source: str) -> list[Message]:
    """Says that a source's own name for somebody is a user; nothing when one of them is a placeholder."""
    if is_placeholder(previous) or is_placeholder(user_id):
        return []
    message = Message(
        type="alias", message_id=_short(f"{source}-alias-{previous}-{user_id}"), previous_id=previous, user_id=user_id,
        context={"sessionId": False, "library": {"name": source.partition(" ")[0]}},
    )  # fmt: skip
    accept(message, now())
    return [message]


def pseudonym(text: str) -> str:
    """A name for somebody of whom only an address is known, which is not written down."""
    return f"guest:{hashlib.sha256(text.strip().lower().encode()).hexdigest()[:24]}"


def _digest(one: OrderReport) -> str:
    return hashlib.blake2b(msgspec.json.encode(one), digest_size=12).hexdigest()


def _short(text: str) -> str:
    """A message id; one that is too long is told by its hash."""
    return text if len(text) <= MAX_ID else f"{text[:180]}-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
