"""The origin of a visit: source, medium, campaign, and GA4's default channel group with AI assistants.

The channel rules are Google's (https://support.google.com/analytics/answer/9756891), as a table in their order; "AI
Assistant" is an additional channel before Referral. The sources are those of sources.toml.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from trackway.enrich.sources import known_source, one_site
from trackway.enrich.url import split

DIRECT, NONE = "(direct)", "(none)"


class Traffic(NamedTuple):
    """The traffic source of one page view. `click_id` is the name of an advertiser's click id, not its value."""

    channel: str
    source: str
    medium: str
    campaign: str
    term: str
    content: str
    click_id: str


# Click ids with their source and medium, in order of precedence.
_CLICK_IDS = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "display"),
    "msclkid": ("bing", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "twclid": ("x", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "rdt_cid": ("reddit", "cpc"),
    "epik": ("pinterest", "cpc"),
    "ScCid": ("snapchat", "cpc"),
    "yclid": ("yandex", "cpc"),
    "fbclid": ("facebook", "social"),
    "igshid": ("instagram", "social"),
    "mc_eid": ("mailchimp", "email"),
}

_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_SHOPPING = re.compile(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
_EMAIL = {"email", "e-mail", "e_mail", "e mail"}
_SOCIAL = {"social", "social-network", "social-media", "sm", "social network", "social media"}
_DISPLAY = {"display", "banner", "expandable", "interstitial", "cpm"}


class _Visit(NamedTuple):
    source: str
    medium: str
    campaign: str
    kind: str

    @property
    def paid(self) -> bool:
        return bool(_PAID.match(self.medium))

    @property
    def shopping(self) -> bool:
        return self.kind == "shopping" or bool(_SHOPPING.match(self.campaign))


_RULES: tuple[tuple[str, Callable[[_Visit], bool]], ...] = (
    ("Direct", lambda v: v.source == DIRECT and v.medium in (NONE, "(not set)")),
    ("Cross-network", lambda v: "cross-network" in v.campaign),
    ("Paid Shopping", lambda v: v.shopping and v.paid),
    ("Paid Search", lambda v: v.kind == "search" and v.paid),
    ("Paid Social", lambda v: v.kind == "social" and v.paid),
    ("Paid Video", lambda v: v.kind == "video" and v.paid),
    ("Display", lambda v: v.medium in _DISPLAY),
    ("Paid Other", lambda v: v.paid),
    ("Organic Shopping", lambda v: v.shopping),
    ("Organic Social", lambda v: v.kind == "social" or v.medium in _SOCIAL),
    ("Organic Video", lambda v: v.kind == "video" or "video" in v.medium),
    ("AI Assistant", lambda v: v.kind == "ai" or v.medium in ("ai-assistant", "ai")),
    ("Organic Search", lambda v: v.kind == "search" or v.medium == "organic"),
    ("Email", lambda v: v.kind == "email" or v.source in _EMAIL or v.medium in _EMAIL),
    ("Affiliates", lambda v: v.medium in ("affiliate", "affiliates")),
    ("Referral", lambda v: v.medium in ("referral", "app", "link")),
    ("Audio", lambda v: v.medium == "audio"),
    ("SMS", lambda v: "sms" in (v.source, v.medium)),
    (
        "Mobile Push Notifications",
        lambda v: (
            v.medium.endswith("push") or "mobile" in v.medium or "notification" in v.medium or v.source == "firebase"
        ),
    ),
)


@lru_cache(maxsize=10_000)
def channel(source: str, medium: str, campaign: str) -> str:
    """Return GA4's default channel for a source, medium and campaign; "Unassigned" when no rule matches."""
    known = known_source(source)
    visit = _Visit(source.lower(), medium.lower(), campaign.lower(), known.kind if known else "")
    return next((name for name, rule in _RULES if rule(visit)), "Unassigned")


def _bare(host: str) -> str:
    return host.removeprefix("www.")


@lru_cache(maxsize=50_000)
def traffic(host: str, query: str, referrer: str) -> Traffic:
    """Return the origin of a page view: UTM parameters before click ids before the referrer before "direct".

    A referrer on the page's own host, or on a host above or below it, is navigation and not a source. Hosts that people
    only pass through, to pay or to sign in, are not sources either. A social network's unpaid click id only shows where
    a URL was copied, so a referrer of another social network takes precedence.
    """
    values = dict(parse_qsl(query)) if _TAGGED.search(query) else {}
    click_id = next((name for name in _CLICK_IDS if name in values), "")
    source, medium = values.get("utm_source", ""), values.get("utm_medium", "")
    campaign = values.get("utm_campaign", "")
    if not source:
        source, implied = _CLICK_IDS[click_id] if click_id else _referral(_bare(host), _sender(referrer))
        if implied == "social" and (known := known_source(_sender(referrer))) and known.kind == "social":
            source = known.name
        medium = medium or implied
    term, content = values.get("utm_term", ""), values.get("utm_content", "")
    medium = medium or "(not set)"
    return Traffic(channel(source, medium, campaign), source, medium, campaign, term, content, click_id)


_TAGGED = re.compile("utm_|" + "|".join(_CLICK_IDS))


def _sender(referrer: str) -> str:
    """Return the host or application in a referrer; an iOS application's referrer has a host in its path."""
    if referrer.startswith("ios-app://"):
        application, _, shown = referrer.removeprefix("ios-app://").partition("/")
        host = shown.split("/")[1] if "/" in shown else ""
        return host.lower() if "." in host else application.lower()
    return _bare(split(referrer).host)


def _referral(host: str, other: str) -> tuple[str, str]:
    if not other or one_site(host, other):
        return DIRECT, NONE
    known = known_source(other)
    if known is None:
        return other, "referral"
    if known.kind == "passing":
        return DIRECT, NONE
    return known.name, {"search": "organic", "ad": "cpc"}.get(known.kind, "referral")
