"""Questions answered by DuckDB alone: `python independent_questions.py EVENTS.parquet|RETAIL.csv` prints JSON.

A process of its own, which shares no code with Trackway. Times are UTC; a person is worked out here again.
"""

import json
import sys
from typing import Any

import duckdb

connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")


def rows(sql: str) -> list[list[Any]]:
    """An answer as JSON can hold it."""
    return [
        [str(one) if not isinstance(one, int | float | None) else one for one in row]
        for row in connection.execute(sql).fetchall()
    ]


def retail(file: str) -> dict[str, Any]:
    """The shop: totals, and monthly cohorts of customers by their first invoice."""
    connection.execute(f"CREATE TABLE lines AS SELECT * FROM read_csv('{file}', header = true)")
    cohorts = """
        WITH seen AS (SELECT DISTINCT CustomerID AS who, date_trunc('month', InvoiceDate) AS month FROM lines WHERE CustomerID IS NOT NULL),
        first AS (SELECT who, min(month) AS cohort FROM seen GROUP BY who)
        SELECT strftime(cohort, '%Y-%m-%d'), date_diff('month', cohort, month), count(*) FROM seen JOIN first USING (who) GROUP BY ALL ORDER BY ALL"""
    totals = "SELECT count(*), count(DISTINCT InvoiceNo), count(DISTINCT CustomerID), CAST(sum(Quantity * CAST(UnitPrice AS DECIMAL(18, 4))) AS VARCHAR) FROM lines"
    return {"totals": rows(totals)[0], "cohorts": rows(cohorts)}


def site(file: str) -> dict[str, Any]:
    """A site's events: trend, funnel, retention, lifecycle, stickiness, paths, sources."""
    connection.execute(f"""
        CREATE TABLE r AS
        SELECT *, timestamp AS ts, coalesce(sum(CAST(lower(name) = 'signed out' AS INTEGER)) OVER (
            PARTITION BY visitor_id ORDER BY timestamp RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MILLISECOND PRECEDING), 0) AS stretch
        FROM '{file}'""")
    connection.execute("""
        CREATE TABLE e AS
        WITH claims AS (SELECT visitor_id, stretch, arg_min(user_id, (ts, user_id)) AS claimed FROM r WHERE user_id != '' GROUP BY ALL)
        SELECT *, coalesce(nullif(user_id, ''), claimed, visitor_id || ' ' || stretch) AS person
        FROM r LEFT JOIN claims USING (visitor_id, stretch) WHERE bot = ''""")
    step = "(SELECT person, event_id, ts FROM e WHERE name = '{}')"
    chain = f"""
        FROM {step.format("impression")} a JOIN {step.format("event click")} b ON a.person = b.person AND b.ts >= a.ts
        AND b.ts <= a.ts + INTERVAL 1 DAY"""
    last = (
        f" JOIN {step.format('interest')} c ON c.person = b.person AND c.ts >= b.ts AND c.ts <= a.ts + INTERVAL 1 DAY"
    )
    days = "(SELECT DISTINCT person, CAST(ts AS DATE) AS d FROM e)"
    return {
        "names": rows("SELECT name, count(*), count(DISTINCT person) FROM e GROUP BY 1 ORDER BY 1"),
        "by_day": rows("SELECT CAST(ts AS DATE), count(*), count(DISTINCT person), count(DISTINCT visitor_id) FROM e GROUP BY 1 ORDER BY 1"),
        "funnel": rows(f"SELECT (SELECT count(DISTINCT person) FROM e WHERE name = 'impression'), (SELECT count(DISTINCT a.person) {chain}), (SELECT count(DISTINCT a.person) {chain} {last})")[0],
        "retention": rows(f"""WITH f AS (SELECT person, min(d) AS c FROM {days} GROUP BY 1)
            SELECT c, date_diff('day', c, d), count(*) FROM {days} JOIN f USING (person) WHERE date_diff('day', c, d) <= 5 GROUP BY ALL ORDER BY ALL"""),
        "recurring": rows(f"""SELECT a.d, date_diff('day', a.d, b.d), count(*) FROM {days} a JOIN {days} b ON a.person = b.person AND b.d >= a.d
            AND date_diff('day', a.d, b.d) <= 5 GROUP BY ALL ORDER BY ALL"""),
        "lifecycle": rows(f"""SELECT d, count(*) FILTER (p IS NULL), count(*) FILTER (d - p = 1), count(*) FILTER (d - p > 1)
            FROM (SELECT person, d, lag(d) OVER (PARTITION BY person ORDER BY d) AS p FROM {days}) GROUP BY 1 ORDER BY 1"""),
        "stickiness": rows(f"SELECT n, count(*) FROM (SELECT person, count(*) AS n FROM {days} GROUP BY 1) GROUP BY 1 ORDER BY 1"),
        "paths": rows("""WITH p AS (SELECT session_id, ts, path, lag(path) OVER w AS b FROM e WHERE type = 'page' WINDOW w AS (PARTITION BY session_id ORDER BY ts)),
            q AS (SELECT session_id, path, row_number() OVER w AS n, lead(path) OVER w AS a FROM p WHERE b IS NULL OR b != path
                WINDOW w AS (PARTITION BY session_id ORDER BY ts))
            SELECT n, path, coalesce(a, '(end)'), count(*) FROM q WHERE n <= 2 GROUP BY ALL ORDER BY ALL"""),
        "tied": rows("SELECT count(DISTINCT session_id) FROM (SELECT session_id FROM e WHERE type = 'page' GROUP BY session_id, ts HAVING count(DISTINCT path) > 1)")[0][0],
        "sources": rows("""SELECT channel, source, medium, count(*), sum(CAST(n <= 1 AS INTEGER)) FROM (SELECT session_id, any_value(channel) AS channel,
            any_value(source) AS source, any_value(medium) AS medium,
            count_if(type IN ('page', 'screen', 'track') AND name != 'impression') AS n FROM e GROUP BY 1) GROUP BY 1, 2, 3 ORDER BY ALL"""),
    }  # fmt: skip


print(json.dumps(retail(sys.argv[1]) if sys.argv[1].endswith(".csv") else site(sys.argv[1])))
