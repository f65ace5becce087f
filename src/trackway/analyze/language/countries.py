"""Country names: filters and answers use ISO 3166-1 codes, people use names.

Each line of `countries.tsv` describes a country: its two-letter code, its English name, its three-letter code, and its
other names, in German, French, Spanish and Italian (Unicode CLDR) and in common use.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files


def code_of(text: str) -> str:
    """Return the code of a country, by name or code, ignoring case and accents; other texts are returned unchanged."""
    return _codes().get(_plain(text), text)


def name_of(code: str) -> str:
    """Return the English name of a country; empty for an unknown code."""
    names = _table().get(code)
    return names[0] if names else ""


def codes_like(text: str) -> list[str]:
    """Return the codes of countries whose code, or one of whose names, contains a text."""
    wanted = _plain(text)
    return [code for code, names in _table().items() if any(wanted in _plain(name) for name in (code, *names))]


@cache
def _table() -> dict[str, list[str]]:
    lines = files("trackway.analyze.language").joinpath("countries.tsv").read_text(encoding="utf-8").splitlines()
    return {code: names for code, *names in (line.split("\t") for line in lines)}


@cache
def _codes() -> dict[str, str]:
    by_name = {_plain(name): code for code, names in _table().items() for name in names}
    return by_name | {_plain(code): code for code in _table()}


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(character for character in bare if not unicodedata.combining(character))
