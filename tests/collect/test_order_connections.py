"""Where orders come from: the API, Stripe and WooCommerce with their signatures, Shopify's export."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from conftest import SECRET_KEY
from shops import (
    Product,
    product,  # noqa: F401
)

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


def paid(row: dict[str, Any]) -> dict[str, Decimal]:
    return {one["currency"]: Decimal(one["amount"]) for one in row["paid"]}


# The API


def report(product: Product, *orders: dict[str, Any]) -> httpx.Response:
    return product.server.http.post(f"{product.path}/orders", json=list(orders), headers=BEARER)


def api_order(user: str, number: str, total: str, **more: Any) -> dict[str, Any]:
    return {
        "order_id": number,
        "user_id": user,
        "placed_at": "2026-05-01T10:00:00Z",
        "total": total,
        "currency": "TZS",
        **more,
    }


def test_orders_are_reported_as_they_are_and_the_same_again_changes_nothing(product: Product) -> None:
    first = api_order("api-1", "A1", "150000")
    for _ in range(3):
        assert report(product, first).status_code == 202
    assert (product.customer("api-1")["orders"], paid(product.customer("api-1"))) == (1, {"TZS": Decimal(150000)})
    report(product, {**first, "total": "120000.50", "refunded": "20000", "updated_at": "2026-05-02T10:00:00Z"})
    assert paid(product.customer("api-1")) == {"TZS": Decimal("100000.50")}
    report(product, {**first, "status": "ended", "updated_at": "2026-05-03T10:00:00Z"})
    assert product.customer("api-1")["orders"] == 0
    booking = api_order("api-1", "B1", "5", kind="booking", service="Haircut")
    report(product, booking, api_order("api-1", "A2", "7", status="waiting"))
    row = product.customer("api-1")
    assert (row["orders"], row["bookings"], row["last_booking"]["service"]) == (0, 1, "Haircut")
    assert row["sessions"] == 0, "what a program reports is no session"
    whole = product.server.asked({"question": "person", "user_id": "api-1", "period": "all"})["data"]
    assert whole["profile"]["user_id"] == "api-1" and whole["sessions"] == []
    assert [(one["order_id"], one["counts"]) for one in whole["orders"]] == [("A1", False), ("B1", True)]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"total": "much"}, "total"), ({"total": "12,50"}, 'such as \\"12.50\\"'), ({"refunded": "a bit"}, "refunded"),
        ({"total": 12.5}, "send text"), ({"kind": "gift"}, "send one of booking, order"), ({"currency": "shillings"}, "currency"), ({"user_id": ""}, "names nobody"),
        ({"placed_at": "1990-01-01T00:00:00Z"}, "years 2000"), ({"order_id": ""}, "order_id"),
        ({"order_id": "undefined"}, "placeholder"), ({"colour": 1}, "colour"),
    ],
)  # fmt: skip
def test_an_order_that_is_none_is_refused_by_name(product: Product, wrong: dict[str, Any], said: str) -> None:
    answer = report(product, {**api_order("api-2", "X", "1"), **wrong})
    assert answer.status_code == 400 and said in answer.text
    beside = report(product, {**api_order("api-2", "X", "1"), **wrong}, api_order("api-3", f"Y{said}", "1"))
    assert beside.status_code == 202 and beside.json()["accepted"] == 1
    (rejection,) = beside.json()["rejected"]
    assert rejection["index"] == 0
    if "colour" not in wrong:  # of a field that does not exist the reason alone says the name
        assert rejection["field"] in wrong


def test_a_body_that_is_no_list_of_orders_is_refused_in_plain_words(product: Product) -> None:
    answer = product.server.http.post(f"{product.path}/orders", content=b'{"a":1}', headers=BEARER)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "body")
    assert "it is an object; send a list" in answer.json()["detail"]
    rates = product.server.http.put(
        f"{product.path}/rates", json=[{"currency": "e", "day": "2026-01-01", "rate": "1"}], headers=BEARER
    )
    assert [one["field"] for one in rates.json()["errors"]] == ["[0].currency"], rates.text


# Stripe


def stripe_event(kind: str, thing: dict[str, Any], number: int = 0, at: int | None = None) -> bytes:
    created = at or int(time.time())
    body = {"id": f"evt_{kind}_{thing['id']}_{number}", "object": "event", "type": kind, "created": created,
            "data": {"object": {"created": created, "currency": "usd", "object": kind.partition(".")[0], **thing}}}  # fmt: skip
    return json.dumps(body).encode()


def signed(body: bytes, secret: str, at: int | None = None) -> dict[str, str]:
    """As Stripe's own library signs."""
    stamp = at or int(time.time())
    made = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    header = f"t={stamp},v1={made}"
    if at is None:
        stripe.Webhook.construct_event(body, header, secret)  # the vendor's own check agrees
    return {"stripe-signature": header, "content-type": "application/json"}


@pytest.fixture(scope="module")
def shop(product: Product) -> Callable[[bytes], httpx.Response]:
    made = product.connect(kind="stripe", name="Stripe", secret="whsec_test")

    def deliver(body: bytes, **options: Any) -> httpx.Response:
        headers = options.get("headers") or signed(body, "whsec_test")
        return product.server.http.post(f"/v1/connections/{made['id']}", content=body, headers=headers)

    return deliver


