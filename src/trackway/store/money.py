"""Rates of currencies and costs of marketing: read from tables (CSV), written to the store."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa

from trackway.enrich.channel import channel
from trackway.enrich.money import currency_of
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.write_clock import WriteClock

_sql = Statements(__name__)

SINCE_EVER = date(1970, 1, 1)
MOST = 1_000_000
_LEAST, _GREATEST = Decimal("1e-10"), Decimal("1e13")
_SPELLED = {
    "date": "day", "spend": "cost", "amount": "cost", "utm_source": "source", "utm_medium": "medium",
    "utm_campaign": "campaign",
}  # fmt: skip


class BadTable(ValueError):
    """A table that cannot be read; the text names the line, the error and the correction."""


class Rate(NamedTuple):
    """The value of one unit of a currency in the project's own currency, from a day on."""

    currency: str
    day: date
    rate: Decimal


class Cost(NamedTuple):
    """The marketing cost of a source on one day, with the clicks and impressions that the seller counted."""

    day: date
    source: str
    medium: str
    campaign: str
    cost: Decimal
    currency: str
    clicks: int
    impressions: int


def rates_from(lines: Iterable[str], own_currency: str) -> list[Rate]:
    """Read rates from a CSV, in either of two forms.

    The first has the columns `day`, `currency` and `rate` (the value of one unit in `own_currency`, the project's). The
    second is that of the European Central Bank: `Date`, and for each currency a column with the value of one euro.

    Raises:
        BadTable: a line is not a rate, or the bank's table has no column of the project's currency.
    """
    table = _rows(lines)
    rates: list[Rate] = []
    for number, row in table:
        if {"currency", "rate"} <= row.keys():
            rates.append(Rate(_currency(row, number), _day(row, number), _amount(row, "rate", number)))
            continue
        euros = {name.upper(): text for name, text in row.items() if len(name) == 3 and name != "day"} | {"EUR": "1"}
        rate_of_euro = {
            name: _amount({name: text}, name, number) for name, text in euros.items() if text not in ("", "N/A")
        }
        if own_currency not in rate_of_euro:
            raise BadTable(f"line {number}: there is neither `currency` and `rate` nor a column {own_currency}")
        day = _day(row, number)
        rates += [
            Rate(name, day, rate_of_euro[own_currency] / rate)
            for name, rate in rate_of_euro.items()
            if name != own_currency and rate
        ]
    return rates


def costs_from(lines: Iterable[str], own_currency: str) -> list[Cost]:
    """Read costs from a CSV.

    The columns are `day`, `source`, `medium`, `campaign`, `cost`, and optionally `currency`, `clicks` and
    `impressions`.

    Raises:
        BadTable: a line is not a cost.
    """
    costs = []
    for number, row in _rows(lines):
        if not {"day", "source", "cost"} <= row.keys():
            raise BadTable(f"line {number}: has {', '.join(row) or 'nothing'}; day, source and cost are needed")
        currency = _currency(row, number) if row.get("currency") else own_currency
        counts = [int(_amount(row, name, number)) if row.get(name) else 0 for name in ("clicks", "impressions")]
        costs.append(Cost(
            _day(row, number), row["source"], row.get("medium", ""), row.get("campaign", ""),
            _amount(row, "cost", number), currency, *counts,
        ))  # fmt: skip
    return costs


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.DictReader(lines)
    try:
        for count, row in enumerate(table):
            if count >= MOST:
                raise BadTable(f"more than {MOST:,} lines; send them in parts")
            cells = {(name or "").strip().lower(): (text or "").strip() for name, text in row.items() if name}
            yield table.line_num, {_SPELLED.get(name, name): text for name, text in cells.items() if name}
    except csv.Error as error:
        raise BadTable(f"line {table.line_num} is not CSV: {error}") from error


def _day(row: dict[str, str], number: int) -> date:
    try:
        return date.fromisoformat(row.get("day", ""))
    except ValueError as error:
        raise BadTable(f"line {number}: the day is {row.get('day')!r}; write it as 2026-01-31") from error


