"""What one person wants, asked 200 times a second of a server on one core, beside PostgreSQL with tables made by hand.

    ./run bench personalize [THOUSANDS OF PEOPLE [INTERACTIONS EACH]]

By default 20,000 people with 100 interactions each over 30 days, on 5,000 entities of which some are popular; 100 100
are 100,000 people with 10 million interactions. The rows are made in the tables that the calls read. Server and engine, and then PostgreSQL, have one core; the load has the other.

`anybody` asks about people at random: nothing is kept of most of them. `active` asks about 1,000 people who are active
at present, each of whom was asked about before, while 20 events a second of them arrive. PostgreSQL is asked over its own
protocol, without an HTTP server around it.
"""

from __future__ import annotations

import asyncio
import json
import random
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

from machinery import WRITE_KEY, Load, cpu_seconds, load, machine, postgresql, request, resident_mb, stored, trackway
from trackway.govern.database import GovernDatabase
from trackway.store.connection import Store

RATE, EVENTS_RATE, SECONDS, CONNECTIONS, ACTIVE, ENTITIES, CORE = 200, 20, 15.0, 16, 1_000, 5_000, 0
PARTS = {"without similar": "preferences,content_types,stage,intent,hours,suggestion", "similar": "similar"}
_ACTIONS = """
INSERT INTO actions (project_id, identity, timestamp, name, entity_type, entity_id, bot, actions, duration_s)
SELECT {project:UUID}, {people:UInt64} + 1 + number % {people:UInt64},
    toDateTime64(now() - toIntervalSecond(cityHash64(number, 1) % 2592000), 3, 'UTC'),
    ['view', 'view', 'view', 'view', 'click', 'click', 'like', 'share', 'save', 'search'][1 + cityHash64(number, 2) % 10] AS name,
    if(name = 'search', '', if(entity % 3 = 0, 'seller', 'product')),
    if(name = 'search', '', toString(entity)), '', 1, cityHash64(number, 3) % 90
FROM
(
    SELECT number, toUInt32({entities:UInt64} * pow(cityHash64(number, 4) / 18446744073709551615., 2)) AS entity
    FROM numbers({since:UInt64}, {step:UInt64})
)
SETTINGS max_partitions_per_insert_block = 0
"""
_IDENTIFIED = """
INSERT INTO events (project_id, event_id, message_id, type, name, timestamp, received_at, visitor_id, visitor_name, user_id, identity, properties)
SELECT {project:UUID}, generateUUIDv7(), toString(number), 'identify', 'identify', now64(3) - toIntervalDay(40), now64(3),
    concat('v', toString(number)), 'Fluffy Panda', concat('u', toString(number)), {people:UInt64} + 1 + number,
    concat('{"profile_completeness": ', toString(number % 100), ', "timezone": "Europe/Berlin"}')
FROM numbers({people:UInt64})
SETTINGS max_partitions_per_insert_block = 0
"""
_CLAIMS = """
INSERT INTO claims (project_id, identity, person, visitor_id, user_id, at)
SELECT {project:UUID}, 1 + number, {people:UInt64} + 1 + number, concat('v', toString(number)), concat('u', toString(number)), now() - toIntervalDay(40)
FROM numbers({people:UInt64})
"""
_IDENTITIES = """
INSERT INTO identities (token, number)
SELECT xxh3(concat({name:String}, ' user u', toString(number))), {people:UInt64} + 1 + number FROM numbers({people:UInt64})
"""
_REGISTER = """
INSERT INTO entities (project_id, entity_type, entity_id, name, parents, attributes, updated_at)
SELECT {project:UUID}, if(number % 3 = 0, 'seller', 'product'), toString(number), '', [],
    concat('{"genre": "g', toString(number % 20), '", "price": ', toString(number % 300), '}'), now() - toIntervalDay(40)
FROM numbers({entities:UInt64})
"""


