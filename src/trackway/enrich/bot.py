"""Bot detection: an event of a bot is stored with the reason and left out of answers.
See docs/explanation/counting.md.

The list is isbot's (https://github.com/omrilotan/isbot, of the package is-bot). The additional rules are based on the
form of user agents: how browsers, applications and programs name themselves.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from is_bot import Bots

from trackway.enrich.device import device

_listed = Bots()
# These occur in names of browsers: Chinese browsers whose crawlers call themselves spiders, and Chrome Frame.
_listed.exclude([r"\|", "sogou", "chromeframe"])
# Signs that no person's browser has, for crawlers that are too new or too rare for the list.
_SIGNS = re.compile(
    r"https?:/|\S@\w[\w.-]*\.[a-z]{2}|\[at\]|(?<!cu)bots?\b|crawl|spider|scrap[ei]|headless|slurp|\$\{"
    # "compatible; X/1.0", which among browsers only Konqueror and Galeon have.
    r"|compatible; ?(?!Konqueror|Galeon|ANTGalio|Windows|OSS|Gecko)[a-z][\w.-]*/v?\d|like Gecko; compatible"
    # A renderer that is not a browser, and editors in which agents open pages.
    r"|\(Unknown; Linux x86_64|\b(?:Code|Cursor|Trae|Windsurf|Kiro|Antigravity)/[\d.]+ Chrome/",
    re.IGNORECASE,
)
# The forms of browsers' user agents: a system, an engine, a browser, and no other program.
_SYSTEM = (
    r"(?:[; ]+(?:Windows|NT|[\d._]+|Win64|WOW64|x64|ARM64|Macintosh|Intel|PPC|Mac|OS|X|X11|Linux|x86_64|i[56]86|on"
    r"|aarch64|armv\w+|amd64|CrOS|Ubuntu|Fedora|U|[a-z]{2}(?:-[A-Za-z]{2})?|rv:[\d.]+))*"
)
_PLAIN = re.compile(
    rf"Mozilla/5\.0 \((?:(?:Windows NT|Macintosh|X11){_SYSTEM}|(?:iPhone|iPad|iPod)[^()/+@]*"
    r"|Linux; (?:U; )?Android \d[^()/+@]*(?: Build/[^()+@]*)?)\)"
    r"(?: AppleWebKit/[\d.]+ \(KHTML, like Gecko\)| Gecko/[\d.]+)"
    r"(?: (?:Version|Chrome|CriOS|FxiOS|EdgiOS|Firefox|Mobile|Safari|Edg|EdgA|Edge|OPR|SamsungBrowser|GSA|Vivaldi"
    r"|YaBrowser|Brave|DuckDuckGo|Ddg)(?:/\w[\w.]*)?)+"
)
# Parts without meaning for detection: models of telephones (Discovery, XBot Junior, Radar), software of old telephones,
# and parts of applications that are named like programs of a search engine or an advertiser.
_NOISE = re.compile(
    r"(?<=; Android )(\d[^;()/+@:]*)(?:;[^;()/+@:]*(?=[;)]| Build/)(?: Build/[^();+@:]*)?)+"
    r"|\bJava(?:Platform)?/\w*[-.A-Z][^ ]*|java_runtime|\(Google WAP Proxy[^)]*\)"
    r"|(?<=IEMobile/)[^)]*\bradar\b|FreeWheelAdManager/|com\.google\.GooglePlus/|\bGoogleTV|GoogleGoggles-|SohuNews/",
    re.IGNORECASE,
)
_ENGINE = re.compile(
    r"AppleWebKit|Gecko|Mozac|Presto|Trident|MSIE|KHTML|Goanna|Servo|Opera|NetFront|UCWEB|UP\.Browser|Teleca|WAP|MIDP"
    r"|Mac OS|AmigaOS|MorphOS|RISC OS|ViziOS|SonyEricsson|SAMSUNG",
    re.IGNORECASE,
)
# Applications on telephones, tablets, watches and television sets name their system; programs on servers do not.
_APP = re.compile(
    r"CFNetwork/|\bDalvik/|Android[ /]?v?\d|\b(?:iOS|iPhone OS|iPadOS|watchOS|tvOS)[ /]?\d|/(?:iOS|Android)\b"
    r"|\biPhone;|\biPad;"
)


class BadRanges(ValueError):
    """A list of network ranges that cannot be used; the text names file and line."""


class Datacenters:
    """Network ranges of servers, from which people do not come."""

    def __init__(self, networks: list[str]) -> None:
        ranges = sorted(_bounds(network) for network in networks)
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    @classmethod
    def read(cls, file: Path) -> Datacenters:
        """Read a file of CIDRs, one per line; `#` starts a comment.

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
def user_agent_reason(user_agent: str) -> str:
    """Return why a user agent by itself is a bot's, or empty.

    A sign of a bot decides for a bot, and the form of a browser decides against. Among the others, bots are those on
    isbot's list, those that ua-parser takes for spiders, and those that name neither an engine nor a system.
    """
    text = _NOISE.sub(r"\1", user_agent)
    agent, sign = device(user_agent), _SIGNS.search(text)
    if not sign and _PLAIN.fullmatch(user_agent):
        return ""
    held, engine = _is_held(user_agent, agent.kind), _ENGINE.search(user_agent)
    mark = sign[0] if sign else "" if held else _listed.find(text)
    if agent.spider and (mark or not engine):
        return f"crawler: {agent.browser}" if agent.browser else "crawler"
    if mark:
        return f"crawler: {_product(user_agent, mark)}"
    if not (engine or held or agent.system) and (user_agent.startswith("Mozilla/5.0") or not agent.browser):
        return "form: no browser"
    return ""


def _is_held(user_agent: str, kind: str) -> bool:
    """Whether a user agent belongs to a device that people hold or look at, or to an application on it."""
    return kind in ("tv", "console", "watch") or (
        not user_agent.startswith("Mozilla/") and bool(_APP.search(user_agent))
    )


_PRODUCT = re.compile(r"compatible; ?(?!MSIE)([^;/)+]+)|^(?!Mozilla|Opera)([^/(;,]+)")


def _product(user_agent: str, mark: str) -> str:
    """Return the name under which a bot is shown: its product if it names one, else the word that identified it."""
    product = _PRODUCT.search(user_agent)
    name = product and (product[1] or product[2])
    if not name:
        word = re.search(rf"[\w.-]*{re.escape(mark)}[\w.-]*", user_agent)
        name = word[0] if word else mark
    return name.strip()[:60]


def reason(user_agent: str, direct: bool, datacenter: bool) -> str:
    """Return why a message does not come from a person, or empty when there is no such sign.

    Args:
        user_agent: the visitor's, empty when unknown.
        direct: whether the visitor's own browser made the request, so that its headers mean something.
        datacenter: whether the visitor's IP address is in a range of servers.
    """
    if direct and not user_agent:
        return "headers: no User-Agent"
    if agent_reason := user_agent_reason(user_agent) if user_agent else "":
        return agent_reason
    return "address: data centre" if datacenter else ""
