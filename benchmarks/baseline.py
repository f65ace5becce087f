"""The baseline: FastAPI + asyncpg + PostgreSQL, one INSERT per event into a partitioned table with five indexes.

Written for these benchmarks, the way such a service is usually written: a pydantic model, a pool, a row an event.
`python benchmarks/baseline.py serve DSN PORT` runs it.
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


def build(dsn: str) -> Any:
    """The FastAPI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        app.state.pool = await asyncpg.create_pool(dsn, min_size=8, max_size=8)
        async with app.state.pool.acquire() as connection:
            await connection.execute(SCHEMA)
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    def row(one: Message) -> tuple[Any, ...]:
        page = one.context.get("page", {})
        return (
            one.messageId, one.type, one.event, one.anonymousId, one.userId, one.context.get("sessionId"),
            one.timestamp or datetime.now(UTC), page.get("url"), page.get("referrer"), one.context.get("userAgent"),
            json.dumps(one.properties),
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

    return app


if __name__ == "__main__":
    import uvicorn

    _, _, address, port = sys.argv
    uvicorn.run(build(address), port=int(port), log_level="error", access_log=False)
