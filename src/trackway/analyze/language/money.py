"""Amounts by currency, in the form of answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Money(msgspec.Struct):
    """An amount in one currency."""

    currency: str
    amount: Decimal


def money(by_currency: dict[str, Decimal] | list[tuple[str, Decimal]] | None) -> list[Money]:
    """Convert amounts by currency to a list of structs."""
    return [Money(**amount) for amount in amounts(by_currency)]


def amounts(by_currency: dict[str, Decimal] | list[tuple[str, Decimal]] | None) -> list[dict[str, Any]]:
    """Convert amounts by currency to a list: `[{"currency", "amount"}]`."""
    pairs = by_currency.items() if isinstance(by_currency, dict) else by_currency or []
    return [{"currency": currency, "amount": amount} for currency, amount in pairs]
