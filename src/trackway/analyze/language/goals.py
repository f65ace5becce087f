"""Goals of a project: completed orders or bookings, and other events."""

from __future__ import annotations

from collections.abc import Iterable

from trackway.enrich.orders import COMPLETED, meaning


def goals_of(goals: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split goals into kinds of completed purchases (`order`, `booking`) and names of other events.

    A purchase counts once, even if several events report it.
    """
    known = {name: meaning(name) for name in goals}
    kinds = {said.kind for said in known.values() if said is not None and said.change == COMPLETED}
    others = [name for name, said in known.items() if said is None or said.change != COMPLETED]
    return sorted(kinds), others
