"""A product with its own pages, in which it shows the dashboards of its accounts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import processes
from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Server
from factories import FIREFOX
from trackway.govern.access.accounts import OwnedEntity
from trackway.govern.access.tokens import sign

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
OTHERS = "Foreign Thunder"


class Host(NamedTuple):
    """A product with its own pages, that shows Trackway's dashboards in them."""

    server: Server
    project: str
    kid: str
    key: str
    url: str
    pages: dict[str, str]

    def token(self, account: str, entities: list[OwnedEntity] | None = None, seconds: int = 600) -> str:
        return sign(self.project, self.kid, self.key, account, entities, seconds)

    def page(self, name: str, token: str, more: str = "") -> str:
        self.pages[f"/{name}"] = f"""<!doctype html><html lang="en"><title>Backstage</title>
            <body style="background:#fff8f0"><h1>Backstage</h1>
            <script src="{self.server.url}/embed.js"></script>
            <trackway-dashboard project="{self.project}" token="{token}" {more}></trackway-dashboard>"""
        return f"{self.url}/{name}"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own with some days of the concert site: what is counted here is in no other test's numbers."""
    running = Server(tmp_path_factory.mktemp("accounts") / "data").start()
    script = str(Path(__file__).parents[2] / "examples" / "concert_traffic.py")
    options = ["--url", running.url, "--write-key", WRITE_KEY, "--days", "7", "--visits-per-day", "30"]
    processes.run([script, *options]).check_returncode()
    running.stored()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def host(product: Server) -> Iterator[Host]:
    pages: dict[str, str] = {}

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{httpd.server_address[1]}"
    with httpx.Client(base_url=product.url, timeout=60) as admin:
        me = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = me["csrf"]
        project = admin.get("/api/v1/projects").json()[0]["id"]
        made = admin.post(f"/api/v1/projects/{project}/keys", json={"kind": "embed"}).json()
        path = f"/api/v1/projects/{project}"
        assert admin.patch(path, json={"embed_origins": [url]}).status_code == 200
        register = [
            {"type": "artist", "id": "glass-harbour", "name": "Glass Harbour"},
            {"type": "artist", "id": "foreign-thunder", "name": OTHERS},
            {"type": "venue", "id": "pier", "name": "The Pier"}, {"type": "concert", "id": "c1", "name": "Glass Harbour live"},
        ]  # fmt: skip
        assert admin.put(f"{path}/entities", json=register).status_code == 200
        accounts: dict[str, dict[str, Any]] = {
            "best": {"type": "artist", "verification": "business", "subscription": "enterprise"},
            "free": {"type": "artist", "verification": "email", "subscription": "free"},
            "other": {"type": "artist", "verification": "business", "subscription": "enterprise"},
            "pier": {"type": "venue", "verification": "business", "subscription": "enterprise"},
            "nothing": {"type": "artist"},
        }  # fmt: skip
        own = {
            "best": [("artist", "glass-harbour")], "free": [("artist", "glass-harbour")],
            "other": [("artist", "foreign-thunder")], "pier": [("venue", "pier"), ("concert", "c1")], "nothing": [],
        }  # fmt: skip
        for name, given in accounts.items():
            entities = [{"type": kind, "id": one} for kind, one in own[name]]
            body = {"name": name.title(), "entities": entities, **given}
            assert admin.put(f"{path}/accounts/{name}", json=body).status_code == 200
    for one, views in (
        ("artist/glass-harbour", 5),
        ("artist/foreign-thunder", 3),
        ("venue/pier", 4),
        ("concert/c1", 6),
    ):
        for n in range(views):
            answer = product.http.post(
                f"/v1/entities/{one}/view", json={"session_id": f"{one}{n}", "referrer_source": ("search", "home")[n % 2]},
                auth=(WRITE_KEY, ""), headers={"user-agent": FIREFOX, "accept-language": "de"},
            )  # fmt: skip
            assert answer.json()["tracked"]
    kinds = [
        ("artist", "glass-harbour", "Own click"),
        ("artist", "foreign-thunder", "Thunder click"),
        ("venue", "pier", "click"),
    ]
    for kind, one, name in kinds:
        body = {"event": name, "userId": "fan-1", "properties": {"entity_type": kind, "entity_id": one}}
        product.post("track", body, headers={"user-agent": FIREFOX, "accept-language": "de"})
    product.stored()
    yield Host(product, project, made["id"], made["embed_key"], url, pages)
    httpd.shutdown()