def main() -> None:
    """Measure both sides and print."""
    people = (int(sys.argv[1]) if len(sys.argv) > 1 else 20) * 1000
    each = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    print(f"\nWhat one person wants, on {machine()}: {people:,} people, {people * each:,} interactions", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        _trackway(Path(directory) / "data", people, each)
    asyncio.run(_postgresql(people, each))


def _trackway(data: Path, people: int, each: int) -> None:
    with trackway(data) as (address, _):
        [project] = _json(address, "/api/v1/projects")
    accounts = GovernDatabase(f"sqlite:///{data / 'accounts.db'}")
    accounts.change_project(UUID(project["id"]), None, None, None, None, metrics="marketplace")
    accounts.close()
    with stored(data) as store:
        _fill(store, UUID(project["id"]), people, each)
    with trackway(data, CORE) as (address, process):
        rng = random.Random(3)
        now = [rng.randrange(people) for _ in range(ACTIVE)]
        asyncio.run(load(address, [_get(rng.randrange(people), "") for _ in range(50)], 10, 2, 10, 200))
        print("| calls | p50 | p99 | answered a second | CPU of a call | memory |\n|---|---|---|---|---|---|")
        for name, include in PARTS.items():
            anybody = [_get(rng.randrange(people), include) for _ in range(20_000)]
            _measure(f"{name}, anybody, one at a time", address, process, anybody, 1, None)
            _measure(f"{name}, anybody, {RATE}/s", address, process, anybody, CONNECTIONS, RATE)
            started = time.perf_counter()
            asyncio.run(load(address, [_get(one, include) for one in now], 600, CONNECTIONS, None, 200, len(now)))
            print(
                f"| (the first call for each of {len(now)}) | | | {len(now) / (time.perf_counter() - started):.0f} | | |"
            )
            active = [_get(rng.choice(now), include) for _ in range(20_000)]
            _measure(f"{name}, active, {RATE}/s", address, process, active, CONNECTIONS, RATE, _events(now, rng))
        print(f"an event changes the answer after {statistics.median(_delays(address)):.2f} s (median of 10)")


def _measure(
    name: str,
    address: str,
    process: Any,
    requests: list[bytes],
    connections: int,
    rate: float | None,
    events: list[bytes] | None = None,
) -> None:
    async def both() -> Load:
        arriving = load(address, events or [], SECONDS, 2, EVENTS_RATE, 202, 10**9 if events else 0)
        return (await asyncio.gather(load(address, requests, SECONDS, connections, rate, 200), arriving))[0]

    before, started = cpu_seconds(process), time.perf_counter()
    done = asyncio.run(both())
    cpu = (cpu_seconds(process) - before) / max(1, len(done.latencies))
    assert not done.failed, f"{name}: {done.failed} calls failed"
    print(
        f"| {name} | {done.percentile(0.5):.1f} ms | {done.percentile(0.99):.1f} ms "
        f"| {len(done.latencies) / (time.perf_counter() - started):.0f} | {1000 * cpu:.2f} ms | {resident_mb(process):.0f} MB |",
        flush=True,
    )


def _events(now: list[int], rng: random.Random) -> list[bytes]:
    """Events of the people who are active."""
    people = [rng.choice(now) for _ in range(2_000)]
    return [request("/v1/track", json.dumps(_viewed(person, rng.randrange(ENTITIES))).encode()) for person in people]


def _viewed(person: int, entity: int) -> dict[str, Any]:
    of = {"entity_type": "seller" if entity % 3 == 0 else "product", "entity_id": str(entity)}
    return {
        "userId": f"u{person}",
        "anonymousId": f"v{person}",
        "event": "view",
        "writeKey": WRITE_KEY,
        "properties": of,
    }


def _delays(address: str) -> list[float]:
    """Seconds from the 202 of an event to the first answer that has it."""
    found = []
    for number in range(10):

        def actions(number: int = number) -> float:
            types = _json(address, f"/v1/personalize/u{number}?include=content_types")["content_types"]
            return float(sum(one["score"] for one in types))

        before = actions()
        _json(address, "/v1/track", "POST", _viewed(number, 1))
        started = time.perf_counter()
        while actions() == before:
            time.sleep(0.02)
        found.append(time.perf_counter() - started)
    return found


def _fill(store: Store, project: UUID, people: int, each: int) -> None:
    started, step = time.perf_counter(), 1_000_000
    values = {"project": project, "people": people, "entities": ENTITIES, "name": str(project)}
    for statement in (_IDENTITIES, _CLAIMS, _IDENTIFIED, _REGISTER):
        store.command(statement, {name: value for name, value in values.items() if f"{{{name}:" in statement})
    for since in range(0, people * each, step):
        part = {"since": since, "step": min(step, people * each - since)}
        of_actions = {name: value for name, value in values.items() if name != "name"}
        store.command(_ACTIONS, of_actions | part)
    for table in ("actions", "entity_people", "claims", "customers", "events"):
        store.command(f"OPTIMIZE TABLE {table} FINAL")
    store.persons.stale()
    print(f"filled in {time.perf_counter() - started:.0f} s\n", flush=True)


def _get(person: int, include: str) -> bytes:
    return (
        f"GET /v1/personalize/u{person}?include={include} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        "authorization: Bearer sk_bench\r\n\r\n"
    ).encode()


def _json(address: str, path: str, method: str = "GET", body: Any = None, key: str = "sk_bench") -> Any:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(address + path, sent, headers, method=method), timeout=60
    ) as answer:
        text = answer.read()
    return json.loads(text) if text else None


