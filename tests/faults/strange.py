"""Strategies for what no sensible client sends, and some do: values, messages and files."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_NUMBERS = (0, -1, 0.1, -0.0, 2**31, 2**53 + 1, 2**63, 2**64, 10**22, 10**400, 1e22, 1e300, -1e300, 5e-324, 9e18, 1.8e19,
            99_999_999_999_999.99999, -(2**63) - 1, 253402300800000, float("inf"), float("nan"))  # fmt: skip
_TEXTS = (
    "", " ", "\0", "a" * 256, "ä" * 20_000, "\ud800", "\udfff\ud800", "\ufeff", "\u202eabc", "\r\n", "undefined", "null",
    "[object Object]", "NaN", "0", "anonymous", "1e1000000", "-1e999", "1_000", "0x10", "٣", "99999999999999999999.99999",
    "2026-01-31T12:00:00Z", "0000-00-00", "9999-12-31T23:59:59.999Z", "2026-02-30T25:61:61+99:99", "1969-12-31",
    "'; DROP TABLE events; --", "{p:UUID}", "{{ 1 }}", "=1+1", "%", "%00", "\\", '"', "http://[::1?utm_source=x", "//", "http://",
    "http://a.example:99999/?utm_source=x", "javascript:1", "http://a.example/?utm_source=x&" + "&".join(["a=1"] * 600),
    "http://a.example/?" + "utm_source=" * 50 + "%ff%fe", "EUR", "eur", "EURO", "€",
)  # fmt: skip
_KEYS = (
    "revenue", "total", "value", "price", "currency", "order_id", "orderId", "booking_id", "updated_at", "refunded", "status",
    "service", "duration_s", "visible_s", "rating", "entity_type", "entity_id", "url", "path", "referrer", "title", "createdAt",
    "name", "email", "products", "a.b", "", "a" * 300, "\0", "constructor", "𝕏",
)  # fmt: skip
_EVENTS = ("Order Completed", "Order Updated", "Order Refunded", "Booking Cancelled", "view", "impression", "Signed Out",
           "Session Ended", "Review Submitted", "Signed Up", "$pageview")  # fmt: skip

numbers = st.sampled_from(_NUMBERS) | st.integers() | st.floats()
texts = st.sampled_from(_TEXTS) | st.text(max_size=30)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
keys = st.sampled_from(_KEYS) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
objects = st.dictionaries(keys, values, max_size=8)
_good_ids, _good_times = st.sampled_from(("v1", "v2", "u1", "u2")), st.sampled_from(
    ("2026-11-01T00:00:00Z", "2026-11-01T00:10:00.123+02:00", 1_790_000_000, 1_790_000_000_000)
)  # fmt: skip
# Mostly good: what is refused at the door comes no further.
ids = st.one_of(_good_ids, _good_ids, _good_ids, scalars)
times = st.one_of(_good_times, _good_times, _good_times, _good_times, scalars)
pages = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("url", "referrer", "title", "path", "search"), texts | values)
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "page": pages | values, "campaign": objects | values, "userAgent": texts | values, "ip": texts | values,
        "locale": texts | values, "timezone": texts | values, "screen": st.dictionaries(st.just("width"), values),
        "library": objects | values, "sessionId": ids | values, "device": values, "os": values,
    },
)  # fmt: skip
messages: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.sampled_from(("track", "track", "track", "page", "screen", "identify", "group", "alias")),
     "event": st.sampled_from(_EVENTS) | st.sampled_from(_EVENTS) | texts, "anonymousId": ids},
    optional={
        "name": texts, "category": texts, "userId": ids,
        "groupId": ids, "previousId": ids, "timestamp": times, "originalTimestamp": times, "sentAt": times,
        "context": contexts | contexts | values, "properties": objects | objects | values, "traits": objects | objects | values,
    },
)  # fmt: skip


def deep(levels: int) -> str:
    """A message as JSON whose properties are nested so deep."""
    inner = "[" * levels + "]" * levels
    return f'{{"type": "track", "event": "Deep", "anonymousId": "v1", "properties": {{"a": {inner}}}}}'


orders: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"order_id": st.sampled_from(("1", "2", "3")) | texts, "placed_at": times, "total": texts | st.just("12.50"),
     "currency": st.just("EUR") | texts},
    optional={"kind": st.sampled_from(("order", "booking")) | texts, "status": st.sampled_from(("placed", "ended")) | texts,
              "user_id": ids, "anonymous_id": ids, "updated_at": times, "refunded": texts | st.just("1"), "service": texts},
)  # fmt: skip
_amounts = st.integers(-5, 10**6) | values
stripe_things = st.fixed_dictionaries(
    {"id": st.sampled_from(("pi_1", "pi_2")) | values, "created": st.just(1_790_000_000) | values,
     "currency": st.sampled_from(("usd", "jpy", "kwd")) | values, "amount": _amounts},
    optional={"payment_intent": ids, "payment_status": st.just("paid") | values, "amount_total": _amounts,
              "amount_refunded": _amounts, "amount_received": _amounts, "paid": st.just(True) | values, "customer": ids,
              "client_reference_id": ids, "metadata": objects | values, "billing_details": objects | values},
)  # fmt: skip
stripe_events = st.fixed_dictionaries(
    {"id": texts, "created": st.just(1_790_000_000) | values,
     "type": st.sampled_from(("payment_intent.succeeded", "checkout.session.completed", "charge.refunded", "charge.updated")),
     "data": st.fixed_dictionaries({"object": stripe_things | values}) | values},
)  # fmt: skip
woo_orders = st.fixed_dictionaries(
    {"id": st.integers(1, 3) | values, "status": st.sampled_from(("processing", "refunded", "pending")) | texts,
     "currency": st.just("EUR") | texts, "total": st.just("9.50") | values,
     "date_created_gmt": st.just("2026-11-01T08:00:00") | values},
    optional={"customer_id": st.integers(0, 5) | values, "date_paid_gmt": times, "date_modified_gmt": times,
              "billing": objects | values, "refunds": st.lists(st.fixed_dictionaries({"total": values}), max_size=3) | values,
              "meta_data": st.lists(st.fixed_dictionaries({"key": texts, "value": values}), max_size=2) | values},
)  # fmt: skip
lines = st.lists(st.text(max_size=80) | st.sampled_from((
    '198.51.100.7 - - [10/May/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "Mozilla/5.0 Firefox/120.0"',
    '[::1]:80 - ann [31/Feb/2026:25:00:00 +9999] "GET http://[ HTTP/9" 999999999999 - "http://[" "\\x00"',
    "type,event,anonymousId,timestamp,properties.total", 'track,"Order Completed,v1,2026-13-01,1e999',
    "track,a,v1,2026-11-01T00:00:00Z,5", "\ufefftype;event", '{"type": "track", "event": "a", "anonymousId": "v1"}', "[1]", "{",
    deep(40), deep(3000),
)), max_size=12)  # fmt: skip
