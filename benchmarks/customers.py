"""The list of customers beside PostgreSQL with a summary table and an index for each sort, in one run.

    ./run bench customers [THOUSANDS]

So many thousand customers (a tenth of them known under a visitor of their own besides), three sessions and two orders
each over 120 days. Each page is asked over HTTP with nothing kept; PostgreSQL answers the page and how many there are,
over one connection, from what somebody has summed up beforehand.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from machinery import machine, postgresql, stored, trackway
from trackway.store.connection import Store
from trackway.store.orders import own_currency, restate_all

TIMES = 5
SORTS = ("sessions", "orders", "bookings", "last_login", "registered", "last_order", "value")
FILTERS: dict[str, tuple[Any, str]] = {
    "who ordered three times or more": ("customer.orders:at_least:3", "orders >= 3"),
    "no order for 30 days": ("customer.days_since_order:at_least:30", "last_order < now() - interval '30 days'"),
    "whose orders came to 300 or more": ("customer.value:at_least:300", "value >= 300"),
    "who came from Tanzania": ("country:is:TZ", ""),
    "who used a tablet": ("device:is:tablet", "device = 'tablet'"),
    "standing and device": (
        {"all": ["customer.orders:at_least:2", "device:is:tablet"]},
        "orders >= 2 AND device = 'tablet'",
    ),
    "a ready segment": ({"segment": "ready:weekly-to-none"}, ""),
    "two of these together": (
        {"all": ["customer.orders:at_least:2", "customer.days_since_order:at_least:30"]},
        "orders >= 2 AND last_order < now() - interval '30 days'",
    ),
}


def main() -> None:
    """Measure both sides and print."""
    thousands = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    people = thousands * 1000
    print(f"\nCustomers on {machine()}: {people:,}\n", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        ours = _trackway(Path(directory) / "data", people)
    print(f"slowest: {max((statistics.median(times), name) for name, times in ours.items())}", flush=True)
    theirs = asyncio.run(_postgresql(people))
    print("| page | Trackway, median (slowest) | PostgreSQL | ratio |\n|---|---|---|---|")
    for name, times in ours.items():
        median, their_median = statistics.median(times), statistics.median(theirs[name]) if name in theirs else None
        theirs_text = f"{their_median:,.0f} ms" if their_median is not None else "–"
        ratio = f"{their_median / median:.1f} ×" if their_median is not None else ""
        print(f"| {name} | {median:,.0f} ms ({max(times):,.0f}) | {theirs_text} | {ratio} |")
    print(f"\nslowest median: {max(statistics.median(times) for times in ours.values()):,.0f} ms", flush=True)


def _pages(people: int) -> dict[str, tuple[dict[str, Any], str, str]]:
    """Name → the question's body, and the same as a statement's end and a condition."""
    pages: dict[str, tuple[dict[str, Any], str, str]] = {}
    for sort in SORTS:
        for descending in (True, False):
            direction = "descending" if descending else "ascending"
            end = f"ORDER BY {sort} {'DESC' if descending else 'ASC'} NULLS LAST, id"
            pages[f"{sort}, {direction}"] = ({"sort": sort, "descending": descending}, end, "true")
    end = "ORDER BY orders DESC, id"
    for name, offset in (("middle", people // 2), ("last", people - 50)):
        pages[f"orders, {name} page"] = ({"sort": "orders", "offset": offset}, f"{end} OFFSET {offset}", "true")
    for name, (filter_, condition) in FILTERS.items():
        pages[name] = ({"sort": "orders", "filter": filter_}, end, condition)
    pages["search of an id"] = ({"sort": "orders", "search": "customer-123"}, end, "user_id ILIKE '%customer-123%'")
    for interval in ("daily", "weekly", "monthly"):
        for sort in ("sessions", "orders", "bookings"):
            pages[f"{interval}, {sort}"] = ({"interval": interval, "sort": sort}, f"{interval} {sort}", "")
        for sort in ("last_login", "registered"):
            pages[f"{interval}, {sort}"] = ({"interval": interval, "sort": sort}, f"{interval} by {sort}", "")
    return pages


def _trackway(data: Path, people: int) -> dict[str, list[float]]:
    with trackway(data) as (address, _):
        project = UUID(_get(address, "/api/v1/projects")[0]["id"])
    with stored(data) as store:
        _fill(store, project, people)
    times: dict[str, list[float]] = {}
    with trackway(data) as (address, _):
        for name, (body, _, _) in _pages(people).items():
            body_ = {"question": "customers", "period": "all", "max_age_s": -1, **body}
            for number in range(TIMES + 1):
                started = time.perf_counter()
                answer = _post(address, f"/api/v1/projects/{project}/ask", body_)
                took = (time.perf_counter() - started) * 1000
                assert answer["data"]["rows"] and answer["data"]["customers"], name
                if number:
                    times.setdefault(name, []).append(took)
    return times


def _fill(store: Store, project: UUID, people: int) -> None:
    started = time.perf_counter()
    values = {"project": project, "people": people}
    own_currency(store, project, "USD")
    step = 250_000
    for since in range(0, people, step):
        part = {**values, "since": since, "step": min(step, people - since)}
        numbers_from = "FROM numbers({since:UInt64}, {step:UInt64})"
        store.command(
            "INSERT INTO events (project_id, event_id, message_id, type, name, timestamp, visitor_id, visitor_name, "
            "user_id, identity, properties) SELECT {project:UUID}, generateUUIDv7(), toString(number), 'identify', "
            "'identify', now64(3) - toIntervalSecond(cityHash64(number, 1) % 10368000), concat('v-', toString(number)), "
            "'Fluffy Panda', concat('customer-', toString(number)), number + 1, "
            f"concat('{{\"name\": \"Person ', toString(number % 5000), '\"}}') {numbers_from} SETTINGS max_partitions_per_insert_block = 0",
            part,
        )
        store.command(
            "INSERT INTO sessions (project_id, session_id, visitor_id, visitor_name, user_id, identity, started_at, ended_at, "
            "events, acts, page_views, device, browser, system, country, source, version, changes_sessions, changes_duration_ms) "
            "SELECT {project:UUID}, generateUUIDv7(), concat('v-', toString(number)), 'Fluffy Panda', "
            "if(visit = 0 AND number % 10 = 0, '', concat('customer-', toString(number))), "
            "if(visit = 0 AND number % 10 = 0, number + 1 + {people:UInt64}, number + 1), "
            "now64(3) - toIntervalSecond(cityHash64(number, visit, 2) % 10368000) AS at, at + toIntervalSecond(90), 5, 3, 2, "
            "['desktop', 'smartphone', 'tablet'][1 + number % 3], ['Chrome', 'Safari'][1 + number % 2], 'Android', if(number % 3 = 0, 'TZ', 'KE'), if(number % 4 = 0, 'newsletter', '(direct)'), 1, 1, 90000 "
            f"{numbers_from} ARRAY JOIN range(1 + cityHash64(number, 3) % 5) AS visit SETTINGS max_partitions_per_insert_block = 0",
            part,
        )
        store.command(
            "INSERT INTO orders (project_id, identity, kind, order_id, visitor_id, user_id, placed_at, amount, currency, "
            "stated_at, version) SELECT {project:UUID}, number + 1, if(cityHash64(number, n, 7) % 8 = 0, 'booking', 'order'), "
            "concat(toString(number), '-', toString(n)), '', concat('customer-', toString(number)), "
            "now64(3) - toIntervalSecond(cityHash64(number, n, 4) % 10368000) AS at, cityHash64(number, n, 5) % 20000 / 100, 'USD', at, 1 "
            f"{numbers_from} ARRAY JOIN range(cityHash64(number, 6) % 5) AS n",
            part,
        )
    store.command(
        "INSERT INTO claims SELECT {project:UUID}, number + 1 + {people:UInt64}, number + 1, concat('v-', toString(number)), "
        "concat('customer-', toString(number)), now64(3) FROM numbers({people:UInt64}) WHERE number % 10 = 0",
        values,
    )
    at = time.perf_counter()
    restate_all(store, project)
    print(
        f"filled in {time.perf_counter() - started:.0f} s, totals of everybody in {time.perf_counter() - at:.1f} s",
        flush=True,
    )


TABLES = """
CREATE TABLE customers AS SELECT n AS id, 'customer-' || n AS user_id, 'Person ' || n % 5000 AS name,
    1 + (n * 7919) % 5 AS sessions, (n * 104729) % 5 AS orders, (n * 31) % 2 AS bookings,
    now() - ((n * 7907) % 10368000) * interval '1 second' AS last_login,
    now() - ((n * 7901) % 10368000) * interval '1 second' AS registered,
    CASE WHEN (n * 104729) % 5 > 0 THEN now() - ((n * 7883) % 10368000) * interval '1 second' END AS last_order,
    ((n * 6091) % 40000)::numeric / 100 AS value, 'desktop' AS device, 'Chrome' AS browser, 'Android' AS system
    FROM generate_series(1::bigint, {people}) AS n;
