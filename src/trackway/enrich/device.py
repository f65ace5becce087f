"""Device, browser and system from a user agent (ua-parser with its Rust core)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse


class Device(NamedTuple):
    """What a visitor uses. `kind` is desktop, mobile, tablet, tv, console, watch, bot or empty when unknown."""

    kind: str
    browser: str
    browser_version: str
    system: str
    system_version: str
    spider: bool


_UNKNOWN = Device("", "", "", "", "", False)
_DESKTOP = {
    "Windows",
    "Mac OS X",
    "Linux",
    "Ubuntu",
    "Chrome OS",
    "Fedora",
    "Debian",
    "FreeBSD",
    "OpenBSD",
    "NetBSD",
    "Solaris",
    "Arch Linux",
    "SUSE",
    "Red Hat",
    "Slackware",
    "CentOS",
    "Gentoo",
    "Kubuntu",
    "Mageia",
}
_TV = (
    "smart-tv",
    "smarttv",
    "googletv",
    "appletv",
    "hbbtv",
    "roku",
    "crkey",
    "aftt",
    "aftb",
    "aftm",
    "bravia",
    "netcast",
    "web0s",
    "webos.tv",
    "dlnadoc",
)
_CONSOLE = ("playstation", "xbox", "nintendo")
_TABLET = ("ipad", "tablet", "kindle", "silk/", "playbook")
_PHONE = ("iphone", "ipod", "mobile", "phone", "opera mini", "opera mobi", "blackberry", "symbian", "midp")


@lru_cache(maxsize=20_000)
def device(user_agent: str) -> Device:
    """Parse a user agent; an empty one is an unknown device."""
    if not user_agent:
        return _UNKNOWN
    result = parse(user_agent)
    browser, system = result.user_agent, result.os
    spider = bool(result.device and result.device.family == "Spider")
    name = system.family if system else ""
    return Device(
        _kind(user_agent.lower(), name, spider),
        browser.family if browser else "",
        browser.major or "" if browser else "",
        name,
        ".".join(part for part in (system.major, system.minor) if part) if system else "",
        spider,
    )


def _kind(agent: str, system: str, spider: bool) -> str:
    rules = (
        (spider, "bot"),
        (any(word in agent for word in _TV), "tv"),
        (any(word in agent for word in _CONSOLE), "console"),
        ("watchos" in agent or "apple watch" in agent, "watch"),
        (any(word in agent for word in _TABLET), "tablet"),
        (system == "Android" and "mobile" not in agent, "tablet"),
        (any(word in agent for word in _PHONE) or system == "Android", "mobile"),
        (system in _DESKTOP or "x11" in agent, "desktop"),
    )
    return next((kind for holds, kind in rules if holds), "")
