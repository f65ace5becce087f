"""Orders from the tables of a real PostgreSQL: each change once, through restarts of either side."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg

from conftest import Server
from postgres import Postgres
from shops import (
    Product,
    product,  # noqa: F401
)

TABLE = """CREATE TABLE shop_orders (id serial PRIMARY KEY, customer text, total numeric(12,2), currency text, status text,
refunded numeric(12,2) NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), card text DEFAULT 'secret 4242')"""
CONFIG = {
    "table": "public.shop_orders", "placed": ["paid", "sent"],
    "columns": {"user_id": "customer", "currency": "currency", "status": "status", "refunded": "refunded"},
}  # fmt: skip
SUMS = """SELECT customer, currency, count(*) AS orders, sum(total - refunded) AS paid FROM shop_orders
WHERE status IN ('paid', 'sent') GROUP BY customer, currency ORDER BY 1, 2"""


def summary(product: Product) -> list[tuple[str, str, Decimal]]:
    """By person and currency what Trackway has; and how many orders by person."""
    product.server.stored()
    rows = product.server.get("customers", search="pg-", sortBy="orders", pageSize=500)["rows"]
    return sorted(
        (row["user_id"], money["currency"], Decimal(money["amount"]))
        for row in rows
        for money in row["paid"]
        if Decimal(money["amount"])
    )


def truth(database: psycopg.Connection[Any]) -> tuple[list[tuple[str, str, Decimal]], dict[str, int]]:
    rows = database.execute(SUMS).fetchall()
    counts: dict[str, int] = {}
    for customer, _, orders, _ in rows:
        counts[customer] = counts.get(customer, 0) + orders
    return sorted((customer, currency, sum_) for customer, currency, _, sum_ in rows if sum_), counts


def agree(product: Product, database: psycopg.Connection[Any], seconds: float = 30) -> None:
    """Wait until Trackway's summary is what SQL says."""
    until = time.monotonic() + seconds
    while True:
        left = database.execute("SELECT count(*) FROM trackway_outbox").fetchone()
        wanted, counts = truth(database)
        found = summary(product) if left == (0,) else None
        if found == wanted:
            rows = product.server.get("customers", search="pg-", sortBy="orders", pageSize=500)["rows"]
            assert {row["user_id"]: row["orders"] for row in rows if row["orders"]} == counts
            return
        assert time.monotonic() < until, (
            f"{found}\n{wanted}\n{left} {product.admin.get(product.path + '/connections').text}"
        )
        time.sleep(0.2)


def change(database: psycopg.Connection[Any], rng: random.Random, times: int) -> None:
    """Orders are placed, paid, changed, refunded, given to others and removed."""
    for _ in range(times):
        one = rng.randrange(1, 60)
        how = rng.randrange(8)
        if how < 3:
            database.execute(
                "INSERT INTO shop_orders (customer, total, currency, status, created_at) VALUES (%s, %s, %s, %s, now() - %s * interval '1 day')",
                [f"pg-{rng.randrange(8)}", Decimal(rng.randrange(10**6)) / 100, rng.choice(["EUR", "TZS"]),
                 rng.choice(["new", "paid"]), rng.randrange(50)],
            )  # fmt: skip
        elif how == 3:
            database.execute(
                "UPDATE shop_orders SET status = %s WHERE id = %s", [rng.choice(["new", "paid", "sent", "void"]), one]
            )
        elif how == 4:
            database.execute("UPDATE shop_orders SET total = total + 1.01 WHERE id = %s", [one])
        elif how == 5:
            database.execute("UPDATE shop_orders SET refunded = total / 2 WHERE id = %s", [one])
        elif how == 6:
            database.execute("UPDATE shop_orders SET customer = %s WHERE id = %s", [f"pg-{rng.randrange(8)}", one])
        else:
            database.execute("DELETE FROM shop_orders WHERE id = %s", [one])


