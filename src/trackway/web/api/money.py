"""Exchange rates and advertising costs. Access: members and the secret key read them; owners, administrators and
the secret key write them.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.params import Parameter

from trackway.analyze.language.period import BadQuestion, Period, period
from trackway.operate.several import lock_elsewhere
from trackway.runtime import Runtime
from trackway.store.connection import Store
from trackway.store.money import BadTable, Rate, costs, costs_from, newest_rates, rates_from, write_costs, write_rates
from trackway.store.orders import restate_all
from trackway.web.server.caller import Caller

_MOST_BYTES = 64 * 1024 * 1024


class RateGiven(msgspec.Struct, forbid_unknown_fields=True):
    """The value of one unit of a currency in the project's currency, from a day on."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    day: date
    rate: Decimal


class RateShown(msgspec.Struct):
    """The newest exchange rate of a currency, the day it applies from, and the number of days with a rate."""

    currency: str
    since: date
    newest: str
    days: int


class RatesShown(msgspec.Struct):
    """The newest exchange rate of each currency into the project's `currency`."""

    currency: str
    rates: list[RateShown]


class Taken(msgspec.Struct):
    """The number of lines taken."""

    taken: int


class CostShown(msgspec.Struct):
    """The sum of the costs of a campaign in one currency, the paid clicks and impressions, and the first and the last
    day.
    """

    source: str
    medium: str
    campaign: str
    channel: str
    currency: str
    cost: str
    clicks: int
    impressions: int
    first: date
    last: date


class CostsShown(msgspec.Struct):
    """Costs of a period by source, medium and campaign, in the currencies in which they were given."""

    rows: list[CostShown]


class Money(Controller):
    """`/api/v1/projects/{project_id}/rates` and `/costs`"""

    path = "/api/v1/projects/{project_id:uuid}"
    tags = ("customers",)

    @get("/rates", opt={"may": "read"}, sync_to_thread=True)
    def rates(self, project_id: UUID, request: Request[Caller, Any, Any], store: Store) -> RatesShown:
        """Return the newest rate of each currency, the day it applies from, and the number of days with a rate."""
        currency = request.user.project(project_id).currency
        return RatesShown(currency, [RateShown(**row) for row in newest_rates(store, project_id, currency)])

    @put("/rates", opt={"may": "manage"}, sync_to_thread=True)
    def write_rates(
        self, project_id: UUID, data: list[RateGiven], request: Request[Caller, Any, Any], runtime: Runtime
    ) -> Taken:
        """Write exchange rates. Amounts of orders in the project's currency are recomputed at once."""
        return self._rates(project_id, [Rate(rate.currency, rate.day, rate.rate) for rate in data], request, runtime)

    @post("/rates/csv", opt={"may": "manage"}, status_code=200, request_max_body_size=_MOST_BYTES)
    async def rates_of_table(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Taken:
        """Write exchange rates from a CSV: with `day`, `currency` and `rate`, or in the format of the European Central
        Bank.
        """
        currency = request.user.project(project_id).currency
        lines = _lines(await request.body())
        return await asyncio.to_thread(lambda: self._rates(project_id, rates_from(lines, currency), request, runtime))

    @staticmethod
    def _rates(project_id: UUID, rates: list[Rate], request: Request[Caller, Any, Any], runtime: Runtime) -> Taken:
        currency = request.user.project(project_id).currency
        if any(rate.currency == currency for rate in rates):
            raise BadTable(f"a unit of {currency}, the project's currency, is always worth one; leave it out")
        with lock_elsewhere(runtime.accounts, request.user.project(project_id)):
            write_rates(runtime.store, project_id, rates)
            restate_all(runtime.store, project_id)
        runtime.accounts.saved.touch()
        request.user.wrote("rates written", f"{len(rates)} rates", project_id)
        return Taken(len(rates))

    @get("/costs", opt={"may": "read"}, sync_to_thread=True)
    def costs(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        store: Store,
        named: Annotated[str, Parameter(query="period")] = "90d",
    ) -> CostsShown:
        """Return the costs of a period, the highest first."""
        stretch: Period = period(named, request.user.project(project_id).timezone, datetime.now(UTC))
        return CostsShown([CostShown(**row) for row in costs(store, project_id, *stretch)])

    @post("/costs/csv", opt={"may": "manage"}, status_code=200, request_max_body_size=_MOST_BYTES)
    async def costs_of_table(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Taken:
        """Write costs from a CSV with `day`, `source`, `medium`, `campaign`, `cost` and optionally `currency`, `clicks`
        and `impressions`. A line replaces an earlier line of the same day and campaign.
        """
        lines, currency = _lines(await request.body()), request.user.project(project_id).currency
        costs = await asyncio.to_thread(costs_from, lines, currency)
        await asyncio.to_thread(write_costs, runtime.store, project_id, costs)
        runtime.accounts.saved.touch()
        request.user.wrote("costs written", f"{len(costs)} lines", project_id)
        return Taken(len(costs))


def _lines(body: bytes) -> list[str]:
    try:
        return body.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadQuestion("body", "the table is not UTF-8") from error
