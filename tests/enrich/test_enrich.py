"""Enrichment: clocks, bots, devices, money, names."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
import yaml

from conftest import SHARED, needs, unpacked
from trackway.enrich import bot
from trackway.enrich.clock import corrected
from trackway.enrich.device import device
from trackway.enrich.identity import user_token
from trackway.enrich.pipeline import enrich, message_key
from trackway.event import Arrival, Event, Location, Message, friendly_name, uuid7

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
NOW = 1_790_000_000_000


def event(browser: bool = False, agent: str = "", language: str = "", **message: Any) -> Event:
    given = Message(**{"type": "track", "event": "E", "anonymous_id": "v", "message_id": "m", **message})
    arrival = Arrival(NOW, b"p" * 16, "10.0.0.0", Location("DE"), agent, language, browser, None, [given])
    return enrich(given, arrival, message_key(b"p" * 16, "m"))


def test_a_clock_that_is_off_is_corrected_and_the_future_is_clamped() -> None:
    assert corrected(NOW, None, None) == NOW
    assert corrected(NOW, None, NOW - 5000) == NOW - 5000
    hour = 3_600_000
    assert corrected(NOW, NOW + hour, NOW + hour - 2000) == NOW - 2000
    assert corrected(NOW, NOW - hour, NOW - hour) == NOW
    assert corrected(NOW, None, NOW + 5 * 60_000) == NOW + 5 * 60_000
    assert corrected(NOW, None, NOW + 5 * 60_000 + 1) == NOW


def test_every_column_of_an_event_has_its_own_value() -> None:
    page = {
        "url": "https://shop.example/tickets?utm_source=s&utm_medium=m&utm_campaign=c&utm_term=t&utm_content=n&gclid=g",
        "referrer": "https://news.example/article",
        "title": "Tickets",
    }
    given = Message(
        type="track",
        event="Order Completed",
        anonymous_id="v",
        user_id="u",
        group_id="team",
        message_id="m",
        timestamp=NOW - 1000,
        context={
            "page": page,
            "locale": "fr",
            "timezone": "Asia/Tokyo",
            "screen": {"width": 1440},
            "library": {"name": "lib"},
        },
        properties={"revenue": 12.5, "currency": "EUR", "entity_type": "concert", "entity_id": "c1"},
    )
    place = Location("DE", "Bavaria", "Munich")
    arrival = Arrival(NOW, b"p" * 16, "10.0.0.0", place, CHROME, "de", True, None, [given])
    key = message_key(b"p" * 16, "m")
    made = enrich(given, arrival, key)
    assert msgspec.structs.asdict(made) == {
        "project_id": b"p" * 16,
        "event_id": uuid7(NOW - 1000, int.from_bytes(key) & (1 << 74) - 1),
        "message_id": "m",
        "type": "track",
        "name": "Order Completed",
        "timestamp": NOW - 1000,
        "received_at": NOW,
        "visitor_id": "v",
        "visitor_name": friendly_name("v"),
        "user_id": "u",
        "group_id": "team",
        "session_id": b"",
        "host": "shop.example",
        "path": "/tickets",
        "query": "utm_source=s&utm_medium=m&utm_campaign=c&utm_term=t&utm_content=n&gclid=g",
        "title": "Tickets",
        "referrer": "https://news.example/article",
        "referrer_host": "news.example",
        "channel": "Unassigned",
        "source": "s",
        "medium": "m",
        "campaign": "c",
        "term": "t",
        "content": "n",
        "click_id": "gclid",
        "device": "desktop",
        "browser": "Chrome",
        "browser_version": "141",
        "system": "Linux",
        "system_version": "",
        "country": "DE",
        "region": "Bavaria",
        "city": "Munich",
        "language": "fr",
        "timezone": "Asia/Tokyo",
        "screen_width": 1440,
        "ip": "10.0.0.0",
        "bot": "",
        "revenue": Decimal("12.5"),
        "currency": "EUR",
        "entity_type": "concert",
        "entity_id": "c1",
        "properties": msgspec.json.encode(given.properties),
        "library": "lib",
        "identity": user_token(b"p" * 16, "u"),
    }


def test_bots_are_flagged_with_the_reason_and_people_are_not() -> None:
    assert event(browser=True, agent=CHROME, language="de").bot == ""
    assert event(browser=True, agent=CHROME).bot == "", "browsers in applications send no Accept-Language"
    assert event(context={"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}).bot == "crawler: Googlebot"
    assert event(context={"userAgent": ""}).bot == "headers: no User-Agent"
    assert event().bot == "", "a server that speaks for its users is not a bot"
    assert bot.reason(CHROME, True, True) == "address: data centre"


@needs("ua_corpora")
def test_browsers_are_parsed_as_ua_parsers_own_cases_expect() -> None:
    cases = yaml.load(unpacked(SHARED / "ua_corpora" / "uap-core" / "test_ua.yaml.zst"), Loader=yaml.CSafeLoader)[
        "test_cases"
    ]
    right = sum(
        device(case["user_agent_string"]).browser == ("" if case["family"] == "Other" else case["family"])
        for case in cases
    )
    assert right / len(cases) > 0.98


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (CHROME, "desktop"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148",
            "mobile",
        ),
        ("Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 Version/17.6 Mobile/15E148", "tablet"),
        (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; WOW64; Trident/4.0; Media Center PC 6.0; Tablet PC 2.0)",
            "desktop",
        ),
        ("Mozilla/5.0 (Linux; Android 11; 43LU6000T) AppleWebKit/537.36 Chrome/86.0.4240.198 Safari/537.36", "tv"),
        ("Mozilla/5.0 (Linux; Android 9; AFTSO001) AppleWebKit/537.36 Silk/100.2.23 Safari/537.36", "tv"),
        ("Mozilla/5.0 (Linux; Android 9; BRAVIA 4K GB) AppleWebKit/537.36 Chrome/86.0.4240.198 Safari/537.36", "tv"),
        ("Opera/9.80 (Linux armv7l; Opera TV Store/5606) Presto/2.12.362 Version/12.11", "tv"),
        (
            "Mozilla/5.0 (Linux; Android 9; W-K420-TVM) AppleWebKit/537.36 Chrome/84.0.4147.125 Mobile Safari/537.36",
            "mobile",
        ),
        ("Mozilla/5.0 (Linux; Android 6.0; BTV-W09) AppleWebKit/537.36 Chrome/70.0.3538.64 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Linux; Android 11; M40Pro_EEA) AppleWebKit/537.36 Chrome/88.0.4324.181 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Linux; Android 11; SM-R870) AppleWebKit/537.36 Chrome/112.0.0.0 Mobile Safari/537.36", "watch"),
        (
            "Mozilla/5.0 (Linux; Android 12; Polestar Build/QA1A) AppleWebKit/537.36 Chrome/112.0.0.0 Safari/537.36",
            "car",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36", "desktop"),
        ("Dalvik/2.1.0 (Linux; U; Android 9; SM-M315F Build/QP1A.190711.020)", "mobile"),
        ("Dalvik/2.1.0 (Linux; U; Android 9; SM-T510 Build/PPR1.180610.011)", "tablet"),
        ("Mozilla/5.0 (Linux; Android 15; SM-X710) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (PlayStation 5 3.03) AppleWebKit/605.1.15", "console"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36", "tv"),
        (
            "Mozilla/5.0 (Linux; GoogleTV 3.2; NSZ-GS7/GX70 Build/MASTER) AppleWebKit/534.24 Chrome/11.0 Safari/534.24",
            "tv",
        ),
        ("Dalvik/2.1.0 (Linux; U; Android 10; X96mini_Plus1 Build/QP1A.191105.004)", "tv"),
        ("Dalvik/2.1.0 (Linux; U; Android 7.1.2; TX3 Mini Build/NHG47L)", "tv"),
        ("Mozilla/5.0 (Linux; Android 9; Skyworth 55G2A) AppleWebKit/537.36 Chrome/86.0.4240.198 Safari/537.36", "tv"),
        ("Mozilla/5.0 (Linux; Andr0id 9; VIDAA) AppleWebKit/537.36 Chrome/88.0.4324.182 Safari/537.36", "tv"),
        ("Mozilla/5.0 (DTV) AppleWebKit/531.2+ (KHTML, like Gecko) Espial/6.1.5 AQUOSBrowser/2.0", "tv"),
        ("HuaweiU1250/B002 Browser/NetFront/3.5 Profile/MIDP-2.0 Player/QTV-Player/5.3", "mobile"),
        ("Dropbox/300.2 (Android 13; Pixel 7)", "mobile"),
        ("SAMSUNG-SGH-E800", "mobile"),
        ("App/1.0.0 CFNetwork/1209 Darwin/20.2.0", "mobile"),
        ("Safari/7536.30.1 CFNetwork/520.5.1 Darwin/11.4.2 (i386) (MacBook3,1)", "desktop"),
        (
            "Mozilla/5.0 (Linux; Android 4.0.3; KFTT Build/IML74K) AppleWebKit/535.19 Chrome/18.0 Mobile Safari/535.19",
            "tablet",
        ),
        (
            "Mozilla/5.0 (Linux; Android 4.2.2; SGP412 Build/14.1.B.3.320) AppleWebKit/537.36 Mobile Safari/537.36",
            "tablet",
        ),
        ("", ""),
    ],
)
def test_kinds_of_devices(agent: str, kind: str) -> None:
    assert device(agent).kind == kind


MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15"


@pytest.mark.parametrize(
    ("agent", "context", "expected"),
    [
        (MAC, {}, ("desktop", "Mac OS X")),
        (MAC, {"screen": {"width": 1440, "maxTouchPoints": 0}}, ("desktop", "Mac OS X")),
        (MAC, {"screen": {"width": 1180, "maxTouchPoints": 5}}, ("tablet", "iOS")),
        (MAC, {"screen": {"maxTouchPoints": "many"}}, ("desktop", "Mac OS X")),
        (CHROME, {"screen": {"maxTouchPoints": 10}}, ("desktop", "Linux")),
        (CHROME, {"userAgentData": {"mobile": False, "platform": "Android"}}, ("tablet", "Android")),
        (CHROME, {"userAgentData": {"mobile": True, "platform": "Android"}}, ("mobile", "Android")),
        (CHROME, {"userAgentData": "x"}, ("desktop", "Linux")),
    ],
)
def test_touch_points_and_client_hints_say_what_the_user_agent_hides(
    agent: str, context: dict[str, Any], expected: tuple[str, str]
) -> None:
    found = event(browser=True, agent=agent, context=context)
    assert (found.device, found.system) == expected


@needs("ua_corpora")
def test_kinds_of_apple_s_and_amazon_s_devices_in_a_public_list() -> None:
    cases = yaml.load(unpacked(SHARED / "ua_corpora" / "uap-core" / "test_device.yaml.zst"), Loader=yaml.CSafeLoader)
    kinds = {"iPad": "tablet", "iPhone": "mobile", "Apple Watch": "watch", "AppleTV": "tv"}
    found = [(kinds[case["family"]], case) for case in cases["test_cases"] if case["family"] in kinds]
    wrong = [case["user_agent_string"] for kind, case in found if device(case["user_agent_string"]).kind != kind]
    assert len(wrong) / len(found) < 0.05, wrong


@pytest.mark.parametrize(
    ("properties", "revenue", "currency"),
    [
        ({"revenue": 12.5, "currency": "eur"}, "12.5000", "EUR"),
        ({"revenue": "9.99"}, "9.9900", ""),
        ({"total": 20, "order_id": "o"}, "20.0000", ""),
        ({"total": 20}, "0", ""),
        ({"revenue": "a lot"}, "0", ""),
        ({"revenue": True}, "0", ""),
        ({"revenue": 1e30}, "0", ""),
        ({"revenue": -5, "currency": "dollars"}, "-5.0000", ""),
        ({"revenue": 0.1, "currency": "USD"}, "0.1000", "USD"),
    ],
)
def test_money_is_decimal_and_nonsense_is_none(properties: dict[str, Any], revenue: str, currency: str) -> None:
    found = event(properties=properties)
    assert (found.revenue, found.currency) == (Decimal(revenue), currency)


def test_a_page_is_taken_apart_and_its_source_found() -> None:
    page = {
        "url": "https://A.example/x/?utm_source=n&utm_medium=email",
        "referrer": "https://www.google.com/",
        "title": "T",
    }
    found = event(type="page", event=None, name="Home", context={"page": page, "locale": "pt-BR,pt;q=0.9"})
    assert (found.host, found.path, found.query, found.title) == (
        "a.example",
        "/x",
        "utm_source=n&utm_medium=email",
        "T",
    )
    assert (found.channel, found.source, found.referrer_host, found.language) == (
        "Email",
        "n",
        "www.google.com",
        "pt-BR",
    )
    assert found.name == "page"
    assert (found.country, event(context={"ip": "x", "location": {"country": "jp"}}).country) == ("DE", "JP")


@pytest.mark.parametrize(
    ("address", "given", "path"),
    [
        ("https://a.example/app/#/one", {"hash": "on"}, "/app#/one"),
        ("https://a.example/#/one/?tab=2", {"hash": "on"}, "/#/one"),
        ("https://a.example/#!/one", {"hash": "on"}, "/#!/one"),
        ("https://a.example/app?x=1#/", {"hash": "on"}, "/app"),
        ("https://a.example/app#", {"hash": "on"}, "/app"),
        ("https://a.example/app#below", {"hash": "off"}, "/app"),
        ("https://a.example/app#below", {}, "/app"),
    ],
)
def test_a_fragment_is_a_part_of_the_path_where_that_was_asked_for(
    address: str, given: dict[str, str], path: str
) -> None:
    assert event(type="page", context={"page": {"url": address, **given}}).path == path


def test_ids_and_names_are_functions_of_what_they_name() -> None:
    assert event().event_id == event().event_id
    assert uuid7(5, 7) < uuid7(6, 0)
    assert friendly_name("a") == friendly_name("a") != friendly_name("b")
    assert len({friendly_name(str(number)) for number in range(5000)}) > 3500


@pytest.mark.parametrize(
    ("address", "host", "path"),
    [
        ("https://a.com/caf%C3%A9/", "a.com", "/café"),
        ("https://a.com/café", "a.com", "/café"),
        ("https://a.com/cafe%CC%81", "a.com", "/café"),
        ("https://a.com/%e6%9d%b1%E4%BA%AC", "a.com", "/東京"),
        ("https://a.com/%7Eme/a%2db", "a.com", "/~me/a-b"),
        ("https://a.com/a b", "a.com", "/a%20b"),
        ("https://a.com/a%2fb%3Fc%23d%25e", "a.com", "/a%2Fb%3Fc%23d%25e"),
        ("https://a.com/caf%E9", "a.com", "/caf%E9"),
        ("https://a.com/%C3%A9%00%E2%80%AE", "a.com", "/é%00%E2%80%AE"),
        ("https://a.com/100%", "a.com", "/100%"),
        ("https://xn--mnchen-3ya.example/x", "münchen.example", "/x"),
        ("https://MÜNCHEN.example/x", "münchen.example", "/x"),
        ("https://xn--strae-oqa.example/", "straße.example", "/"),
        ("https://xn--r8jz45g.xn--zckzah/", "例え.テスト", "/"),
        ("https://xn--.example/", "xn--.example", "/"),
        ("https://xn--zzzzzzzzzzzzzz99999.example/", "xn--zzzzzzzzzzzzzz99999.example", "/"),
    ],
)
def test_one_page_and_one_host_have_one_readable_name(address: str, host: str, path: str) -> None:
    found = event(type="page", event=None, context={"page": {"url": address, "referrer": address}})
    assert (found.host, found.path, found.referrer_host) == (host, path, host)
    assert found.channel == "Direct", "a host is its own referrer in either spelling"


def test_a_path_that_is_given_without_an_address_is_readable_too() -> None:
    assert event(type="page", event=None, context={"page": {"path": "/caf%C3%A9"}}).path == "/café"
