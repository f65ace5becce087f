"""The dashboard's files, built by `./run build` into this package. Access: anybody; they contain no data."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Controller, MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.runtime import Runtime
from trackway.web.server.caller import ANYBODY

Encodings = Annotated[str, Parameter(header="accept-encoding", required=False)]
PAGES = Path(__file__).parents[1] / "pages"
SDK = Path(__file__).parents[1] / "sdk"
_NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>Trackway</title>
<p>Trackway runs, but its dashboard is not built. Run <code>./run build</code> in the source directory."""
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cache-control": "no-cache",
}


class Pages(Controller):
    """The dashboard, at every path that no other handler serves; it routes in the browser."""

    path = "/"
    include_in_schema = False

    @get("/assets/{name:str}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def asset(self, name: str, encodings: Encodings = "") -> Response[bytes]:
        """Return a built file. Its name contains a hash of its content, so browsers may cache it for ever."""
        file = PAGES / "assets" / Path(name).name
        if not file.is_file():
            raise NotFoundException(f"there is no asset {name}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
        return _file(file, kind, headers, encodings)

    @get("/t.js", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def sdk(self, encodings: Encodings = "") -> Response[bytes]:
        """Return the browser SDK, for any site; browsers request it again every hour."""
        return _script(SDK / "t.js", "public, max-age=3600", encodings)

    @get("/embed.js", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def embed_script(self, encodings: Encodings = "") -> Response[bytes]:
        """Return the script of the element that shows an account's dashboard in a page of the host."""
        return _script(SDK / "embed.js", "public, max-age=3600", encodings)

    @get("/embed/{project_id:uuid}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def embed(self, project_id: UUID, runtime: Runtime) -> Response[str]:
        """Return the page inside that element; only the project's `embed_origins` may frame it."""
        project = runtime.accounts.project(project_id)
        return _page(" ".join(project.embed_origins) if project and project.embed_origins else "'none'")

    @get("/t/{name:str}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def sdk_part(self, name: str, encodings: Encodings = "") -> Response[bytes]:
        """Return a part of the SDK; its path contains a hash of its content."""
        return _script(SDK / "t" / Path(name).name, "public, max-age=31536000", encodings)

    @get("/", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def home(self) -> Response[str]:
        """Return the page that starts the dashboard."""
        return _page()

    @get("/{path:path}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def page(self, path: str) -> Response[str]:
        """Return the same page for every path within the dashboard."""
        if path.startswith(("/api/", "/v1/", "/assets/")):
            raise NotFoundException(f"there is nothing at {path}")
        return _page()


def _script(file: Path, caching: str, encodings: str) -> Response[bytes]:
    if not file.is_file():
        raise NotFoundException(f"the SDK has no part {file.name}; ./run build creates the parts")
    headers = {
        "cache-control": caching,
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    return _file(file, "text/javascript", headers, encodings)


def _file(file: Path, kind: str, headers: dict[str, str], encodings: str) -> Response[bytes]:
    """Return a file, gzipped for clients that accept it."""
    headers["vary"] = "accept-encoding"
    if "gzip" not in encodings:
        return Response(file.read_bytes(), media_type=kind, headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(_zipped(file, file.stat().st_mtime_ns), media_type=kind, headers=headers)


@lru_cache(maxsize=100)
def _zipped(file: Path, _: int) -> bytes:
    return gzip.compress(file.read_bytes(), 9, mtime=0)


def _page(framed_by: str = "'none'") -> Response[str]:
    index = PAGES / "index.html"
    text = index.read_text() if index.exists() else _NOT_BUILT
    headers = {**_HEADERS, "content-security-policy": f"{_POLICY}; frame-ancestors {framed_by}"}
    return Response(text, media_type=MediaType.HTML, headers=headers)
