"""Rows that several questions list: events and sessions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar
from uuid import UUID

import msgspec


class EventRow(msgspec.Struct, kw_only=True):
    """An event. `properties` are JSON; `bot` is the reason for which the visitor is taken for a bot, or empty."""

    event_id: UUID
    timestamp: datetime
    name: str
    type: str
    visitor_id: str
    visitor_name: str
    user_id: str
    session_id: UUID
    host: str
    path: str
    title: str
    channel: str
    source: str
    device: str
    browser: str
    system: str
    country: str
    region: str
    city: str
    bot: str
    revenue: Decimal
    currency: str
    entity_type: str
    entity_id: str
    properties: str


Seconds = TypeVar("Seconds", float, float | None)


class SessionFields(msgspec.Struct, Generic[Seconds], kw_only=True):
    """The fields that sessions have in every list. Lists differ in the duration of active sessions: some have none."""

    session_id: UUID
    visitor_id: str
    visitor_name: str
    user_id: str
    started_at: datetime
    ended_at: datetime
    duration_s: Seconds
    active: bool
    events: int
    page_views: int
    entry_path: str
    exit_path: str
    referrer_host: str
    channel: str
    source: str
    medium: str
    campaign: str
    device: str
    browser: str
    system: str
    country: str
    region: str
    city: str
    bot: str
    converted: bool
    conversion_value: float


class SessionRow(SessionFields[float], kw_only=True):
    """A session. An `active` one may continue; `duration_s` is in seconds. `converted` says whether a goal was reached;
    `conversion_value` is the value of the orders placed in it, less refunds, in the project's currency. `bot` is the
    reason for which the visitor is taken for a bot, or empty.
    """
