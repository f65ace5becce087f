"""Order totals by identity: recomputed from the orders of the identities in a batch, or of a whole project."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from uuid import UUID

from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.lists import with_list
from trackway.store.money import SINCE_EVER, Rate, write_rates

_sql = Statements(__name__)
_NO_LOCK = nullcontext()


def restate(store: Store, project_id: UUID, identities: Iterable[int]) -> None:
    """Recompute the order totals of these identities. Repeating it changes nothing."""
    distinct = sorted(set(identities))
    if distinct:
        sql, values = with_list(store, _sql("restate"), token=distinct)
        store.command(sql, values | {"project": project_id})


def restate_all(store: Store, project_id: UUID) -> None:
    """Recompute the order totals of everybody in a project, after its rates or its currency changed."""
    store.change(_sql("restate_all"), {"project": project_id})


def wrong_totals(store: Store, project_id: UUID) -> int:
    """Return the number of identities whose stored totals differ from their orders; it should be 0."""
    return int(store.ask(_sql("wrong_totals"), {"project": project_id})["n"][0].as_py())


def own_currency(
    store: Store, project_id: UUID, currency: str, lock: AbstractContextManager[object] = _NO_LOCK
) -> bool:
    """Set the rate of the project's own currency, and of amounts without a currency, to 1.

    Rates into another currency become invalid and are deleted.

    Args:
        lock: held meanwhile, when something has to be changed.

    Returns:
        Whether anything changed.
    """
    values = {"project": project_id}
    if currency in store.ask(_sql("own_currency"), values)["currency"].to_pylist():
        return False
    invalid = "ALTER TABLE rates DELETE WHERE project_id = {project:UUID} SETTINGS mutations_sync = 1"
    with lock:
        store.everywhere(invalid, values)
        write_rates(store, project_id, [Rate(code, SINCE_EVER, Decimal(1)) for code in ("", currency)])
        restate_all(store, project_id)
    return True
