"""Every question at 20 or 100 million events: in the engine and through HTTP, cold and warm, beside DuckDB.

    ./run bench questions [20|100] [--only NAME]

The store is filled once and kept in .cache/benchmarks (TRACKWAY_BENCHMARKS says where else). Cold is the first run after
the engine was opened and the file system's cache dropped (where that may be done); warm are the runs after it. DuckDB answers
hand-written SQL over the same rows, kept in a table of its own in order of time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import msgspec
import psutil

from filling import directory, filled
from machinery import WRITE_KEY, machine, resident_mb, trackway
from trackway.analyze.catalogue import QUESTIONS as ANSWERED
from trackway.analyze.catalogue import Asking
from trackway.analyze.desk import understood
from trackway.analyze.language.period import period
from trackway.analyze.language.question import Question
from trackway.analyze.traffic.feed import newest_events, newest_sessions
from trackway.analyze.traffic.overview import overview
from trackway.store.connection import Store

HOME = Path(os.environ.get("TRACKWAY_BENCHMARKS", ".cache/benchmarks"))
SECRET_KEY = "sk_bench"
MONTH = {"from": "2026-07-31", "to": "2026-08-29"}
ALL = {"from": "2026-06-01", "to": "2026-08-29"}
FUNNEL = [{"event": name} for name in ("search", "view_details", "interest", "ticket_click")]

_D_MONTH = "ts >= '2026-07-31' AND ts < '2026-08-30'"
_D_ALL = "ts >= '2026-06-01' AND ts < '2026-08-30'"
_D_FUNNEL = """
WITH a AS (SELECT person, min(ts) AS t1 FROM events WHERE name = 'search' AND {w} GROUP BY person),
b AS (SELECT a.person, t1, min(e.ts) AS t2 FROM a JOIN events e ON e.person = a.person AND e.name = 'view_details' AND e.ts > t1 AND e.ts <= t1 + INTERVAL 14 DAY GROUP BY ALL),
c AS (SELECT b.person, t1, min(e.ts) AS t3 FROM b JOIN events e ON e.person = b.person AND e.name = 'interest' AND e.ts > t2 AND e.ts <= t1 + INTERVAL 14 DAY GROUP BY ALL),
d AS (SELECT c.person, min(e.ts) AS t4 FROM c JOIN events e ON e.person = c.person AND e.name = 'ticket_click' AND e.ts > t3 AND e.ts <= t1 + INTERVAL 14 DAY GROUP BY ALL)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM c), (SELECT count(*) FROM d)"""

QUESTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "newest 100 events": (
        {"feed": "events", **ALL},
        f"SELECT * FROM events WHERE {_D_ALL} ORDER BY ts DESC LIMIT 100",
    ),
    "newest 50 sessions": (
        {"feed": "sessions", **ALL},
        "SELECT * FROM sessions ORDER BY started_at DESC LIMIT 50",
    ),
    "sources, 30 days": (
        {"question": "sources", "metrics": ["sessions", "bounce_rate", "duration_s", "page_views"], **MONTH},
        "SELECT channel, source, medium, count(*), avg((events = 1)::INT), avg(epoch_ms(ended_at) - epoch_ms(started_at)), sum(page_views) FROM sessions WHERE started_at >= '2026-07-31' AND started_at < '2026-08-30' GROUP BY ALL ORDER BY 4 DESC",
    ),
    "sources with conversions and revenue, 30 days": (
        {"question": "sources", **MONTH},
        "SELECT channel, source, medium, count(*), count(DISTINCT s.visitor_id), sum(c.n), sum(c.r) FROM sessions s LEFT JOIN (SELECT session_id, count(*) AS n, sum(revenue) AS r FROM events WHERE name = 'Order Completed' AND ts >= '2026-07-31' AND ts < '2026-09-06' GROUP BY 1) c USING (session_id) WHERE started_at >= '2026-07-31' AND started_at < '2026-08-30' GROUP BY ALL ORDER BY 4 DESC",
    ),
    "overview, 30 days and the 30 before": (
        {"overview": True, **MONTH},
        "SELECT ts >= '2026-07-31', count(*), count(DISTINCT visitor_id), sum((name = 'page')::INT), sum(revenue) FROM events WHERE ts >= '2026-07-01' AND ts < '2026-08-30' GROUP BY 1",
    ),
    "trend by event, 30 days": (
        {"question": "trend", "by": ["name"], **MONTH},
        f"SELECT ts::DATE, name, count(*) FROM events WHERE {_D_MONTH} GROUP BY ALL",
    ),
    "persons by day, 90 days": (
        {"question": "trend", "series": [{"metric": "persons"}], **ALL},
        f"SELECT ts::DATE, count(DISTINCT person) FROM events WHERE {_D_ALL} GROUP BY ALL",
    ),
    "persons who clicked, by day and country, 30 days": (
        {"question": "trend", "series": [{"metric": "persons", "event": "click"}], "by": ["country"], **MONTH},
        f"SELECT ts::DATE, country, count(DISTINCT person) FROM events WHERE name = 'click' AND {_D_MONTH} GROUP BY ALL",
    ),
    "median of a property by day, 90 days": (
        {"question": "trend", "series": [{"metric": "median", "property": "properties.results", "event": "search"}], **ALL},
        f"SELECT ts::DATE, median(CAST(properties->>'results' AS DOUBLE)) FROM events WHERE name = 'search' AND {_D_ALL} GROUP BY ALL",
    ),
    "orders per person by plan, 90 days": (
        {"question": "trend", "series": [{"metric": "per_person", "event": "Order Completed"}], "by": ["properties.plan"], **ALL},
        f"SELECT ts::DATE, properties->>'plan', count(*) / count(DISTINCT person) FROM events WHERE name = 'Order Completed' AND {_D_ALL} GROUP BY ALL",
    ),
    "funnel, 4 steps, 14 days, 90 days": (
        {"question": "funnel", "steps": FUNNEL, "times": False, **ALL},
        _D_FUNNEL.format(w=_D_ALL),
    ),
    "funnel with time to convert, 30 days": ({"question": "funnel", "steps": FUNNEL, **MONTH}, ""),
    "standing funnel of an entity, 30 days": ({"question": "entity_funnel", **MONTH}, ""),
    "retention, weekly, any event, 90 days": (
        {"question": "retention", **ALL},
        f"WITH f AS (SELECT person, date_trunc('week', min(ts)) AS w FROM events GROUP BY 1), e AS (SELECT DISTINCT person, date_trunc('week', ts) AS w FROM events WHERE {_D_ALL}) SELECT f.w, date_diff('week', f.w, e.w), count(*) FROM f JOIN e USING (person) GROUP BY ALL",
    ),
    "retention, recurring, search to order, 90 days": (
        {"question": "retention", "kind": "recurring", "start": {"event": "search"}, "return": {"event": "Order Completed"}, **ALL},
        f"WITH s AS (SELECT DISTINCT person, date_trunc('week', ts) AS w FROM events WHERE name = 'search' AND {_D_ALL}), o AS (SELECT DISTINCT person, date_trunc('week', ts) AS w FROM events WHERE name = 'Order Completed' AND {_D_ALL}) SELECT s.w, date_diff('week', s.w, o.w), count(*) FROM s JOIN o ON s.person = o.person AND o.w >= s.w GROUP BY ALL",
    ),
    "lifecycle, weekly, 90 days": (
        {"question": "lifecycle", **ALL},
        f"WITH w AS (SELECT DISTINCT person, date_trunc('week', ts) AS w FROM events WHERE {_D_ALL}) SELECT w, count(*) FILTER (p IS NULL), count(*) FILTER (p = w - INTERVAL 7 DAY), count(*) FILTER (p < w - INTERVAL 7 DAY) FROM (SELECT w, lag(w) OVER (PARTITION BY person ORDER BY w) AS p FROM w) GROUP BY w",
    ),
    "stickiness, days, 90 days": (
        {"question": "stickiness", **ALL},
        f"SELECT n, count(*) FROM (SELECT person, count(DISTINCT ts::DATE) AS n FROM events WHERE {_D_ALL} GROUP BY 1) GROUP BY 1",
    ),
    "people of a day, a week, a month, by day": ({"question": "active", **MONTH}, ""),
    "paths after /search, 5 steps, 30 days": (
        {"question": "paths", "anchor": "/search", "groups": ["/concerts/*", "/artists/*"], **MONTH},
        "",
    ),
    "paths from the start, 5 steps, 30 days": (
        {"question": "paths", **MONTH},
        f"WITH p AS (SELECT session_id, ts, path, lag(path) OVER w AS b FROM events WHERE name = 'page' AND {_D_MONTH} WINDOW w AS (PARTITION BY session_id ORDER BY ts)), q AS (SELECT session_id, path, row_number() OVER w AS n, lead(path) OVER w AS a FROM p WHERE b IS NULL OR b != path WINDOW w AS (PARTITION BY session_id ORDER BY ts)) SELECT n, path, a, count(*) FROM q WHERE n <= 5 GROUP BY ALL ORDER BY 4 DESC LIMIT 1000",
    ),
    "sessions sorted by duration, 30 days": (
        {"question": "sessions", "sort": "duration_s", **MONTH},
        "SELECT * FROM sessions WHERE started_at >= '2026-07-31' AND started_at < '2026-08-30' ORDER BY ended_at - started_at DESC LIMIT 50",
    ),
    "most active people, 7 days": (
        {"question": "persons", "sort": "events", "from": "2026-08-23", "to": "2026-08-29"},
        "SELECT person, sum(events) FROM sessions WHERE started_at >= '2026-08-23' AND started_at < '2026-08-30' GROUP BY 1 ORDER BY 2 DESC LIMIT 50",
    ),
    "top values of a property, 90 days": (
        {"question": "values", "of": "properties.query", "event": "search", **ALL},
        f"SELECT properties->>'query', count(*), count(DISTINCT person) FROM events WHERE name = 'search' AND {_D_ALL} GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
    ),
    "properties of all events": ({"question": "properties", **ALL}, ""),
    "trend of people who did and did not, 30 days": (
        {"question": "trend", "series": [{"metric": "persons", "event": "click"}], "filter": {"all": [{"did": "search", "times": 2, "days": 30}, {"did_not": "Order Completed"}]}, **MONTH},
        f"SELECT ts::DATE, count(DISTINCT person) FROM events WHERE name = 'click' AND {_D_MONTH} AND person IN (SELECT person FROM events WHERE name = 'search' AND {_D_MONTH} GROUP BY 1 HAVING count(*) >= 2) AND person NOT IN (SELECT person FROM events WHERE name = 'Order Completed') GROUP BY ALL",
    ),
    "one person's timeline": ({"question": "person", "visitor_id": "visitor-250000", **ALL}, ""),
}  # fmt: skip


def in_engine(store: Store, project: UUID, body: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that asks a question of the store itself."""
    now = datetime(2026, 8, 30, tzinfo=UTC)
    stretch = period("", "UTC", now, body["from"], body["to"])
    question = Question(project_id=project, period=stretch, timezone="UTC", goals=("Order Completed",))
    if body.get("feed") == "events":
        return lambda: newest_events(store, question)
    if body.get("feed") == "sessions":
        return lambda: newest_sessions(store, question, now)
    if body.get("overview"):
        return lambda: overview(store, question, stretch.before("UTC", "previous"), "EUR")
    parsed = understood(body)
    if parsed.filter is not None:
        question = msgspec.structs.replace(question, filters=(parsed.filter,))
    project_like: Any = type("P", (), {"currency": "EUR"})()
    return lambda: ANSWERED[type(parsed.asked)].answer(Asking(store, question, project_like, now), parsed.asked)


