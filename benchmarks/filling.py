"""Fills a store with realistic events: 90 days, 500,000 visitors of skewed activity, sessions of several events each.

Rows are made in the engine and go through the same tables and views as those of the loader. The same size gives the same
rows, so what is made once is kept and used again.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from uuid import UUID

from machinery import stored
from trackway.govern.database import GovernDatabase
from trackway.store.connection import Store

VISITORS = 500_000
MERGED = 5  # every fifth visitor signs in: 100,000 merges
DAYS = 90
START = "2026-06-01 00:00:00"
EVENTS_A_SESSION = 8.5
_CHUNK = 500_000
NAMES = (
    "page",
    "impression",
    "click",
    "search",
    "view_details",
    "interest",
    "ticket_click",
    "Order Completed",
    "Signed Up",
)

# What an event is, by a number from 0 to 999 that its place in the session makes.
_NAME = (
    "multiIf(k = 0 OR r < 450, 'page', r < 680, 'impression', r < 800, 'click', r < 870, 'search', r < 930, 'view_details', "
    "r < 965, 'interest', r < 985, 'ticket_click', r < 993, 'Order Completed', 'Signed Up')"
)
_SESSIONS = """
SELECT
    number AS s,
    toUInt32({visitors} * pow(cityHash64(s, 1) / 18446744073709551615., 3)) AS v,
    1 + least(60, toUInt32(-ln((cityHash64(s, 2) % 1000000 + 1) / 1000001.) * {mean})) AS n,
    toInt64(toUnixTimestamp64Milli(toDateTime64('{start}', 3, 'UTC'))
        + s * {span_ms} / {sessions} + (cityHash64(s, 3) % 3600000)) AS began,
    cityHash64(s, 4) AS h,
    concat('visitor-', toString(v)) AS visitor_id,
    v % {merged} = 0 AND s > {sessions} / 3 AS known,
    if(known, concat('user-', toString(intDiv(v, 2 * {merged}))), '') AS user_id,
    if(known, {users_from} + intDiv(v, 2 * {merged}), 1 + v) AS identity,
    reinterpretAsUUID(reverse(unhex(concat(hex(toUInt64(bitOr(bitShiftLeft(toUInt64(began), 16), 28672 + bitAnd(h, 4095)))),
        hex(bitOr(bitAnd(cityHash64(s, 5), 4611686018427387903), 9223372036854775808)))))) AS session_id,
    ['Direct', 'Organic Search', 'Organic Social', 'Referral', 'Email', 'Paid Search'][h % 6 + 1] AS channel,
    ['(direct)', 'google', 'instagram', 'example.org', 'newsletter', 'google'][h % 6 + 1] AS source,
    ['(none)', 'organic', 'social', 'referral', 'email', 'cpc'][h % 6 + 1] AS medium,
    if(h % 6 = 5, concat('campaign-', toString(h % 20)), '') AS campaign,
    ['DE', 'GB', 'US', 'FR', 'ES', 'IT', 'NL', 'PL', 'AT', 'CH'][toUInt32(10 * pow(cityHash64(v, 6) / 18446744073709551615., 2)) + 1] AS country,
    ['desktop', 'mobile', 'tablet'][cityHash64(v, 7) % 3 + 1] AS device,
    ['Chrome', 'Safari', 'Firefox', 'Edge'][cityHash64(v, 8) % 4 + 1] AS browser
FROM numbers({first}, {count})
"""
_EVENTS = """
INSERT INTO events (project_id, event_id, message_id, type, name, timestamp, received_at, visitor_id, visitor_name, user_id,
    session_id, host, path, referrer_host, channel, source, medium, campaign, device, browser, system, country, language,
    revenue, currency, entity_type, entity_id, properties, library, identity)
SELECT
    '{project}',
    reinterpretAsUUID(reverse(unhex(concat(
        hex(toUInt64(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(at)), 16), 28672 + bitAnd(cityHash64(s, k, 12), 4095)))),
        hex(bitOr(bitAnd(cityHash64(s, k, 13), 4611686018427387903), 9223372036854775808)))))),
    '', if(name = 'page', 'page', 'track'), {name} AS name,
    fromUnixTimestamp64Milli(began + k * 1000 * (5 + cityHash64(s, 9) % 90) + cityHash64(s, k, 10) % 1000, 'UTC') AS at, at,
    visitor_id, 'Fluffy Panda', user_id, session_id, 'concerts.example',
    if(name = 'page', ['/', '/concerts', '/search', '/account', concat('/concerts/', toString(concert)), concat('/artists/', toString(concert % 300))][e % 6 + 1], '') AS path,
    if(source = 'example.org', source, ''), channel, source, medium, campaign, device, browser, 'Linux', country, 'en',
    toDecimal64(if(name = 'Order Completed', 5 + e % 200, 0), 4), if(name = 'Order Completed', 'EUR', ''),
    if(name IN ('impression', 'click', 'view_details', 'interest', 'ticket_click'), 'concert', ''),
    if(name IN ('impression', 'click', 'view_details', 'interest', 'ticket_click'), concat('c', toString(concert)), ''),
    multiIf(name = 'search', concat('{{"query":"q', toString(e % 1000), '","results":', toString(e % 50), '}}'),
        name = 'Order Completed', concat('{{"revenue":', toString(5 + e % 200), ',"plan":"', ['free', 'pro', 'team'][v % 3 + 1], '"}}'),
        name IN ('impression', 'click'), concat('{{"position":', toString(e % 20), '}}'), '{{}}'),
    'bench', identity
