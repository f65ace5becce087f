"""What orders come to by identity: made anew from the orders of those that a batch touched, or of a whole project."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from trackway.store.connection import Store
from trackway.store.lists import listed, write_list
from trackway.store.money import SINCE_EVER, Rate, write_rates

_NOW = "INSERT INTO order_totals SELECT * FROM order_totals_now WHERE project_id = {project:UUID}"


def restate(store: Store, project_id: UUID, identities: Iterable[int]) -> None:
    """Make the totals of these identities what their orders come to. Doing it again changes nothing."""
    every = sorted(set(identities))
    if not every:
        return
    name = write_list(store, token=every)
    store.command(f"{_NOW} AND identity IN {listed('token')}", {"project": project_id, "list": name})


def restate_all(store: Store, project_id: UUID) -> None:
    """The same of everybody in a project: rates, or its currency, have changed."""
    store.change(_NOW, {"project": project_id})


def wrong_totals(store: Store, project_id: UUID) -> int:
    """Of how many identities the totals are not what their orders come to; none should be."""
    columns = (
        "identity, orders, bookings, value, last_order, last_order_id, last_amount, last_booking, refunded_orders, "
        "arraySort(arrayFilter(pair -> pair.2 != 0, arrayZip(mapKeys(paid), mapValues(paid)))) AS amounts"
    )
    kept, now = (
        f"SELECT {columns} FROM {table} WHERE project_id = {{project:UUID}}"
        for table in ("order_totals FINAL", "order_totals_now")
    )
    either = f"({kept} EXCEPT DISTINCT {now}) UNION ALL ({now} EXCEPT DISTINCT {kept})"
    found = store.ask(f"SELECT uniqExact(identity) AS n FROM ({either})", {"project": project_id})
    return int(found["n"][0].as_py())


def own_currency(store: Store, project_id: UUID, currency: str) -> bool:
    """See to it that amounts of the project's own currency, and those without one, are worth what they say; whether
    that was not so before. Rates into another currency are no good any more, and go.
    """
    stored = store.ask(
        "SELECT currency FROM rates FINAL WHERE project_id = {project:UUID} "
        "AND day = toDate('1970-01-01') AND rate = 1",
        {"project": project_id},
    )["currency"].to_pylist()
    if currency in stored:
        return False
    store.command(
        "ALTER TABLE rates DELETE WHERE project_id = {project:UUID} SETTINGS mutations_sync = 1",
        {"project": project_id},
    )
    write_rates(store, project_id, [Rate(one, SINCE_EVER, Decimal(1)) for one in ("", currency)])
    restate_all(store, project_id)
    return True
