"""What must never be written: whole addresses, secrets in URLs. Applied at the door, before even the log."""

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
    """The network an address belongs to: the first 24 bits of an IPv4, 48 of an IPv6; empty when it is neither."""
    found = plain(address)
    if ":" in found:
        return str(IPv6Address(int(IPv6Address(found)) >> 80 << 80))
    return found.rpartition(".")[0] + ".0" if found else ""


def url_scrubber(parameters: list[str]) -> Callable[[str], str]:
    """A function that takes user names, passwords and the named query parameters out of a URL.

    Parameters are also looked for behind `#`, where OAuth's implicit flow puts tokens. Names match whole and
    whatever their case.
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
    """Takes out of messages what must not be kept, in place.

    Args:
        truncate: keep only the network of an address.
        private_parameters: names of query parameters to drop.
        locate: where an address is; asked before the address is truncated, because networks are
            smaller than what truncation leaves.
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
        """The part of `apply` that concerns a context."""
        if "ip" in context:
            address = plain(context["ip"]) if isinstance(context["ip"], str) else ""
            context["ip"] = self.ip(address)
            if "location" not in context and address:
                context["location"] = self.locate(address)._asdict()
        page = context.get("page")
        if isinstance(page, dict):
            self._scrub(page)

    def apply_to_anything(self, value: object) -> None:
        """The same for a body that is not a message: every `ip` and every URL field at any depth."""
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
            url = values.get(field)
            if isinstance(url, str) and ("=" in url or "@" in url):
                values[field] = self.url(url)
