"""The bounds of the store's typed columns, read from its schema, because every acknowledged value has to fit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from importlib.resources import files

Bounds = tuple[int | Decimal, int | Decimal]
"""The least and the largest value; times in milliseconds since 1970 UTC."""

_COLUMN = re.compile(
    r"^\s+(?:ADD COLUMN IF NOT EXISTS )?(?P<name>\w+) (?:SimpleAggregateFunction\(\w+, )?"
    r"(?P<kind>DateTime64|DateTime|Decimal|U?Int(?P<bits>\d+))\b(?:\((?P<digits>\d+)(?:, (?P<places>\d+))?)?",
    re.MULTILINE,
)
_CREATED = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\n\((.*?)\n\)", re.DOTALL)


def _millis(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


def _bounds(kind: str, bits: str | None, digits: str | None, places: str | None) -> Bounds:
    if kind == "DateTime64":  # https://clickhouse.com/docs/sql-reference/data-types/datetime64
        return _millis(1900), _millis(2300) - 1
    if kind == "DateTime":
        return 0, (2**32 - 1) * 1000
    if kind == "Decimal":
        largest = (10 ** int(digits or 0) - 1) * Decimal(10) ** -int(places or 0)
        return -largest, largest
    size = int(bits or 0)
    return (0, 2**size - 1) if kind.startswith("U") else (-(2 ** (size - 1)), 2 ** (size - 1) - 1)


def _read() -> dict[tuple[str, str], Bounds]:
    """Return the bounds of every column of numbers or times, by table and column."""
    bounds: dict[tuple[str, str], Bounds] = {}
    schema = files("trackway") / "store" / "schema"
    for file in sorted(schema.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            for table, columns in _CREATED.findall(file.read_text()):
                for match in _COLUMN.finditer(columns):
                    bounds[table, match["name"]] = _bounds(*match.group("kind", "bits", "digits", "places"))
    return bounds


COLUMNS = _read()
_TIMES = [COLUMNS[column] for column in COLUMNS if column[1] in ("timestamp", "started_at", "hour", "placed_at", "at")]
EARLIEST = int(max(low for low, _ in _TIMES))
"""The first time that every time column can hold."""
OLDEST = max(_millis(2000), EARLIEST)
"""The earliest time that is accepted: a clock that shows a time before 2000 is broken rather than late."""
NEWEST = int(min(_millis(2100) - 1, *(high for _, high in _TIMES)))
LARGEST_AMOUNT = Decimal(
    min(high for (_, name), (_, high) in COLUMNS.items() if name in ("revenue", "amount", "refunds"))
)
"""The largest amount, also for the sum of an order's refunds."""
_MOST_DIGITS, _PLACES = 13, 4
_FEWEST_CENTS = Decimal(10) ** -_PLACES
WIDEST_SCREEN = int(COLUMNS["events", "screen_width"][1])


def fits(millis: int | float) -> bool:
    """Whether every time column can hold a time."""
    return EARLIEST <= millis <= NEWEST


def is_time(millis: int | float) -> bool:
    """Whether a time is in the years 2000 to 2099, which every time column can hold."""
    return OLDEST <= millis <= NEWEST


def amount(value: object) -> Decimal | None:
    """Return an amount of money as the amount columns hold it.

    None stands for values that are not numbers or have more than 13 digits.
    """
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite():
        return None
    if number.is_zero() or number.adjusted() < -_PLACES - 1:  # exponents with which a Decimal cannot be rounded
        return Decimal(0)
    return number.quantize(_FEWEST_CENTS) if number.adjusted() < _MOST_DIGITS else None
