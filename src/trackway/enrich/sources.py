"""Known sources by referrer or utm_source: those in sources.toml, webmail, searches, and applications.

A host of a search engine is a search source only where it searches: accounts.google.com and maps.yandex.ru are other
sites.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple


class Source(NamedTuple):
    """A known source: its kind (search, social, video, shopping, ai, email, ad, passing) and its name in reports."""

    kind: str
    name: str


_SEARCHES = re.compile(
    r"\w{1,2}|www\d*|(?!re)[\w-]*search[\w-]*|\w*such[et]\w*|\w*recherche\w*|m|mobile|lite|web|images?|video|lens|ntp|html|safe"
    r"|start|wap|ipv[46]|encrypted|szukaj|hledat|hladaj|busc\w+|\w*busqueda|pesquisa|ricerca|cerca|poisk|zoek(?:en)?|haku|sok"
    r"|malaysia|espanol|maktoob|cse|int|be-fr|be-nl"
)
_SEARCH_HOST = re.compile(
    r"(?:web)?search[\d-]*|suche\w{0,2}|szukaj|hledat|recherche|buscador|busca|pesquisa|ricerca|poisk|zoeken|haku"
)
_MAIL = re.compile(
    r"[a-z]{0,5}mail(?:\d{0,2}|er|box|business)(?:-[a-z]+)?|messagerie\w*|messaging|outlook|owa|roundcube|squirrelmail|zimbra"
    r"|horde|poczta|posta|correo|inbox|navigator|3c(?:-\w+)?"
)
_AD = re.compile(r"ads?|ad-\w+|\w{2}-ads|adserver|adclick|pubads|googleads|pagead\d*|adservice")
_PASSING = re.compile(
    r"3-?ds\d?|3-?d-?secure\w*|acs\d*|securecode|checkout|pay|payments?|secure-?pay\w*|sso|login|log-in|signin|auth|oauth2?|idp"
    r"|accounts?|appleid|passport"
)
_FEDIVERSE = re.compile(r"mastodo\w*|masto|mstdn|pixelfed|misskey|lemmy|toot")
# Subdomains that Google's own source categories call search as well.
_NEWS = {"google": {"news", "play"}}
_SECOND_LEVEL = {"co", "com", "net", "org", "ne", "or", "ac", "go", "gov", "gob", "edu"}
_PACKAGE = re.compile(r"(?:com|org|net|ai|io|tv|me|app|de|ru|co)\.[\w.-]+")


def _load() -> tuple[dict[str, Source], dict[str, Source]]:
    """Return the sources by exact name or host, and those by the label before any country's domain."""
    exact: dict[str, Source] = {}
    anywhere: dict[str, Source] = {}
    table = tomllib.loads(files("trackway.enrich").joinpath("sources.toml").read_text())
    for kind, sources in table.items():
        for name, hosts in sources.items():
            exact.setdefault(name, Source(kind, name))
            for host in hosts:
                known, key = (anywhere, host[:-2]) if host.endswith(".*") else (exact, host)
                known[key] = Source(kind, name)
    return exact, anywhere


_LISTED, _ANYWHERE = _load()
_EXACT = dict(_LISTED)
_INTERNAL: set[str] = set()


def adjust(passing: Iterable[str] = (), internal: Iterable[str] = ()) -> None:
    """Set a server's additions to the lists, before anything is enriched.

    Args:
        passing: hosts that people only pass through, to pay or to sign in; "-host" removes one from the list.
        internal: domains whose hosts are one site, so that none of them is a source for another.
    """
    _EXACT.clear()
    _EXACT.update(_LISTED)
    for name in passing:
        host = name.strip().lower()
        if host.startswith("-"):
            _EXACT[host[1:]] = Source("site", host[1:])
        else:
            _EXACT[host] = Source("passing", host)
    _INTERNAL.clear()
    _INTERNAL.update(domain.strip().lower().removeprefix("*.").strip(".") for domain in internal)
    known_source.cache_clear()


def one_site(host: str, other: str) -> bool:
    """Whether two hosts belong to one site: the same host, one below the other, or both in an internal domain."""
    if host == other or (host and (other.endswith("." + host) or host.endswith("." + other))):
        return True
    return any((f".{host}").endswith(f".{domain}") and (f".{other}").endswith(f".{domain}") for domain in _INTERNAL)


@lru_cache(maxsize=20_000)
def known_source(source: str) -> Source | None:
    """Return the kind and name of a host, an application or a utm_source, or None when it is unknown."""
    name = source.lower().strip()
    labels = name.split(".")
    listed, before = _listed(labels)
    if listed and not before:
        return listed
    if len(labels) == 1:
        return None
    if special := _by_form(labels, listed):
        return special
    if listed:
        searches = all(_SEARCHES.fullmatch(label) for label in before) or set(before) <= _NEWS.get(listed.name, set())
        return listed if listed.kind != "search" or searches else None
    if _PACKAGE.fullmatch(name) and labels[0] != "www":
        return _of_package(labels)
    return None


def _listed(labels: list[str]) -> tuple[Source | None, list[str]]:
    """Return the longest listed host at the end of the labels, and the labels before it."""
    for start in range(len(labels)):
        listed = _EXACT.get(".".join(labels[start:]))
        if listed and (start == 0 or len(labels) - start > 1):
            return listed, labels[:start]
    # "google.*": the label stands before a domain of one or two short labels (google.de, www.google.co.uk).
    for position, label in enumerate(labels[:-1]):
        after = labels[position + 1 :]
        if label in _ANYWHERE and len(after) <= 2 and all(len(part) <= 3 for part in after):
            return _ANYWHERE[label], labels[:position]
    return None, []


def _by_form(labels: list[str], listed: Source | None) -> Source | None:
    """Return the source shown by a host's labels: webmail, advertising, payment, sign-in, shopping, social, search."""
    country = len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2
    below, domain = (labels[:-3], labels[-3:]) if country else (labels[:-2], labels[-2:])
    name = ".".join(domain)
    for kind, form in (("email", _MAIL), ("ad", _AD), ("passing", _PASSING)):
        if any(form.fullmatch(label) for label in below):
            return Source(kind, listed.name if listed and kind == "ad" else ".".join(labels))
    if labels[0].startswith("deref-"):
        return Source("email", ".".join(labels))
    if "shopping" in below:
        return Source("shopping", ".".join(labels))
    if not listed and (labels[-1] == "social" or any(_FEDIVERSE.fullmatch(label) for label in labels[:-1])):
        return Source("social", name)
    if not listed and below and _SEARCH_HOST.fullmatch(below[-1]):
        return Source("search", name)
    return None


def _of_package(labels: list[str]) -> Source | None:
    """Return the source of an application by its package: com.linkedin.android counts as android.linkedin.com."""
    name, domain = labels[1], labels[0]
    listed, before = _listed(labels[::-1])
    if listed and "mail" in before:
        return known_source(f"mail.{name}.{domain}")
    return listed if listed and listed.kind != "search" else None
