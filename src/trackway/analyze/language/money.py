"""Amounts by currency, in the form of answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def amounts(by_currency: dict[str, Decimal] | list[tuple[str, Decimal]] | None) -> list[dict[str, Any]]:
    """Convert amounts by currency to a list: `[{"currency", "amount"}]`."""
    pairs = by_currency.items() if isinstance(by_currency, dict) else by_currency or []
    return [{"currency": currency, "amount": amount} for currency, amount in pairs]
