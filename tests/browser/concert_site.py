"""The concert site in front of a server, and a visitor's browser on it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

import processes
from conftest import WRITE_KEY, Server
from ports import free_port

ROOT = Path(__file__).parents[2]


DESK = {"width": 1280, "height": 900}


MEASURED = ("web_vital", "engagement", "time_in_view")


class Site:
    """The concert site in front of a server of its own."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory / "data", plan="concerts").start()
        self.processes: list[processes.Process | subprocess.Popen[bytes]] = []
        self.extra = directory
        self.url = self.open("--extra", str(directory))

    def open(self, *options: str) -> str:
        port = free_port()
        script = str(ROOT / "examples" / "concerts" / "site.py")
        command = [script, "--port", str(port), "--trackway", self.server.url, "--write-key", WRITE_KEY]
        self.processes.append(processes.start([*command, *options]))
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/chat", timeout=5).close()
                return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the site does not start")

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(60)
        self.server.stop()

    def events(self, where: str, measured: bool = False) -> list[dict[str, Any]]:
        """Stored events in the order in which browsers made them, without what depends on the machine's speed.

        Each batch is set to the server's clock by itself, so on a slow machine an event that took long to arrive is stored
        after later ones. A message's id (UUIDv7) begins with the browser's own time.
        """
        self.server.stored()
        rows = self.server.sql(
            "SELECT type, name, path, entity_type, entity_id, visitor_id, user_id, session_id, bot, timestamp, message_id, "
            f"toJSONString(properties) AS properties FROM events WHERE {where} ORDER BY message_id"
        )
        for row in rows:
            row["properties"] = json.loads(row["properties"])
        return [row for row in rows if measured or row["name"] not in MEASURED]

    def sessions(self, where: str) -> list[dict[str, Any]]:
        self.server.stored()
        return self.server.sql(f"SELECT * FROM sessions FINAL WHERE {where} ORDER BY started_at")


def visitor_of(browser: Browser, **options: Any) -> BrowserContext:
    made = browser.new_context(viewport=DESK, locale="en-GB", **options)
    made.set_default_timeout(60_000)
    return made


def go(context: BrowserContext, address: str, waiting: bool = True) -> Page:
    page = context.new_page()
    page.goto(address)
    if waiting:
        ready(page)
    return page


def ready(page: Page) -> None:
    """Wait until the page has a session and records clicks, errors and what is seen."""
    page.wait_for_function("() => typeof trackway.user === 'function' && trackway.user().sessionId")
    page.evaluate("trackway.load('auto').then(() => null)")


def recorded(page: Page, name: str, count: int = 1) -> None:
    """Wait until the page has recorded an event so many times since it was loaded, among its first hundred."""
    page.wait_for_function(
        f"([name, count]) => tw_{WRITE_KEY}.early.filter((one) => (one.event || one.type) === name).length >= count",
        arg=[name, count],
    )


def leave(page: Page) -> None:
    """Close the tab as its user does, and wait until it is gone."""
    with page.expect_event("close"):
        page.close(run_before_unload=True)


def who(page: Page) -> dict[str, str]:
    return dict(page.evaluate("trackway.user()"))


def of(page: Page) -> str:
    return f"visitor_id = '{who(page)['anonymousId']}'"


QUEUED = f"""() => new Promise((done) => {{
    const open = indexedDB.open("tw_{WRITE_KEY}", 1);
    open.onsuccess = () => {{
        const asked = open.result.transaction("q").objectStore("q").count();
        asked.onsuccess = () => {{ const count = asked.result; open.result.close(); done(RESULT); }};
    }};
}})"""


def settle(page: Page) -> None:
    """Wait until nothing waits in the page's queue."""
    page.evaluate(f"tw_{WRITE_KEY}.flush()")
    page.wait_for_function(QUEUED.replace("RESULT", "count === 0"), polling=100)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("concerts"))
    yield made
    made.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = visitor_of(browser)
    yield made
    made.close()
