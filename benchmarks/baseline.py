"""The baseline: FastAPI + asyncpg + PostgreSQL, one INSERT per event into a partitioned table with five indexes.

Written for these benchmarks, the way such a service is usually written: a pydantic model, a pool, a row an event.
`python benchmarks/baseline.py make DSN PORT` runs it; `skip` instead of `make` leaves the tables as they are.
"""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    message_id TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT,
    anonymous_id TEXT,
    user_id TEXT,
    session_id TEXT,
    timestamp TIMESTAMPTZ NOT NULL,
    url TEXT,
    referrer TEXT,
    user_agent TEXT,
    properties JSONB
) PARTITION BY RANGE (timestamp);
CREATE TABLE IF NOT EXISTS events_past PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE IF NOT EXISTS events_now PARTITION OF events FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
CREATE INDEX IF NOT EXISTS events_time ON events (timestamp);
CREATE INDEX IF NOT EXISTS events_name ON events (name, timestamp);
CREATE INDEX IF NOT EXISTS events_visitor ON events (anonymous_id, timestamp);
CREATE INDEX IF NOT EXISTS events_user ON events (user_id, timestamp);
CREATE INDEX IF NOT EXISTS events_session ON events (session_id);
"""
INSERT = """INSERT INTO events (message_id, type, name, anonymous_id, user_id, session_id, timestamp, url, referrer,
user_agent, properties) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""


VIEWS = """
CREATE TABLE IF NOT EXISTS views (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    viewer_id TEXT,
    referrer_source TEXT,
    country TEXT,
    viewed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS views_entity ON views (entity_type, entity_id, viewed_at);
CREATE INDEX IF NOT EXISTS views_session ON views (session_id, entity_type, entity_id, viewed_at);
CREATE INDEX IF NOT EXISTS views_viewer ON views (viewer_id);
CREATE INDEX IF NOT EXISTS views_time ON views (viewed_at);
CREATE INDEX IF NOT EXISTS views_referrer ON views (referrer_source, viewed_at);
CREATE MATERIALIZED VIEW IF NOT EXISTS view_counts AS
SELECT entity_type, entity_id, count(*) AS views, count(DISTINCT session_id) AS sessions,
    count(DISTINCT viewer_id) AS viewers, count(*) FILTER (WHERE viewer_id IS NULL) AS anonymous, max(viewed_at) AS last_viewed
FROM views GROUP BY entity_type, entity_id;
CREATE UNIQUE INDEX IF NOT EXISTS view_counts_entity ON view_counts (entity_type, entity_id);
"""
SEEN = """SELECT 1 FROM views WHERE session_id = $3 AND entity_type = $1 AND entity_id = $2
AND viewed_at > now() - interval '24 hours' LIMIT 1"""
VIEWED = "INSERT INTO views (entity_type, entity_id, session_id, referrer_source) VALUES ($1, $2, $3, $4)"
COUNTS = "SELECT * FROM view_counts WHERE entity_type = $1 AND entity_id = ANY($2::text[])"


class View(BaseModel):
    session_id: str
    referrer_source: str | None = None


class Message(BaseModel):
    type: str = "track"
    messageId: str
    event: str | None = None
    anonymousId: str | None = None
    userId: str | None = None
    timestamp: datetime | None = None
    context: dict[str, Any] = {}
    properties: dict[str, Any] = {}


class Batch(BaseModel):
    batch: list[Message]


def build(dsn: str, make: bool = True) -> Any:
    """The FastAPI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        app.state.pool = await asyncpg.create_pool(dsn, min_size=8, max_size=8)
        async with app.state.pool.acquire() as connection:
            if make:
                await connection.execute(SCHEMA)
                await connection.execute(VIEWS)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    def row(body: Message) -> tuple[Any, ...]:
        page = body.context.get("page", {})
        return (
            body.messageId, body.type, body.event, body.anonymousId, body.userId, body.context.get("sessionId"),
            body.timestamp or datetime.now(UTC), page.get("url"), page.get("referrer"), body.context.get("userAgent"),
            json.dumps(body.properties),
        )  # fmt: skip

    @app.post("/v1/track", status_code=202)
    async def track(message: Message) -> dict[str, int]:
        async with app.state.pool.acquire() as connection:
            await connection.execute(INSERT, *row(message))
        return {"accepted": 1}

    @app.post("/v1/batch", status_code=202)
    async def batch(batch: Batch) -> dict[str, int]:
        async with app.state.pool.acquire() as connection, connection.transaction():
            for message in batch.batch:
                await connection.execute(INSERT, *row(message))
        return {"accepted": len(batch.batch)}

    @app.post("/v1/entities/{entity_type}/{entity_id}/view")
    async def view(entity_type: str, entity_id: str, body: View) -> dict[str, Any]:
        async with app.state.pool.acquire() as connection:
            if await connection.fetchval(SEEN, entity_type, entity_id, body.session_id):
                return {"tracked": False, "reason": "Already tracked within 24 hours"}
            await connection.execute(VIEWED, entity_type, entity_id, body.session_id, body.referrer_source)
        return {"tracked": True, "message": "View tracked"}

    @app.post("/counts")
    async def counts(lookup: dict[str, Any]) -> list[dict[str, Any]]:
        async with app.state.pool.acquire() as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, lookup["entity_type"], lookup["ids"])]

    return app


if __name__ == "__main__":
    import uvicorn

    _, schema, address, port = sys.argv
    uvicorn.run(build(address, schema == "make"), port=int(port), log_level="error", access_log=False)
