"""The ten commonest jobs: with a mouse and with the keyboard only, at a desk and on a phone, light and dark.

Every job ends with pictures in artifacts/jobs, in both colours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from steps import DESK, PHONE, nobody_is_left_out, open_page

from chromium import ARTIFACTS
from conftest import Server, also
from factories import FIREFOX

PICTURES = ARTIFACTS / "jobs"
MOST_TABS = 300


class Mouse:
    """A hand on the mouse."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server

    def press(self, what: Locator) -> None:
        what.click()

    def write(self, where: Locator, text: str) -> None:
        where.click()
        self.page.keyboard.type(text)

    def choose(self, where: Locator, label: str) -> None:
        where.select_option(label=label)

    def go(self, name: str) -> None:
        self.press(
            self.page.locator("nav[aria-label=Pages] >> visible=true").get_by_role("link", name=name, exact=True)
        )
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)


class Keys(Mouse):
    """No mouse: Tab and the arrows until it has the focus, then Enter."""

    def reach(self, what: Locator) -> None:
        expect(what).to_be_visible()
        element = what.element_handle()
        role = what.get_attribute("role") or ""
        key = "ArrowDown" if role.startswith(("menuitem", "option")) else "Tab"
        if role.startswith("menuitem"):
            self.page.wait_for_function("document.activeElement.closest('[role=menu]') !== null")
        for _ in range(MOST_TABS):
            if element.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{what} is not reached by {key}")

    def press(self, what: Locator) -> None:
        self.reach(what)
        self.page.keyboard.press("Enter")

    def write(self, where: Locator, text: str) -> None:
        self.reach(where)
        self.page.keyboard.type(text)

    def choose(self, where: Locator, label: str) -> None:
        expect(where.get_by_role("option", name=label, exact=True)).to_be_attached()  # names may come late
        self.reach(where)
        # A space would open the list: the first word, and from there on downwards. On a slow machine the list
        # forgets the beginning of the word and jumps elsewhere; the walk then begins at the top.
        self.page.keyboard.type(label.split(maxsplit=1)[0])
        for key in [None, "Home", *["ArrowDown"] * where.locator("option").count()]:
            if key is not None:
                self.page.keyboard.press(key)
            if where.locator("option:checked").inner_text() == label:
                return
        raise AssertionError(f"{label} is not found")


def field(place: Page | Locator, label: str) -> Locator:
    """A choice by the beginning of its label, which ends with what is chosen."""
    return place.get_by_role("combobox", name=re.compile(f"^{label}\\b"))


def who_is_here_now(hand: Mouse) -> None:
    hand.server.post("page", {"anonymousId": "here-now", "name": "Home", "context": {"userAgent": FIREFOX}})
    hand.press(hand.page.get_by_role("link", name=re.compile("here now")))
    expect(hand.page.get_by_role("heading", level=1)).to_have_text("Live")
    expect(hand.page.get_by_role("table", name="Visitors who are here").get_by_role("row").nth(1)).to_be_visible()


def the_best_source_of_last_month(hand: Mouse) -> None:
    page = hand.page
    hand.go("Sources")
    hand.press(page.get_by_role("button", name=re.compile("^Period")))
    hand.press(page.get_by_role("menuitemradio", name="Last 90 days"))
    hand.choose(field(page, "By"), "Channel")
    best = hand.server.get("sources", period="90d", by="channel", limit=1)["data"][0]
    first = page.get_by_role("table", name="Sources").get_by_role("row").nth(1)
    expect(first).to_contain_text(best["channel"])
    expect(first).to_contain_text(f"{best['sessions']:,}")


