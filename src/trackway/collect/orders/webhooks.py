"""Webhooks of payment providers and shops: Stripe and WooCommerce, with their signatures checked.

A delivery that concerns an order becomes a report of the whole order; any other delivery is answered and ignored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from trackway.collect.orders.report import BadOrder, OrderReport, plain, pseudonym, shaped

TOLERANCE_S = 300
# Errors from reading a delivery whose fields are not of the documented kind.
_NOT_AS_IT_SHOULD = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
# Currencies whose amounts Stripe gives in whole units, or in thousandths (https://docs.stripe.com/currencies).
_WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THOUSANDTHS = frozenset("BHD JOD KWD OMR TND".split())
_WOO_PLACED = frozenset(["processing", "completed", "refunded"])
_WOO_WAITING = frozenset(["pending", "on-hold", "checkout-draft", "auto-draft"])


class BadSignature(ValueError):
    """A delivery that was not signed with the connection's secret, or was signed too long ago."""


class Report(NamedTuple):
    """The content of a delivery.

    Attributes:
        order: the order, or None when the delivery is not about one.
        created: whether this is the order's first report.
        change: the provider's id of the delivery.
        known_as: the provider's own id for a person, and the user id of that person.
        unnamed: whether the delivery lacks the order's owner; a known order then keeps its owner.
    """

    order: OrderReport | None
    created: bool = False
    change: str = ""
    known_as: tuple[str, str] | None = None
    unnamed: bool = False


NOTHING = Report(None)


