"""Detects files that are missing although there is data, and that a start would silently create again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url

from trackway.config import Settings
from trackway.operate.repair_accounts import holds_data


class Lost(NamedTuple):
    """A missing or empty file, and the consequences of creating a new one."""

    path: Path
    cost: str


def lost_files(settings: Settings) -> list[Lost]:
    """Return the lost files; an empty list before the first start."""
    directory = settings.directory
    known = [
        Lost(
            directory / "pseudonym.key",
            "visitors without an id of their own are new ones, and access logs that are imported again count twice",
        )
    ]
    if not settings.secrets:
        known.append(
            Lost(
                directory / "secret.key", "what it sealed (codes of authenticators, keys of connections) opens no more"
            )
        )
    url = make_url(settings.views_dsn)
    if url.get_backend_name() == "sqlite" and url.database:
        known.append(
            Lost(
                Path(url.database),
                "views of the last 24 hours may count a second time; `trackway refresh` makes the totals of views anew",
            )
        )
    gone = [one for one in known if not one.path.exists() or not one.path.stat().st_size]
    return gone if gone and holds_data(directory) else []
