"""Periods and intervals in a project's time zone, where a day can have 23 or 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

Interval = Literal["hour", "day", "week", "month"]
INTERVALS: tuple[str, ...] = get_args(Interval)
NAMED = ("today", "yesterday", "7d", "30d", "90d", "12mo", "month", "last_month", "year", "all")
MOST_BUCKETS = 2_000


_DEEPEST = 10_000_000


class BadQuestion(ValueError):
    """An invalid question. `field` names the invalid part; the text gives the problem and the fix."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def page(limit: int, offset: int = 0, most: int = 10_000) -> None:
    """Check the `limit` and `offset` of a page of a list. Raises BadQuestion when one of them is out of range."""
    if not 1 <= limit <= most:
        raise BadQuestion("limit", f"is from 1 to {most}")
    if not 0 <= offset <= _DEEPEST:
        raise BadQuestion("offset", f"is from 0 to {_DEEPEST}")


class Period(NamedTuple):
    """The period [start, end), in UTC."""

    start: datetime
    end: datetime

    def before(self, timezone: str, compare: str) -> Period:
        """Return the period to compare with: the `previous` one with the same number of days, or the same days a `year`
        earlier.
        """
        zone = ZoneInfo(timezone)
        first, end = self.start.astimezone(zone), self.end.astimezone(zone)
        if compare == "year":
            return Period(midnight(_year_before(first.date()), zone), midnight(_year_before(end.date()), zone))
        days = (end.date() - first.date()).days
        if end.time() == first.time():
            return Period(midnight(first.date() - timedelta(days=days), zone), self.start)
        return Period(self.start - (self.end - self.start), self.start)


def period(name: str, timezone: str, now: datetime, since: str = "", until: str = "") -> Period:
    """Return a named period, or the period from `since` to `until` (days YYYY-MM-DD, both included).

    Raises:
        BadQuestion: the name is unknown or a date is invalid.
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    tomorrow = today + timedelta(days=1)
    if since or until:
        first, last = _date("from", since), _date("to", until or today.isoformat())
        if last < first:
            raise BadQuestion("to", f"the period ends ({last}) before it starts ({first})")
        return Period(midnight(first, zone), midnight(last + timedelta(days=1), zone))
    first_of_month = today.replace(day=1)
    ranges = {
        "today": (today, tomorrow),
        "yesterday": (today - timedelta(days=1), today),
        "7d": (today - timedelta(days=6), tomorrow),
        "30d": (today - timedelta(days=29), tomorrow),
        "90d": (today - timedelta(days=89), tomorrow),
        "12mo": (_year_before(tomorrow), tomorrow),
        "month": (first_of_month, tomorrow),
        "last_month": ((first_of_month - timedelta(days=1)).replace(day=1), first_of_month),
        "year": (today.replace(month=1, day=1), tomorrow),
        "all": (date(2000, 1, 1), tomorrow),
    }
    if name not in ranges:
        raise BadQuestion("period", f"{name!r} is not a period; use one of {', '.join(NAMED)}, or from and to")
    first, end = ranges[name]
    return Period(midnight(first, zone), midnight(end, zone))


def buckets(stretch: Period, timezone: str, interval: Interval) -> list[datetime]:
    """Return the start times, in UTC, of the hours, days, weeks (from Monday) or months of a period.

    Raises:
        BadQuestion: there are more than 2,000.
    """
    zone = ZoneInfo(timezone)
    at = _floor(stretch.start.astimezone(zone), interval)
    starts: list[datetime] = []
    while (moment := at.astimezone(UTC)) < stretch.end:
        starts.append(moment)
        if len(starts) > MOST_BUCKETS:
            raise BadQuestion("interval", f"more than {MOST_BUCKETS} {interval}s; choose a longer interval")
        at = _next(at, interval, zone)
    return starts


def _floor(at: datetime, interval: Interval) -> datetime:
    if interval == "hour":
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def _next(at: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    if interval == "hour":
        return (at.astimezone(UTC) + timedelta(hours=1)).astimezone(zone)
    if interval == "month":
        return (at + timedelta(days=32)).replace(day=1)
    return at + timedelta(days=7 if interval == "week" else 1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a day in a time zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadQuestion(field, f"{text!r} is not a date such as 2026-01-31") from error


def ordinal(at: datetime, timezone: str, interval: Interval) -> int:
    """Return the number of the hour, day, week or month of a time, in the numbering of `time.sql`."""
    day = at.astimezone(ZoneInfo(timezone)).date()
    if interval == "hour":
        return int(at.timestamp() // 3600)
    if interval == "month":
        return day.year * 12 + day.month - 23641
    days = (day - _EPOCH).days
    return days if interval == "day" else (days + 3) // 7


def ordinal_of(field: str, text: str, timezone: str, interval: Interval) -> int:
    """Return the `ordinal` of a day in ISO format. Raises BadQuestion, which names the field."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone))
    except ValueError as error:
        raise BadQuestion(field, f"{text!r} is not a day such as 2026-01-31") from error
    return ordinal(at, timezone, interval)


def first_day(number: int, interval: Interval) -> date:
    """Return the first day of a day, week or month with this number."""
    if interval == "month":
        months = number + 23640
        return date(months // 12, months % 12 + 1, 1)
    return _EPOCH + timedelta(days=number if interval == "day" else number * 7 - 3)


_EPOCH = date(1970, 1, 1)
