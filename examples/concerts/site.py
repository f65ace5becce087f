"""A small concert site that uses every call of the browser SDK, and the Python client on its own server.

    python examples/concerts/site.py --port 8701 --trackway http://127.0.0.1:8700 --write-key wk_…

The pages are rendered here, with a strict Content-Security-Policy. Attributes in the templates configure automatic
recording. `--segment FILE` serves the same site with Segment's library instead of the SDK.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, Request, Response, get, post
from litestar.response import Redirect

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "src"), str(HERE.parent)]

from concert_visits import Site  # noqa: E402
from trackway.client import Trackway, from_cookies  # noqa: E402

PAGE = 8
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".pdf": "application/pdf"}


class Concerts:
    """The data of the site: its concerts, and the reviews and chat messages since its start."""

    def __init__(self) -> None:
        self.all = Site(7).concerts
        self.by_id = {str(concert["id"]): concert for concert in self.all}
        self.reviews: dict[str, list[tuple[str, int, str]]] = {}
        self.chat: list[str] = []

    def search(self, query: str) -> list[dict[str, Any]]:
        """Return the concerts whose artist, venue or genre contains the query."""
        wanted = query.lower()
        return [c for c in self.all if wanted in f"{c['artist']} {c['venue']} {c['genre']}".lower()]

    def feed(self, tab: str, page: int) -> list[dict[str, Any]]:
        """Return one page of a tab of the feed."""
        chosen = {
            "week": self.all,
            "cheap": [c for c in self.all if c["price"] <= 18],
            "jazz": [c for c in self.all if c["genre"] == "jazz"],
        }.get(tab, self.all)
        return chosen[PAGE * (page - 1) : PAGE * page]


def site(
    trackway: str, write_key: str, sdk: str, options: dict[str, str], port: int, extra: Path, embed: dict[str, str]
) -> Litestar:
    """Build the application.

    Args:
        trackway: the address of Trackway.
        write_key: the project's write key.
        sdk: the path of a bundle of Segment's library to use instead of the SDK, or empty.
        options: further attributes of the script tag, such as `{"consent": "pending"}`.
        port: the site's own port; the ticket shop, which acts as another site, uses it under another host name.
        extra: a directory of further files, at `/extra/`.
        embed: `project`, `kid` and `key` with which tokens of accounts are signed, and the `secret` key that makes an
            account of everybody who signs in; empty for no `/backstage`, no `/account` and nothing "for you".
    """
    concerts = Concerts()
    client = Trackway(write_key, trackway)
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True)
    policy = (
        f"default-src 'self'; script-src 'self' {trackway}; connect-src 'self' {trackway}; style-src 'self'; "
        f"frame-src 'self' {trackway}; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'"
    )
    shop = f"http://localhost:{port}"

    def render(request: Request[Any, Any, Any], template: str, **values: Any) -> Response[str]:
        common = {"trackway": trackway, "write_key": write_key, "sdk": sdk, "shop": shop, "concerts": concerts}
        common["known"] = "secret" in embed
        user = request.cookies.get("user", "")
        attributes = {**options, **{k[3:]: v for k, v in request.query_params.items() if k.startswith("tw-")}}
        text = templates.get_template(template).render(**common, user=user, options=attributes, **values)
        headers = {} if sdk else {"content-security-policy": policy}
        return Response(text, media_type="text/html", headers=headers)

    @get(["/", "/tabs/{tab:str}"])
    async def feed(request: Request[Any, Any, Any], tab: str = "week") -> Response[str]:
        return render(request, "feed.html", tab=tab, shown=concerts.feed(tab, 1))

    @get("/feed")
    async def more(request: Request[Any, Any, Any], tab: str = "week", page: int = 1) -> Response[str]:
        return render(request, "cards.html", tab=tab, shown=concerts.feed(tab, page))

    @get("/search")
    async def search(request: Request[Any, Any, Any], q: str = "") -> Response[str]:
        return render(request, "search.html", query=q, shown=concerts.search(q) if q else [])

    @get("/discover")
    async def discover(request: Request[Any, Any, Any]) -> Response[str]:
        return render(request, "discover.html", shown=concerts.all[:5])

    @get("/chat")
    async def chat(request: Request[Any, Any, Any]) -> Response[str]:
        return render(request, "chat.html")

    @post("/chat", status_code=200)
    async def say(request: Request[Any, Any, Any]) -> dict[str, int]:
        concerts.chat.append(parse_qs((await request.body()).decode()).get("text", [""])[0])
        return {"messages": len(concerts.chat)}

    @get("/concerts/{concert:str}")
    async def concert_page(request: Request[Any, Any, Any], concert: str) -> Response[str]:
        chosen = concerts.by_id.get(concert)
        if chosen is None:
            return Response("no such concert", status_code=404, media_type="text/plain")
        return render(request, "concert.html", concert=chosen, reviews=concerts.reviews.get(concert, []))

    @post("/concerts/{concert:str}/reviews")
    async def review(request: Request[Any, Any, Any], concert: str) -> Redirect:
        form = parse_qs((await request.body()).decode())
        written = (form.get("name", ["Somebody"])[0], int(form.get("rating", ["5"])[0]), form.get("text", [""])[0])
        concerts.reviews.setdefault(concert, []).append(written)
        return Redirect(f"/concerts/{concert}", status_code=303)

    @post("/concerts/{concert:str}/book")
    async def book(request: Request[Any, Any, Any], concert: str) -> Response[str]:
        """The order is recorded by the server: a browser may close before its thank-you page."""
        chosen = concerts.by_id[concert]
        order = {"order_id": secrets.token_hex(8), "revenue": chosen["price"], "currency": "EUR"}
        about = {"entity_type": "concert", "entity_id": concert}
        visitor = from_cookies(request.headers.get("cookie", ""))
        if visitor["anonymous_id"]:
            client.track(event="Order Completed", properties={**order, **about}, **visitor)
        return render(request, "booked.html", concert=chosen)

    @get("/tickets/{concert:str}")
    async def tickets(concert: str) -> Response[str]:
        text = f"<!doctype html><title>Tickets</title><h1>A ticket shop would sell {concert} here</h1><p>Another site."
        return Response(text, media_type="text/html")

    @post("/sign-in")
    async def sign_in(request: Request[Any, Any, Any]) -> Redirect:
        name = parse_qs((await request.body()).decode()).get("name", ["ann"])[0].strip() or "ann"
        if "secret" in embed:
            await make_account(trackway, embed, name)
        answer = Redirect("/", status_code=303)
        answer.set_cookie("user", name, path="/")
        return answer

    @get("/trackway-token")
    async def own_token(request: Request[Any, Any, Any]) -> Response[str]:
        """Return a token for who is signed in. A real site would not believe a cookie that says who somebody is."""
        user = request.cookies.get("user", "")
        known = bool(user) and "secret" in embed
        text = token_for(embed, user) if known else ""
        headers = {"cache-control": "no-store"}
        return Response(text, status_code=200 if known else 404, media_type="text/plain", headers=headers)

    @get("/account")
    async def own_account(request: Request[Any, Any, Any]) -> Response[str]:
        user = request.cookies.get("user", "")
        token = token_for(embed, user) if user and "secret" in embed else ""
        return render(request, "account.html", token=token)

    @get("/signed-out")
    async def signed_out(request: Request[Any, Any, Any]) -> Response[str]:
        answer = render(request, "signed_out.html", gone=True)
        answer.delete_cookie("user")
        return answer

    @get("/backstage")
    async def backstage(request: Request[Any, Any, Any], account: str = "") -> Response[str]:
        """Show the dashboard of an artist or venue. Here anybody can choose one; a real site authenticates them."""
        names = {slug(str(c["artist"])): c["artist"] for c in concerts.all} | {
            slug(str(c["venue"])): c["venue"] for c in concerts.all
        }
        chosen = account or next(iter(names))
        token = token_for(embed, chosen) if embed else ""
        return render(
            request, "backstage.html", names=names, chosen=chosen, token=token, project=embed.get("project", "")
        )

    @get("/everything")
    async def fields(request: Request[Any, Any, Any]) -> Response[str]:
        return render(request, "fields.html")

    @get("/static/{name:str}")
    async def static(name: str) -> Response[bytes]:
        file = Path(sdk) if name == "segment.js" else HERE / "static" / Path(name).name
        if not file.is_file():
            return Response(b"", status_code=404)
        headers = {"cache-control": "public, max-age=600"}
        return Response(file.read_bytes(), media_type=KINDS.get(file.suffix, "text/plain"), headers=headers)

    @get("/extra/{name:str}")
    async def further(name: str) -> Response[bytes]:
        file = extra / Path(name).name
        if not file.is_file():
            return Response(b"", status_code=404)
        return Response(file.read_bytes(), media_type=KINDS.get(file.suffix, "text/plain"))

    @get("/programme.pdf")
    async def programme() -> Response[bytes]:
        return Response(b"%PDF-1.4\n%%EOF\n", media_type="application/pdf")

    pages = [feed, more, search, discover, chat, say, concert_page, review, book, tickets, sign_in, signed_out]
    return Litestar(
        [*pages, own_token, own_account, backstage, fields, static, further, programme],
        openapi_config=None,
        on_shutdown=[lambda _: client.close()],
    )


def slug(name: str) -> str:
    """Convert a name to an id."""
    return name.lower().replace(" ", "-")


def token_for(embed: dict[str, str], account: str) -> str:
    """Create a token by which an account sees its own numbers for ten minutes: a JWT, signed with the embed key."""

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"aud": embed["project"], "sub": account, "iat": now, "exp": now + 600}
    head = {"alg": "HS256", "typ": "JWT", "kid": embed["kid"]}
    text = ".".join(part(json.dumps(section).encode()) for section in (head, claims))
    return f"{text}.{part(hmac.new(embed['key'].encode(), text.encode(), 'sha256').digest())}"


async def make_account(trackway: str, embed: dict[str, str], user: str) -> None:
    """Make an account of type user in Trackway, so that tokens open what is known of this user, and of nobody else."""
    path = f"{trackway}/api/v1/projects/{embed['project']}/accounts/{quote(user, safe='')}"
    headers = {"authorization": f"Bearer {embed['secret']}"}
    async with httpx.AsyncClient(timeout=10) as trackway_api:
        answer = await trackway_api.put(path, json={"type": "user", "name": user}, headers=headers)
        answer.raise_for_status()


async def _serve(app: Litestar, port: int) -> None:
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_level=LogLevels.error)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    serving = asyncio.create_task(server.serve())
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    await serving


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8701)
    parser.add_argument("--trackway", default="http://127.0.0.1:8700")
    parser.add_argument("--write-key", required=True)
    parser.add_argument("--segment", default="", help="a bundle of Segment's library, to use instead of the SDK")
    parser.add_argument("--option", action="append", default=[], help="attribute of the script tag, name=value")
    parser.add_argument("--extra", type=Path, default=HERE / "static", help="a directory of further files, at /extra/")
    parser.add_argument("--embed", type=Path, help="a file with project, kid, key and secret (JSON), for tokens")
    arguments = parser.parse_args()
    options = dict(pair.split("=", 1) for pair in arguments.option)
    embed = json.loads(arguments.embed.read_text()) if arguments.embed else {}
    app = site(
        arguments.trackway, arguments.write_key, arguments.segment, options, arguments.port, arguments.extra, embed
    )
    asyncio.run(_serve(app, arguments.port))


if __name__ == "__main__":
    main()
