"""Customers in a real browser: every page's numbers are the API's, with none, some and much data, for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect
from steps import DESK, PHONE, drawn, nobody_is_left_out, open_page

from chromium import AGENT, ARTIFACTS
from conftest import EMAIL, PASSWORD, Server, also, eventually


def visit(user: str, ago_days: float, source: str = "") -> list[dict[str, Any]]:
    at = datetime.now(UTC) - timedelta(days=ago_days)
    url = f"https://shop.example/?utm_source={source}&utm_medium=cpc" if source else "https://shop.example/"
    context = {"userAgent": AGENT, "locale": "en", "page": {"url": url}, "ip": "198.51.100.7"}
    who = {"userId": user, "anonymousId": f"v-{user}", "context": context}
    return [
        {"type": "page", "messageId": str(uuid4()), "timestamp": (at + timedelta(seconds=n * 45)).isoformat(), **who}
        for n in range(3)
    ]


def order(user: str, ago_days: float, amount: float, currency: str, kind: str = "Order") -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(days=ago_days)
    number = str(uuid4())
    about = {f"{kind.lower()}_id": number, "total": amount, "currency": currency, "service": "Massage"}
    return {"type": "track", "event": f"{kind} Completed", "userId": user, "messageId": number, "properties": about,
            "timestamp": at.isoformat(), "context": {"sessionId": False}}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sixty customers with visits from two campaigns, orders in two currencies, bookings; scored."""
    server = Server(tmp_path_factory.mktemp("customers") / "data", allow_private_addresses="crm.example").start()
    batch: list[dict[str, Any]] = []
    for n in range(60):
        for k in range(n % 4 + 1):
            batch += visit(f"shopper-{n}", 20 - n % 5 - k * 4, ("newsletter", "video", "")[k % 3])
        for k in range(n % 5):
            batch.append(order(f"shopper-{n}", 60 - k * 13 - n % 7, 10 + n + k, "USD"))
        if n % 6 == 0:
            batch.append(order(f"shopper-{n}", 2, 150_000, "TZS"))
            batch.append(order(f"shopper-{n}", 1, 25, "USD", "Booking"))
    batch.append(
        {"type": "identify", "userId": "shopper-6", "anonymousId": "v-shopper-6", "traits": {"name": "Asha Mushi"}}
    )
    for start in range(0, len(batch), 400):
        assert server.post("batch", {"batch": batch[start : start + 400]}).status_code == 202
    server.stored()
    admin = httpx.Client(base_url=server.url, timeout=30)
    admin.headers["x-csrf-token"] = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()[
        "csrf"
    ]
    project = f"/api/v1/projects/{admin.get('/api/v1/projects').json()[0]['id']}"
    day = f"{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}"
    admin.post(f"{project}/costs/csv", content=f"day,source,medium,cost\n{day},newsletter,cpc,50\n")
    admin.post("/api/v1/jobs/score-customers/run")
    eventually(lambda: server.asked({"question": "rfm"})["data"]["rows"])
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), also(DESK, "dark"), also(PHONE, "light"), (PHONE, "dark")]
)
def test_the_list_is_sorted_searched_and_counted_as_chosen(
    browser: Browser, shop: Server, viewport: Any, scheme: Any
) -> None:
    page = open_page(browser, shop, viewport, scheme, at="Customers")
    table = page.get_by_role("table", name="Customers")
    total = shop.get("customers")["customers"]
    expect(page.get_by_role("heading", name=f"{total}", exact=True)).to_be_visible()
    for interval, label in (
        ("all", "All time"),
        ("daily", "Last 24 hours"),
        ("weekly", "Last 7 days"),
        ("monthly", "Last 30 days"),
    ):
        page.get_by_label("Counted in").select_option(label)
        page.get_by_label("Sorted by").select_option("Orders")
        wanted = shop.get("customers", interval=interval, sortBy="orders")
        expect(page.get_by_role("heading", name=f"{wanted['customers']}", exact=True)).to_be_visible()
        if wanted["rows"]:
            first = wanted["rows"][0]
            expect(table.get_by_role("row").nth(1)).to_contain_text(first["name"] or first["user_id"])
    page.get_by_label("Counted in").select_option("All time")
    page.get_by_label("Which first").select_option("Lowest first")
    least = shop.get("customers", sortBy="orders", sortOrder="asc")["rows"][0]
    expect(table.get_by_role("row").nth(1)).to_contain_text(least["name"])
    page.get_by_label("Find somebody by name, id or order").fill("asha")
    expect(table.get_by_role("row")).to_have_count(2)
    if viewport is DESK:
        expect(table).to_contain_text("TZS 150,000")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    nobody_is_left_out(page)
    size = "desk" if viewport is DESK else "phone"
    page.screenshot(path=ARTIFACTS / f"customers-{size}-{scheme}.png", full_page=True)
    page.get_by_label("Find somebody by name, id or order").fill("")
    page.get_by_role("button", name="+ Filter").click()
    page.get_by_role("combobox", name="What", exact=True).select_option("Orders")
    page.get_by_label("Value", exact=True).fill("4")
    page.get_by_role("button", name="Add filter").click()
    many = shop.asked({"question": "customers", "filter": "customer.orders:at_least:4", "period": "all"})["data"][
        "customers"
    ]
    assert 0 < many < total
    expect(page.get_by_role("heading", name=f"{many}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove filter: Orders is at least 4").click()
    page.get_by_label("Find somebody by name, id or order").fill("nobody at all")
    expect(page.get_by_text("No customers here")).to_be_visible()


def test_revenue_attribution_and_predictions_are_the_apis(browser: Browser, shop: Server) -> None:
    page = open_page(browser, shop, at="Customers")
    page.get_by_role("tab", name="Revenue").click()
    page.get_by_role("button", name=re.compile("^Period")).click()
    page.get_by_role("menuitemradio", name="Last 90 days").click()
    totals = shop.asked({"question": "revenue", "period": "90d"})["data"]["totals"]
    facts = page.locator("dl").first
    expect(facts).to_contain_text(f"US${float(totals['value']):,.2f}".removesuffix(".00"))
    expect(facts).to_contain_text(f"{totals['buyers']}")
    expect(page.get_by_text(re.compile("without a rate"))).to_contain_text(str(totals["unconverted"]))
    rows = shop.asked({"question": "rfm"})["data"]["rows"]
    by_rfm = page.get_by_role("table", name="Customers by what they bought")
    for row in rows:
        expect(by_rfm.get_by_role("row", name=re.compile(f"^{row['rfm']}"))).to_contain_text(str(row["customers"]))
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "revenue-desk-light.png", full_page=True)

    page.get_by_role("tab", name="Attribution").click()
    page.get_by_role("combobox", name="By", exact=True).select_option("Source and medium")
    page.get_by_label("Attribution model").select_option("Linear: all visits equally")
    page.get_by_label("Visits of").select_option("90 days")
    asked = {
        "question": "attribution",
        "period": "90d",
        "by": ["source", "medium"],
        "models": ["linear"],
        "window_days": 90,
    }
    found = {row["source"]: row for row in shop.asked(asked)["data"]["rows"]}
    row = page.get_by_role("table", name="Attribution").get_by_role("row").filter(has_text="newsletter")
    expect(row).to_contain_text(f"{round(found['newsletter']['models']['linear']['orders'], 2):g}")
    expect(row).to_contain_text("US$50")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "attribution-desk-light.png", full_page=True)

    page.get_by_role("tab", name="Predictions").click()
    page.get_by_label("Test period: the last").select_option("4 weeks")
    check = shop.asked({"question": "value_check", "weeks": 4, "period": "all"})["data"]
    shown = page.get_by_role("table", name=re.compile("Orders of a customer"))
    for one in check["rows"]:
        expect(shown).to_contain_text(f"{one['expected']:.2f}")
        expect(shown).to_contain_text(f"{one['actual']:.2f}")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "predictions-desk-light.png", full_page=True)


