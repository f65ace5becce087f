"""The browser SDK: bytes of each part beside other libraries', and what an event costs the page's main thread.

    ./run bench sdk

Sizes are of the file that a page loads, gzipped at level 9: as published where a package has a minified one, otherwise
minified here by esbuild. The cost of an event is what Chromium counts as task time of the page (everything on its main
thread: building, storing, sending), with 200 events 5 ms apart, less the same loop without events; Segment's library on
the same page is the baseline.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from concert_site import Site  # noqa: E402

from chromium import launch  # noqa: E402

SDK = ROOT / "sdk"
CACHE = ROOT / ".cache" / "benchmarks" / "sdk"
# package, version, the file a page loads, whether it is published minified
OTHERS = (
    ("posthog-js", "1.449.2", "dist/array.js", True),
    ("mixpanel-browser", "2.83.0", "dist/mixpanel.min.js", True),
    ("@plausible-analytics/tracker", "0.4.6", "plausible.js", False),
    ("umami", "2.10.0", "src/tracker/index.js", False),
)
EVENTS, ROUNDS = 200, 5


def size(content: bytes) -> int:
    """Bytes after gzip."""
    return len(gzip.compress(content, 9, mtime=0))


def others() -> dict[str, int]:
    """The sizes of other libraries, from their npm packages."""
    CACHE.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for package, version, file, minified in OTHERS:
        packed = subprocess.run(
            ["npm", "pack", f"{package}@{version}", "--silent"], cwd=CACHE, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        with tarfile.open(CACHE / packed) as archive:
            member = archive.extractfile(f"package/{file}")
            assert member is not None
            content = member.read()
        if not minified:
            command = ["npx", "esbuild", "--minify", "--loader=js"]
            content = subprocess.run(command, cwd=SDK, input=content, check=True, capture_output=True).stdout
        sizes[f"{package} {version}"] = size(content)
    bundle = segment_bundle(CACHE / "segment.js")
    sizes["@segment/analytics-next, bundled"] = size(bundle.read_bytes())
    return sizes


def segment_bundle(out: Path) -> Path:
    """Segment's library as one minified file."""
    command = [
        "npx",
        "esbuild",
        "peers/segment.mjs",
        "--bundle",
        "--minify",
        "--format=iife",
        f"--outfile={out}",
        "--log-level=error",
    ]
    subprocess.run(command, cwd=SDK, check=True)
    return out


def task_seconds(page: Page, call: str) -> float:
    """Main-thread time of `EVENTS` calls and of all that follows from them within three seconds."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "timeTicks"})

    def now() -> float:
        metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")

    before = now()
    page.evaluate(f"""async () => {{
        for (let n = 0; n < {EVENTS}; n++) {{
            {call};
            await new Promise((next) => setTimeout(next, 5));
        }}
    }}""")
    page.wait_for_timeout(3000)
    return now() - before


def cost(page: Page, call: str) -> float:
    """Milliseconds of main thread that one event costs: the median of some rounds, each less an empty one beside it."""
    page.wait_for_timeout(2500)
    page.evaluate(f"() => {{ for (let n = 0; n < 50; n++) {call} }}")
    page.wait_for_timeout(2000)
    rounds = [task_seconds(page, call) - task_seconds(page, "0") for _ in range(ROUNDS)]
    return 1000 * statistics.median(rounds) / EVENTS


def shift(page: Page, address: str) -> float:
    """How much the layout of a page shifts while it loads and is scrolled."""
    page.goto(address)
    page.wait_for_timeout(1500)
    page.mouse.wheel(0, 3000)
    page.wait_for_timeout(1500)
    return float(
        page.evaluate("""() => new Promise((done) => {
            let sum = 0;
            const observer = new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; });
            observer.observe({ type: "layout-shift", buffered: true });
            setTimeout(() => done(sum), 200);
        })""")
    )


def main() -> None:
    """Measure and print."""
    subprocess.run(["node", "build.mjs"], cwd=SDK, check=True, stdout=subprocess.DEVNULL)
    sizes = json.loads((SDK / "dist" / "sizes.json").read_text())
    print("| library | bytes gzipped |\n|---|---|")
    for name, count in sizes.items():
        print(f"| Trackway {name} | {count:,} |")
    for name, count in others().items():
        print(f"| {name} | {count:,} |")
    directory = Path(tempfile.mkdtemp(prefix="trackway-sdk-"))
    os.environ.setdefault("TRACKWAY_TEST_BROWSER", shutil.which("chromium") or "")
    site = Site(directory)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page()
            page.goto(f"{site.url}/chat")
            ours = cost(page, "trackway.track('Costs', { n: 1, text: 'some words', list: [1, 2, 3] })")
            with_sdk = shift(page, site.url)
            page.route("**/t.js", lambda route: route.abort())
            without = shift(page, site.url)
            page.close()
            page = browser.new_page()
            page.goto(site.open("--segment", str(CACHE / "segment.js")) + "/chat")
            theirs = cost(page, "analytics.track('Costs', { n: 1, text: 'some words', list: [1, 2, 3] })")
            browser.close()
        print(f"\nmain thread per event: {ours:.2f} ms, Segment's library {theirs:.2f} ms, {theirs / ours:.1f} ×")
        print(f"layout shift of the feed: {with_sdk:.4f} with the SDK, {without:.4f} without")
    finally:
        site.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
