"""A page view is another page: another path, and another fragment where that was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser

from conftest import WRITE_KEY, Server, also

TAG = '<script src="{sdk}/t.js" data-key="{key}"{options}></script>'


@pytest.fixture(scope="module")
def pages(server: Server) -> Iterator[str]:
    """A site with one page at every address; the first part of the path says which tags are in it."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind = self.path.split("/")[1]
            options = {"hash": ' data-hash="on"', "nohash": ' data-hash="off"', "kept": ' data-params="q"'}.get(
                kind, ""
            )
            tag = TAG.format(sdk=server.url, key=WRITE_KEY, options=options)
            early = "<script>history.pushState({}, '', '/early/moved')</script>" if kind == "early" else ""
            body = f"<!doctype html><title>{kind}</title>{tag}{tag if kind == 'twice' else ''}{early}".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()


def push(to: str) -> str:
    return f"history.pushState({{}}, '', '{to}');"


def replace(to: str) -> str:
    return f"history.replaceState({{}}, '', '{to}');"


CASES: dict[str, tuple[str, list[str], list[str]]] = {
    "a tag of a campaign is taken off": ("/p/a?utm_source=x&gclid=1", [replace("/p/a")], ["/p/a"]),
    "a slash is taken off": ("/p/a/", [replace("/p/a")], ["/p/a"]),
    "a slash is put on": ("/p/a", [push("/p/a/")], ["/p/a"]),
    "the query changes": ("/p/a?x=1", [push("/p/a?x=2"), push("/p/a")], ["/p/a"]),
    "a parameter that is kept changes": ("/kept/a?q=1", [push("/kept/a?q=2")], ["/kept/a"]),
    "another page": ("/p/a", [push("/p/b"), replace("/p/c")], ["/p/a", "/p/b", "/p/c"]),
    "back": ("/p/a", [push("/p/b"), "history.back();"], ["/p/a", "/p/b", "/p/a"]),
    "put right at once": ("/p/a", [push("/p/b/?utm_source=y") + replace("/p/b")], ["/p/a", "/p/b"]),
    "led elsewhere at once": ("/p/a", [push("/p/b") + replace("/p/c")], ["/p/a", "/p/c"]),
    "there and back at once": ("/p/a", [push("/p/b") + push("/p/a")], ["/p/a"]),
    "the site says so itself": ("/p/a", [push("/p/b") + "trackway.page();"], ["/p/a", "/p/b"]),
    "an anchor": ("/p/a", ["location.hash = 'below';", push("/p/a#above")], ["/p/a"]),
    "an anchor where fragments are off": ("/nohash/a", ["location.hash = 'below';"], ["/nohash/a"]),
    "fragments that are routes": (
        "/hash/a",
        [replace("/hash/a#/"), "location.hash = '/one';", "location.hash = '/one/';", "location.hash = '/one?x=1';",
         "location.hash = '/two';", push("/hash/b#/two")],
        ["/hash/a", "/hash/a#/one", "/hash/a#/two", "/hash/b#/two"],
    ),
    "the tag is there twice": ("/twice/a", [push("/twice/b")], ["/twice/a", "/twice/b"]),
    "moved before everything was loaded": ("/early/a", [], ["/early/a", "/early/moved"]),
}  # fmt: skip


@pytest.mark.parametrize("navigation", [also(True, id="navigation API"), pytest.param(False, id="without it")])
def test_a_view_is_recorded_when_the_page_is_another(
    browser: Browser, server: Server, pages: str, navigation: bool
) -> None:
    visitors = {}
    for name, (start, steps, _) in CASES.items():
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        if not navigation:
            page.add_init_script("Object.defineProperty(window, 'navigation', { value: undefined })")
        page.goto(pages + start)
        page.wait_for_function("() => typeof trackway.user === 'function' && trackway.user().sessionId")
        page.evaluate("trackway.load('auto')")
        for step in [*steps, "trackway.track('done', { at: location.pathname });"]:
            page.evaluate(f"() => {{ {step} return new Promise((done) => setTimeout(done, 50)); }}")
        page.evaluate("trackway.flush()")
        visitors[name] = page.evaluate("trackway.user().anonymousId")
        context.close()
    server.stored()
    rows = server.sql(
        "SELECT visitor_id, name, type, path, referrer FROM events WHERE type = 'page' OR name = 'done' "
        "ORDER BY message_id"  # begins with the browser's own time
    )
    found = {
        name: [row["path"] for row in rows if row["visitor_id"] == visitor and row["type"] == "page"]
        for name, visitor in visitors.items()
    }
    assert found == {name: expected for name, (_, _, expected) in CASES.items()}
    done = {
        name: sum(row["visitor_id"] == visitor and row["name"] == "done" for row in rows)
        for name, visitor in visitors.items()
    }
    assert set(done.values()) == {1}, "nothing else is there twice either"
    from_where = {
        row["path"]: row["referrer"].removeprefix(pages)
        for row in rows
        if row["visitor_id"] == visitors["led elsewhere at once"] and row["type"] == "page"
    }
    assert from_where == {"/p/a": "", "/p/c": "/p/a"}, "a page that nobody saw is nobody's referrer"


def test_stripping_a_campaign_leaves_a_bounce_a_bounce(browser: Browser, server: Server, pages: str) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{pages}/p/bounce/?utm_source=once")
    page.wait_for_function("() => typeof trackway.user === 'function' && trackway.user().sessionId")
    page.evaluate("trackway.load('auto')")
    page.evaluate(
        "() => { history.replaceState({}, '', '/p/bounce'); return new Promise((done) => setTimeout(done, 50)); }"
    )
    page.evaluate("trackway.flush()")
    visitor = page.evaluate("trackway.user().anonymousId")
    context.close()
    server.stored()
    [session] = server.sql(f"SELECT page_views, source FROM sessions FINAL WHERE visitor_id = '{visitor}'")
    assert (int(session["page_views"]), session["source"]) == (1, "once")
