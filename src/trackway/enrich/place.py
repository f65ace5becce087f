"""Country, region and city of an IP address."""

from __future__ import annotations

import logging
import sys
from array import array
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import maxminddb
from geoip2fast import GeoIP2Fast

from trackway.enrich.bot import Datacenters
from trackway.event import Location

logger = logging.getLogger("trackway.enrich.place")


_NOWHERE = Location()
_LOW = 2**64 - 1
_KINDS = (("B", 2**8 - 1), ("H", 2**16 - 1), ("I", 2**32 - 1), ("Q", _LOW))
"""Kinds of arrays and the highest number that each holds."""


class BadPlaces(ValueError):
    """A places file that cannot be used; the text names the file."""


class Places:
    """Finds the location of IP addresses, in a MaxMind-format file or, countries only, in the data of geoip2fast.

    `of(address)` returns a `Location`, from a cache of 50,000.

    Raises:
        BadPlaces: the file is missing, broken, or not a database of places.
    """

    def __init__(self, file: Path | None = None, datacenters: Datacenters | None = None) -> None:
        self._datacenters = datacenters or Datacenters([])
        self._file = file
        self._reader = _open(file) if file else None
        self._bundled = None if file else countries()
        self._broken = False
        self.of = lru_cache(maxsize=50_000)(self._located)

    def _located(self, address: str) -> Location:
        try:
            inside = address in self._datacenters
        except ValueError:
            return _NOWHERE
        return self._of(address)._replace(datacenter=inside)

    def _of(self, address: str) -> Location:
        if not address:
            return _NOWHERE
        if self._reader is None:
            assert self._bundled is not None
            bundled = self._bundled.lookup(address)
            return Location(
                bundled.country_code if len(bundled.country_code) == 2 and not bundled.is_private else "", "", ""
            )
        try:
            return _place(self._reader.get(address))
        except ValueError:
            return _NOWHERE  # an IPv6 address in a database of IPv4 addresses
        except Exception as error:
            if not self._broken:
                logger.error(
                    "the places file %s is damaged (%s); places that cannot be read stay empty", self._file, error
                )
            self._broken = True
            return _NOWHERE


@cache
def countries() -> GeoIP2Fast:
    """Return the data of geoip2fast, which is read once."""
    read = GeoIP2Fast(geoip2fast_data_file="geoip2fast-ipv6.dat.gz")
    _pack(vars(sys.modules[GeoIP2Fast.__module__]))
    return read


class _Addresses(Sequence[int]):
    """Numbers of 128 bits, which no array of Python holds."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._high = array("Q", [number >> 64 for number in numbers])
        self._low = array("Q", [number & _LOW for number in numbers])

    def __len__(self) -> int:
        return len(self._high)

    def __getitem__(self, index: Any) -> Any:
        return self._high[index] << 64 | self._low[index]


def _pack(library: dict[str, Any]) -> None:
    """Put the library's 780,000 networks into arrays, in which they take 11 MB; in its lists of numbers they take 48.

    Args:
        library: its variables. It searches each of these lists, which are in lists, by bisection and index.
    """
    for name in ("mainListFirstIP", "mainListIDCountryCodes", "mainListNetlength"):
        for number, values in enumerate(library[name]):
            most = max(values)
            kind = next((kind for kind, limit in _KINDS if most <= limit), "")
            library[name][number] = array(kind, values) if kind else _Addresses(values)


def _open(file: Path) -> maxminddb.Reader:
    try:
        reader = maxminddb.open_database(str(file), maxminddb.MODE_AUTO)
        kind = reader.metadata().database_type
        if not isinstance(kind, str) or not any(word in kind for word in ("City", "Country", "Enterprise")):
            raise BadPlaces(f"the places file {file} is a database of {kind!r}; use one of cities or countries")
        for _, record in islice(reader, 2000):
            _place(record)
    except BadPlaces:
        raise
    except FileNotFoundError as error:
        raise BadPlaces(f"there is no places file {file}") from error
    except Exception as error:
        raise BadPlaces(f"the places file {file} is not a sound MaxMind database: {error}") from error
    return reader


def _place(record: object) -> Location:
    if not isinstance(record, dict):
        return _NOWHERE
    country = record.get("country") or record.get("registered_country") or {}
    regions = record.get("subdivisions") or [{}]
    return Location(country.get("iso_code") or "", _name(regions[0]), _name(record.get("city") or {}))


def _name(record: dict[str, dict[str, str]]) -> str:
    return (record.get("names") or {}).get("en") or ""
