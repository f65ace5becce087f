"""The names of time zones that Trackway and the engine know."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def _names() -> frozenset[str]:
    """Return the names of the IANA database, as the engine has them.

    A machine has other files beside them: `localtime` is the zone of the machine itself, unknown to the engine.
    """
    return frozenset((files("tzdata") / "zones").read_text().split())


def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of a name such as Europe/Berlin. Raises ValueError when there is none."""
    if name not in _names():
        raise ValueError(f"{name!r} is not a time zone such as Europe/Berlin")
    return ZoneInfo(name)
