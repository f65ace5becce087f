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

from trackway.collect.orders.report import BadOrder, OrderReport, plain, pseudonym, validated

TOLERANCE_S = 300
# Errors from reading a delivery whose fields are not of the documented kind.
_UNEXPECTED_CONTENT = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
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
    pairs = [part.partition("=") for part in headers.get("stripe-signature", "").split(",")]
    at = next((value for name, _, value in pairs if name.strip() == "t"), "")
    if not at.isdecimal():
        raise BadSignature("there is no Stripe-Signature with a time")
    expected = stripe_signature(secret, at, body).encode()
    if not any(
        hmac.compare_digest(expected, value.strip().encode()) for name, _, value in pairs if name.strip() == "v1"
    ):
        raise BadSignature("the signature is not made with this connection's secret")
    if abs(time.time() - int(at)) > TOLERANCE_S:
        raise BadSignature(f"the delivery was signed more than {TOLERANCE_S} s ago, or the clocks differ")


def check_woocommerce(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Check that `X-WC-Webhook-Signature` is right. Raises BadSignature."""
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    signature = headers.get("x-wc-webhook-signature", "").encode("latin-1")
    if not hmac.compare_digest(expected, signature):
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
    kind, data = str(event.get("type", "")), event.get("data", {})
    content = data.get("object") if isinstance(data, dict) else None
    if not isinstance(content, dict) or not kind:
        raise BadOrder("the delivery is not a Stripe event: it has no type, or no data.object")
    try:
        if kind == "payment_intent.succeeded":
            order_id, priced = str(content["id"]), "amount_received" if content.get("amount_received") else "amount"
        elif kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
            if content.get("payment_status") != "paid":
                return NOTHING
            order_id, priced = str(content.get("payment_intent") or content["id"]), "amount_total"
        elif kind in ("charge.refunded", "charge.updated") and content.get("paid"):
            order_id, priced = str(content.get("payment_intent") or content["id"]), "amount"
        else:
            return NOTHING
        currency = str(content["currency"]).upper()
        buyer_id, user_id, anonymous_id = _buyer(content)
        unnamed = not (buyer_id or user_id)
        buyer_id = buyer_id or f"stripe:{order_id}"
        refunded = content.get("amount_refunded")
        created = _moment(event.get("created") or content["created"])
        order = OrderReport(
            order_id=order_id, user_id=user_id or buyer_id, anonymous_id=anonymous_id,
            placed_at=_moment(content["created"]), updated_at=created,
            total=_minor(content, priced, currency), currency=currency,
            refunded=None if refunded is None else _minor(content, "amount_refunded", currency),
        )  # fmt: skip
    except BadOrder:
        raise
    except _UNEXPECTED_CONTENT as error:
        raise _refusal(kind, error) from error
    joined = (buyer_id, user_id) if user_id and buyer_id != user_id else None
    return Report(validated(order), kind == "payment_intent.succeeded", str(event.get("id", "")), joined, unnamed)


def _buyer(content: dict[str, Any]) -> tuple[str, str, str]:
    """Return Stripe's own id for the buyer, the product's user id, and the visitor."""
    metadata = content.get("metadata") or {}
    user_id = str(content.get("client_reference_id") or metadata.get("user_id") or "")
    details = content.get("customer_details") or content.get("billing_details") or {}
    email = details.get("email") or content.get("receipt_email") or ""
    customer = content.get("customer")
    buyer_id = f"stripe:{customer}" if isinstance(customer, str) and customer else pseudonym(email) if email else ""
    return buyer_id, user_id, str(metadata.get("anonymous_id") or "")


def read_woocommerce(headers: Mapping[str, str], body: bytes) -> Report:
    """Read a delivery from WooCommerce: `order.created`, `.updated`, `.restored` or `.deleted`.

    The buyer is the customer's id; a guest is a pseudonym of the e-mail address; a `trackway_anonymous_id` in the
    order's `meta_data` is the visitor.

    Raises:
        BadOrder: the order lacks a required field.
    """
    topic = headers.get("x-wc-webhook-topic", "")
    if body.startswith(b"webhook_id="):
        return NOTHING  # the shop tests the URL when the webhook is created
    content = _object(body)
    if topic and not topic.startswith("order."):
        return NOTHING
    change = headers.get("x-wc-webhook-delivery-id", "")
    try:
        order_id = str(content["id"])
        if topic == "order.deleted":
            # The delivery contains nothing but the order's id.
            at = datetime.now(UTC)
            deleted = OrderReport(
                order_id=order_id, status="ended", placed_at=at, updated_at=at, total="0", currency="XXX"
            )
            return Report(deleted, change=change, unnamed=True)
        status, meta = str(content["status"]), content.get("meta_data") or []
        customer, billing = content.get("customer_id") or 0, content.get("billing") or {}
        email = str(billing.get("email") or "")
        visitor = next((str(entry.get("value")) for entry in meta if entry.get("key") == "trackway_anonymous_id"), "")
        refunds = sum(
            (abs(Decimal(plain(refund["total"], "refunds.total"))) for refund in content.get("refunds") or []),
            Decimal(0),
        )
        placed = content.get("date_paid_gmt") or content["date_created_gmt"]
        order = OrderReport(
            order_id=order_id,
            status="placed" if status in _WOO_PLACED else "waiting" if status in _WOO_WAITING else "ended",
            user_id=str(customer or "") or (pseudonym(email) if email else "" if visitor else f"guest:{order_id}"),
            anonymous_id=visitor, placed_at=datetime.fromisoformat(placed).replace(tzinfo=UTC),
            updated_at=datetime.fromisoformat(content.get("date_modified_gmt") or placed).replace(tzinfo=UTC),
            total=plain(content["total"], "total"), currency=str(content["currency"]),
            refunded=plain(content["total"] if status == "refunded" and not refunds else refunds, "refunds"),
        )  # fmt: skip
    except BadOrder:
        raise
    except _UNEXPECTED_CONTENT as error:
        raise _refusal("the order", error) from error
    return Report(validated(order), topic == "order.created", change)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadOrder(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadOrder("the body is not a JSON object")
    return content


def _minor(content: dict[str, Any], field: str, currency: str) -> str:
    """Return an amount that is given in the currency's smallest unit. Raises BadOrder when it is not a whole number."""
    amount = content[field]
    if isinstance(amount, bool) or not re.fullmatch(r"-?\d{1,30}", str(amount), re.ASCII):
        reason = (
            f"{field}: {str(amount)[:40]!r} is not an amount; send a whole number of the smallest unit, such as 1250"
        )
        raise BadOrder(reason, field)
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return plain(Decimal(int(amount)).scaleb(-places), field)


def _refusal(subject: str, error: Exception) -> BadOrder:
    """Return the refusal of a delivery whose fields are missing or of an unexpected kind."""
    if isinstance(error, KeyError):
        field = str(error.args[0])
        return BadOrder(f"{field}: it is missing from {subject} in the delivery", field)
    return BadOrder(f"a field of {subject} has another type than in the provider's documentation: {error}")


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
