"""The real Chromium, as tests start it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
_WITHOUT = (
    "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter", "OptimizationHints", "PaintHolding",
    "PreconnectToSearch", "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup", "WebUIOmniboxPopup",
)  # fmt: skip
"""Features of Chromium: those that Playwright turns off too, as Chromium takes one list only; and popups of the address bar,
which are a process in each window, from its start on, with as much to compute as a page."""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--disable-features={','.join(_WITHOUT)}"]  # fmt: skip


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


def launch(playwright: Playwright, without: list[str] | None = None) -> Browser:
    """Start the real Chromium, not named headless; `without` are Playwright's own arguments to leave away."""
    return playwright.chromium.launch(
        executable_path=os.environ.get("TRACKWAY_TEST_BROWSER"),
        args=[*QUIET, f"--user-agent={AGENT}"],
        ignore_default_args=without,
    )


@functools.cache
def shared_playwright() -> Playwright:
    """Playwright, which the tests of a process share."""
    ARTIFACTS.mkdir(exist_ok=True)
    return sync_playwright().start()


@functools.cache
def shared_browser() -> Browser:
    """A browser, which the tests of a process share."""
    return launch(shared_playwright())


def end_playwright() -> None:
    """End the browser and Playwright, if they run: Playwright has an event loop in this thread."""
    if shared_browser.cache_info().currsize:
        shared_browser().close()
    if shared_playwright.cache_info().currsize:
        shared_playwright().stop()
    shared_browser.cache_clear()
    shared_playwright.cache_clear()