_TABLES = """
CREATE TABLE persons (id int PRIMARY KEY, registered_at timestamptz, completeness int, timezone text);
CREATE TABLE entities (entity_type text, entity_id text, genre text, price int, PRIMARY KEY (entity_type, entity_id));
CREATE TABLE weights (name text PRIMARY KEY, weight float8);
CREATE TABLE actions (person int, at timestamptz, name text, entity_type text, entity_id text, lasted_s real);
INSERT INTO weights VALUES ('view', 0.1), ('click', 0.2), ('like', 0.3), ('share', 0.4), ('save', 0.4);
"""
_ROWS = """
INSERT INTO persons SELECT n, now() - interval '40 days', n % 100, 'Europe/Berlin' FROM generate_series(0, {people} - 1) AS n;
INSERT INTO entities SELECT CASE WHEN n % 3 = 0 THEN 'seller' ELSE 'product' END, n::text, 'g' || n % 20, n % 300
FROM generate_series(0, {entities} - 1) AS n;
INSERT INTO actions
SELECT n % {people}, now() - random() * interval '30 days', name, CASE WHEN entity % 3 = 0 THEN 'seller' ELSE 'product' END,
    CASE WHEN name = 'search' THEN '' ELSE entity::text END, random() * 90
FROM (
    SELECT n, floor({entities} * random() ^ 2)::int AS entity,
        (ARRAY['view', 'view', 'view', 'view', 'click', 'click', 'like', 'share', 'save', 'search'])[1 + floor(random() * 10)] AS name
    FROM generate_series(0, {rows} - 1) AS n
) AS made;
CREATE INDEX ON actions (person, at DESC) INCLUDE (name, entity_type, entity_id, lasted_s);
CREATE INDEX ON actions (entity_type, entity_id, person);
"""
_SCORED = """
SELECT a.*, least(1, 0.5 + 0.2 * (lasted_s > 30)::int + 0.2 * (lasted_s > 60)::int + 0.1 * (lasted_s > 120)::int + w.weight) AS score
FROM actions AS a JOIN weights AS w USING (name) WHERE a.entity_id != '' AND a.at >= now() - interval '30 days'
"""
_DECIDED = f"""
WITH scored AS MATERIALIZED ({_SCORED} AND a.person = $1),
newest AS (SELECT * FROM actions WHERE person = $1 ORDER BY at DESC LIMIT 20),
said AS (
    SELECT s.score * 0.5 ^ (extract(epoch FROM now() - s.at) / 86400 / 14) AS weight, s.at, v.key, v.value
    FROM scored AS s LEFT JOIN entities AS e USING (entity_type, entity_id), persons AS p,
        LATERAL (VALUES ('content_type', s.entity_type), ('genre', e.genre), ('price', width_bucket(e.price, ARRAY[20, 50, 100, 200])::text),
            ('weekday', to_char(s.at AT TIME ZONE p.timezone, 'day')), ('hour', to_char(s.at AT TIME ZONE p.timezone, 'HH24'))) AS v (key, value)
    WHERE p.id = $1 AND v.value IS NOT NULL
),
likes AS (SELECT key, value, sum(weight) AS weight, count(*) AS interactions, max(at) AS at FROM said GROUP BY key, value),
shares AS (SELECT *, sum(weight) OVER (PARTITION BY key) AS whole FROM likes)
SELECT
    (SELECT json_agg(json_build_object('key', key, 'value', value, 'n', interactions, 'at', at, 'confidence',
        (weight / whole + 1.92 / whole - 1.96 * sqrt((greatest(0, weight / whole * (1 - weight / whole)) + 0.96 / whole) / whole)) / (1 + 3.84 / whole)))
     FROM shares),
    (SELECT json_object_agg(entity_type, total) FROM (SELECT entity_type, sum(score) AS total FROM scored GROUP BY entity_type) AS t),
    (SELECT json_build_object('days', now() - registered_at, 'completeness', completeness,
        'activities', (SELECT count(*) FROM actions WHERE person = $1)) FROM persons WHERE id = $1),
    (SELECT json_object_agg(name, n) FROM (SELECT name || entity_type AS name, count(*) AS n FROM newest GROUP BY 1) AS t),
    (SELECT json_object_agg(hour, n) FROM (
        SELECT to_char(at AT TIME ZONE p.timezone, 'D HH24') AS hour, count(*) AS n FROM actions, persons AS p
        WHERE person = $1 AND p.id = $1 AND at >= now() - interval '7 days' GROUP BY 1) AS t)
"""
_SIMILAR = f"""
WITH own AS MATERIALIZED (SELECT entity_type, entity_id, sum(score) AS weight FROM ({_SCORED} AND a.person = $1) AS s GROUP BY 1, 2),
heaviest AS (SELECT * FROM own ORDER BY weight DESC LIMIT 10),
candidates AS (
    SELECT person FROM heaviest AS h, LATERAL (
        SELECT DISTINCT person FROM (
            SELECT person FROM actions AS a WHERE a.entity_type = h.entity_type AND a.entity_id = h.entity_id AND person != $1
            ORDER BY person LIMIT 400) AS first LIMIT 200) AS p
    GROUP BY person ORDER BY sum(h.weight) DESC LIMIT 50
),
vectors AS (
    SELECT s.person, s.entity_type, s.entity_id, sum(s.score) AS weight
    FROM ({_SCORED} AND a.person IN (SELECT person FROM candidates)) AS s GROUP BY 1, 2, 3
)
SELECT v.person, sum(v.weight * o.weight) / sqrt(sum(v.weight ^ 2) * (SELECT sum(weight ^ 2) FROM own)) AS similarity
FROM vectors AS v LEFT JOIN own AS o USING (entity_type, entity_id) GROUP BY v.person ORDER BY 2 DESC NULLS LAST LIMIT 10
"""


