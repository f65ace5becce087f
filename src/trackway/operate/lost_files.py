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
    """Return the lost files; an empty list before the first start, and for a loader, which has none of them."""
    directory = settings.directory
    if settings.role == "loader":
        return []
    candidates = [
        Lost(
            directory / "pseudonym.key",
            "visitors without an id of their own count as new ones, and access logs that are imported again count "
            "twice",
        )
    ]
    if not settings.secrets:
        candidates.append(
            Lost(
                directory / "secret.key",
                "the secrets that it encrypted (of authenticators and connections) cannot be decrypted",
            )
        )
    url = make_url(settings.views_dsn)
    if url.get_backend_name() == "sqlite" and url.database:
        candidates.append(
            Lost(
                Path(url.database),
                "views of the last 24 hours may count a second time; `trackway refresh` rebuilds the totals of views",
            )
        )
    missing = [file for file in candidates if not file.path.exists() or not file.path.stat().st_size]
    return missing if missing and holds_data(directory) else []