def test_a_real_postgresql_feeds_orders_through_restarts_of_either_side(
    new_server: Callable[..., Server], postgres: Postgres
) -> None:
    server = new_server(allow_private_addresses="127.0.0.0/8").start()
    product = Product(server)
    rng = random.Random(5)
    database = psycopg.connect(postgres.dsn, autocommit=True)
    database.execute(TABLE)
    change(database, rng, 120)  # what was there before
    made = product.connect(kind="postgres", name="Shop", secret=postgres.dsn, config=CONFIG)
    agree_when_set_up(product, database)
    [row] = database.execute(
        "SELECT count(*) FROM information_schema.triggers WHERE event_object_table = 'shop_orders'"
    ).fetchall()
    assert row[0] >= 3
    change(database, rng, 150)
    agree(product, database)

    # Trackway is killed while orders change.
    change(database, rng, 50)
    server.stop(signal.SIGKILL)
    change(database, rng, 100)
    server.start()
    change(database, rng, 30)
    agree(product, database)

    # The database is stopped as if its power failed, and comes back.
    change(database, rng, 50)
    postgres.stop("immediate")
    time.sleep(1.0)
    assert server.http.get("/readyz").status_code == 200
    postgres.start()
    database = psycopg.connect(postgres.dsn, autocommit=True)
    change(database, rng, 50)
    agree(product, database)
    shown = product.connection(made["id"])
    assert shown["taken"] > 0 and shown["problem"] == "" and postgres.dsn not in json.dumps(shown)

    # Everything at once, in one transaction, and nothing of one that is rolled back.
    with database.transaction():
        change(database, rng, 40)
    with database.transaction(force_rollback=True):
        database.execute("UPDATE shop_orders SET total = 10^9, customer = 'pg-rolled'")
    agree(product, database)
    assert not server.sql("SELECT 1 AS n FROM events WHERE position(toJSONString(properties), '4242') > 0"), (
        "only what is mapped"
    )
    doubled = server.sql("SELECT message_id FROM events GROUP BY message_id HAVING count() > 1")
    assert not doubled
    assert not server.sql("SELECT 1 AS n FROM sessions"), "a database visits nothing"

    # A row that is no order is kept apart, and stops nothing.
    database.execute("INSERT INTO shop_orders (customer, total, currency, status) VALUES (NULL, 1, 'EUR', 'paid')")
    database.execute("INSERT INTO shop_orders (customer, total, currency, status) VALUES ('pg-0', 1, 'EUR', 'paid')")
    until = time.monotonic() + 60
    while "names nobody" not in product.connection(made["id"])["problem"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    database.execute("DELETE FROM shop_orders WHERE customer IS NULL")
    agree(product, database)
    database.execute("UPDATE shop_orders SET customer = NULL WHERE id = (SELECT max(id) FROM shop_orders)")
    database.execute("DELETE FROM shop_orders WHERE customer IS NULL")
    agree(product, database)
    refused = server.get("rejections")
    assert any("names nobody" in one["reason"] for one in refused), refused

    database.execute("TRUNCATE shop_orders")
    agree(product, database)
    assert product.admin.delete(f"{product.path}/connections/{made['id']}").status_code == 204
    rows = database.execute(
        "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'trackway_%' AND NOT tgisinternal"
    ).fetchone()
    assert rows == (0,), "what was put into the database is taken out"
    database.execute("INSERT INTO shop_orders (customer, total, currency, status) VALUES ('pg-0', 1, 'EUR', 'paid')")


def agree_when_set_up(product: Product, database: psycopg.Connection[Any]) -> None:
    until = time.monotonic() + 60
    while database.execute("SELECT to_regclass('trackway_outbox')").fetchone() == (None,):
        assert time.monotonic() < until, product.admin.get(f"{product.path}/connections").text
        time.sleep(0.1)
    agree(product, database)


def test_a_database_that_cannot_be_followed_says_why(product: Product, postgres: Postgres) -> None:
    made = product.connect(kind="postgres", name="Away", secret="postgresql://nobody@127.0.0.1:1/none", config=CONFIG)
    missing = product.connect(
        kind="postgres", name="No table", secret=postgres.dsn, config={**CONFIG, "table": "nowhere"}
    )
    until = time.monotonic() + 60
    while not (product.connection(made["id"])["problem"] and "nowhere" in product.connection(missing["id"])["problem"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    text = product.admin.get(f"{product.path}/connections/{missing['id']}/setup").json()["sql"]
    assert "CREATE TRIGGER" in text and '"nowhere"' in text
    paused = product.admin.patch(f"{product.path}/connections/{made['id']}", json={"active": False}).json()
    assert paused["active"] is False
    for wrong in ({"secret": "not an address"}, {"config": {**CONFIG, "table": "a;DROP TABLE x"}},
                  {"config": {"table": "t"}}, {"secret": ""}):  # fmt: skip
        body = {"kind": "postgres", "name": "x", "secret": postgres.dsn, "config": CONFIG, **wrong}
        assert product.admin.post(f"{product.path}/connections", json=body).status_code == 400, wrong
