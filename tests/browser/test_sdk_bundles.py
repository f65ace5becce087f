"""The browser SDK in bundles, with React and Vue; and Segment's library, which gives the same numbers."""

from __future__ import annotations

import subprocess
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from concert_site import (
    ROOT,
    Site,
    context,  # noqa: F401
    names,
    recorded,
    settle,
    site,  # noqa: F401
    visitor_of,
)
from playwright.sync_api import Browser, BrowserContext, Page, Route

from conftest import WRITE_KEY, eventually


def test_segments_library_on_the_same_site_gives_the_same_numbers(browser: Browser, site: Site, tmp_path: Path) -> None:
    """For the calls that both have: pages, tracks, identify, group, alias, reset."""
    bundle = tmp_path / "segment.js"
    bundled("segment", bundle, "iife")
    segment = site.open("--segment", str(bundle))

    def visit(url: str, identity: str) -> list[tuple[Any, ...]]:
        context = visitor_of(browser)
        page = context.new_page()
        page.goto(f"{url}/chat")
        visitor = page.wait_for_function(identity).json_value()
        page.get_by_role("button", name="Join the jazz fans").click()
        # Segment's library sends each by itself; what it has not sent when the page is left is lost.
        eventually(lambda: {"page", "group"} <= kinds(f"visitor_id = '{visitor}' AND path = '/chat'"))
        page.get_by_label("Your name").fill(f"peer-{url[-4:]}")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Sign out").wait_for()
        eventually(lambda: {"page", "identify"} <= kinds(f"visitor_id = '{visitor}' AND path = '/'"))
        page.goto(f"{url}/discover?utm_source=news&utm_medium=email")
        eventually(lambda: "page" in kinds(f"visitor_id = '{visitor}' AND path = '/discover'"))
        port = url.rsplit(":", 1)[1]
        mine = f"user_id = 'peer-{url[-4:]}' OR visitor_id IN (SELECT visitor_id FROM events WHERE user_id = 'peer-{url[-4:]}')"
        if url == segment:
            page.route("**/signed-out*", lambda route: when_stored(route, mine))
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/signed-out*")
        names = ("page", "identify", "group", "alias", "Signed Out")

        def signed_out() -> bool:
            # Segment's library sends at a later page what it kept of one that was left at once.
            page.wait_for_timeout(1500)
            page.goto(f"{url}/chat")
            return any(row["name"] == "Signed Out" for row in site.events(mine))

        eventually(signed_out)
        context.close()
        rows = [row for row in site.events(mine) if row["name"] in names]
        assert rows, port
        sessions = {row["session_id"]: n for n, row in enumerate(rows)}
        assert len(sessions) == 1
        told = [(row["type"], row["name"], row["path"], row["type"] == "page" or bool(row["user_id"])) for row in rows]
        # What one page tells at its start may have one millisecond for all of it, which orders nothing.
        return [one for _, same in groupby(told, key=itemgetter(2)) for one in sorted(same)]

    def when_stored(route: Route, mine: str) -> None:
        """Let the page be left when what it says is stored: what Segment's library sends meanwhile may be lost."""
        eventually(lambda: any(row["name"] == "Signed Out" for row in site.events(mine)))
        route.continue_()

    def kinds(where: str) -> set[str]:
        return {row["type"] for row in site.events(where)}

    ours = visit(site.url, "() => typeof trackway.user === 'function' && trackway.user().anonymousId")
    theirs = visit(segment, "() => window.analytics?.instance?.initialized && analytics.instance.user().anonymousId()")
    assert ours == theirs
    assert len(ours) >= 6


def bundled(entry: str, to: Path, form: str) -> None:
    """A page's script, with everything that it imports."""
    esbuild = ["node_modules/.bin/esbuild", f"peers/{entry}.mjs", "--bundle", f"--format={form}", f"--outfile={to}",
               "--log-level=error", "--define:process.env.NODE_ENV=\"production\"", "--define:__VUE_OPTIONS_API__=true",
               "--define:__VUE_PROD_DEVTOOLS__=false", "--define:__VUE_PROD_HYDRATION_MISMATCH_DETAILS__=false"]  # fmt: skip
    subprocess.run(esbuild, cwd=ROOT / "sdk", check=True)


def module_page(context: BrowserContext, site: Site, entry: str, tag: str = "") -> Page:
    """A page of the site that is a bundle of the SDK as a module, behind a tag perhaps."""
    if not (site.extra / f"{entry}.js").exists():
        bundled(entry, site.extra / f"{entry}.js", "esm")
    (site.extra / f"{entry}.html").write_text(
        f"<!doctype html><title>{entry}</title>{tag}<body data-key={WRITE_KEY} data-host={site.server.url}><div id=root></div>"
        f"<script type=module src={entry}.js></script>"
    )
    page = context.new_page()
    page.goto(f"{site.url}/extra/{entry}.html")
    page.wait_for_function("() => window.tw?.user().sessionId")
    return page


def test_react_components_are_impressions_and_track(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "react")
    visitor = page.evaluate("tw.user().anonymousId")
    recorded(page, "impression", 2)
    page.get_by_role("button", name="Next").click()  # React keeps the element and changes what it is of
    recorded(page, "impression", 3)
    settle(page)
    rows = site.events(f"visitor_id = '{visitor}'")
    seen = [
        (row["entity_type"], row["entity_id"], row["properties"]["source"])
        for row in rows
        if row["name"] == "impression"
    ]
    assert sorted(seen) == [("artist", "a1", "react"), ("concert", "1", "react"), ("concert", "2", "react")]
    assert [row["properties"] for row in rows if row["name"] == "next"] == [{"from": 1}]
    assert names(rows).count("page") == 1


def test_a_tag_and_the_module_on_one_page_record_everything_once(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "vue", f'<script src="{site.server.url}/t.js" data-key="{WRITE_KEY}"></script>')
    visitor = page.evaluate("trackway.user().anonymousId")
    recorded(page, "view_details")
    page.get_by_role("button", name="Press").click()
    recorded(page, "pressed")
    settle(page)
    assert page.evaluate("tw.user().anonymousId") == visitor
    assert names(site.events(f"visitor_id = '{visitor}'")) == ["page", "view_details", "pressed"]


def test_vue_components_are_impressions_and_track(context: BrowserContext, site: Site) -> None:
    page = module_page(context, site, "vue")
    visitor = page.evaluate("tw.user().anonymousId")
    recorded(page, "view_details")
    page.get_by_role("button", name="Press").click()
    recorded(page, "pressed")
    settle(page)
    rows = site.events(f"visitor_id = '{visitor}'")
    assert names(rows) == ["page", "view_details", "pressed"]
    assert rows[1]["entity_id"] == "7"


def test_on_a_server_the_module_does_nothing_and_components_render() -> None:
    ran = subprocess.run(["node", "peers/server.mjs"], cwd=ROOT / "sdk", capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.returncode) == ("fine\n", 0), ran.stderr