def over_http(address: str, project: UUID, body: dict[str, Any]) -> Callable[[], Any]:
    """Return a function that asks the same question of a server, without its cache."""
    base = f"{address}/api/v1/projects/{project}"
    headers = {"authorization": f"Bearer {SECRET_KEY}", "content-type": "application/json"}
    days = f"from={body['from']}&to={body['to']}"
    if "question" not in body:
        path = {"events": "events?limit=100&", "sessions": "sessions?limit=50&"}.get(body.get("feed", ""), "overview?")
        request = urllib.request.Request(f"{base}/{path}{days}", headers=headers)
    else:
        request = urllib.request.Request(f"{base}/ask", json.dumps({**body, "max_age_s": -1}).encode(), headers)
    return lambda: urllib.request.urlopen(request, timeout=300).read()


def drop_caches() -> bool:
    """Drop the file system's cache. Returns False when that is not permitted."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def timed(question: Callable[[], Any], runs: int) -> list[float]:
    """Milliseconds of each run."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        question()
        times.append((time.perf_counter() - began) * 1000)
    return times


def p95(times: list[float]) -> float:
    """The 95th percentile of a few numbers: the largest but one in twenty."""
    return sorted(times)[max(0, round(0.95 * len(times)) - 1)]


class Peak:
    """The most memory that this process and its engine process held while something ran."""

    def __enter__(self) -> Peak:
        self._process, self._on, self.mb = psutil.Process(), True, 0.0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while self._on:
            self.mb = max(self.mb, resident_mb(self._process))
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()