def test_what_stripe_says_of_one_payment_is_one_order_and_the_customers(product: Product, shop: Any) -> None:
    intent = {"id": "pi_1", "amount": 4200, "amount_received": 4200, "customer": "cus_9"}
    checkout = {"id": "cs_1", "payment_intent": "pi_1", "payment_status": "paid", "amount_total": 4200,
                "client_reference_id": "stripe-ann", "customer": "cus_9"}  # fmt: skip
    for body in (
        stripe_event("payment_intent.succeeded", intent),
        stripe_event("checkout.session.completed", checkout),
    ):
        for _ in range(2):
            assert shop(body).status_code == 200
    row = product.customer("stripe-ann")
    assert (row["orders"], paid(row)) == (1, {"USD": Decimal(42)})
    charge = {"id": "ch_1", "payment_intent": "pi_1", "amount": 4200, "amount_refunded": 1200, "paid": True,
              "billing_details": {"email": None}}  # fmt: skip
    assert shop(stripe_event("charge.refunded", charge, at=int(time.time()) + 1)).status_code == 200
    row = product.customer("stripe-ann")
    assert (row["orders"], paid(row)) == (1, {"USD": Decimal(30)}), "a charge that names nobody is whose it was"
    later = {"id": "pi_2", "amount": 500, "customer": "cus_9", "currency": "jpy"}
    shop(stripe_event("payment_intent.succeeded", later))
    assert paid(product.customer("stripe-ann")) == {"USD": Decimal(30), "JPY": Decimal(500)}, (
        "the customer is known now"
    )
    assert not shop(stripe_event("customer.created", {"id": "cus_9"})).json()["accepted"]


def test_a_delivery_that_is_not_stripes_is_refused(product: Product, shop: Any) -> None:
    body = stripe_event("payment_intent.succeeded", {"id": "pi_evil", "amount": 1, "customer": "cus_evil"})
    old = int(time.time()) - 3600
    for headers in ({"stripe-signature": ""}, {"stripe-signature": "t=1,v1=00"}, {"stripe-signature": "t=1,v1=é".encode("latin-1")}, signed(body, "whsec_other", at=int(time.time())),
                    signed(body, "whsec_test", at=old), {**signed(body + b" ", "whsec_test", at=int(time.time()))}):  # fmt: skip
        assert shop(body, headers={**headers, "x": "1"}).status_code == 401
    for body in (b"[]", b"{", b'{"type": "payment_intent.succeeded", "data": {"object": {"id": 1}}}'):
        assert shop(body, headers=signed(body, "whsec_test", at=int(time.time()))).status_code == 400
    assert not product.server.sql("SELECT 1 AS n FROM events WHERE user_id = 'stripe:cus_evil'")
    assert product.server.http.post(f"/v1/connections/{uuid4()}", content=b"{}").status_code == 404


def test_a_payment_whose_amount_cannot_be_read_is_refused_by_its_field(shop: Any) -> None:
    for kind, amount, field in (
        ("payment_intent.succeeded", "12,50", "amount"), ("payment_intent.succeeded", 12.5, "amount"),
        ("checkout.session.completed", "abc", "amount_total"),
    ):  # fmt: skip
        body = stripe_event(kind, {"id": "pi_wrong", field: amount, "payment_status": "paid"})
        answer = shop(body)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (400, field)
        assert "is not an amount; send a whole number of the smallest unit, such as 1250" in error["reason"]


# WooCommerce


def woo(number: int, status: str, total: str, at: str, **more: Any) -> bytes:
    order = {"id": number, "status": status, "currency": "EUR", "total": total, "customer_id": 77,
             "date_created_gmt": "2026-05-01T08:00:00", "date_paid_gmt": "2026-05-01T08:05:00", "date_modified_gmt": at,
             "billing": {"email": "a@b.example"}, "refunds": [], "meta_data": [], **more}  # fmt: skip
    return json.dumps(order).encode()


