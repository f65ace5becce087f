"""Channels agree with the published cases; sources are found whatever their country or subdomain."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from trackway.config import BadSettings, load
from trackway.enrich.channel import Traffic, channel, traffic
from trackway.enrich.pipeline import adjust_sources
from trackway.enrich.sources import known_source

SHARED = Path(__file__).parents[3] / "shared" / "data" / "referrers_channels"
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
        ("matomo_Socials.yml", "social", 0.75),
        ("matomo_SearchEngines.yml", "search", 0.4),
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
        ("a.com", "utm_source=email&utm_medium=referral", "", ("Email", "email", "referral")),
        # A search engine's other services
        ("a.com", "", "https://docs.google.com/document/d/1", ("Referral", "docs.google.com", "referral")),
        ("a.com", "", "https://classroom.google.com/", ("Referral", "classroom.google.com", "referral")),
        ("a.com", "", "https://news.yahoo.com/x", ("Referral", "news.yahoo.com", "referral")),
        ("a.com", "", "https://maps.yandex.by/", ("Referral", "maps.yandex.by", "referral")),
        ("a.com", "", "https://r.search.yahoo.com/x", ("Organic Search", "yahoo", "organic")),
        ("a.com", "", "https://cn.bing.com/search", ("Organic Search", "bing", "organic")),
        ("a.com", "", "https://suche.unbekannt.de/?q=x", ("Organic Search", "unbekannt.de", "organic")),
        # Webmail, by its form
        ("a.com", "", "https://mail.yandex.ru/", ("Email", "mail.yandex.ru", "referral")),
        ("a.com", "", "https://webmail.provider.co.uk/", ("Email", "webmail.provider.co.uk", "referral")),
        ("a.com", "", "https://deref-gmx.net/", ("Email", "deref-gmx.net", "referral")),
        ("a.com", "", "https://www.dailymail.co.uk/", ("Referral", "dailymail.co.uk", "referral")),
        # Applications
        ("a.com", "", "android-app://com.google.android.gm/", ("Email", "gmail", "referral")),
        ("a.com", "", "android-app://com.yahoo.mobile.client.android.mail/", ("Email", "yahoo-mail", "referral")),
        ("a.com", "", "android-app://com.google.android.googlequicksearchbox", ("Organic Search", "google", "organic")),
        ("a.com", "", "android-app://com.linkedin.android/", ("Organic Social", "linkedin", "referral")),
        ("a.com", "", "android-app://com.openai.chatgpt/", ("AI Assistant", "chatgpt", "referral")),
        ("a.com", "", "android-app://org.example.reader/", ("Referral", "org.example.reader", "referral")),
        (
            "a.com",
            "",
            "ios-app://544007664/vnd.youtube/www.youtube.com/watch",
            ("Organic Video", "youtube", "referral"),
        ),
        ("a.com", "", "ios-app://389801252", ("Organic Social", "instagram", "referral")),
        # A click id that nobody paid for, beside a referrer
        ("a.com", "fbclid=1", "https://l.instagram.com/", ("Organic Social", "instagram", "social")),
        ("a.com", "fbclid=1", "https://www.threads.net/", ("Organic Social", "threads", "social")),
        ("a.com", "fbclid=1", "https://lm.facebook.com/", ("Organic Social", "facebook", "social")),
        ("a.com", "gclid=1", "https://www.instagram.com/", ("Paid Search", "google", "cpc")),
        # Advertising
        ("a.com", "", "https://googleads.g.doubleclick.net/", ("Paid Other", "doubleclick", "cpc")),
        ("a.com", "", "https://ads.unknown.example/", ("Paid Other", "ads.unknown.example", "cpc")),
        # People only pass through
        ("a.com", "", "https://www.paypal.com/checkout", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://checkout.stripe.com/", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://acs2.bank.example/3ds", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://accounts.google.com/", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://appleid.apple.com/", ("Direct", "(direct)", "(none)")),
        ("a.com", "", "https://login.partner.example/", ("Direct", "(direct)", "(none)")),
        ("a.com", "utm_source=paypal&utm_medium=email", "", ("Email", "paypal", "email")),
        ("a.com", "", "https://www.apple.com/", ("Referral", "apple.com", "referral")),
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


@pytest.fixture
def adjusted() -> Iterator[None]:
    adjust_sources(["pay.partner.example", "-paypal.com"], ["a.com", "*.b.co.uk"])
    yield
    adjust_sources([], [])


@pytest.mark.usefixtures("adjusted")
def test_hosts_that_are_no_sources_are_added_and_taken_out_by_settings() -> None:
    direct = ("Direct", "(direct)", "(none)")
    assert traffic("shop.a.com", "", "https://pay.partner.example/")[:3] == direct
    assert traffic("shop.a.com", "", "https://www.paypal.com/")[:3] == ("Referral", "paypal.com", "referral")
    assert traffic("shop.a.com", "", "https://blog.a.com/")[:3] == direct, "siblings of an internal domain"
    assert traffic("x.b.co.uk", "", "https://y.b.co.uk/")[:3] == direct
    assert traffic("shop.a.com", "", "https://nota.com/")[1] == "nota.com"


def test_siblings_are_sources_unless_a_setting_says_that_they_are_one_site() -> None:
    assert traffic("shop.a.com", "", "https://blog.a.com/")[1] == "blog.a.com"


def test_a_setting_that_is_no_host_is_refused_by_name() -> None:
    with pytest.raises(BadSettings, match=r"--passing-hosts: 'https://pay\.com' is not a host"):
        load(passing_hosts=["https://pay.com"])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    (
        ("TRUSTED_PROXIES", "one", "'one' is wrong; give the number of proxies"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "'10.0.0.0/33' is wrong"),
        ("ALLOW_PRIVATE_ADDRESSES", "10.0.0.0/8,a b", "'a b' is neither a network"),
        ("PASSING_HOSTS", "pay.com,http://b", "'http://b' is not a host"),
        ("INTERNAL_DOMAINS", "a.com/x", "'a.com/x' is not a host"),
        ("ALERT_URL", "https://me:word@example.com", "is not a URL"),
    ),
)
def test_a_setting_of_the_environment_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(f"TRACKWAY_{name}", value)
    with pytest.raises(BadSettings, match=f"^TRACKWAY_{name}: .*{re.escape(problem)}"):
        load()
