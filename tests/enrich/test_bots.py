"""Bots by how they name themselves: found in the public corpora, with browsers and applications left alone."""

import json

import pytest
import yaml

from conftest import SHARED, needs, unpacked
from trackway.enrich.bot import user_agent_reason

CASES = SHARED.parent / "cases"
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
)
DESK = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


def share(agents: list[str]) -> float:
    """The part of the agents that are taken for bots."""
    return sum(bool(user_agent_reason(agent)) for agent in agents) / len(agents)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler: Googlebot"),
        ("Mozilla/5.0 (compatible; Nobody-Knows/1.0)", "crawler: Nobody-Knows"),
        (
            "Mozilla/5.0 (compatible; Nobody-Knows/1.0; about us) AppleWebKit/537.36 Chrome/124.0 Safari/537.36",
            "crawler",
        ),
        ("Mozilla/5.0 (Some look of ours)", "form: no browser"),
        (
            "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko; compatible; New-User/0.1) Chrome/119.0.0.0",
            "crawler",
        ),
        ("acme-uptime", "crawler: acme-uptime"),
        ("acme-customer-<id>", "form: no browser"),
        ("acme/7.1 (ops@acme.example)", "crawler: acme"),
        ("python-requests/2.32.3", "crawler: python-requests"),
        (DESK + " AcmeBot/2", "crawler: AcmeBot"),
        (DESK.replace("Chrome/", "HeadlessChrome/"), "crawler"),
    ],
)
def test_what_does_not_look_like_a_browser_is_a_bot_under_its_name(agent: str, reason: str) -> None:
    assert user_agent_reason(agent).startswith(reason)


@pytest.mark.parametrize(
    "agent",
    [
        DESK,
        *(PHONE.format(model) for model in ("K", "CUBOT MAX", "CUBOT X9+", "XBot Junior", "Discovery Elite", "Radar")),
        PHONE.format("SM-S918B Build/UP1A.231005.007; wv") + " CamScanner/4.8.5.2310271827",
        PHONE.format("K") + " (Ecosia android@130.0.0.0)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
        "[FBAN/FBIOS;FBAV/500.0.0.1;FBDV/iPhone16,1]",
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Safari/537.36 WebAppManager",
        "Mozilla/5.0 (compatible; Konqueror/4.5; Linux) KHTML/4.5 (like Gecko)",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; WOW64; Trident/5.0; chromeframe/19.0.1084.52)",
        "MyShop/3.2 CFNetwork/1494.0.7 Darwin/23.4.0",
        "MyShop/3.2 (iPhone; iOS 17.4; Scale/3.00)",
        "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UD1A.231105.004)",
        "Lynx/2.9.0dev.6 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.6.13",
    ],
)
def test_browsers_and_applications_of_people_are_no_bots(agent: str) -> None:
    assert user_agent_reason(agent) == ""


@pytest.mark.skipif(not CASES.exists(), reason=f"there is no {CASES}")
def test_bots_that_were_missed_are_found_and_browsers_that_were_taken_for_bots_are_not() -> None:
    missed = [agent for file in sorted(CASES.glob("bots_missed_*.json")) for agent in json.loads(file.read_text())]
    assert len(missed) == 276
    assert share(missed) >= 0.98
    people = json.loads((CASES / "browsers_taken_for_bots.json").read_text())
    assert [agent for agent in people if user_agent_reason(agent)] == ["Mozilla/5.0 (compatible; Yahoo! Slurp)"]


@needs("ua_corpora")
def test_crawlers_of_a_public_list_are_found_and_browsers_are_left_alone() -> None:
    crawlers = json.loads(unpacked(SHARED / "ua_corpora" / "crawler-user-agents.json.zst"))
    assert share([agent for entry in crawlers for agent in entry.get("instances", [])]) > 0.99
    cases = {
        name: yaml.load(unpacked(SHARED / "ua_corpora" / "uap-core" / f"{name}.yaml.zst"), Loader=yaml.CSafeLoader)
        for name in ("firefox_user_agent_strings", "opera_mini_user_agent_strings", "test_device")
    }
    devices = cases.pop("test_device")["test_cases"]
    assert share([case["user_agent_string"] for one in cases.values() for case in one["test_cases"]]) < 0.005
    phones = [
        case["user_agent_string"]
        for case in devices
        if case["family"] not in ("Spider", "Other", None) and case["user_agent_string"].startswith("Mozilla/")
    ]
    assert share(phones) < 0.005, "thousands of models, most from the time before 2014"
