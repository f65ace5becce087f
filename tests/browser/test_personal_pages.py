"""A product's own pages say what Trackway knows of the person who looks at them: `trackway.personalize()` and
`trackway.recommend()` of the browser SDK, and `<trackway-insights>`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from steps import DESK, PHONE, nobody_is_left_out

from chromium import ARTIFACTS
from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Server, also, eventually
from trackway.govern.access.tokens import sign

STUB = """window.trackway ||= new Proxy({ q: [] },
    { get: (s, n) => s[n] || ((...a) => s.q.push([n, a, Date.now()])) });
window.refused = []; addEventListener("securitypolicyviolation", (one) => refused.push(one.violatedDirective));
addEventListener("error", (one) => refused.push(one.message));"""


class Product(NamedTuple):
    """A product with pages under a strict policy, in front of a server."""

    server: Server
    project: str
    kid: str
    key: str
    url: str
    pages: dict[str, tuple[str, str]]

    def token(self, user: str, seconds: int = 600) -> str:
        return sign(self.project, self.kid, self.key, user, None, seconds)

    def page(self, name: str, body: str, script: str = "", scheme: str = "light dark") -> str:
        self.pages[f"/{name}.js"] = "text/javascript", f"{STUB}\n{script}"
        self.pages[f"/{name}"] = "text/html; charset=utf-8", f"""<!doctype html><html lang="en"><title>Account</title>
            <meta name="viewport" content="width=device-width"><meta name="color-scheme" content="{scheme}">
            <main><h1>Account</h1><script src="/{name}.js"></script>
            <script async src="{self.server.url}/t.js" data-key="{WRITE_KEY}"></script>
            <script async src="{self.server.url}/insights.js"></script>{body}</main>"""  # fmt: skip
        return f"{self.url}/{name}"

    def personal(self, user: str, **parameters: str) -> Any:
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        return self.server.http.get(f"/v1/personalize/{user}", params=parameters, headers=headers).json()

    def told(self, user: str) -> list[str]:
        """What became of suggestions to a user, as stored, in order."""
        self.server.stored()
        rows = self.server.sql(
            f"SELECT name FROM events WHERE entity_type = 'suggestion' AND user_id = '{user}' ORDER BY message_id"
        )
        return [row["name"].removeprefix("Suggestion ") for row in rows]

    def clicks(self, user: str, count: int) -> None:
        """A user clicks jazz concerts, signed in at a browser of theirs."""
        about = {"entity_type": "concert", "entity_id": "tide"}
        for _ in range(count):
            self.server.post("track", {"event": "click", "userId": user, "anonymousId": user, "properties": about})
        self.server.stored()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    server = Server(tmp_path_factory.mktemp("personal") / "data").start()
    pages: dict[str, tuple[str, str]] = {}
    policy = (
        f"default-src 'none'; script-src 'self' {server.url}; connect-src {server.url}; base-uri 'none'; "
        "require-trusted-types-for 'script'"
    )

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = pages.get(self.path.partition("?")[0], ("text/plain", ""))
            self.send_response(200 if text else 404)
            for name, value in (("content-type", kind), ("content-security-policy", policy)):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    pack = files("trackway.govern").joinpath("packs", "concerts.toml").read_text()
    pack = pack.replace('name = "concerts"', 'name = "ours"\nholdout = 0.0', 1)
    pack = pack.replace('action = "follow_artists"', 'action = "follow_artists"\ntimes = 2', 1)
    with httpx.Client(base_url=server.url, timeout=60) as admin:
        signed_in = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = signed_in["csrf"]
        project = admin.get("/api/v1/projects").json()[0]["id"]
        path = f"/api/v1/projects/{project}"
        key = admin.post(f"{path}/keys", json={"kind": "embed"}).json()
        assert admin.patch(path, json={"metrics": pack}).status_code == 200
        tide = {"type": "concert", "id": "tide", "name": "Tide", "attributes": {"genre": "jazz", "city": "Oslo"}}
        assert admin.put(f"{path}/entities", json=[tide]).status_code == 200
        for user in ("ann", "bob", "cyd", "dee", "eve", "fay", "nobody"):
            assert admin.put(f"{path}/accounts/{user}", json={"type": "user", "name": user}).status_code == 200
    url = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield Product(server, project, key["id"], key["embed_key"], url, pages)
    httpd.shutdown()
    server.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages in browsers of their own; none of them may have met an error or broken the policy of its page."""
    opened: list[Page] = []

    def open_page(address: str, **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", "viewport": DESK, **options})
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(address)
        opened.append(page)
        return page

    yield open_page
    refused = [page.evaluate("window.refused") for page in opened]
    for page in opened:
        page.context.close()
    assert not any(refused), refused


def asks(product: Product, user: str, more: str = "") -> str:
    return f"trackway.personalize({{ token: {json.dumps(product.token(user))}{more} }})"


def sent(page: Page) -> None:
    page.evaluate("trackway.flush()")


def ready(page: Page) -> None:
    page.wait_for_function("() => typeof trackway.user === 'function' && trackway.user().sessionId")


def test_a_page_is_told_of_its_person_and_an_answer_that_did_not_change_is_not_sent_again(
    product: Product, visit: Callable[..., Page]
) -> None:
    product.clicks("ann", 12)
    page = visit(product.page("ann", "", f"""
        trackway.ready(() => {{
            window.first = {asks(product, "ann", ', include: ["intent", "suggestion"], language: "de"')};
        }});"""))  # fmt: skip
    page.wait_for_function("() => window.first")
    person = page.evaluate("first")
    assert person.keys() == {"person", "rules", "intent", "suggestion", "holdout"}
    assert person["intent"]["name"] == "browsing"
    assert person["suggestion"]["call_to_action"] == "Künstler finden"
    with page.expect_response("**/v1/personalize/me?*") as again:
        second = page.evaluate(asks(product, "ann", ', include: ["intent", "suggestion"], language: "de"'))
    assert again.value.status == 304 and second["intent"] == person["intent"]
    everything = page.evaluate(asks(product, "ann"))
    assert {"preferences", "hours", "intent", "content_types"} <= everything.keys()
    assert everything["preferences"][0]["source"] == "inferred"


def test_what_goes_wrong_is_a_rejected_promise_and_nothing_else(product: Product, visit: Callable[..., Page]) -> None:
    page = visit(product.page("wrong", ""))
    ready(page)
    outcome = """(options) => trackway.personalize(options).then(
        (person) => ["told", person], (error) => ["refused", error.name, error.status ?? 0, error.message])"""
    assert page.evaluate(outcome, {"token": product.token("nobody")}) == ["told", None]
    refused = page.evaluate(outcome, {"token": "none"})
    assert refused[:3] == ["refused", "PersonalizeError", 401] and refused[3]
    part = page.evaluate(outcome, {"token": product.token("ann"), "include": ["fortune"]})
    assert part[:3] == ["refused", "PersonalizeError", 400] and "'fortune' is no part" in part[3]
    for options in (None, {}, {"token": ""}):
        assert page.evaluate(outcome, options)[:2] == ["refused", "TypeError"]
    away = page.evaluate(outcome, {"token": product.token("ann"), "host": "http://127.0.0.1:9"})
    assert away[:2] == ["refused", "TypeError"]
    page.evaluate("window.refused.length = 0")  # the policy of the page forbids the host that is away
    renewed = f"""() => {{
        const tokens = ["expired", {json.dumps(product.token("nobody"))}];
        return trackway.personalize({{ token: () => tokens.shift() }}).then((person) => [person, tokens.length]);
    }}"""
    assert page.evaluate(renewed) == [None, 0]


def test_a_suggestion_is_reported_as_shown_when_it_is_seen_and_rests_after_its_times(
    product: Product, visit: Callable[..., Page]
) -> None:
    """`times` is 2 in the pack of this product: after two pages that showed it, it is not made."""
    product.clicks("bob", 1)
    lines = "<p>line</p>" * 200
    address = product.page("bob", f'{lines}<div id="card">Follow!</div>', f"""
        trackway.identify("bob");
        trackway.ready(async () => {{
            const person = await {asks(product, "bob", ', include: ["suggestion"]')};
            for (let count = 0; count < 2; count++) person.suggestion?.show(document.querySelector("#card"));
            window.person = person;
        }});""")  # fmt: skip
    for seen in (1, 2):
        page = visit(address)
        page.wait_for_function("() => window.person")
        assert page.evaluate("person.suggestion.action") == "follow_artists"
        sent(page)
        assert product.told("bob") == ["Shown"] * (seen - 1)
        page.locator("#card").scroll_into_view_if_needed()
        page.wait_for_function(f"() => tw_{WRITE_KEY}.early.some((one) => one.event === 'Suggestion Shown')")
        sent(page)
        assert product.told("bob") == ["Shown"] * seen
    eventually(lambda: product.personal("bob", include="suggestion")["suggestion"] is None)
    page = visit(address)
    page.wait_for_function("() => window.person")
    assert page.evaluate("person.suggestion") is None


@pytest.mark.parametrize("what", ["dismissed", "done"])
def test_a_suggestion_that_was_dismissed_or_done_is_not_made_again(
    product: Product, visit: Callable[..., Page], what: str
) -> None:
    user = {"dismissed": "cyd", "done": "dee"}[what]
    product.clicks(user, 1)
    page = visit(product.page(user, "", f'trackway.identify("{user}");'))
    ready(page)
    ask = asks(product, user, ', include: ["suggestion"]')
    page.evaluate(f"{ask}.then(({{ suggestion }}) => {{ suggestion.clicked(); suggestion.{what}(); }})")
    sent(page)
    assert product.told(user) == ["Clicked", what.title()]
    eventually(lambda: page.evaluate(ask)["suggestion"] is None)


def test_recommendations_are_reported_as_shown_when_they_are_seen_and_as_clicked(
    product: Product, visit: Callable[..., Page]
) -> None:
    product.clicks("fay", 1)
    for concert in ("tide", "moon"):
        about = {"entity_type": "concert", "entity_id": concert}
        product.server.post("track", {"event": "click", "anonymousId": "another", "properties": about})
    product.server.stored()
    token = json.dumps(product.token("fay"))
    page = visit(product.page("fay", f'{"<p>line</p>" * 200}<ol id="list"></ol>', f"""
        trackway.identify("fay");
        trackway.ready(async () => {{
            const found = await trackway.recommend({{ token: {token}, entity_type: "concert" }});
            for (const item of found.items) {{
                const line = document.createElement("li");
                line.textContent = item.entity_id;
                line.addEventListener("click", item.clicked);
                document.querySelector("#list").append(line);
                for (let count = 0; count < 2; count++) item.show(line);
            }}
            window.found = found;
        }});"""))  # fmt: skip
    page.wait_for_function("() => window.found")
    found = page.evaluate("JSON.parse(JSON.stringify(found))")
    assert [item["entity_id"] for item in found["items"]] == ["moon"]  # she knows the other one
    assert found["items"][0]["reason"]["kind"] in ("popular", "also_viewed")
    reported = f"() => tw_{WRITE_KEY}.early.filter((one) => /^Recommendation/.test(one.event)).map((one) => one.event)"
    assert page.evaluate(reported) == []
    page.get_by_text("moon").scroll_into_view_if_needed()
    page.wait_for_function(f"() => ({reported})().length")
    page.get_by_text("moon").click()
    assert page.evaluate(reported) == ["Recommendation Shown", "Recommendation Clicked"]
    about = page.evaluate(f"tw_{WRITE_KEY}.early.find((one) => /^Recommendation/.test(one.event)).properties")
    assert (about["entity_id"], about["kind"], about["position"], about["propensity"]) == ("moon", "for_you", 1, 1)
    asked = """(options) => trackway.recommend(options).then(
        (found) => found && found.items.map((item) => item.entity_id), (error) => [error.name, error.message])"""
    own, other = product.token("fay"), product.token("nobody")
    assert page.evaluate(asked, {"token": own, "entity_type": "concert", "kind": "also_viewed", "entity": "tide"}) == [
        "moon"
    ]
    assert sorted(page.evaluate(asked, {"token": other, "entity_type": "concert"})) == ["moon", "tide"]
    assert page.evaluate(asked, {"entity_type": "concert"})[0] == "TypeError"
    refused = page.evaluate(asked, {"token": own})
    assert refused[0] == "PersonalizeError" and "entity_type" in refused[1]


def for_everybody(page: Page) -> None:
    """axe finds nothing; what axe itself does against the policy of the page does not count."""
    assert page.evaluate("window.refused") == []
    nobody_is_left_out(page)
    page.evaluate("window.refused.length = 0")


def element(token: str, more: str = "") -> str:
    return f'<trackway-insights token="{token}" {more}></trackway-insights>'


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), also(DESK, "dark"), also(PHONE, "light"), (PHONE, "dark")]
)
def test_the_element_shows_what_is_known_to_everybody_and_on_every_screen(
    product: Product, visit: Callable[..., Page], size: Any, scheme: str
) -> None:
    if not product.personal("ann").get("preferences"):
        product.clicks("ann", 12)
    page = visit(product.page("known", element(product.token("ann"))), viewport=size, color_scheme=scheme)
    expect(page.get_by_role("heading", name="What we know of you")).to_be_visible()
    expect(page.get_by_text("new user", exact=True)).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="genre jazz")).to_contain_text("from 12 of your actions")
    expect(page.get_by_role("table", name="Your actions by weekday and hour")).to_be_visible()
    for_everybody(page)
    name = f"insights-element-{size['width']}-{scheme}.png"
    page.screenshot(path=ARTIFACTS / name, full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} pixels too wide"