ALTER TABLE customers ADD PRIMARY KEY (id);
CREATE TABLE activity AS SELECT (random() * {people})::int AS customer, current_date - (random() * 120)::int AS day,
    (random() < 0.6)::int AS sessions, (random() < 0.3)::int AS orders, (random() < 0.1)::int AS bookings FROM generate_series(1, {people} * 5);
CREATE INDEX ON activity (day, customer);
"""


async def _postgresql(people: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    with postgresql() as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute(TABLES.format(people=people))
        for sort in SORTS:
            await connection.execute(f"CREATE INDEX ON customers ({sort} DESC NULLS LAST, id)")
        await connection.execute("VACUUM ANALYZE")
        for name, (_, end, condition) in _pages(people).items():
            if name in FILTERS and not condition:
                continue  # the summary does not have it
            if condition:
                statements = [
                    f"SELECT * FROM customers WHERE {condition} {end.partition(' OFFSET')[0]} LIMIT 50 OFFSET {end.partition('OFFSET ')[2] or 0}",
                    f"SELECT count(*) FROM customers WHERE {condition}",
                ]
            else:
                interval, _, sort = end.partition(" ")
                by, sort = ("c.", sort.removeprefix("by ")) if sort.startswith("by ") else ("", sort)
                days = {"daily": 1, "weekly": 7, "monthly": 30}[interval]
                within = f"FROM activity WHERE day > current_date - {days}"
                summed = f"SELECT customer, sum(sessions) AS sessions, sum(orders) AS orders, sum(bookings) AS bookings {within} GROUP BY customer"
                page_of_ids = f"{summed} ORDER BY {sort} DESC LIMIT 50" if not by else summed
                statements = [
                    f"SELECT c.*, a.sessions, a.orders FROM ({page_of_ids}) AS a JOIN customers AS c ON c.id = a.customer "
                    f"ORDER BY {by or 'a.'}{sort} DESC NULLS LAST LIMIT 50",
                    f"SELECT count(DISTINCT customer) {within}",
                ]
            for number in range(TIMES + 1):
                started = time.perf_counter()
                for statement in statements:
                    await connection.fetch(statement)
                if number:
                    times.setdefault(name, []).append((time.perf_counter() - started) * 1000)
        await connection.close()
    return times


def _get(address: str, path: str) -> Any:
    request = urllib.request.Request(address + path, headers={"authorization": "Bearer sk_bench"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _post(address: str, path: str, body: Any) -> Any:
    headers = {"authorization": "Bearer sk_bench", "content-type": "application/json"}
    request = urllib.request.Request(address + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