def _amount(row: dict[str, str], name: str, number: int) -> Decimal:
    try:
        amount = Decimal(row.get(name, "").replace(",", ""))
    except InvalidOperation as error:
        raise BadTable(f"line {number}: {name} is {row.get(name)!r}, which is not a number") from error
    if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 13:
        raise BadTable(f"line {number}: {name} is {row.get(name)!r}; send a number from 0 to 10,000,000,000,000")
    return amount


def _currency(row: dict[str, str], number: int) -> str:
    code = currency_of(row)
    if not code:
        raise BadTable(f"line {number}: the currency is {row.get('currency')!r}; write its code, such as EUR")
    return code


_PROJECT, _TIME = pa.binary(16), pa.timestamp("ms", "UTC")
_RATES = pa.schema([
    ("project_id", _PROJECT), ("currency", pa.string()), ("day", pa.date32()), ("rate", pa.decimal128(38, 10)),
    ("updated_at", _TIME),
])  # fmt: skip
_COSTS = pa.schema([
    ("project_id", _PROJECT), ("day", pa.date32()), ("source", pa.string()), ("medium", pa.string()),
    ("campaign", pa.string()), ("channel", pa.string()), ("cost", pa.decimal128(18, 4)), ("currency", pa.string()),
    ("clicks", pa.uint64()), ("impressions", pa.uint64()), ("updated_at", _TIME),
])  # fmt: skip
_clock = WriteClock()
"""One clock for the whole process."""


def _write(store: Store, table: str, schema: pa.Schema, rows: list[tuple[Any, ...]], token: str) -> None:
    if not rows:
        return
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    store.put(table, pa.table(columns, schema=schema), token)


def write_rates(store: Store, project_id: UUID, rates: Iterable[Rate]) -> None:
    """Write rates; a rate of the same currency and day replaces the earlier one.

    Raises:
        BadTable: a rate is not above 0, or has more digits than the store can hold; then none is written.
    """
    rates = list(rates)
    for rate in rates:
        if not (rate.rate.is_finite() and _LEAST <= rate.rate < _GREATEST):
            raise BadTable(f"the rate of {rate.currency} on {rate.day} is {rate.rate}; rates are more than 0")
    at = _clock.next()
    rows = [(project_id.bytes, *rate[:2], rate.rate.quantize(Decimal("1e-10")), at) for rate in rates]
    _write(store, "rates", _RATES, rows, f"rates-{project_id}-{at}")


def write_costs(store: Store, project_id: UUID, costs: Iterable[Cost]) -> None:
    """Write costs; those of the same day, source, medium and campaign replace the earlier ones."""
    at = _clock.next()
    rows = []
    for cost in costs:
        source = (cost.source, cost.medium, cost.campaign, channel(cost.source, cost.medium, cost.campaign))
        amount = cost.cost.quantize(Decimal("0.0001"))
        rows.append((project_id.bytes, cost.day, *source, amount, cost.currency, cost.clicks, cost.impressions, at))
    _write(store, "costs", _COSTS, rows, f"costs-{project_id}-{at}")


def newest_rates(store: Store, project_id: UUID, own_currency: str) -> list[dict[str, Any]]:
    """Return for each currency but `own_currency`, the project's, the newest rate, the day it applies from, and the
    number of days with a rate.
    """
    rows: list[dict[str, Any]] = store.ask(
        _sql("newest_rates"),
        {"project": project_id, "own": own_currency},
    ).to_pylist()
    return rows


def costs(store: Store, project_id: UUID, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the costs of the days from `start` to before `end` by source, the highest first, at most 1,000."""
    rows: list[dict[str, Any]] = store.ask(
        _sql("costs"),
        {"project": project_id, "start": f"{start:%F %T}", "end": f"{end:%F %T}"},
    ).to_pylist()
    return rows
