"""Who is not a person, and why we think so (DESIGN.md §5.7: stored, flagged with the reason, left out of answers)."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from crawlerdetect import CrawlerDetect

from trackway.enrich.device import device

_detector = CrawlerDetect()
# What no browser of a person says of itself, for crawlers too new or too rare for a list.
_SIGNS = re.compile(
    r"https?:|\bbot|bot\b|crawl|spider|monitor|scan|fetch|preview|archive|validat|checker|feed\b|\brss"
    r"|selenium|synthetic|http.?client|inspect|headlesschrome|phantomjs",
    re.IGNORECASE,
)


class BadRanges(ValueError):
    """A list of network ranges that cannot be used; the text names file and line."""


class Datacenters:
    """Network ranges in which servers live and people do not."""

    def __init__(self, networks: list[str]) -> None:
        ranges = sorted(_bounds(network) for network in networks)
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    @classmethod
    def read(cls, file: Path) -> Datacenters:
        """Read a file of CIDRs, one a line; `#` starts a comment.

        Raises:
            BadRanges: a line is not a network, or the file cannot be read.
        """
        networks = []
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadRanges(f"the list of data-centre ranges {file} cannot be read: {error}") from error
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if text:
                try:
                    ipaddress.ip_network(text)
                except ValueError as error:
                    raise BadRanges(f"{file}, line {number}: {text!r} is not a network such as 192.0.2.0/24") from error
                networks.append(text)
        return cls(networks)

    def __contains__(self, address: str) -> bool:
        if not self._starts or not address:
            return False
        value = _number(ipaddress.ip_address(address))
        position = bisect_right(self._starts, value) - 1
        return position >= 0 and value <= self._ends[position]


def _number(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) + (1 << 128 if address.version == 6 else 0)


def _bounds(network: str) -> tuple[int, int]:
    parsed = ipaddress.ip_network(network)
    return _number(parsed[0]), _number(parsed[-1])


@lru_cache(maxsize=20_000)
def named(user_agent: str) -> str:
    """Why a user agent by itself is a bot's, or empty: ua-parser's spiders, CrawlerDetect's list, telling words."""
    agent = device(user_agent)
    if agent.spider:
        return f"crawler: {agent.browser}" if agent.browser else "crawler"
    if _detector.is_crawler(user_agent):
        return f"crawler: {_detector.get_matches() or 'unnamed'}"[:80]
    sign = _SIGNS.search(user_agent)
    return f"sign: {sign[0].lower()}" if sign else ""


def reason(user_agent: str, language: str, direct: bool, datacenter: bool) -> str:
    """Why a message is not a person's, or empty when nothing speaks against it.

    Args:
        user_agent: the visitor's, empty when unknown.
        language: the Accept-Language header.
        direct: whether the visitor's own browser made the request, so that its headers mean something.
        datacenter: whether the visitor's address is in a range that people do not come from.
    """
    if direct and not user_agent:
        return "headers: no User-Agent"
    if why := named(user_agent) if user_agent else "":
        return why
    if direct and user_agent.startswith("Mozilla/") and not language:
        return "headers: a browser without Accept-Language"
    if datacenter:
        return "address: data centre"
    return ""
