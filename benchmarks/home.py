"""From a click to the drawn answer: the home page on a filled store, in a real browser; then a table with all its
sessions behind it: how long an interaction keeps the next paint waiting (as the browser's Event Timing says).

    ./run bench home [20|100]

Each round changes the period on a page that is open already and waits until no part of it waits any more; periods are
chosen so that none was asked before.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from playwright.sync_api import Page, Request, sync_playwright  # noqa: E402

from chromium import launch  # noqa: E402
from filling import filled  # noqa: E402
from machinery import WRITE_KEY, machine, trackway  # noqa: E402
from questions import HOME, SECRET_KEY  # noqa: E402

ROUNDS = 24


def main() -> None:
    """Measure and print."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    place, project = filled(HOME, millions, SECRET_KEY, WRITE_KEY)
    os.environ.setdefault("TRACKWAY_TEST_BROWSER", shutil.which("chromium") or "")
    took: list[float] = []
    with trackway(place) as (address, _), sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(address)
        page.get_by_label("E-mail").fill("bench@example.com")
        page.get_by_label("Password").fill("benchmark password")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("heading", level=1, name="Overview").wait_for()
        page.wait_for_timeout(4000)
        waiting: set[int] = set()
        last = 0.0
        slow: dict[str, list[float]] = {}

        def begin(request: Request) -> None:
            if "/api/v1/projects/" in request.url and not request.url.endswith(("/version", "/stream")):
                waiting.add(id(request))

        def end(request: Request) -> None:
            nonlocal last
            if id(request) in waiting:
                waiting.discard(id(request))
                last = time.perf_counter()
                question = request.url.split("/", 7)[-1].partition("?")[0]
                if question == "ask":
                    question += " " + json.loads(request.post_data or "{}").get("question", "")
                slow.setdefault(question, []).append(request.timing["responseEnd"])

        page.on("request", begin)
        page.on("requestfinished", end)
        for day in range(1, ROUNDS + 1):
            query = f"?from=2026-07-{day:02d}&to=2026-08-{day:02d}"
            began = time.perf_counter()
            page.evaluate(
                "(to) => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }",
                f"/p/{project}/overview{query}",
            )
            page.wait_for_timeout(60)
            while waiting:
                page.wait_for_timeout(20)
            page.wait_for_timeout(100)  # what follows from an answer
            while waiting:
                page.wait_for_timeout(20)
            took.append(last - began)
        rows, interactions = _table(page, project)
        browser.close()
    took.sort()
    print(f"{millions} million events; {machine()}")
    print(
        f"home drawn after a change of period: median {1000 * statistics.median(took):.0f} ms, "
        f"p95 {1000 * took[int(0.95 * len(took))]:.0f} ms"
    )
    for question, times in sorted(slow.items(), key=lambda item: -statistics.median(item[1])):
        print(f"  {question}: median {statistics.median(times):.0f} ms, most {max(times):.0f} ms")
    print(f"{rows} rows in a table, {len(interactions)} interactions: next paint after {_spread(interactions)}")


def _spread(durations: list[float]) -> str:
    """The Interaction to Next Paint is the longest; of each 50 interactions one is set aside (web.dev/articles/inp)."""
    durations = sorted(durations)
    longest = durations[-1 - len(durations) // 50]
    return f"median {statistics.median(durations):.0f} ms, INP {longest:.0f} ms, most {durations[-1]:.0f} ms"


_WATCH = """() => {
    window.interactions = new Map();
    new PerformanceObserver((list) => {
        for (const one of list.getEntries())
            if (one.interactionId)
                interactions.set(one.interactionId, Math.max(interactions.get(one.interactionId) ?? 0, one.duration));
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
}"""


def _table(page: Page, project: UUID) -> tuple[str, list[float]]:
    """Sort, scroll by keys to the middle and the end, choose columns: the table's rows, and each interaction's time."""
    page.evaluate(
        "(to) => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }",
        f"/p/{project}/sessions?from=2026-06-01&to=2026-08-28",
    )
    table = page.get_by_role("table", name="Sessions")
    table.get_by_role("row").nth(5).wait_for()
    page.wait_for_timeout(2000)
    page.evaluate(_WATCH)
    for name in ("Events", "Duration", "Started", "Events"):
        table.get_by_role("button", name=name).click()
        page.wait_for_timeout(1500)
    table.focus()
    for key in ("PageDown",) * 40 + ("End",) + ("PageUp",) * 30 + ("Home",) + ("PageDown",) * 20:
        page.keyboard.press(key)
        page.wait_for_timeout(100)
    page.get_by_role("button", name="Columns").click()
    for name in ("Channel", "Campaign", "Exit"):
        page.get_by_role("checkbox", name=name).click()
        page.wait_for_timeout(200)
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    rows = page.get_by_role("heading", level=2).first.inner_text()
    durations: list[float] = page.evaluate("[...interactions.values()]")
    return rows, durations


if __name__ == "__main__":
    main()
