"""Device, browser and system from a user agent (ua-parser with its Rust core)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from ua_parser import parse


class Device(NamedTuple):
    """A visitor's device. `kind` is desktop, mobile, tablet, tv, console, watch, car, bot or empty when unknown."""

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
# The patterns below match lower-case text; ua-parser recognizes systems and browsers, but not kinds of devices.
_TV = re.compile(
    r"(?<![bdeq])tv\b|\btv(?!m)|_tv_|smart-?tv|appletv|hbbtv|ce-html|netcast|web0s|webos\.tv|\bomi/|dlnadoc|roku/|crkey"
    r"|chromecast|\baft[a-z0-9]{1,8}\b|bravia|\bviera\b|vizio|brightsign|\bstb\b|_stb_|\btbrowser|netrange"
    r"|sonycebrowser|bdplayer"
    r"|espial/|\bmi-?box|shield android|\bvstvb|shell [a-z0-9]{6,}|\(sky,|sagemcom|technicolor|\btivo\b"
    r"|led\d\d|\dt2c?s|t2csm|uhd|\bx96|\bh96\b|googletv|webtv|inettvbrowser|large screen|netgem|smarthub|\bmaple\b"
    r"|vidaa"
    r"|vestel|\bregza\b|\bdtv\b|\bsraf|ekioh|boxee|youview|freeviewplay|set-?top|webos; ?linux|nexus player|\badt-\d"
    r"|\bmk80\d"
    r"|freebox|livebox|foxxum|opentv|\bzidoo|dune ?hd|popcorn hour|\bgt-b9150|\bkdl-?\d\d|skystream|homatics"
)
# Television sets and boxes among Android's models without "Mobile": 43LU6000T, HTY-32FHD06B, VONTAR Z5.
_TV_MODEL = re.compile(
    r"(?<![a-z0-9.])(?:[a-z]{2,5}[-_ ])?(?:2[248]|3[29]|4[0-35-9]|5[0158]|6[05]|7[05]|8[56])[a-z]{2,5}\w|[a-z]led|lcd"
    r"|\b4k\b|box|\b(?:t95|mxq|a95x|tx[369]|m8s|tanix|mecool|vontar|ugoos|rombica|beelink|q96|rk3\d|x88|x98|hk1"
    r"|km[68]\b|h9[46])"
    r"|\b(?:amlogic|hi37\d\d|hi35\d\d|s[89][01]\d[xwy]?\b|[mpq]2[018][012]\b|gx[lb]{1,2}\b|minix|neo[ -]?[xu]\d"
    r"|rikomagic|cx-?9\d\d|ug00\d)"
    r"|\b(?:wetek|vorke|magicsee|sunvell|scishion|bqeel|alfawise|himedia|egreat|evpad|formuler|dreamlink|infomir"
    r"|mag ?\d{3}|b8\d{2}[ahv])"
    r"|\b(?:ec6\d{3}|hg680|onn\b|vip\d{4}|dv[68]\d{3}|dmr|skyworth|coocaa|konka|changhong|kalley|aiwa|loewe|ott\b"
    r"|dongle|hdmi)"
)
_CONSOLE = re.compile(r"playstation|xbox|nintendo|\bouya")
_WATCH = re.compile(
    r"watchos|\b(?:apple |galaxy |gear |smart|tic|zen)watch\b|\bwatch\d,\d|\bsm-r[789]\d\d"
    r"|\bsm-l\d{3}|wear ?os|gear live|moto 360"
)
_CAR = re.compile(
    r"tesla/|qtcarbrowser|automotive|\bcar(?:pad|play)|polestar build|\baudi_|porsche|(?:quad|octa|octopus)-core"
    r"|\byt\d{4}"
)
_TABLET = re.compile(
    r"ipad|tablet(?! pc)|kindle|silk/|playbook|tab\b|tab[ _-]?\w{0,2}\d|(?:media|think|idea|red|mi|honor|oppo|vivo)"
    r"[ -]?pad\b|\bpad[ _-]?\d?\b|\bsm-[tpx]\d{3}|\bgt-p\d|\bgt-n[58]\d|\bkf[a-z]{2,5}\b|nexus (?:7|9|10)\b|pixel c\b"
    r"|\bnovo ?\d|\bimpad|\bodys|\bbq (?:verne|davinci|voltaire|elcano|edison|curie|maxwell|livingstone|aquaris m10)"
    r"|archos ?(?:5|[789]\d|1\d\d)"
    r"|\bnook\b|\bsgp\d{3}|cat ?nova|xelio|touchpad|\blg-v[45]\d\d|lenovo b[68]000|\bmpdc\d|\bu9gt|\bp?mid\d"
    r"|\bmid[ _-]?c?\d{3}|\ban\d{1,2}\w?g\d|arnova|archm\d|momo\d|view ?pad|ideatab|galapad|novopad|ramos ?w"
    r"|woxter tablet|htc[ _-]?flyer"
    r"|dell streak|\bpmp\d{4}|\bm-mp\d|\btm-\d{4}|\btac-\d|shw-m[134]80|\bsc-01c|sgh-t8[45]9|sch-i[789][01][05]\b"
    r"|puffin/[\d.]+[ai]t\b|viewsonic-view"
    r"|xoom|transformer|iconia|yoga (?:book|tab)|\btb-?[0-9xj]\d|lenovo tb|\bat\d{3}\b|\bk0\d\w\b|\bbtv-"
)
_PHONE = re.compile(
    r"iphone|ipod|mobile|phone|opera mini|opera mobi|blackberry|symbian|series ?[46]0|midp|wap|up\.browser|docomo"
    r"|windows ce|palm|samsung[ -](?:sgh|gt|sch|sph|sm|[a-z]\d)|sonyericsson|\bsie-|alcatel|nokia|motorola|\bmot-"
    r"|\blge?[-/]|sagem|sharp-tq"
    r"|\bamoi|\bhtc[ _-]|obigo|j2me|untrusted|ucweb|fbdv/(?!ipad)|cfnetwork/.*darwin/(?!.*(?:x86_64|i386|power))"
)
_DESK = re.compile(r"x11|windows|macintosh|mac ?os|linux|bsd|solaris|haiku|beos|risc os|amiga")


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


