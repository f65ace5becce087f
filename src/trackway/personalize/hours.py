"""Active hours: when a person is active, in their own time zone, and so when to notify them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from trackway.personalize.preferences import Action

DAYS = 7
_MOST = 3


class ActiveHour(msgspec.Struct):
    """An hour of the day (0 to 23) in the person's time zone, and the number of actions in it."""

    hour: int
    actions: int


class Seen(msgspec.Struct, kw_only=True):
    """An action that happened, and on which entity, if any."""

    at: datetime
    name: str
    entity_type: str
    entity_id: str


class ActiveHours(msgspec.Struct, kw_only=True):
    """The hours with most actions in 7 days, at most three, the most active first; `week` has the actions by weekday
    (7, from Monday) and hour (24). `notify_at` is the first of the hours, null without any action; `evidence` has the
    newest actions of that hour, at most three.
    """

    timezone: str
    hours: list[ActiveHour]
    notify_at: int | None
    evidence: list[Seen]
    week: list[list[int]]


def active_hours(actions: Iterable[Action], now: datetime, zone: ZoneInfo) -> ActiveHours:
    """Count a person's actions of the 7 days before `now` by hour; of hours with as many, the earlier is first."""
    week = [[0] * 24 for _ in range(7)]
    of_hour: dict[int, list[Action]] = defaultdict(list)
    for action in actions:
        if now - timedelta(days=DAYS) <= action.at < now:
            local = action.at.astimezone(zone)
            week[local.weekday()][local.hour] += action.times
            of_hour[local.hour].append(action)
    by_hour = [sum(day[hour] for day in week) for hour in range(24)]
    ranked = sorted((hour for hour in range(24) if by_hour[hour]), key=lambda hour: (-by_hour[hour], hour))[:_MOST]
    hours = [ActiveHour(hour, by_hour[hour]) for hour in ranked]
    newest = sorted(of_hour[ranked[0]], key=lambda action: action.at, reverse=True)[:_MOST] if ranked else []
    evidence = [Seen(at=one.at, name=one.name, entity_type=one.entity_type, entity_id=one.entity_id) for one in newest]
    return ActiveHours(
        timezone=zone.key, hours=hours, notify_at=ranked[0] if ranked else None, evidence=evidence, week=week
    )
