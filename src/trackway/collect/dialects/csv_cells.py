"""Times and numbers as people and spreadsheets write them. An ambiguous cell is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Literal

_DIGITS = re.compile(r"-?\d+([.,]\d+)?$")
_DAY_FIRST = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:,?[ T]+(.+))?$")
_HOUR = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?(?: ?(Z|[+-]\d{2}:?\d{2}))?$"
)
_ZONES = re.compile(r"\s*\b(UTC|GMT|Z)$", re.IGNORECASE)
_WRITTEN = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%a %b %d %Y")
_SCALES = ((11, 1), (14, 1_000), (17, 1_000_000), (20, 1_000_000_000))
_AMOUNT = re.compile(
    r"(?P<open>\()?(?P<minus>[-\u2212])?\s*(?P<before>[A-Z]{3}|[$€£¥])?\s*(?P<minus2>[-\u2212])?"
    r"(?P<digits>\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)\s*(?P<after>[A-Z]{3}|[$€£¥])?(?P<minus3>-)?(?P<close>\))?$"
)
_SIGNS = {"€": "EUR", "£": "GBP", "$": "", "¥": ""}

Dates = Literal["", "dmy", "mdy"]
Decimals = Literal["", ".", ","]


class Unclear(ValueError):
    """A cell that cannot be read, or can be read in two ways; the text names the problem and the correction."""


def moment(text: str, zone: tzinfo = UTC, dates: Dates = "") -> datetime:
    """Read a time: ISO 8601 and its variants, Unix seconds to nanoseconds, `… UTC`, 31.12.2020 and 12/31/2020.

    Args:
        zone: the time zone of times that name none.
        dates: the order of 02/01/2020, which is refused without it.

    Raises:
        Unclear: it is not a time, or could be either of two days.
    """
    text = text.strip()
    if _DIGITS.match(text):
        return _from_number(text, zone)
    without_zone = _ZONES.sub("", text)
    if without_zone != text:
        zone, text = UTC, without_zone
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = _other(text, dates)
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _from_number(text: str, zone: tzinfo) -> datetime:
    whole, _, part = text.replace(",", ".").partition(".")
    if not part and re.match(r"(19|20)\d{6}$|20\d{12}$", whole):
        try:
            return datetime.strptime(whole, "%Y%m%d" if len(whole) == 8 else "%Y%m%d%H%M%S").replace(tzinfo=zone)
        except ValueError as error:
            raise Unclear(f"{text!r} is not a day of the calendar") from error
    scale = next((by for most, by in _SCALES if len(whole) <= most), 0)
    if len(whole) < 9 or not scale:
        raise Unclear(
            f"{text!r} is not a time; write it as 2020-01-31 12:00:00 or as Unix seconds (format a "
            "spreadsheet's day number as a date first)"
        )
    seconds, rest = divmod(int(whole), scale)
    micros = rest * 1_000_000 // scale + int(f"{part:0<6}"[:6]) // scale
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    except (OverflowError, ValueError, OSError) as error:
        raise Unclear(f"{text!r} is a time outside the calendar") from error


def _other(text: str, dates: Dates) -> datetime:
    try:
        if match := _DAY_FIRST.match(text):
            year, month, day = _ordered(match, dates)
            return datetime(year, month, day, *_hour(match[5] or "")[0], tzinfo=_hour(match[5] or "")[1])
        head, _, hour = text.rpartition(" ")
        if re.match(r"(?i)[ap]\.?m\.?$", hour):
            head, _, first = head.rpartition(" ")
            hour = f"{first} {hour}"
        for day_text, hour_text in ((head.rstrip(", "), hour), (text, "")):
            for form in _WRITTEN if day_text else ():
                try:
                    day_at = datetime.strptime(day_text, form)
                except ValueError:
                    continue
                (hours, minutes, seconds, micros), zone = _hour(hour_text)
                return day_at.replace(hour=hours, minute=minutes, second=seconds, microsecond=micros, tzinfo=zone)
        if re.search(r"[+-]\d{4}$|^[A-Z][a-z]{2}, ", text):
            return parsedate_to_datetime(text)
    except Unclear:
        raise
    except (ValueError, TypeError, IndexError):
        pass
    raise Unclear(
        f"{text[:60]!r} is not a time that can be read; write it as 2020-01-31 12:00:00 (UTC, or with its offset)"
    )


def _ordered(match: re.Match[str], dates: Dates) -> tuple[int, int, int]:
    first, second, third = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) == 4:
        return first, second, third
    if len(match[4]) != 4:
        raise Unclear(f"the year of {match[0]!r} has two digits; write it with four")
    if match[2] == "." or dates == "dmy":
        return third, second, first
    if dates == "mdy":
        return third, first, second
    if first > 12 or first == second:
        return third, second, first
    if second > 12:
        return third, first, second
    raise Unclear(f"{match[0]!r} could be two days, with the day or the month first; set the order (dates: dmy or mdy)")


def _hour(text: str) -> tuple[tuple[int, int, int, int], tzinfo | None]:
    if not text:
        return (0, 0, 0, 0), None
    match = _HOUR.match(text.strip())
    if match is None:
        raise Unclear(f"{text!r} is not a time of day; write it as 15:04:05")
    hour = int(match[1])
    if match[5]:
        if not 1 <= hour <= 12:
            raise Unclear(f"{text!r} is not a time of day")
        hour = hour % 12 + (12 if match[5] in "pP" else 0)
    offset = match[6] or ""
    zone = datetime.strptime(offset, "%z").tzinfo if offset else None
    return (hour, int(match[2]), int(match[3] or 0), int(f"{match[4] or '':0<6}"[:6])), zone


def amount(text: str, decimals: Decimals = "") -> tuple[str, str]:
    """Return an amount such as 1,234.50, 12,50, $12.00 or (3.00) as plain digits, and the currency that it names.

    Args:
        decimals: the sign before the fraction; without it, 1,234 and 1.234,5 are told apart by their shape.

    Raises:
        Unclear: it is not an amount, or could be either of two.
    """
    match = _AMOUNT.match(text.strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        raise Unclear(f"{text[:60]!r} is not an amount; write digits, such as 1234.50")
    digits = re.sub(r"['’ \u00a0\u202f]", "", match["digits"])
    sign = "-" if match["open"] or match["minus"] or match["minus2"] or match["minus3"] else ""
    currency = match["before"] or match["after"] or ""
    return sign + _plain(digits, decimals, text), _SIGNS.get(currency, currency)


def _plain(digits: str, decimals: str, text: str) -> str:
    """Return digits with separators as a plain number."""
    points, commas = digits.count("."), digits.count(",")
    mark = decimals
    if not mark:
        if points and commas:
            mark = "." if digits.rindex(".") > digits.rindex(",") else ","
        elif commas > 1 or points > 1:
            mark = "." if commas else ","
        elif commas and re.match(r"[1-9]\d{0,2},\d{3}$", digits):
            whole = digits.replace(",", "")
            raise Unclear(f"{text[:60]!r} is {whole} or {digits.replace(',', '.')}; say which (decimal: . or ,)")
        else:
            mark = "," if commas else "."
    group = "," if mark == "." else "."
    whole, _, part = digits.partition(mark)
    grouped = whole.split(group)
    wrong = len(grouped) > 1 and not (1 <= len(grouped[0]) <= 3 and all(len(group) == 3 for group in grouped[1:]))
    if wrong or not (part == "" or part.isdigit()) or (part == "" and whole == ""):
        raise Unclear(f"{text[:60]!r} is not an amount; write digits, such as 1234.50")
    return "".join(grouped).lstrip("0").rjust(1, "0") + (f".{part}" if part else "")