def a_funnel_of_four_steps_its_parts_and_who_dropped_out(hand: Mouse) -> None:
    page = hand.page
    hand.go("Explore")
    hand.press(page.get_by_role("tab", name="Funnel", exact=True))
    steps = ["page", "view_details", "interest", "ticket_click"]
    for at, event in enumerate(steps, 1):
        if at > 2:
            hand.press(page.get_by_role("button", name="+ Step"))
        hand.choose(field(page, f"Step {at}"), event)
    hand.choose(field(page, "by"), "device")
    body = {"question": "funnel", "steps": [{"event": name} for name in steps], "window_s": 86400}
    asked = hand.server.asked(body)["data"]["steps"]
    expect(page.get_by_role("table", name="By the value at step 1")).to_contain_text("desktop")
    people = [step["units"] for step in asked]
    assert people[0] > people[-1] > 0
    for units in people:
        expect(page.get_by_role("button", name=f"{units:,} people", exact=True).first).to_be_visible()
    hand.press(page.get_by_role("button", name="went no further than step 3"))
    expect(page.get_by_role("dialog").get_by_role("table", name="People, at most 100")).to_be_visible()


def a_retention_triangle(hand: Mouse) -> None:
    page = hand.page
    hand.go("Explore")
    hand.press(page.get_by_role("tab", name="Retention"))
    hand.choose(field(page, "by"), "day")
    data = hand.server.asked({"question": "retention", "interval": "day", "kind": "first_time", "intervals": 8})["data"]
    cohort = next(one for one in data["cohorts"] if one["persons"] > 0)
    triangle = page.get_by_role("region", name="Retention").get_by_role("table")
    row = triangle.get_by_role("row").nth(2)
    expect(row.get_by_role("button")).to_have_text(f"{cohort['persons']:,}")
    expect(row.get_by_role("cell").nth(2)).to_have_text(
        re.compile(rf"^{100 * cohort['cells'][1]['rate']:.0f}|^[0-9.]+%$")
    )
    hand.press(row.get_by_role("button"))
    expect(page.get_by_role("dialog").get_by_role("row")).to_have_count(min(100, cohort["persons"]) + 1)


def what_people_do_after_searching(hand: Mouse) -> None:
    page = hand.page
    hand.go("Explore")
    hand.press(page.get_by_role("tab", name="Paths"))
    hand.choose(field(page, "looking at"), "events")
    hand.write(page.get_by_label("Page or event"), "search")
    page.keyboard.press("Tab")
    ways = hand.server.asked({"question": "paths", "nodes": "event", "anchor": "search", "steps": 4, "top": 6})["data"]
    table = page.get_by_role("table", name="Most frequent transitions")
    first = max((one for one in ways["links"] if one["step"] == 1), key=lambda one: one["ways"])
    expect(table.get_by_role("row").filter(has_text="search").first).to_be_visible()
    expect(table).to_contain_text(first["to"].replace("(end)", "(end)"))
    expect(page.get_by_role("img", name=f"Paths of {ways['ways']:,} sessions, step by step")).to_be_visible()


def a_visitor_is_opened_and_followed(hand: Mouse) -> None:
    page = hand.page
    hand.go("People")
    person = page.get_by_role("table", name="People").get_by_role("link").first
    name = person.inner_text()
    hand.press(person)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    hand.press(page.get_by_role("link", name=re.compile("^Session from")).first)
    expect(page.get_by_role("heading", level=1)).to_have_text("Session")
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()


def a_board_is_made_and_shared(hand: Mouse) -> None:
    page = hand.page
    hand.go("Explore")
    hand.press(page.get_by_role("button", name="Save to a board"))
    dialog = page.get_by_role("dialog")
    board = field(dialog, "Board")
    expect(dialog.get_by_label("Title")).to_be_visible()
    if board.locator("option").count() > 1:
        hand.choose(board, "a new one …")
    hand.write(dialog.get_by_label("Name of the new board"), "Monday")
    hand.press(dialog.get_by_role("button", name="Save", exact=True))
    hand.press(dialog.get_by_role("link", name="Monday"))
    expect(page.get_by_label("Name of the board")).to_have_value("Monday")
    hand.press(page.get_by_role("button", name="Share"))
    hand.press(page.get_by_role("dialog").get_by_role("button", name="Create a link"))
    link = page.get_by_label("The link", exact=True).input_value()
    other = page.context.browser
    assert other is not None
    stranger = other.new_context().new_page()
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="Trend")).to_be_visible()
    stranger.context.close()


