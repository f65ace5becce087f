"""What tests share: a real server as a process of its own, and a real store in this one."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck
from playwright.sync_api import Browser, Playwright, expect

import processes
from chromium import end_playwright, shared_browser, shared_playwright
from kafka import Kafka
from kafka import missing as kafka_missing
from once import begin_run, once
from ports import free_port
from postgres import Postgres, programs
from selection import LONGEST, is_of_tests, starts_a_process
from stores import Loaded
from trackway.event import new_id

expect.set_options(timeout=60_000)  # as `eventually`: this only ends a test that has failed

SHARED = Path(__file__).parents[2] / "shared" / "data"
WRITE_KEY, SECRET_KEY, EMAIL, PASSWORD = "wk_test", "sk_test", "admin@example.com", "correct horse"


def needs(folder: str) -> pytest.MarkDecorator:
    """Skip, saying so, where a dataset is not there."""
    path = SHARED / folder
    return pytest.mark.skipif(not path.exists(), reason=f"there is no dataset {path}")


def unpacked(file: Path) -> bytes:
    """The content of a .zst file."""
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(file.open("rb")).read()


def eventually(holds: Callable[[], object], within_s: float = 60) -> None:
    """Wait until something holds; the time only ends a test that has failed, and says nothing about speed."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


_THOROUGH = "TRACKWAY_TEST_THOROUGH"


def pytest_addoption(parser: pytest.Parser) -> None:
    fast = "only tests that start no server, browser, database or command"
    thorough = "four times as many random cases and kills, and every combination of hand, screen and colours"
    parser.addoption("--fast", action="store_true", help=fast)
    parser.addoption("--thorough", action="store_true", help=thorough)


def pytest_configure(config: pytest.Config) -> None:
    """Tell the modules of tests how many random cases they try, before they are imported; workers inherit it."""
    begin_run()
    if config.getoption("--thorough"):
        os.environ[_THOROUGH] = "1"
    gc.set_threshold(100_000, 20, 50)  # as the server sets it: the modules of tests are many objects that stay
    # How long a random case takes says nothing on a machine that is busy with something else.
    hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis.settings.load_profile("tests")


def cases(usual: int) -> int:
    """The number of random cases of a test: the usual one, or four times as many with `--thorough`."""
    return usual * 4 if _THOROUGH in os.environ else usual


def also(*values: Any, id: str | None = None) -> Any:  # noqa: A002
    """Values of `parametrize` that are tried with `--thorough` only, because others hold the same rule."""
    return pytest.param(*values, marks=pytest.mark.thorough, id=id)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files; leave out what only `--thorough` runs; with `--fast`, what starts a process."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
    left_out = set()
    if not config.getoption("--thorough"):
        left_out |= {item for item in items if item.get_closest_marker("thorough")}
    if config.getoption("--fast"):
        left_out |= {item for item in items if starts_a_process(item)}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def started_once() -> Path:
    """A data directory after its first start, to be copied: the tables and accounts of a server are made once.

    Its jobs have no schedule that comes up: each copy would run those that were due since, a second of computing.
    """
    return once("started", _start)


def _start(data: Path) -> None:
    Server(data, fresh=True).start().stop()
    with contextlib.closing(sqlite3.connect(data / "accounts.db")) as accounts, accounts:
        accounts.execute("UPDATE jobs SET next_run_at = '2100-01-01 00:00:00.000000'")


FIRST_START = {"write_key", "secret_key", "admin_email", "admin_password", "accounts", "views", "store"}
"""Settings that make a first start differ."""


