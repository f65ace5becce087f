"""Which sort key the events table should have: three candidates, the same 10 million rows, the questions of every page.

The numbers of docs/decisions/0002-sort-keys.md come from here. `./run bench sort_keys [MILLIONS]`
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from importlib.resources import files

from machinery import machine
from trackway.store.connection import Store

KEYS = {
    "by time": "(project_id, timestamp)",
    "by day, event, visitor": "(project_id, toDate(timestamp), name, visitor_id, timestamp)",
    "by event, time": "(project_id, name, timestamp)",
    "by day, visitor": "(project_id, toDate(timestamp), visitor_id, timestamp)",
}
PROJECT = "01890000-0000-7000-8000-000000000001"
OWN = f"project_id = toUUID('{PROJECT}')"
QUESTIONS = {
    "newest 100 events": f"SELECT event_id, timestamp, name FROM {{t}} WHERE {OWN} AND timestamp >= toDateTime64('2026-03-30 23:00:00', 3) "
    "ORDER BY timestamp DESC LIMIT 100",
    "30 days by one event": f"SELECT toDate(timestamp) AS d, count() FROM {{t}} WHERE {OWN} AND name = 'event7' AND "
    "timestamp >= toDateTime64('2026-03-01', 3) GROUP BY d",
    "visitors of 30 days": f"SELECT uniqExact(visitor_id) FROM {{t}} WHERE {OWN} AND timestamp >= toDateTime64('2026-03-01', 3)",
    "pages of 30 days": f"SELECT path, uniqExact(visitor_id) AS n FROM {{t}} WHERE {OWN} AND timestamp >= toDateTime64('2026-03-01', 3) "
    "GROUP BY path ORDER BY n DESC LIMIT 10",
    "4-step funnel, 30 days": "SELECT level, count() FROM (SELECT visitor_id, windowFunnel(86400)(toDateTime(timestamp), "
    "name = 'event1', name = 'event2', name = 'event3', name = 'event4') AS level FROM {t} "
    f"WHERE {OWN} AND name IN ('event1', 'event2', 'event3', 'event4') AND timestamp >= toDateTime64('2026-03-01', 3) "
    "GROUP BY visitor_id) GROUP BY level",
    "one visitor's timeline": f"SELECT timestamp, name FROM {{t}} WHERE {OWN} AND visitor_id = 'visitor-4711' ORDER BY timestamp DESC LIMIT 200",
}


def fill(store: Store, table: str, millions: int) -> None:
    """90 days of 20 events by visitors whose activity is skewed, a million rows an insert."""
    for part in range(millions):
        store.command(
            f"INSERT INTO {table} (project_id, event_id, message_id, type, name, timestamp, received_at, visitor_id, session_id, path, "
            f"country, properties) SELECT toUUID('{PROJECT}'), generateUUIDv7(), toString(number), 'track', "
            "concat('event', toString(toUInt8(20 * pow(rand(1) / 4294967295, 2)))) AS name, "
            f"toDateTime64('2026-01-01', 3) + toIntervalMillisecond(({part} + number / 1000000) * 7776000000 / {millions}) AS at, "
            "at, concat('visitor-', toString(toUInt32(50000 * pow(rand(2) / 4294967295, 3)))), generateUUIDv7(), "
            "concat('/concerts/', toString(rand(3) % 500)), ['DE', 'GB', 'US', 'FR'][rand(4) % 4 + 1], '{\"position\": 1}' "
            "FROM numbers(1000000)"
        )


def main() -> None:
    """Fill one table a key, merge it, and time every question five times."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    schema = files("trackway.store").joinpath("schema/0001_events.sql").read_text().split(";\n")[0]
    start, end = schema.index("ORDER BY ") + len("ORDER BY "), schema.index("SETTINGS")
    print(f"\nSort keys, {millions} million events, {machine()}; median of five in ms\n")
    print(f"| key | {' | '.join(QUESTIONS)} | bytes an event |")
    print("|---|" + "---|" * (len(QUESTIONS) + 1), flush=True)
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"local://{directory}/store", clients=1)
        for number, (name, key) in enumerate(KEYS.items()):
            table = f"events{number}"
            statement = schema[schema.index("CREATE") : start] + key + "\n" + schema[end:]
            store.command(statement.replace("EXISTS events", f"EXISTS {table}"))
            fill(store, table, millions)
            store.command(f"OPTIMIZE TABLE {table} FINAL")
            cells = []
            for question in QUESTIONS.values():
                times = []
                for _ in range(5):
                    began = time.perf_counter()
                    store.ask(question.replace("{t}", table))
                    times.append((time.perf_counter() - began) * 1000)
                cells.append(f"{statistics.median(times):.0f}")
            size = store.ask(
                f"SELECT sum(bytes_on_disk) / sum(rows) AS n FROM system.parts WHERE table = '{table}' AND active"
            )["n"][0].as_py()
            print(f"| {name} `{key}` | {' | '.join(cells)} | {size:.0f} |", flush=True)
            store.command(f"DROP TABLE {table}")
        store.close()


if __name__ == "__main__":
    main()