def test_orders_of_woocommerce_follow_their_status_whichever_delivery_comes_first(product: Product) -> None:
    made = product.connect(kind="woocommerce", name="Shop")
    assert made["secret"], "invented, and shown once"
    assert "secret" not in product.connection(made["id"]) or not product.connection(made["id"])["secret"]

    def deliver(topic: str, body: bytes, secret: str = made["secret"]) -> httpx.Response:
        made_ = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        headers = {
            "x-wc-webhook-signature": made_,
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-delivery-id": uuid4().hex,
        }
        return product.server.http.post(f"/v1/connections/{made['id']}", content=body, headers=headers)

    assert deliver("", b"webhook_id=12").status_code == 200, "the shop's own try"
    assert deliver("order.created", woo(1, "pending", "10.00", "2026-05-01T08:00:00")).json() == {"accepted": 0}
    updated = woo(1, "processing", "12.00", "2026-05-01T08:05:01")
    assert deliver("order.updated", updated).status_code == 200
    assert deliver("order.created", woo(1, "processing", "10.00", "2026-05-01T08:05:00")).status_code == 200
    row = product.customer("77")
    assert (row["orders"], paid(row)) == (1, {"EUR": Decimal(12)}), "the older report changes nothing"
    refunds = [{"id": 5, "total": "-2.50"}]
    deliver("order.updated", woo(1, "completed", "12.00", "2026-05-02T08:00:00", refunds=refunds))
    assert paid(product.customer("77")) == {"EUR": Decimal("9.50")}
    deliver("order.updated", woo(2, "completed", "5", "2026-05-02T08:00:00", customer_id=0, meta_data=[
        {"key": "trackway_anonymous_id", "value": "woo-visitor"}]))  # fmt: skip
    product.server.stored()
    [guest] = product.server.sql("SELECT user_id, visitor_id FROM orders FINAL WHERE order_id = '2' AND NOT gone")
    assert guest["visitor_id"] == "woo-visitor" and "a@b" not in guest["user_id"], "an address is not written down"
    deliver("order.deleted", b'{"id": 1}')
    assert product.customer("77")["orders"] == 0
    assert deliver("order.deleted", b'{"id": 999}').json() == {"accepted": 0}
    assert deliver("order.updated", updated, "another secret").status_code == 401
    assert deliver("order.updated", b'{"id": 3, "status": "completed"}').status_code == 400
    assert product.connection(made["id"])["problem"].startswith("date_created_gmt: it is missing from the order")
    for field, wrong in (
        ("total", woo(4, "completed", "12,50", "2026-05-02T08:00:00")),
        ("refunds.total", woo(4, "completed", "9", "2026-05-02T08:00:00", refunds=[{"total": "some"}])),
    ):
        [error] = deliver("order.updated", wrong).json()["errors"]
        assert (
            error["field"] == field and "is not an amount; send digits with a point, such as 12.50" in error["reason"]
        )


# Shopify

EXPORT = """Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem name,Cancelled at,Refunded Amount,Note Attributes
#1001,A@shop.example,paid,2026-04-01 10:00:00 +0200,EUR,30.00,2026-04-01 09:59:00 +0200,Tea,,0.00,
#1001,A@shop.example,,,,,,Cup,,,
#1002,a@shop.example,partially_refunded,2026-04-02 10:00:00 +0200,EUR,"1,020.50",2026-04-02 10:00:00 +0200,Pot,,20.50,trackway_anonymous_id: shopify-visitor
#1003,b@shop.example,pending,,EUR,5.00,2026-04-03 10:00:00 +0200,Tea,,0.00,
#1004,a@shop.example,paid,2026-04-04 10:00:00 +0200,EUR,8.00,2026-04-04 10:00:00 +0200,Tea,2026-04-05 10:00:00 +0200,0.00,
#1005,a@shop.example,paid,yesterday,EUR,8.00,2026-04-04 10:00:00 +0200,Tea,,0.00,
#1006,a@shop.example,paid,2026-04-04 10:00:00 +0200,EUR,"12,50",2026-04-04 10:00:00 +0200,Tea,,0.00,
#1007,a@shop.example,paid,2026-04-04 10:00:00 +0200,EUR,8.00,2026-04-04 10:00:00 +0200,Tea,,some,
"""


def imported(product: Product, content: str) -> dict[str, Any]:
    address = f"{product.path}/transfers/imports?name=orders.csv&format=shopify-orders"
    made = product.admin.post(address, content=content.encode()).json()
    until = time.monotonic() + 60
    while True:
        [one] = [row for row in product.admin.get(f"{product.path}/transfers").json() if row["id"] == made["id"]]
        if one["state"] in ("done", "failed"):
            return dict(one)
        assert time.monotonic() < until
        time.sleep(0.1)


def test_an_export_of_shopifys_orders_is_imported_and_again_adds_nothing(product: Product) -> None:
    for _ in range(2):
        one = imported(product, EXPORT)
        assert one["state"] == "done" and one["outcome"]["refused"] == 3, one
    product.server.stored()
    rows = product.server.sql(
        "SELECT user_id, count() AS n, sum(amount) AS amount, anyIf(visitor_id, visitor_id = 'shopify-visitor') AS visitor "
        "FROM orders FINAL WHERE startsWith(order_id, '#') AND NOT gone GROUP BY user_id"
    )
    [row] = [row for row in rows if row["visitor"]]
    assert row["n"] == 3 and row["user_id"].startswith("guest:") and "shop.example" not in row["user_id"]
    found = product.customer(str(row["user_id"]))
    assert (found["orders"], paid(found)) == (2, {"EUR": Decimal(1030)}), "of three one was cancelled"
    events = product.server.sql(
        "SELECT name, count() AS n FROM events WHERE library = 'shopify' GROUP BY name ORDER BY name"
    )
    assert events == [{"name": "Order Cancelled", "n": 1}, {"name": "Order Completed", "n": 2}]
    wrong = imported(product, "Name,Total\n#1,5\n")
    assert wrong["state"] == "failed" and "'Financial Status', 'Currency', 'Created at'" in wrong["message"]
