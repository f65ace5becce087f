"""The dashboard's files, built by `./run build` into this package. Who may call: anybody; they hold no data."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from litestar import Controller, MediaType, Response, get
from litestar.exceptions import NotFoundException

PAGES = Path(__file__).parent / "pages"
SDK = Path(__file__).parent / "sdk"
_NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>Trackway</title>
<p>Trackway runs, but its dashboard is not built. Run <code>./run build</code> in the source directory."""
_HEADERS = {
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}


class Pages(Controller):
    """Every path that is nothing else's is the dashboard's, which routes in the browser."""

    path = "/"
    include_in_schema = False

    @get("/assets/{name:str}", exclude_from_auth=True, sync_to_thread=True)
    def asset(self, name: str) -> Response[bytes]:
        """A built file; its name has its hash, so it never changes."""
        file = PAGES / "assets" / Path(name).name
        if not file.is_file():
            raise NotFoundException(f"there is no asset {name}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
        }
        return Response(file.read_bytes(), media_type=kind, headers=headers)

    @get(["/t.js", "/t/{name:str}"], exclude_from_auth=True, sync_to_thread=True)
    def sdk(self, name: str = "") -> Response[bytes]:
        """The browser SDK and its parts, for pages anywhere."""
        file = SDK / "t" / Path(name).name if name else SDK / "t.js"
        if not file.is_file():
            raise NotFoundException(f"there is no part {name or 't.js'} of the SDK; ./run build makes them")
        headers = {
            # The core is asked for anew every hour; it names its parts with its version.
            "cache-control": "public, max-age=31536000" if name else "public, max-age=3600",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
            "x-content-type-options": "nosniff",
        }
        return Response(file.read_bytes(), media_type="text/javascript", headers=headers)

    @get("/", exclude_from_auth=True, sync_to_thread=True)
    def home(self) -> Response[str]:
        """The page that starts the dashboard."""
        return _page()

    @get("/{path:path}", exclude_from_auth=True, sync_to_thread=True)
    def page(self, path: str) -> Response[str]:
        """The same for every address within the dashboard."""
        if path.startswith(("/api/", "/v1/", "/assets/")):
            raise NotFoundException(f"there is nothing at {path}")
        return _page()


def _page() -> Response[str]:
    index = PAGES / "index.html"
    text = index.read_text() if index.exists() else _NOT_BUILT
    return Response(text, media_type=MediaType.HTML, headers={**_HEADERS, "cache-control": "no-cache"})