async def _postgresql(people: int, each: int) -> None:
    """Ask the same of tables and indexes made by hand."""
    started = time.perf_counter()
    with postgresql(CORE) as dsn:
        pool = await asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
        await pool.execute(_TABLES)
        await pool.execute(_ROWS.format(people=people, rows=people * each, entities=ENTITIES))
        await pool.execute("VACUUM ANALYZE")
        print(f"\nPostgreSQL, filled in {time.perf_counter() - started:.0f} s\n", flush=True)
        rng = random.Random(3)
        for name, statement in (("without similar", _DECIDED), ("similar", _SIMILAR)):
            await _ask(pool, dsn, f"{name}, anybody, one at a time", statement, people, 1, None, rng)
            await _ask(pool, dsn, f"{name}, anybody, {RATE}/s", statement, people, CONNECTIONS, RATE, rng)
        await pool.close()


async def _ask(
    pool: Any,
    dsn: str,
    name: str,
    statement: str,
    people: int,
    connections: int,
    rate: float | None,
    rng: random.Random,
) -> None:
    """Ask for `SECONDS`; with a rate, latency counts from when a call was due, as in `machinery.load`."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def connection(number: int) -> None:
        due = started + number / rate if rate else 0.0
        while (now := time.perf_counter()) < started + SECONDS:
            since = now
            if rate:
                await asyncio.sleep(max(0.0, due - now))
                since, due = due, due + connections / rate
            await pool.fetch(statement, rng.randrange(people))
            latencies.append(time.perf_counter() - since)

    before = _cpu_of(dsn)
    await asyncio.gather(*(connection(number) for number in range(connections)))
    cpu = (_cpu_of(dsn) - before) / max(1, len(latencies))
    latencies.sort()
    p50, p99 = (1000 * latencies[int(share * (len(latencies) - 1))] for share in (0.5, 0.99))
    rate_ = len(latencies) / (time.perf_counter() - started)
    print(f"| {name} | {p50:.1f} ms | {p99:.1f} ms | {rate_:.0f} | {1000 * cpu:.2f} ms | |", flush=True)


def _cpu_of(dsn: str) -> float:
    """CPU seconds so far of a PostgreSQL server and its connections."""
    port = dsn.rpartition(":")[2].partition("/")[0]
    [server] = [
        process for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and {"-p", port} <= set(process.info["cmdline"] or [])
    ]  # fmt: skip
    return cpu_seconds(server)


if __name__ == "__main__":
    main()