def duck(place: Path, store_dsn: str) -> duckdb.DuckDBPyConnection:
    """Return the same rows in DuckDB, in a table in order of time; it is created once."""
    file = place / "duck.db"
    if not file.exists():
        store = Store(store_dsn, clients=1, memory_mb=12_000)
        store.persons.refresh()
        connection = duckdb.connect(str(place / "duck.part"))
        person = "(identity + dictGet('persons', 'delta', identity))"
        for table, columns, at in (
            ("events", f"{person} AS person, visitor_id, toString(session_id) AS session_id, toString(name) AS name, timestamp AS ts, path, toString(country) AS country, toString(channel) AS channel, toString(source) AS source, toString(medium) AS medium, toFloat64(revenue) AS revenue, toJSONString(properties) AS properties", "timestamp"),
            ("sessions", f"{person} AS person, visitor_id, toString(session_id) AS session_id, started_at, ended_at, events, page_views, entry_path, toString(country) AS country, toString(channel) AS channel, toString(source) AS source, toString(medium) AS medium", "started_at"),
        ):  # fmt: skip
            for day in range(0, 95, 5):
                rows = store.ask(
                    f"SELECT {columns} FROM {table} WHERE {at} >= toDateTime('2026-06-01', 'UTC') + INTERVAL {day} DAY "
                    f"AND {at} < toDateTime('2026-06-01', 'UTC') + INTERVAL {day + 5} DAY ORDER BY {at}"
                )  # fmt: skip
                connection.register("rows", rows)
                if day == 0:
                    connection.execute(f"CREATE TABLE {table} AS SELECT * FROM rows")
                else:
                    connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
                connection.unregister("rows")
                print(f"\rDuckDB: {table}, day {day}", end="", flush=True)
        connection.close()
        store.close()
        (place / "duck.part").rename(file)
        print("\r" + " " * 40, end="\r")
    connection = duckdb.connect(str(file), read_only=True)
    connection.execute("SET TimeZone = 'UTC'; SET threads = 2")
    return connection