def stripe_signature(secret: str, at: str, body: bytes) -> str:
    """Return Stripe's signature of a body that is posted at a time (seconds since 1970, as text)."""
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def check_stripe(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Check the signature and the age of `Stripe-Signature`. Raises BadSignature.

    See https://docs.stripe.com/webhooks/signature.
    """
    pairs = [one.partition("=") for one in headers.get("stripe-signature", "").split(",")]
    at = next((value for name, _, value in pairs if name.strip() == "t"), "")
    if not at.isdecimal():
        raise BadSignature("there is no Stripe-Signature with a time")
    wanted = stripe_signature(secret, at, body).encode()
    if not any(hmac.compare_digest(wanted, value.strip().encode()) for name, _, value in pairs if name.strip() == "v1"):
        raise BadSignature("the signature is not made with this connection's secret")
    if abs(time.time() - int(at)) > TOLERANCE_S:
        raise BadSignature(f"the delivery was signed more than {TOLERANCE_S} s ago, or the clocks differ")


def check_woocommerce(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Check that `X-WC-Webhook-Signature` is right. Raises BadSignature."""
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    given = headers.get("x-wc-webhook-signature", "").encode("latin-1")
    if not hmac.compare_digest(wanted, given):
        raise BadSignature("the signature is not made with this connection's secret")


def read_stripe(_: Mapping[str, str], body: bytes) -> Report:
    """Read an event from Stripe. An order is a payment intent; checkout, intent and charge report the same order.

    The types are `payment_intent.succeeded`, `checkout.session.completed` (and `.async_payment_succeeded`),
    `charge.refunded` and `charge.updated`. The buyer is `client_reference_id` or `metadata.user_id` (and
    `metadata.anonymous_id`), else Stripe's customer, else a pseudonym of the e-mail address.

    Raises:
        BadOrder: it is not an event, or it lacks a required field.
    """
    event = _object(body)
    kind, said = str(event.get("type", "")), event.get("data", {})
    thing = said.get("object") if isinstance(said, dict) else None
    if not isinstance(thing, dict) or not kind:
        raise BadOrder("the delivery is no event of Stripe's: it has no type, or no data.object")
    try:
        if kind == "payment_intent.succeeded":
            order_id, priced = str(thing["id"]), "amount_received" if thing.get("amount_received") else "amount"
        elif kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
            if thing.get("payment_status") != "paid":
                return NOTHING
            order_id, priced = str(thing.get("payment_intent") or thing["id"]), "amount_total"
        elif kind in ("charge.refunded", "charge.updated") and thing.get("paid"):
            order_id, priced = str(thing.get("payment_intent") or thing["id"]), "amount"
        else:
            return NOTHING
        currency = str(thing["currency"]).upper()
        own, user_id, anonymous_id = _who_paid(thing)
        unnamed = not (own or user_id)
        own = own or f"stripe:{order_id}"
        refunded = thing.get("amount_refunded")
        created = _moment(event.get("created") or thing["created"])
        order = OrderReport(
            order_id=order_id, user_id=user_id or own, anonymous_id=anonymous_id, placed_at=_moment(thing["created"]),
            updated_at=created, total=_minor(thing, priced, currency), currency=currency,
            refunded=None if refunded is None else _minor(thing, "amount_refunded", currency),
        )  # fmt: skip
    except BadOrder:
        raise
    except _NOT_AS_IT_SHOULD as error:
        raise _other(kind, error) from error
    joined = (own, user_id) if user_id and own != user_id else None
    return Report(shaped(order), kind == "payment_intent.succeeded", str(event.get("id", "")), joined, unnamed)


def _who_paid(thing: dict[str, Any]) -> tuple[str, str, str]:
    """Return Stripe's own id for the buyer, the product's user id, and the visitor."""
    metadata = thing.get("metadata") or {}
    user_id = str(thing.get("client_reference_id") or metadata.get("user_id") or "")
    details = thing.get("customer_details") or thing.get("billing_details") or {}
    email = details.get("email") or thing.get("receipt_email") or ""
    customer = thing.get("customer")
    own = f"stripe:{customer}" if isinstance(customer, str) and customer else pseudonym(email) if email else ""
    return own, user_id, str(metadata.get("anonymous_id") or "")


def read_woocommerce(headers: Mapping[str, str], body: bytes) -> Report:
    """Read a delivery from WooCommerce: `order.created`, `.updated`, `.restored` or `.deleted`.

    The buyer is the customer's id; a guest is a pseudonym of the e-mail address; a `trackway_anonymous_id` in the
    order's `meta_data` is the visitor.

    Raises:
        BadOrder: the order lacks a required field.
    """
    topic = headers.get("x-wc-webhook-topic", "")
    if body.startswith(b"webhook_id="):
        return NOTHING  # the shop tests the address when the webhook is created
    thing = _object(body)
    if topic and not topic.startswith("order."):
        return NOTHING
    change = headers.get("x-wc-webhook-delivery-id", "")
    try:
        order_id = str(thing["id"])
        if topic == "order.deleted":
            # The delivery contains nothing but the order's id.
            at = datetime.now(UTC)
            gone = OrderReport(
                order_id=order_id, status="ended", placed_at=at, updated_at=at, total="0", currency="XXX"
            )
            return Report(gone, change=change, unnamed=True)
        status, meta = str(thing["status"]), thing.get("meta_data") or []
        customer, billing = thing.get("customer_id") or 0, thing.get("billing") or {}
        email = str(billing.get("email") or "")
        visitor = next((str(one.get("value")) for one in meta if one.get("key") == "trackway_anonymous_id"), "")
        refunds = sum(
            (abs(Decimal(plain(one["total"], "refunds.total"))) for one in thing.get("refunds") or []), Decimal(0)
        )
        placed = thing.get("date_paid_gmt") or thing["date_created_gmt"]
        order = OrderReport(
            order_id=order_id,
            status="placed" if status in _WOO_PLACED else "waiting" if status in _WOO_WAITING else "ended",
            user_id=str(customer or "") or (pseudonym(email) if email else "" if visitor else f"guest:{order_id}"),
            anonymous_id=visitor, placed_at=datetime.fromisoformat(placed).replace(tzinfo=UTC),
            updated_at=datetime.fromisoformat(thing.get("date_modified_gmt") or placed).replace(tzinfo=UTC),
            total=plain(thing["total"], "total"), currency=str(thing["currency"]),
            refunded=plain(thing["total"] if status == "refunded" and not refunds else refunds, "refunds"),
        )  # fmt: skip
    except BadOrder:
        raise
    except _NOT_AS_IT_SHOULD as error:
        raise _other("the order", error) from error
    return Report(shaped(order), topic == "order.created", change)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadOrder(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadOrder("the body is no JSON object")
    return found


def _minor(thing: dict[str, Any], field: str, currency: str) -> str:
    """Return an amount that is given in the currency's smallest unit. Raises BadOrder when it is not a whole number."""
    amount = thing[field]
    if isinstance(amount, bool) or not re.fullmatch(r"-?\d{1,30}", str(amount), re.ASCII):
        reason = (
            f"{field}: {str(amount)[:40]!r} is not an amount; send a whole number of the smallest unit, such as 1250"
        )
        raise BadOrder(reason, field)
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return plain(Decimal(int(amount)).scaleb(-places), field)


def _other(what: str, error: Exception) -> BadOrder:
    """Return the refusal of a delivery whose fields are missing or of an unexpected kind."""
    if isinstance(error, KeyError):
        field = str(error.args[0])
        return BadOrder(f"{field}: {what} does not have it; it is missing from the delivery", field)
    return BadOrder(f"a field of {what} is of another kind than in the provider's documentation: {error}")


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
