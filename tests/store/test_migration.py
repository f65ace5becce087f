"""A store of an earlier version gets what it lacks, with what was stored in it."""

import json
from pathlib import Path

import processes

# A process of its own: the engine opens one directory a process.
HEAD = """
import json, os, sys
from importlib.resources import files
import trackway.store.connection as connection
import trackway.store.migration as migration

scripts = sorted(files("trackway.store").joinpath("schema").iterdir(), key=lambda one: one.name)
store = connection.Store(f"local://{sys.argv[1]}", clients=1)
class Folder:
    def joinpath(self, _): return self
    def iterdir(self): return before
def migrate_until(name):
    global before
    before = [one for one in scripts if one.name < name]
    real, migration.files = migration.files, lambda _: Folder()
    assert len(store.migrate()) == len(before)
    migration.files = real
"""
SCRIPT = """
migrate_until("0004")
store.command('''INSERT INTO events (project_id, event_id, type, name, timestamp, visitor_id, user_id, properties, bot) VALUES
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'page', 'page', '2026-01-01 10:00:00', 'v', '', '{"a": 1}', ''),
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'page', 'page', '2026-01-01 10:01:00', 'v', '', '{"a": "x"}', 'crawler'),
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'track', 'Order Completed', '2026-01-01 10:02:00', 'v', 'ann', '{"order_id": "o1"}', '')''')
store.command("ALTER TABLE events UPDATE revenue = 12.5, currency = 'EUR' WHERE name = 'Order Completed' SETTINGS mutations_sync = 1")
store.command('''INSERT INTO sessions (project_id, session_id, visitor_id, user_id, started_at, version)
    VALUES ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'v', 'ann', '2026-01-01 10:00:00', 1)''')
assert store.migrate() == [one.name for one in scripts if one.name >= "0004"]
store.persons.refresh()
counters = {}
for table, what in (("event_counts", "sum(page_views)"), ("activity", "sum(events)"), ("source_counts", "sum(sessions)")):
    counters[table] = store.ask(f"SELECT bot, {what} AS n FROM {table} GROUP BY bot ORDER BY bot").to_pylist()
print(json.dumps({
    "identities": store.ask("SELECT groupUniqArray(identity) AS n FROM events").to_pylist()[0]["n"],
    "of_session": store.ask("SELECT identity = (SELECT any(identity) FROM events WHERE user_id = 'ann') AS n FROM sessions")["n"][0].as_py(),
    "activity": store.ask("SELECT sum(events) AS n FROM activity")["n"][0].as_py(),
    "properties": store.ask("SELECT groupArray((property, type, events)) AS n FROM (SELECT * FROM property_counts ORDER BY property, type)").to_pylist()[0]["n"],
    "counters": {table: [list(row.values()) for row in rows] for table, rows in counters.items()},
    "totals": [str(one) for one in store.ask("SELECT orders, paid['EUR'] AS paid FROM order_totals").to_pylist()[0].values()],
    "customers": store.ask("SELECT max(user_id) AS user, sum(sessions) AS n FROM customers").to_pylist(),
    "left": store.ask("SELECT count() AS n FROM system.dictionaries WHERE name = 'numbers'")["n"][0].as_py(),
}), flush=True)
os._exit(0)
"""


def test_events_from_before_persons_get_identities_activity_and_properties(tmp_path: Path) -> None:
    done = processes.run(["-c", HEAD + SCRIPT, str(tmp_path / "store")])
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert sorted(found["identities"]) == [1, 2]
    assert found["of_session"] == 1
    assert found["activity"] == 3
    assert [list(one.values()) if isinstance(one, dict) else one for one in found["properties"]] == [
        ["a", "Int64", 1],
        ["a", "String", 1],
        ["order_id", "String", 1],
    ]
    assert found["counters"] == {
        "event_counts": [["", 1], ["crawler", 1]],
        "activity": [["", 2], ["crawler", 1]],
        "source_counts": [["", 1]],
    }
    assert found["left"] == 0
    assert found["totals"] == ["1", "12.5000"]
    assert found["customers"] == [{"user": "ann", "n": 1}]


REGISTERED = """
migrate_until("0024")
store.command('''INSERT INTO events (project_id, event_id, type, name, timestamp, visitor_id, user_id, identity, properties) VALUES
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'identify', 'identify', '2026-10-01 10:00:00', 'v', 'ann', 1, '{"createdAt": "2026-09-01"}'),
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'identify', 'identify', '2026-10-02 10:00:00', 'v', 'ann', 1, '{"createdAt": "soon"}'),
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'identify', 'identify', '2026-10-01 10:00:00', 'w', 'bob', 2, '{"created_at": 1756684800}'),
    ('018f0000-0000-7000-8000-000000000001', generateUUIDv7(), 'page', 'page', '2026-10-01 09:00:00', 'x', 'cem', 3, '{"createdAt": "2026-09-01"}')''')
customers = "SELECT user_id, toString(min(registered_at)) AS at, toString(max(signed_in_at)) AS signed_in, sum(sessions) AS n FROM customers GROUP BY user_id ORDER BY user_id"
first = store.ask(customers).to_pylist()
store.migrate()
print(json.dumps([first, store.ask(customers).to_pylist()]), flush=True)
os._exit(0)
"""


def test_days_and_unix_times_of_registrations_from_before_they_counted_count(tmp_path: Path) -> None:
    done = processes.run(["-c", HEAD + REGISTERED, str(tmp_path / "store")])
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert [row["at"] for row in before] == ["2026-10-01 10:00:00.000"] * 2 + ["2026-10-01 09:00:00.000"]
    assert after == [
        {**before[0], "at": "2026-09-01 00:00:00.000"}, {**before[1], "at": "2025-09-01 00:00:00.000"}, before[2],
    ]  # fmt: skip