def test_segments_are_counted_fetched_and_told_of(browser: Browser, shop: Server) -> None:
    page = open_page(browser, shop, at="Customers")
    page.get_by_role("tab", name="Segments").click()
    people = shop.get("segments/ready:no-order-30-days/people")["people"]
    row = page.get_by_role("listitem").filter(has_text="No order for 30 days").first
    expect(row).to_contain_text(f"{len(people)} customers")
    with page.expect_download() as download:
        row.get_by_role("link", name="CSV").click()
    assert len(download.value.path().read_text().splitlines()) == len(people) + 1
    row.get_by_role("button", name="Notify").click()
    page.get_by_label("Address to notify").fill("https://crm.example/hook")
    page.get_by_role("button", name="Notify").click()
    expect(page.get_by_role("dialog")).to_contain_text("shown only now")
    nobody_is_left_out(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("listitem").filter(has_text="crm.example")).to_be_visible()
    page.get_by_role("button", name="Remove No order for 30 days").click()
    expect(page.get_by_text("Nobody yet")).to_be_visible()


def test_a_shop_is_connected_paused_and_removed(browser: Browser, shop: Server) -> None:
    page = open_page(browser, shop, at="Customers")
    page.get_by_role("tab", name="Where orders come from").click()
    page.get_by_role("button", name="Connect…").click()
    page.get_by_role("combobox", name="What").select_option("WooCommerce")
    page.get_by_label("Name", exact=True).fill("My shop")
    page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("/v1/connections/")
    nobody_is_left_out(page)
    page.keyboard.press("Escape")
    row = page.get_by_role("listitem").filter(has_text="My shop")
    row.get_by_role("switch").click()
    expect(row.get_by_role("switch")).not_to_be_checked()
    page.get_by_role("button", name="Connect…").click()
    page.get_by_role("combobox", name="What").select_option("PostgreSQL")
    nobody_is_left_out(page)
    page.keyboard.press("Escape")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "connections-desk-light.png", full_page=True)
    row.get_by_role("button", name="Remove My shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Orders are counted when")).to_be_visible()


