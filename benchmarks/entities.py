"""Views of entities: counting them and looking counters up, beside PostgreSQL (a row a view, five indexes, a query for
repeats before each, a materialized view refreshed by the hour), in one run.

    ./run bench entities [MILLIONS]

1. Eight writers, and then 64, count views of 20,000 entities by 20,000 sessions, a fifth of them repeats: rate, latency, CPU of
   all processes for each view (storing included), double counts. Trackway also with the ledger's database deciding, as it does
   for several collectors.
2. How long after its answer a view is in the derived counters (the total has it with the answer); how long the refresh takes that the other side waits for.
3. Looking up one counter, and a hundred at once, among so many million.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import psutil

from machinery import WRITE_KEY, Load, baseline_on, cpu_seconds, load, machine, postgresql, request, trackway
from trackway.collect.views.ledger import entity_key

SECONDS, WRITERS, MANY = 8.0, 8, 64
SECRET_KEY = "sk_bench"


def main() -> None:
    """Measure both sides and print."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"\nViews on {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        ours = _trackway(Path(directory) / "data", millions)
    theirs = asyncio.run(_postgresql(millions))
    print("| | Trackway | PostgreSQL | ratio |\n|---|---|---|---|")
    for name, unit, better in (
        ("views counted a second, eight writers", "", 1), ("p50 of a view", " ms", -1), ("p99 of a view", " ms", -1),
        ("the same, 64 writers", "", 1), ("p50 of a view, 64 writers", " ms", -1), ("p99 of a view, 64 writers", " ms", -1),
        ("CPU for each view, 64 writers", " µs", -1), ("the same, the database decides", "", 1),
        ("CPU for each view, the database decides", " µs", -1), ("views counted twice", "", 0), ("in the derived counters after", " ms", 0),
        ("refresh of that many views", " ms", 0), ("one counter of so many, p50", " ms", -1),
        ("one counter, p95", " ms", -1), ("a hundred counters, p50", " ms", -1), ("a hundred counters, p95", " ms", -1),
    ):  # fmt: skip
        a, b = ours.get(name), theirs.get(name)
        ratio = "" if not better or not a or not b else f"{(a / b) ** better:.1f} ×"
        print(f"| {name} | {_said(a, unit)} | {_said(b, unit)} | {ratio} |")
    print(f"\n{millions} million counters", flush=True)


def _said(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:,.0f}{unit}" if value >= 100 or value == 0 else f"{value:.1f}{unit}"


def _requests() -> list[bytes]:
    rng = random.Random(7)
    requests: list[bytes] = []
    pairs: list[tuple[str, str]] = []
    for _ in range(200_000):
        pair = (
            rng.choice(pairs)
            if pairs and rng.random() < 0.2
            else (f"c{rng.randrange(20_000)}", f"s{rng.randrange(20_000)}")
        )
        pairs.append(pair)
        body = json.dumps({"session_id": pair[1], "referrer_source": ("home", "search", "")[len(pairs) % 3]})
        requests.append(request(f"/v1/entities/concert/{pair[0]}/view", body.encode()))
    return requests


def _loaded(measured: Load) -> dict[str, float]:
    return {
        "views counted a second, eight writers": measured.rate,
        "p50 of a view": measured.percentile(0.5),
        "p99 of a view": measured.percentile(0.99),
    }


def _many(address: str, server: psutil.Process, how: str = "64 writers") -> dict[str, float]:
    """The same views again from more writers, in sessions of their own."""
    requests = [request_of.replace(b'"session_id": "s', b'"session_id": "m') for request_of in _requests()]
    before = cpu_seconds(server)
    measured = asyncio.run(load(address, requests, SECONDS, MANY, status=200))
    cost = 1e6 * (cpu_seconds(server) - before) / len(measured.latencies)
    if how != "64 writers":
        return {f"the same, {how}": measured.rate, f"CPU for each view, {how}": cost}
    return {
        "the same, 64 writers": measured.rate,
        "p50 of a view, 64 writers": measured.percentile(0.5),
        "p99 of a view, 64 writers": measured.percentile(0.99),
        "CPU for each view, 64 writers": cost,
    }


def _trackway(data: Path, millions: int) -> dict[str, float]:
    shared = data.with_name("shared")
    with trackway(shared, views=f"sqlite:///{data.with_name('shared.db')}") as (address, server):
        in_database = _many(address, server, "the database decides")
    with trackway(data) as (address, server):
        results = in_database | _loaded(asyncio.run(load(address, _requests(), SECONDS, WRITERS, status=200)))
        results |= _many(address, server)
        project = _call(f"{address}/api/v1/projects")[0]["id"]
        url = f"{address}/api/v1/projects/{project}"
        fresh = []
        for n in range(20):
            _view(address, f"fresh{n}")
            began = time.perf_counter()
            body = {
                "question": "entity_views",
                "entity_type": "concert",
                "ids": [f"fresh{n}"],
                "bots": True,
                "max_age_s": -1,
            }
            while not _call(f"{url}/ask", body)["data"][0]["views"]:
                time.sleep(0.005)
            fresh.append(1000 * (time.perf_counter() - began))
        results["in the derived counters after"] = statistics.median(fresh)
        twice = "SELECT count() AS n FROM (SELECT entity_id, session_id FROM events WHERE name = 'view' GROUP BY 1, 2 HAVING count() > 1)"
        results["views counted twice"] = _call(f"{url}/query", {"sql": twice})["data"][0]["n"]
        began = time.perf_counter()
        _call(f"{url}/refresh", {})
        results["refresh of that many views"] = 1000 * (time.perf_counter() - began)
    _fill(data / "views.db", UUID(project).bytes, millions)
    with trackway(data) as (address, _):
        url = f"{address}/api/v1/projects/{project}/views/lookup"

        def look(ids: list[str]) -> Any:
            return _call(url, {"entity_type": "song", "ids": ids})

        return {**results, **_lookups(look, millions)}


def _fill(ledger: Path, project: bytes, millions: int) -> None:
    """So many totals, where views would have put them."""
    connection = sqlite3.connect(ledger)
    for part in range(0, millions * 1_000_000, 1_000_000):
        rows = [(entity_key(project, "song", str(n)), 1 + n % 50, n % 20, n) for n in range(part, part + 1_000_000)]
        connection.executemany("INSERT INTO view_totals VALUES (?, ?, 1, 1, ?, ?, 0)", sorted(rows))
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _postgresql(millions: int) -> dict[str, float]:
    with postgresql() as dsn:
        with baseline_on(dsn) as (address, server):
            results = _loaded(await load(address, _requests(), SECONDS, WRITERS, status=200))
            results |= await asyncio.to_thread(_many, address, server)
        connection = await asyncpg.connect(dsn)
        results["views counted twice"] = await connection.fetchval(
            "SELECT count(*) FROM (SELECT 1 FROM views GROUP BY entity_id, session_id HAVING count(*) > 1) AS t"
        )
        began = time.perf_counter()
        await connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY view_counts")
        results["refresh of that many views"] = 1000 * (time.perf_counter() - began)
        results["in the derived counters after"] = 1_800_000 + results["refresh of that many views"]
        # The counters are put where the refresh would put them; making as many views would take the better part of an hour.
        await connection.execute("DROP MATERIALIZED VIEW view_counts")
        await connection.execute(
            "CREATE TABLE view_counts AS SELECT 'song' AS entity_type, n::text AS entity_id, 1 + n % 50 AS views, "
            "1 AS sessions, 1 AS viewers, n % 20 AS anonymous, now() AS last_viewed "
            f"FROM generate_series(0, {millions * 1_000_000 - 1}) AS n"
        )
        await connection.execute("CREATE UNIQUE INDEX view_counts_entity ON view_counts (entity_type, entity_id)")
        await connection.execute("VACUUM ANALYZE view_counts")
        await connection.close()
        with baseline_on(dsn, "skip") as (address, _):

            def look(ids: list[str]) -> Any:
                return _call(f"{address}/counts", {"entity_type": "song", "ids": ids})

            return {**results, **_lookups(look, millions)}


def _lookups(look: Any, millions: int) -> dict[str, float]:
    rng, results = random.Random(3), {}
    for name, size in (("one counter", 1), ("a hundred counters", 100)):
        took = []
        for n in range(220):
            ids = [str(number) for number in rng.sample(range(millions * 1_000_000), size)]
            began = time.perf_counter()
            rows = look(ids)
            if n >= 20:
                took.append(1000 * (time.perf_counter() - began))
            assert len(rows) == size, (len(rows), size)
        took.sort()
        p50, p95 = statistics.median(took), took[int(0.95 * len(took))]
        results["one counter of so many, p50" if size == 1 else f"{name}, p50"] = p50
        results[f"{name}, p95"] = p95
    return results


def _view(address: str, entity: str) -> None:
    body = json.dumps({"session_id": "fresh"}).encode()
    call = urllib.request.Request(
        f"{address}/v1/entities/concert/{entity}/view?writeKey={WRITE_KEY}", body, {"content-type": "application/json"}
    )
    urllib.request.urlopen(call).close()


def _call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {SECRET_KEY}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
