"""Order totals by identity: recomputed from the orders of the identities in a batch, or of a whole project."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from trackway.store.connection import Store
from trackway.store.lists import listed, write_list
from trackway.store.money import SINCE_EVER, Rate, write_rates

_NOW = "INSERT INTO order_totals SELECT * FROM order_totals_now WHERE project_id = {project:UUID}"


def restate(store: Store, project_id: UUID, identities: Iterable[int]) -> None:
    """Recompute the order totals of these identities. Repeating it changes nothing."""
    every = sorted(set(identities))
    if not every:
        return
    name = write_list(store, token=every)
    store.command(f"{_NOW} AND identity IN {listed('token')}", {"project": project_id, "list": name})


def restate_all(store: Store, project_id: UUID) -> None:
    """Recompute the order totals of everybody in a project, after its rates or its currency changed."""
    store.change(_NOW, {"project": project_id})


def wrong_totals(store: Store, project_id: UUID) -> int:
    """Return the number of identities whose stored totals differ from their orders; it should be 0."""
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
    """Set the rate of the project's own currency, and of amounts without a currency, to 1.

    Rates into another currency become invalid and are deleted.

    Returns:
        Whether anything changed.
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
