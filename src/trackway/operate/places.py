"""The rules for removing private data and for locating addresses, from the settings and the files that they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trackway.collect.ids import use_placeholders
from trackway.collect.privacy import Privacy
from trackway.config import Settings
from trackway.enrich.bot import BadRanges, Datacenters
from trackway.enrich.place import BadPlaces, Places
from trackway.event import Location


def privacy_of(settings: Settings, warn: Callable[[str], None]) -> Privacy:
    """Return the rules for removing private data; set the placeholder ids of this process too.

    Args:
        warn: called about a file that cannot be used; it is left out.
    """
    use_placeholders(settings.placeholder_ids)
    return Privacy(settings.truncate_ip, settings.private_parameters, _locate(settings, warn))


def _locate(settings: Settings, warn: Callable[[str], None]) -> Callable[[str], Location]:
    """Return the function that locates IP addresses."""
    datacenters = None
    try:
        if settings.datacenters:
            datacenters = Datacenters.read(Path(settings.datacenters))
    except BadRanges as error:
        warn(str(error))
    try:
        return Places(Path(settings.places) if settings.places else None, datacenters).of
    except BadPlaces as error:
        warn(f"{error}; countries come from the bundled data instead")
        return Places(None, datacenters).of
