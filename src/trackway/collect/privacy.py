"""Removal of private data before the log is written: the end of IP addresses (unless `truncate_ip = false`), and
secrets in URLs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

from trackway.collect.address import plain
from trackway.event import Location, Message

_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*:)?//[^/?#@]*@", re.IGNORECASE)
_URL_FIELDS = ("url", "referrer", "search", "href")


def truncate_ip(address: str) -> str:
    """Return the network of an IP address: the first 24 bits of an IPv4, 48 of an IPv6; empty when it is neither."""
    bare = plain(address)
    if ":" in bare:
        return str(IPv6Address(int(IPv6Address(bare)) >> 80 << 80))
    return bare.rpartition(".")[0] + ".0" if bare else ""


def url_scrubber(parameters: list[str]) -> Callable[[str], str]:
    """Return a function that removes user names, passwords and the named query parameters from a URL.

    Parameters after `#` are removed too, because OAuth's implicit flow puts tokens there. A name must match as a
    whole; its case does not matter.
    """
    names = "|".join(re.escape(name) for name in parameters) or r"(?!)"
    private = re.compile(rf"([?&#;])(?:{names})=[^&#;]*", re.IGNORECASE)

    def scrub(url: str) -> str:
        if "@" in url:
            url = _USER_INFO.sub(r"\1//", url)
        if "=" not in url or not private.search(url):
            return url
        url = private.sub(r"\1", url)
        url = re.sub(r"([?&;#])[&;]+", r"\1", url)
        return re.sub(r"[?&;]+(?=#|$)|#$", "", url)

    return scrub


class Privacy:
    """Removes private data from messages, in place.

    Args:
        truncate: keep only the network of an IP address.
        private_parameters: names of query parameters to remove.
        locate: returns the location of an IP address; called before the address is truncated, because the networks of a
            location are smaller than a truncated address.
    """

    def __init__(
        self, truncate: bool, private_parameters: list[str], locate: Callable[[str], Location] | None = None
    ) -> None:
        self.ip = truncate_ip if truncate else plain
        self.url = url_scrubber(private_parameters)
        self.locate = locate or (lambda _: Location())

    def apply(self, message: Message) -> None:
        """Truncate `context.ip` and scrub the URLs in `context.page` and `properties`."""
        if message.context:
            self.apply_to_context(message.context)
        if message.properties:
            self._scrub(message.properties)

    def apply_to_context(self, context: dict[str, Any]) -> None:
        """Do the part of `apply` that concerns a context."""
        if "ip" in context:
            address = plain(context["ip"]) if isinstance(context["ip"], str) else ""
            context["ip"] = self.ip(address)
            if "location" not in context and address:
                context["location"] = self.locate(address)._asdict()
        page = context.get("page")
        if isinstance(page, dict):
            self._scrub(page)

    def apply_to_anything(self, value: object) -> None:
        """Clean a body that is not a message: every `ip` and every URL field at any depth."""
        if isinstance(value, dict):
            if isinstance(value.get("ip"), str):
                value["ip"] = self.ip(value["ip"])
            self._scrub(value)
            for inner in value.values():
                self.apply_to_anything(inner)
        elif isinstance(value, list):
            for inner in value:
                self.apply_to_anything(inner)

    def _scrub(self, values: dict[str, Any]) -> None:
        for field in _URL_FIELDS:
            if field in values and isinstance(url := values[field], str) and ("=" in url or "@" in url):
                values[field] = self.url(url)