def in_use(stated: Device, touch_points: int, hints: dict[str, Any]) -> Device:
    """Correct a device with the browser's values beside the user agent.

    An iPad in desktop mode names itself a Mac, and no Mac has a touch screen.

    Args:
        touch_points: `navigator.maxTouchPoints`.
        hints: `navigator.userAgentData`, with `mobile` and `platform`.
    """
    if touch_points > 1 and stated.system == "Mac OS X":
        return stated._replace(kind="tablet", system="iOS", system_version="")
    platform, mobile = hints.get("platform"), hints.get("mobile")
    if platform in ("Chrome OS", "Chromium OS") and stated.kind in ("tablet", "mobile", ""):
        return stated._replace(kind="desktop")
    if platform == "Android" and stated.kind in ("desktop", ""):
        return stated._replace(kind="mobile" if mobile else "tablet", system="Android", system_version="")
    return stated._replace(kind="mobile") if mobile is True and stated.kind in ("desktop", "") else stated


def _kind(agent: str, system: str, spider: bool) -> str:
    """Return the kind of a device.

    Android without "Mobile" is a tablet's browser, or that of a television set, car or watch. Applications on Android
    never have "Mobile", and are mostly on telephones.
    """
    after = agent.partition("android")[2].partition(" build/")[0].partition(")")[0]
    android = system == "Android" or "android" in agent or "andr0id" in agent
    large = android and agent.startswith(("mozilla/", "opera/")) and "mobile" not in agent
    rules = (
        (spider, "bot"),
        ("cros " in agent or "chromebook" in agent, "desktop"),
        (_CONSOLE.search(agent), "console"),
        (_CAR.search(agent), "car"),
        (_TV.search(agent), "tv"),
        (_WATCH.search(agent), "watch"),
        (_TABLET.search(agent), "tablet"),
        (android and "mobile" not in agent and _TV_MODEL.search(after), "tv"),
        (large, "tablet"),
        (_PHONE.search(agent) or android, "mobile"),
        (system in _DESKTOP or _DESK.search(agent), "desktop"),
    )
    return next((kind for holds, kind in rules if holds), "")
