"""Targets: what is predicted of people, and at which times in the past a model learns it and is measured.

An example is a person at a time T: what was known of them then, and what they did in the days after. A model learns
from examples whose days are over before the time at which it is measured, so that it is measured as it will be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["propensity", "churn", "value"]
CHURN, VALUE = "churn", "value_90"
ACTIVE_DAYS = 30
"""Churn is predicted of people who did something within so many days."""
_LEARNED = 5
"""The most times from which a model learns."""
_HISTORY = timedelta(days=30)
"""The shortest time between the first event and an example: sooner, nearly everybody seems to be new."""
_MOST_EVENTS = 10


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A target of predictions: whether somebody does `event` within `days`, does nothing in them, or what they spend in
    them. `name` is the column of people that has the prediction.
    """

    name: str
    kind: Kind
    days: int
    event: str = ""

    @property
    def length(self) -> timedelta:
        """The days as a length of time."""
        return timedelta(days=self.days)


class Times(NamedTuple):
    """The times of a target's examples: those to learn from, the newest first, and the one at which the model is
    measured. All days of the first are over at the last.
    """

    learned: list[datetime]
    measured: datetime

    @property
    def all(self) -> list[datetime]:
        """All times, the newest first."""
        return [self.measured, *self.learned]


def targets(events: Iterable[str]) -> list[Target]:
    """Return what is predicted in a project whose people are wanted to do these events."""
    wanted = list(dict.fromkeys(name for name in events if name))[:_MOST_EVENTS]
    return [
        *(propensity(name, days) for name in wanted for days in (30, 7)),
        Target(name=CHURN, kind="churn", days=30),
        Target(name=VALUE, kind="value", days=90),
    ]


def propensity(event: str, days: int) -> Target:
    """Return the propensity for an event; its name has the days unless they are 30."""
    name = f"propensity_{event}" if days == 30 else f"propensity_{days}_{event}"
    return Target(name=name, kind="propensity", days=days, event=event)


def times(target: Target, first: datetime, now: datetime) -> Times | None:
    """Return the times of a target's examples; None if the events do not go back far enough.

    Args:
        first: the time of the first event.
    """
    measured, step = now - target.length, timedelta(days=min(30, target.days))
    newest = measured - target.length
    learned = [at for n in range(_LEARNED) if (at := newest - n * step) >= first + _HISTORY]
    return Times(learned, measured) if learned else None
