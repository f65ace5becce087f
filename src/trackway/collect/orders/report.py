"""Orders of other systems as messages: from the API, payment providers, shops and databases.

A report states the whole order. Reporting an order again updates it. The id of each message is a function of its
content, so that a delivery that comes twice counts once. Such messages belong to no session.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import msgspec

from trackway.collect.ids import MAX_ID, BadField, is_placeholder
from trackway.collect.native import check_message
from trackway.event import Message, now, to_millis
from trackway.storable import is_time
from trackway.wording import fault

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_MaybeId = Annotated[str, msgspec.Meta(max_length=255)]
_Amount = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,13}(\.[0-9]{1,10})?$")]


class BadOrder(ValueError):
    """An order that cannot be taken; the text names the field, the error and the correction.

    Attributes:
        field: the name of the wrong field, if there is one.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class OrderReport(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The state of an order or booking in another system at one moment.

    `status` is `placed` when the order counts, `waiting` when it does not count yet (unpaid), `ended` when it does not
    count any more (cancelled, failed, removed). Amounts are texts such as "12.50"; `refunded` is the sum of all refunds
    so far.
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


def validated(order: OrderReport) -> OrderReport:
    """Validate the fields of an order that was built by this code. Raises BadOrder."""
    try:
        return msgspec.convert(msgspec.to_builtins(order), OrderReport)
    except msgspec.ValidationError as error:
        wrong = fault(error, OrderReport)
        raise BadOrder(str(wrong), wrong.field) from error


def plain(amount: object, field: str) -> str:
    """Return a field's amount as digits, such as "12.50". Raises BadOrder for anything else and for too many digits."""
    try:
        number = Decimal(str(amount).strip())
    except (InvalidOperation, ValueError) as error:
        reason = f"{field}: {str(amount)[:40]!r} is not an amount; send digits with a point, such as 12.50"
        raise BadOrder(reason, field) from error
    if not number.is_finite() or not -20 < number.adjusted() < 20:
        if number.is_finite() and number.is_zero():
            return "0"
        reason = f"{field}: {str(amount)[:40]!r} is out of the range of amounts; send at most 13 digits, such as 12.50"
        raise BadOrder(reason, field)
    return f"{number:f}"


def check(order: OrderReport) -> None:
    """Check that an order names a person and has an id and times that can be stored. Raises BadOrder if not."""
    if is_placeholder(order.order_id):
        raise BadOrder(f"order_id is {order.order_id!r}, which is a placeholder; send the order's own id", "order_id")
    if all(is_placeholder(name) for name in (order.user_id, order.anonymous_id)):
        raise BadOrder(f"the order {order.order_id!r} names nobody; send user_id, anonymous_id or both", "user_id")
    _check_times(order)


def _check_times(order: OrderReport) -> None:
    for field in ("placed_at", "updated_at"):
        at = getattr(order, field)
        if at is not None and not is_time(to_millis(at)):
            raise BadOrder(
                f"{field} of the order {order.order_id!r} is {at.isoformat()}; send a time of the years 2000 to 2099",
                field,
            )


def messages(order: OrderReport, known: bool, source: str, change: str = "", created: bool = False) -> list[Message]:
    """Return the messages of a report.

    Args:
        order: the order.
        known: whether the order has been stored before.
        source: the system that reports it; part of the message ids.
        change: the source's id for this report; empty for a digest of its content.
        created: whether the report is the first of this order, by its source.

    Raises:
        BadOrder: no valid message can be made; never for an order that passes `check`.
    """
    _check_times(order)
    change_id = change or _digest(order)
    if order.status != "placed":
        # A waiting order that was never reported before needs no message.
        return [_message(order, "Cancelled", source, change_id)] if known or order.status == "ended" else []
    if known:
        return [_message(order, "Updated", source, change_id)]
    completed = _message(order, "Completed", source, "completed")
    # Two simultaneous reports may arrive in reverse order: the completion has one id for both, each state has its own.
    return (
        [completed]
        if created or order.updated_at is None
        else [completed, _message(order, "Updated", source, change_id)]
    )


def transition(before: OrderReport | None, after: OrderReport | None, source: str, change: str) -> list[Message]:
    """Return the messages of a change from `before` to `after`; None stands for a row that does not exist."""
    if before is not None and after is not None and (before.kind, before.order_id) != (after.kind, after.order_id):
        return transition(before, None, source, f"{change}-from") + transition(None, after, source, f"{change}-to")
    was_placed, is_placed = (order is not None and order.status == "placed" for order in (before, after))
    if is_placed:
        assert after is not None
        return [_message(after, "Updated" if was_placed else "Completed", source, change)]
    removed = after or before
    return [_message(removed, "Cancelled", source, change)] if was_placed and removed is not None else []


def _message(order: OrderReport, event: str, source: str, change: str) -> Message:
    at = _utc(order.placed_at if event == "Completed" or order.updated_at is None else order.updated_at)
    properties: dict[str, Any] = {
        f"{order.kind}_id": order.order_id, "total": order.total, "currency": order.currency.upper(),
        "status": order.status,
    }  # fmt: skip
    if order.updated_at is not None:
        properties["updated_at"] = _utc(order.updated_at).isoformat(timespec="milliseconds")
    if order.refunded is not None:
        properties["refunded"] = order.refunded
    if order.service:
        properties["service"] = order.service
    message = Message(
        type="track",
        event=f"{order.kind.capitalize()} {event}",
        message_id=_short(f"{source}-{order.kind}-{order.order_id}-{change}"),
        anonymous_id=order.anonymous_id or None,
        user_id=order.user_id or None,
        timestamp=at,
        context={"sessionId": False, "library": {"name": source.partition(" ")[0]}},
        properties=properties,
    )
    try:
        check_message(message, now())
    except BadField as error:
        raise BadOrder(f"{error.field} of the order {order.order_id!r}: {error}", error.field) from error
    return message


def aliases(previous: str, user_id: str, source: str) -> list[Message]:
    """Return the alias message from a source's own id for a person to a user id; none when either is a placeholder."""
    if is_placeholder(previous) or is_placeholder(user_id):
        return []
    message = Message(
        type="alias", message_id=_short(f"{source}-alias-{previous}-{user_id}"), previous_id=previous, user_id=user_id,
        context={"sessionId": False, "library": {"name": source.partition(" ")[0]}},
    )  # fmt: skip
    check_message(message, now())
    return [message]


def pseudonym(text: str) -> str:
    """Return a pseudonym for a person of whom only an e-mail address is known; the address is not stored."""
    return f"guest:{hashlib.sha256(text.strip().lower().encode()).hexdigest()[:24]}"


def _digest(order: OrderReport) -> str:
    return hashlib.blake2b(msgspec.json.encode(order), digest_size=12).hexdigest()


def _short(text: str) -> str:
    """Return a message id, with a hash in place of the end when it is too long."""
    return text if len(text) <= MAX_ID else f"{text[:180]}-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