def test_a_persons_sessions_say_when_they_ended_and_from_where_they_came(browser: Browser, shop: Server) -> None:
    assert shop.post("batch", {"batch": visit("shopper-6", 0)}).status_code == 202
    shop.stored()
    page = open_page(browser, shop, at="Customers")
    page.get_by_label("Find somebody by name, id or order").fill("shopper-6")
    page.get_by_role("table", name="Customers").get_by_role("link", name="Asha Mushi").click()
    orders = page.get_by_role("table", name="Orders and bookings")
    expect(orders).to_contain_text("TZS 150,000")
    expect(orders.get_by_role("row").filter(has_text="booked")).to_contain_text("Massage")
    sessions = page.get_by_role("table", name="Sessions")
    expect(sessions.get_by_role("row").nth(1)).to_contain_text("Active")
    expect(sessions.get_by_role("row").nth(2)).to_contain_text("1 min 30 s")
    expect(sessions.get_by_role("row").nth(2)).to_contain_text("198.51.100.0")
    expect(sessions.get_by_role("row").nth(2)).to_contain_text("Chrome")
    nobody_is_left_out(page)
    page.screenshot(path=ARTIFACTS / "customer-desk-light.png", full_page=True)
    # Who may not manage the project sees no address.
    key = {"question": "person", "user_id": "shopper-6", "period": "all"}
    assert "ip" not in shop.asked(key)["data"]["sessions"][0]


@pytest.mark.parametrize("viewport", [pytest.param(DESK, id="desk"), also(PHONE, id="phone")])
def test_without_any_orders_each_page_says_what_to_do(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, viewport: Any
) -> None:
    server = Server(tmp_path_factory.mktemp("nobody") / "data").start()
    page = open_page(browser, server, viewport, at="Customers")
    for tab, said in (("Customers", "No customers here"), ("Revenue", "No orders here"), ("Attribution", "No visits and no orders here"),
                      ("Predictions", "Nothing can be predicted yet"), ("Segments", "Nobody yet"), ("Where orders come from", "No rates yet")):  # fmt: skip
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_text(said)).to_be_visible()
        drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        nobody_is_left_out(page)
    page.context.close()
    server.stop()
