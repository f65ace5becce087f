"""Every page: what it shows is what the API answers, and that is what the engine counts over the rows themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from steps import go, open_page

from chromium import shared_browser
from conftest import Server
from factories import FIREFOX

SINCE = "timestamp >= toStartOfDay(now('UTC')) - INTERVAL 29 DAY"
PEOPLE = f"bot = '' AND {SINCE}"
STARTED = "bot = '' AND started_at >= toStartOfDay(now('UTC')) - INTERVAL 29 DAY"


@pytest.fixture(scope="module")
def page(filled: Server) -> Iterator[Page]:
    opened = open_page(shared_browser(), filled)
    yield opened
    opened.context.close()


def ask(server: Server, **body: Any) -> Any:
    return server.asked(body)["data"]


def rows(table: Locator) -> dict[str, list[str]]:
    """A table by its first column: the other cells of each row."""
    expect(table.get_by_role("row").nth(1)).to_be_visible()
    found = table.evaluate(
        "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return {row[0]: row[1:] for row in found}


def number(text: str) -> int:
    return int(re.sub(r"[^\d]", "", text))


def test_overview(page: Page, filled: Server) -> None:
    go(page, "Overview")
    [counted] = filled.sql(
        "SELECT uniqExact(visitor_id) AS visitors, countIf(type IN ('page', 'screen')) AS page_views, count() AS events,"
        f" sumIf(revenue, currency = 'EUR') AS euros FROM events WHERE {PEOPLE}"
    )
    [sessions] = filled.sql(
        "SELECT count() AS sessions, countIf(acts <= 1) / count() AS bounce_rate, "
        f"avg(dateDiff('millisecond', started_at, ended_at)) / 1000 AS duration_s FROM sessions FINAL WHERE {STARTED}"
    )
    answered = filled.get("overview", period="30d")["data"]["current"]
    for label, name in (
        ("Visitors", "visitors"),
        ("Sessions", "sessions"),
        ("Page views", "page_views"),
        ("Events", "events"),
    ):
        shown = page.get_by_role("button", name=re.compile(f"^{label}")).inner_text().split("\n")[1]
        assert number(shown) == answered[name] == {**counted, **sessions}[name], name
    main = page.locator("#main")
    assert answered["bounce_rate"] == pytest.approx(sessions["bounce_rate"])
    assert answered["duration_s"] == pytest.approx(sessions["duration_s"])
    expect(main).to_contain_text(f"{100 * sessions['bounce_rate']:.1f}".removesuffix(".0") + "%")
    expect(main).to_contain_text(f"€{float(counted['euros']):,.2f}")


@pytest.mark.parametrize(
    ("title", "column"),
    [("Channels", "channel"), ("Sources", "source"), ("Pages", "path"), ("Events", "name"), ("Devices", "device"),
     ("Browsers", "browser"), ("Entry pages", "entry_path")],
)  # fmt: skip
def test_what_the_overview_is_made_of(page: Page, filled: Server, title: str, column: str) -> None:
    go(page, "Overview")
    heading = page.get_by_role("heading", name=title, exact=True)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    heading.scroll_into_view_if_needed()
    table = page.locator("section", has=heading).get_by_role("table")
    shown = {name: number(cells[0]) for name, cells in rows(table).items()}
    answered = filled.get("breakdown", period="30d", by=column, limit=8)["data"]
    assert shown == {row["value"] or "unknown": row["visitors"] for row in answered}
    where = {"path": f"{PEOPLE} AND type = 'page'", "name": PEOPLE}.get(column)
    counted = filled.sql(
        f"SELECT {column} AS value, uniqExact(visitor_id) AS visitors "
        f"FROM {'events' if where else 'sessions FINAL'} WHERE {where or STARTED} "
        "GROUP BY value ORDER BY visitors DESC, value LIMIT 8"
    )
    assert sorted(row["visitors"] for row in counted) == sorted(row["visitors"] for row in answered)


def test_sources(page: Page, filled: Server) -> None:
    go(page, "Sources")
    with page.expect_response(
        lambda answer: answer.url.endswith("/ask") and answer.request.post_data_json.get("by") == ["channel"]
    ):
        page.get_by_role("combobox", name=re.compile("^By")).select_option("Channel")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    table = page.get_by_role("table", name="Sources")
    shown = rows(table)
    answered = {row["channel"]: row for row in filled.get("sources", period="30d", by="channel")["data"]}
    counted = filled.sql(
        "SELECT channel, count() AS sessions, uniqExact(visitor_id) AS visitors, countIf(acts <= 1) / count() AS bounced "
        f"FROM sessions FINAL WHERE {STARTED} GROUP BY channel"
    )
    assert len(counted) == len(answered) == len(shown)
    expect(table.get_by_role("row")).to_have_count(len(counted) + 1)  # and none is left of the grouping before
    for row in counted:
        cells, answer = shown[row["channel"]], answered[row["channel"]]
        assert number(cells[0]) == answer["sessions"] == row["sessions"]
        assert number(cells[1]) == answer["visitors"] == row["visitors"]
        assert answer["bounce_rate"] == pytest.approx(row["bounced"])
        assert number(cells[4]) == answer["conversions"]


def test_sessions_and_people(page: Page, filled: Server) -> None:
    go(page, "Sessions")
    [counted] = filled.sql(f"SELECT count() AS n FROM sessions FINAL WHERE {STARTED}")
    total = ask(filled, question="sessions")["totals"]["sessions"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"{counted['n']:,}")
    assert total == counted["n"]
    go(page, "People")
    answered = ask(filled, question="persons", limit=1000)
    [line] = ask(filled, question="trend", series=[{"metric": "persons"}], interval="day")["series"]
    assert len(answered) == line["total"]
    first = page.get_by_role("table", name="People").get_by_role("row").nth(1)
    expect(first).to_contain_text(answered[0]["user_id"] or answered[0]["name"])


def test_events(page: Page, filled: Server) -> None:
    go(page, "Events")
    answered = filled.get("events", period="30d", limit=100)["data"]
    counted = filled.sql(
        f"SELECT toString(event_id) AS id FROM events WHERE {PEOPLE} ORDER BY timestamp DESC, event_id DESC LIMIT 100"
    )
    assert {row["id"] for row in counted} == {row["event_id"] for row in answered}
    shown = page.get_by_role("table", name="Events").get_by_role("row")
    expect(shown).to_have_count(len(answered) + 1)


def test_data(page: Page, filled: Server) -> None:
    go(page, "Data")
    shown = {
        name: number(cells[0]) for name, cells in rows(page.get_by_role("table", name="Events", exact=True)).items()
    }
    # What has ever arrived, bots included: it is about the events, not about people.
    counted = {row["name"]: row["n"] for row in filled.sql("SELECT name, count() AS n FROM events GROUP BY name")}
    answered = {row["name"]: row["events"] for row in ask(filled, question="event_names", limit=1000)}
    assert shown == answered == counted
    page.get_by_role("tab", name="Bots").click()
    bots = {
        name: (number(cells[0]), number(cells[1]))
        for name, cells in rows(page.get_by_role("table", name="Bots by reason")).items()
    }
    counted_bots = filled.sql(
        f"SELECT bot, uniqExact(visitor_id) AS visitors, count() AS n FROM events WHERE bot != '' AND {SINCE} GROUP BY bot"
    )
    assert bots == {row["bot"]: (row["visitors"], row["n"]) for row in counted_bots}


def test_live(page: Page, filled: Server) -> None:
    filled.post("page", {"anonymousId": "counted-live", "name": "Home", "context": {"userAgent": FIREFOX}})
    filled.stored()
    go(page, "Live")
    [counted] = filled.sql(
        "SELECT uniqExact(visitor_id) AS n FROM events WHERE bot = '' AND timestamp >= now('UTC') - INTERVAL 5 MINUTE"
    )
    assert filled.get("live")["data"]["visitors"] == counted["n"] >= 1
    expect(page.locator("section", has=page.get_by_role("heading", name="Here now"))).to_contain_text(str(counted["n"]))


def explore(page: Page, tab: str) -> Locator:
    go(page, "Explore")
    page.get_by_role("tab", name=tab, exact=True).click()
    expect(page.get_by_role("heading", level=2, name=tab)).to_be_visible()
    expect(page.locator("#main .animate-pulse")).to_have_count(0)
    return page.locator("#main")


def test_explore_trend(page: Page, filled: Server) -> None:
    main = explore(page, "Trend")
    [line] = ask(filled, question="trend", series=[{"metric": "persons"}], interval="day")["series"]
    [counted] = filled.sql(f"SELECT uniqExact(identity) AS n FROM events WHERE {PEOPLE}")
    shown = rows(main.get_by_role("table", name="Totals of the period"))
    assert number(shown["people"][0]) == line["total"] <= counted["n"], "identities that were merged are fewer people"


def test_explore_funnel(page: Page, filled: Server) -> None:
    main = explore(page, "Funnel")
    main.get_by_role("combobox", name=re.compile("^Step 2")).select_option("view_details")
    steps = ask(
        filled, question="funnel", steps=[{"event": "page"}, {"event": "view_details"}], window_s=86400, order="ordered"
    )["steps"]
    shown = main.get_by_role("button", name=re.compile(r"^[\d,]+ (person|people)$"))
    expect(shown).to_have_count(2)
    expect(shown.nth(1)).to_have_text(f"{steps[1]['units']:,} people")
    assert [number(one) for one in shown.all_inner_texts()] == [step["units"] for step in steps]
    everybody = ask(filled, question="trend", series=[{"metric": "persons", "event": "page"}], interval="day")["series"]
    assert steps[0]["units"] == everybody[0]["total"]


def test_explore_retention_lifecycle_and_stickiness(page: Page, filled: Server) -> None:
    main = explore(page, "Retention")
    data = ask(filled, question="retention", interval="week", kind="first_time", intervals=8)
    buttons = main.get_by_role("region", name="Retention").get_by_role("table").get_by_role("button")
    known = [one["persons"] for one in data["cohorts"] if one["persons"] > 0]
    expect(buttons).to_have_count(len(known))
    assert [number(one) for one in buttons.all_inner_texts()] == known
    cut = [one for one in data["cohorts"] if one["persons"] > 0 and not one["complete"]]
    assert cut
    expect(main.get_by_role("region", name="Retention").get_by_title(re.compile("^incomplete week"))).to_have_count(
        len(cut)
    )
    ends = main.get_by_role("img", name=re.compile("^Share of people who came back")).get_by_text(re.compile(r"^\d+%$"))
    expect(ends.last).to_be_visible()
    assert max(int(one.removesuffix("%")) for one in ends.all_text_contents()) == 100
    assert all(one["cells"][0]["rate"] == 1 for one in data["cohorts"] if one["persons"] > 0)
    main = explore(page, "Lifecycle")
    weeks = ask(filled, question="lifecycle", interval="week")["intervals"]
    shown = rows(main.get_by_role("table", name="People by week, the newest first"))
    assert [[number(cell) for cell in cells] for cells in shown.values()] == [
        [week["new"], week["returning"], week["resurrecting"], week["dormant"]]
        for week in reversed(weeks)
        if any(week[name] for name in ("new", "returning", "resurrecting", "dormant"))
    ]
    main = explore(page, "Stickiness")
    data = ask(filled, question="stickiness", interval="day")
    assert (data["of"], len(data["incomplete"])) == (30, 1)
    expect(main.get_by_text("The period has 30 days.")).to_be_visible()
    shown = rows(main.get_by_role("table", name="People by the number of days on which they came"))
    assert [number(cells[0]) for cells in shown.values()] == [row["persons"] for row in data["rows"]]


def test_explore_paths_sources_and_cohorts(page: Page, filled: Server) -> None:
    main = explore(page, "Paths")
    data = ask(filled, question="paths", nodes="page", direction="after", steps=4, top=6)
    expect(main.get_by_role("img", name=f"Paths of {data['ways']:,} sessions, step by step")).to_be_visible()
    links = sorted((one["ways"] for one in data["links"] if one["step"] < 4), reverse=True)[:30]
    shown = main.get_by_role("table", name="Most frequent transitions")
    assert [number(cell) for cell in shown.locator("tbody td:last-child").all_inner_texts()] == links
    main = explore(page, "Sources")
    answered = {row["channel"]: row for row in ask(filled, question="sources", by=["channel"], limit=50)}
    shown_sources = rows(main.get_by_role("table", name="Sources"))
    assert {name: number(cells[0]) for name, cells in shown_sources.items()} == {
        name: row["sessions"] for name, row in answered.items()
    }
    main = explore(page, "Cohorts")
    sizes = ask(filled, question="cohort_sizes", interval="week", cohort="person.sessions:greater:1")["sizes"]
    expect(
        main.get_by_role("img", name="People over time: " + ", ".join(str(one["persons"]) for one in sizes))
    ).to_be_visible()


def test_explore_active_people_and_the_standing_funnel(page: Page, filled: Server) -> None:
    main = explore(page, "Active people")
    days = ask(filled, question="active")["days"]
    shown = rows(main.get_by_role("table", name="Active people by day, the newest first"))
    assert [[number(cell) for cell in cells[:3]] for cells in shown.values()] == [
        [one["day"], one["week"], one["month"]] for one in reversed(days)
    ]
    [counted] = filled.sql(f"SELECT uniqExact(identity) AS n FROM events WHERE {PEOPLE}")
    assert 0 < days[-1]["month"] <= counted["n"]
    main = explore(page, "Entity funnel")
    steps = ask(filled, question="entity_funnel")["steps"]
    pairs = main.get_by_text(re.compile(r"^[\d,]+ pairs?$"))
    expect(pairs).to_have_count(len(steps))
    assert [number(one) for one in pairs.all_inner_texts()] == [step["units"] for step in steps]