FROM (SELECT *, arrayJoin(range(n)) AS k, cityHash64(s, k) AS e, intDiv(e, 7) % 1000 AS r,
    toUInt32(2000 * pow(cityHash64(s, k, 11) / 18446744073709551615., 3)) AS concert FROM ({sessions_sql}))
"""
_SESSION_ROWS = """
INSERT INTO sessions (project_id, session_id, visitor_id, visitor_name, user_id, started_at, ended_at, closed, events, page_views,
    entry_at, entry_host, entry_path, exit_at, exit_path, referrer_host, channel, source, medium, campaign, device, browser,
    system, country, language, hinted, version, gone, changes_sessions, changes_bounces, changes_events, changes_page_views,
    changes_duration_ms, identity)
SELECT
    '{project}', session_id, any(e.visitor_id), 'Fluffy Panda', max(e.user_id), min(timestamp) AS started, max(timestamp) AS ended, 0,
    count() AS n, countIf(type = 'page') AS pages, minIf(timestamp, type = 'page'), 'concerts.example',
    argMinIf(path, timestamp, type = 'page'), maxIf(timestamp, type = 'page'), argMaxIf(path, timestamp, type = 'page'),
    any(e.referrer_host), any(e.channel), any(e.source), any(e.medium), any(e.campaign), any(e.device), any(e.browser), 'Linux',
    any(e.country), 'en', 0, 1, 0, 1, n = 1, n, pages, dateDiff('millisecond', started, ended), any(e.identity)
FROM events AS e
WHERE project_id = '{project}'
  AND timestamp >= fromUnixTimestamp64Milli(toInt64({since_ms}), 'UTC') AND timestamp < fromUnixTimestamp64Milli(toInt64({until_ms}), 'UTC') + INTERVAL 3 HOUR
  AND session_id IN (SELECT session_id FROM ({sessions_sql}))
GROUP BY session_id
"""
_CLAIMS = """
INSERT INTO claims (project_id, identity, person, visitor_id, user_id, at)
SELECT '{project}', 1 + number * {merged}, {users_from} + intDiv(number, 2), concat('visitor-', toString(number * {merged})),
    concat('user-', toString(intDiv(number, 2))), toDateTime64('2026-07-01 00:00:00', 3, 'UTC')
FROM numbers({count})
"""
_IDENTITIES = """
INSERT INTO identities (token, number)
SELECT xxh3(concat('{project} visitor visitor-', toString(number))), 1 + number FROM numbers({visitors})
UNION ALL
SELECT xxh3(concat('{project} user user-', toString(number))), {users_from} + number FROM numbers({count})
"""


def directory(home: Path, millions: int) -> Path:
    """Where a store of so many million events is kept."""
    return home / f"questions-{millions}"


def filled(home: Path, millions: int, secret_key: str, write_key: str) -> tuple[Path, UUID]:
    """A server's data directory with so many million events, and its project."""
    place = directory(home.resolve(), millions)
    marker = place / "project"
    if marker.exists():
        return place, UUID(marker.read_text())
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    accounts = GovernDatabase(f"sqlite:///{place / 'accounts.db'}")
    accounts.first_start("bench@example.com", "benchmark password", write_key, secret_key)
    project = UUID(accounts.projects()[0].id)
    accounts.close()
    with stored(place, 12_000) as store:
        began = time.time()
        fill(store, project, millions)
        size = store.ask("SELECT count() AS n FROM events")["n"][0].as_py()
    print(f"\rfilled: {size:,} events in {time.time() - began:.0f} s            ", flush=True)
    marker.write_text(str(project))
    return place, project


def fill(store: Store, project: UUID, millions: int) -> None:
    """Insert so many million events with their sessions and people into the empty store of a project."""
    sessions = int(millions * 1_000_000 / EVENTS_A_SESSION)
    span_ms = DAYS * 86_400_000
    values = {
        "project": project, "visitors": VISITORS, "merged": MERGED, "mean": EVENTS_A_SESSION - 0.5, "start": START,
        "users_from": VISITORS + 1, "span_ms": span_ms, "sessions": sessions, "name": _NAME,
    }  # fmt: skip
    began = time.time()
    base = 1_780_272_000_000
    for first in range(0, sessions, _CHUNK):
        count = min(_CHUNK, sessions - first)
        chunk = values | {"first": first, "count": count}
        chunk["sessions_sql"] = _SESSIONS.format(**chunk)
        chunk["since_ms"], chunk["until_ms"] = (
            base + first * span_ms // sessions,
            base + (first + count) * span_ms // sessions,
        )
        store.command(_EVENTS.format(**chunk))
        store.command(_SESSION_ROWS.format(**chunk))
        passed = time.time() - began
        print(f"\rfilling: {100 * (first + count) // sessions} % after {passed:.0f} s", end="", flush=True)
    store.command(_CLAIMS.format(**values, count=VISITORS // MERGED))
    store.command(_IDENTITIES.format(**values, count=VISITORS // MERGED // 2 + 1))
    for table in (
        "events",
        "sessions",
        "activity",
        "event_counts",
        "source_counts",
        "revenue_counts",
        "visitors",
        "claims",
    ):
        store.everywhere(f"OPTIMIZE TABLE {table}")


if __name__ == "__main__":
    import sys

    print(filled(Path(sys.argv[2]), int(sys.argv[1]), "sk_bench", "wk_bench"))
