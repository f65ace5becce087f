"""Amounts by currency, as answers show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def amounts(by_currency: dict[str, Decimal] | list[tuple[str, Decimal]] | None) -> list[dict[str, Any]]:
    """The pairs of a map of currency to amount: `[{"currency", "amount"}]`."""
    pairs = by_currency.items() if isinstance(by_currency, dict) else by_currency or []
    return [{"currency": currency, "amount": amount} for currency, amount in pairs]