def merges(store: Store, project: UUID) -> list[str]:
    """Measure the cost of persons: the same questions with the lookup of merges, and without merges."""
    bodies: dict[str, dict[str, Any]] = {
        "persons in 90 days": {"question": "trend", "series": [{"metric": "persons"}], "interval": "month", **ALL},
        "persons by day who viewed a page, 90 days": {
            "question": "trend", "series": [{"metric": "persons", "event": "page"}], **ALL,
        },
        "funnel, 4 steps, 90 days": {"question": "funnel", "steps": FUNNEL, "times": False, **ALL},
        "retention, weekly, 90 days": {"question": "retention", **ALL},
    }  # fmt: skip
    lines = []
    for name, body in bodies.items():
        run, both = in_engine(store, project, body), []
        for merged in (True, False, True, False):
            store.persons._any = merged
            run()
            both.append(statistics.median(timed(run, 7)))
        store.persons._any = True
        with_, without = min(both[::2]), min(both[1::2])
        lines.append(f"| {name} | {without:.0f} | {with_:.0f} | {100 * (with_ / without - 1):+.0f} % |")
    return lines


def main() -> None:
    """Fill the store, ask the questions, print the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("millions", nargs="?", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-duck", action="store_true")
    options = parser.parse_args()
    place, project = filled(HOME, options.millions, SECRET_KEY, WRITE_KEY)
    dsn = f"local://{directory(HOME.resolve(), options.millions) / 'store'}"
    wanted = {name: entry for name, entry in QUESTIONS.items() if options.only in name}
    beside = None if options.no_duck else duck(place, dsn)
    dropped = drop_caches()
    store = Store(dsn, clients=2, memory_mb=8_000)
    store.persons.refresh()
    measured: dict[str, list[float]] = {}
    for name, (body, _) in wanted.items():
        drop_caches()
        run = in_engine(store, project, body)
        with Peak() as peak:
            cold = timed(run, 1)[0]
            warm = timed(run, 5)
        measured[name] = [cold, statistics.median(warm), p95(warm), peak.mb]
        print(f"{name}: cold {cold:.0f}, warm {measured[name][1]:.0f} ms", flush=True)
    merging = merges(store, project)
    store.close()
    with trackway(place) as (address, process):
        for name, (body, _) in wanted.items():
            run = over_http(address, project, body)
            run()
            warm = timed(run, 5)
            measured[name] += [statistics.median(warm), p95(warm)]
        memory = resident_mb(process)
    print(
        f"\n{options.millions} million events; {machine()}; cold {'after' if dropped else 'without'} dropping the file cache; ms"
    )
    print(f"the server holds {memory:.0f} MB after all questions\n")
    print("| 100,000 merges | without, ms | with, ms | cost |\n|---|---|---|---|")
    print("\n".join(merging) + "\n")
    print("| question | engine cold | p50 | p95 | HTTP p50 | p95 | peak MB | DuckDB p50 | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (_, statement) in wanted.items():
        cold, p50, most, mb, http50, http95 = measured[name]
        duck_ms, ratio = "", ""
        if beside is not None and statement:
            median = statistics.median(timed(lambda: beside.execute(statement).to_arrow_table(), 3))  # noqa: B023
            duck_ms, ratio = f"{median:.0f}", f"{median / p50:.1f} ×"
        print(
            f"| {name} | {cold:.0f} | {p50:.0f} | {most:.0f} | {http50:.0f} | {http95:.0f} | {mb:.0f} | {duck_ms} | {ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