def a_segment_is_saved_and_used_again(hand: Mouse) -> None:
    page = hand.page
    hand.press(page.get_by_role("button", name="+ Filter"))
    hand.choose(field(page, "What"), "Channel")
    hand.write(page.get_by_label("Value"), "Direct")
    hand.press(page.get_by_role("button", name="Add filter"))
    hand.press(page.get_by_role("button", name="Segments"))
    hand.write(page.get_by_label("Save these filters as"), "Came directly")
    hand.press(page.get_by_role("button", name="Save segment"))
    chip = page.get_by_role("button", name="Remove filter: in Came directly")
    expect(chip).to_be_visible()
    hand.press(chip)
    expect(chip).to_have_count(0)
    hand.go("Sessions")
    hand.press(page.get_by_role("button", name="Segments"))
    hand.press(
        page.get_by_role("list", name="Saved segments").get_by_role("button", name="Came directly", exact=True).first
    )
    expect(chip).to_be_visible()
    sessions = hand.server.get("overview", period="30d", filter="channel:is:Direct")["data"]["current"]["sessions"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"{sessions:,}")


def numbers_are_exported(hand: Mouse) -> None:
    page = hand.page
    hand.go("Explore")
    expect(page.get_by_role("table", name="Totals of the period")).to_be_visible()
    for kind, begins in (
        ("Numbers as CSV", b"Series,"),
        ("Numbers as Parquet", b"PAR1"),
        ("Picture as PNG", b"\x89PNG"),
    ):
        with page.expect_download(timeout=60_000) as download:
            hand.press(page.get_by_role("button", name="Export", exact=True))
            hand.press(page.get_by_role("menuitem", name=kind))
        assert Path(download.value.path()).read_bytes().startswith(begins), kind


def why_a_number_is_what_it_is(hand: Mouse) -> None:
    page = hand.page
    hand.press(page.get_by_role("button", name="Why: what is behind these totals"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Sessions count by their start")
    expect(dialog).to_contain_text("everybody, without bots")
    expect(dialog.get_by_role("region", name="SQL")).to_contain_text("FROM source_counts")
    hand.press(dialog.get_by_role("link", name="The sessions behind it"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")
    sessions = hand.server.get("overview", period="30d")["data"]["current"]["sessions"]
    expect(page.get_by_role("heading", level=2).first).to_have_text(f"{sessions:,}")


JOBS: list[Callable[[Mouse], None]] = [
    who_is_here_now,
    the_best_source_of_last_month,
    a_funnel_of_four_steps_its_parts_and_who_dropped_out,
    a_retention_triangle,
    what_people_do_after_searching,
    a_visitor_is_opened_and_followed,
    a_board_is_made_and_shared,
    a_segment_is_saved_and_used_again,
    numbers_are_exported,
    why_a_number_is_what_it_is,
]


@pytest.mark.parametrize(
    ("hand", "size"),
    [
        pytest.param(Keys, DESK, id="keys-desk"),
        pytest.param(Mouse, PHONE, id="mouse-phone"),
        also(Mouse, DESK, id="mouse-desk"),
        also(Keys, PHONE, id="keys-phone"),
    ],
)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.__name__))
def test_job(browser: Browser, filled: Server, job: Any, hand: type[Mouse], size: Any) -> None:
    page = open_page(browser, filled, size)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    job(hand(page, filled))
    if hand is Keys:
        nobody_is_left_out(page)
    else:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=PICTURES / f"{job.__name__}-{'desk' if size is DESK else 'phone'}-{scheme}.png")
    page.context.close()