def test_nothing_is_said_of_somebody_unknown_and_a_refusal_says_why(
    product: Product, visit: Callable[..., Page]
) -> None:
    page = visit(product.page("unknown", element(product.token("nobody"))))
    expect(page.get_by_text("Nothing is known of you yet")).to_be_visible()
    for_everybody(page)
    page = visit(product.page("refused", element("expired")))
    expect(page.get_by_role("alert")).to_contain_text("This cannot be shown now.")
    for_everybody(page)
    page.evaluate(f"document.querySelector('trackway-insights').refresh = () => {json.dumps(product.token('nobody'))}")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Nothing is known of you yet")).to_be_visible()


def test_people_correct_mute_and_clear_what_the_element_shows_with_the_keyboard(
    product: Product, visit: Callable[..., Page]
) -> None:
    product.clicks("eve", 12)
    page = visit(product.page("eve", element(product.token("eve"), 'language="de"')))

    def preferences() -> dict[tuple[str, str], tuple[float, str]]:
        found = product.personal("eve", include="preferences")["preferences"]
        return {(one["key"], one["value"]): (one["confidence"], one["source"]) for one in found}

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")

    saved = page.get_by_role("status")
    expect(page.get_by_text("Wann du aktiv bist")).to_be_visible()
    press("Nichts für mich: genre jazz")
    expect(page.get_by_role("listitem").filter(has_text="genre jazz")).to_contain_text("magst du nicht")
    expect(saved).to_have_text("Gespeichert.")
    assert preferences()["genre", "jazz"] == (0.0, "explicit")
    press("Zurücknehmen: genre jazz")
    expect(page.get_by_role("listitem").filter(has_text="genre jazz")).to_contain_text("aus 12 deiner Aktionen")
    press("Stimmt: Stadt Oslo")
    expect(page.get_by_role("listitem").filter(has_text="Stadt Oslo")).to_contain_text("das hast du gesagt")
    page.get_by_role("textbox", name="Was du magst").fill("folk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="folk")).to_contain_text("100")
    assert (1.0, "explicit") in preferences().values()
    press("Alles löschen")
    press("Behalten")
    press("Alles löschen")
    assert (
        page.evaluate("document.querySelector('trackway-insights').shadowRoot.activeElement.innerText") == "Ja, löschen"
    )
    page.keyboard.press("Enter")
    expect(page.get_by_text("Noch nichts", exact=True)).to_be_visible()
    assert preferences() == {}


def test_a_suggestion_of_the_element_leads_where_the_product_says_and_can_be_dismissed(
    product: Product, visit: Callable[..., Page]
) -> None:
    product.clicks("flo", 1)
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    path = f"/api/v1/projects/{product.project}/accounts/flo"
    assert product.server.http.put(path, json={"type": "user", "name": "flo"}, headers=headers).status_code == 200
    product.page("followed", "")
    links = """links='{"follow_artists": "/followed"}'"""
    page = visit(product.page("flo", element(product.token("flo"), links), 'trackway.identify("flo");'))
    ready(page)
    page.get_by_role("link", name="Find artists").click()
    page.wait_for_url("**/followed")
    page = visit(product.page("flo-2", element(product.token("flo")), """
        trackway.identify("flo");
        addEventListener("trackway-suggestion", (event) => { window.action = event.detail.action; });"""))  # fmt: skip
    ready(page)
    page.get_by_role("button", name="Find artists").click()
    assert page.evaluate("window.action") == "follow_artists"
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("button", name="Find artists")).to_have_count(0)
    sent(page)
    assert sorted(product.told("flo")) == ["Clicked", "Clicked", "Dismissed", "Shown", "Shown"]
    eventually(lambda: product.personal("flo", include="suggestion")["suggestion"] is None)
