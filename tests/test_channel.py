"""Channels agree with the published cases; sources are found whatever their country or subdomain."""

import csv
import re
from pathlib import Path

import pytest
import yaml

from trackway.enrich.channel import Traffic, channel, known_source, traffic

SHARED = Path(__file__).parents[2] / "shared" / "data" / "referrers_channels"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason=f"there is no {SHARED}")


@needs_data
def test_channels_agree_with_the_published_default_channel_cases() -> None:
    with (SHARED / "ga4_default_channel_cases.csv").open() as file:
        cases = list(csv.DictReader(file))
    assert len(cases) == 30
    wrong = {
        (case["source"], case["medium"], case["campaign"]): channel(case["source"], case["medium"], case["campaign"])
        for case in cases
        if channel(case["source"], case["medium"], case["campaign"]) != case["expected_channel"]
    }
    # Google's own rule: a shopping site without a paid medium is organic. The case's source says otherwise.
    assert wrong == {("alibaba", "", ""): "Organic Shopping"}


@needs_data
@pytest.mark.parametrize(
    ("file", "kind", "share"),
    [
        ("matomo_AIAssistants.yml", "ai", 0.9),
        ("matomo_Socials.yml", "social", 0.35),
        ("matomo_SearchEngines.yml", "search", 0.1),
    ],
)
def test_most_hosts_of_the_published_lists_are_known(file: str, kind: str, share: float) -> None:
    text = yaml.safe_load((SHARED / file).read_text())
    hosts = [
        host
        for entry in text.values()
        for host in (entry if isinstance(entry[0], str) else [url for item in entry for url in item.get("urls", [])])
    ]
    hosts = [re.sub(r"/.*", "", host).replace("{}", "com") for host in hosts]
    found = [host for host in hosts if (source := known_source(host)) and source.kind == kind]
    assert len(found) / len(hosts) >= share, sorted(set(hosts) - set(found))


@pytest.mark.parametrize(
    ("host", "query", "referrer", "expected"),
    [
        ("a.com", "", "", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://www.google.co.uk/search?q=x", ("Organic Search", "google", "organic")),
        ("a.com", "", "https://gemini.google.com/app", ("AI Assistant", "gemini", "referral")),
        ("a.com", "", "https://mail.google.com/", ("Email", "gmail", "referral")),
        ("a.com", "", "https://l.facebook.com/l.php", ("Organic Social", "facebook", "referral")),
        ("a.com", "", "https://t.co/abc", ("Organic Social", "x", "referral")),
        ("a.com", "", "https://blog.example.org/post", ("Referral", "blog.example.org", "referral")),
        ("www.a.com", "", "https://a.com/other", ("Direct", "(direct)", "(none)")),
        ("shop.a.com", "", "https://www.a.com/", ("Direct", "(direct)", "(none)")),
        ("a.com", "gclid=abc", "https://www.google.com/", ("Paid Search", "google", "cpc")),
        ("a.com", "fbclid=abc", "", ("Organic Social", "facebook", "social")),
        ("a.com", "msclkid=1", "", ("Paid Search", "bing", "cpc")),
        ("a.com", "utm_source=news&utm_medium=email&utm_campaign=may", "", ("Email", "news", "email")),
        ("a.com", "utm_source=google&utm_medium=cpc&gclid=1", "", ("Paid Search", "google", "cpc")),
        ("a.com", "utm_source=partner", "", ("Unassigned", "partner", "(not set)")),
    ],
)
def test_a_page_views_origin(host: str, query: str, referrer: str, expected: tuple[str, str, str]) -> None:
    assert traffic(host, query, referrer)[:3] == expected


def test_campaign_term_content_and_click_id_are_kept_by_name() -> None:
    query = "utm_source=x&utm_medium=cpc&utm_campaign=c&utm_term=t&utm_content=o&gclid=secret"
    assert traffic("a.com", query, "") == Traffic("Paid Social", "x", "cpc", "c", "t", "o", "gclid")


def test_a_name_inside_another_is_not_the_source() -> None:
    assert known_source("notgoogle.com") is None
    assert known_source("google.example.com") is None
    assert known_source("com") is None