class Server:
    """`trackway serve` on a directory of its own.

    Args:
        data: the directory; when it is missing, it is made as after a first start.
        fresh: have the server itself make it.
    """

    def __init__(self, data: Path, fresh: bool = False, **settings: Any) -> None:
        self.data, self.fresh = data, fresh or bool(FIRST_START & settings.keys())
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
            "TRACKWAY_WRITE_KEY": WRITE_KEY,
            "TRACKWAY_SECRET_KEY": SECRET_KEY,
            "TRACKWAY_ADMIN_EMAIL": EMAIL,
            "TRACKWAY_ADMIN_PASSWORD": PASSWORD,
            "TRACKWAY_REQUESTS_PER_MINUTE": "0",
            "TRACKWAY_FAILED_SIGN_INS_PER_MINUTE": "0",
            "TRACKWAY_BATCH_SECONDS": "0.05",
            **{f"TRACKWAY_{name.upper()}": value for name, value in settings.items()},
        }
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.process: processes.Process | subprocess.Popen[bytes] | None = None
        self._project = ""

    def start(self) -> Server:
        if not self.fresh and not self.data.exists():
            shutil.copytree(started_once(), self.data, symlinks=True)
        self._project = ""  # the directory may be another
        self.output = (self.data.parent / f"{self.data.name}.out").open("ab")
        command = ["-m", "trackway", "serve", "--data", str(self.data), "--port", str(self.port)]
        self.process = processes.start(command, env=self.environment, stdout=self.output, stderr=self.output)
        for _ in range(2400):
            try:
                if self.http.get("/readyz").status_code in (200, 503):
                    return self
            except httpx.TransportError:
                assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        self.stop(signal.SIGKILL)
        raise AssertionError("the server does not start:\n" + self.said())

    def said(self) -> str:
        return (self.data.parent / f"{self.data.name}.out").read_text(errors="replace")[-5000:]

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        self.output.close()

    def post(self, kind: str, body: Any, **options: Any) -> httpx.Response:
        return self.http.post(f"/v1/{kind}", json=body, auth=(WRITE_KEY, ""), **options)

    def stored(self) -> dict[str, Any]:
        """Wait until everything that was accepted is in the store; the status then."""
        for _ in range(1200):
            status = self.http.get("/readyz").json()
            if not status["unlogged_views"] and status["stored"] == status["logged"]:
                return dict(status)
            time.sleep(0.05)
        raise AssertionError(f"the log is not being stored: {status}\n{self.said()}")

    def get(self, path: str, **parameters: Any) -> Any:
        """An answer of the project's questions."""
        return self._answer("GET", path, params=parameters)

    def asked(self, body: dict[str, Any]) -> Any:
        """An answer of the one door for questions, about the last 30 days unless the body says otherwise."""
        return self._answer("POST", "ask", json={"period": "30d", **body})

    def sql(self, statement: str) -> list[dict[str, Any]]:
        return list(self._answer("POST", "query", json={"sql": statement})["data"])

    def _answer(self, method: str, path: str, **options: Any) -> Any:
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        if not self._project:
            self._project = self.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
        response = self.http.request(method, f"/api/v1/projects/{self._project}/{path}", headers=headers, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def message_ids(self, page: int = 50_000) -> list[str]:
        """The message ids in the store, in order, page by page: free SQL answers 100,000 rows at most."""
        found: list[str] = []
        while True:
            last = f"WHERE message_id > '{found[-1]}'" if found else ""
            rows = self.sql(f"SELECT message_id FROM events {last} ORDER BY message_id LIMIT {page}")
            found += [row["message_id"] for row in rows]
            if len(rows) < page:
                return found


@pytest.fixture(autouse=True)
def _usual_umask() -> None:
    """A command that ran in this process before has left its own, with which another user could read no new file."""
    os.umask(0o022)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that tests share; they tell their events apart by name or visitor."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a week of the concert site."""
    data = shutil.copytree(once("filled", _fill), tmp_path_factory.mktemp("browser") / "data", symlinks=True)
    running = Server(data).start()
    yield running
    running.stop()


def _fill(data: Path) -> None:
    running = Server(data).start()
    script = str(Path(__file__).parents[1] / "examples" / "concert_traffic.py")
    options = ["--url", running.url, "--write-key", WRITE_KEY, "--days", "7", "--visits-per-day", "40"]
    processes.run([script, *options]).check_returncode()
    running.stored()
    running.stop()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One broker of Kafka, shared by the tests of a process; each makes topics of its own."""
    if reason := kafka_missing():
        pytest.skip(reason)
    brokers = Kafka()
    yield brokers
    brokers.remove()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers on empty directories; they are stopped at the end."""
    made: list[Server] = []

    def make(**settings: Any) -> Server:
        made.append(Server(tmp_path / f"data{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """A local store that the tests of a process share."""
    made = Loaded(tmp_path_factory.mktemp("loaded"))
    yield made
    made.loader.stop()
    made.store.close()


@pytest.fixture
def project() -> UUID:
    """A project of one's own."""
    return new_id()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed, and cannot be without root on Debian")
    running = Postgres()
    yield running
    running.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End the browser before a test that may use asyncio: Playwright has an event loop in this thread."""
    if isinstance(item, pytest.Function) and "playwright" not in item.fixturenames and _uses_asyncio(item.module):
        end_playwright()


@functools.cache
def _uses_asyncio(module: ModuleType) -> bool:
    """Whether a module of the tests, or another of them of which it names something, imports asyncio."""
    names = vars(module).values()
    near = {
        one if isinstance(one, ModuleType) else sys.modules.get(str(getattr(one, "__module__", ""))) for one in names
    }
    return any(one and is_of_tests(one.__name__) and hasattr(one, "asyncio") for one in {module, *near})


def pytest_sessionfinish() -> None:
    """End what the tests of this process shared."""
    end_playwright()


@pytest.fixture
def playwright() -> Playwright:
    """Playwright, which the tests of a process share."""
    return shared_playwright()


@pytest.fixture
def browser(playwright: Playwright) -> Browser:
    """A browser, which the tests of a process share; what they open in it is closed after each."""
    return shared_browser()


@pytest.fixture(autouse=True)
def _close_pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test has opened in the browser ends with it: an open page goes on asking."""
    if "browser" not in request.fixturenames:
        yield
        return
    browser: Browser = request.getfixturevalue("browser")
    before = set(browser.contexts)
    yield
    for context in browser.contexts:
        if context not in before:
            context.close()
