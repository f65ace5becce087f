"""The dashboard's files, built by `./run build` into this package. Access: anybody; they contain no data."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Controller, MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from trackway.runtime import Runtime
from trackway.web.server.caller import ANYBODY
from trackway.web.server.script_files import zipped

Encodings = Annotated[str, Parameter(header="accept-encoding", required=False)]
PAGES = Path(__file__).parents[1] / "pages"
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

    @get("/embed/{project_id:uuid}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def embed(self, project_id: UUID, runtime: Runtime) -> Response[str]:
        """Return the page that the embedding element shows; only the project's `embed_origins` may frame it."""
        project = runtime.accounts.project(project_id)
        return _page(" ".join(project.embed_origins) if project and project.embed_origins else "'none'")

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


def _file(file: Path, kind: str, headers: dict[str, str], encodings: str) -> Response[bytes]:
    """Return a file, gzipped for clients that accept it."""
    headers["vary"] = "accept-encoding"
    if "gzip" not in encodings:
        return Response(file.read_bytes(), media_type=kind, headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(zipped(file, file.stat().st_mtime_ns), media_type=kind, headers=headers)


def _page(framed_by: str = "'none'") -> Response[str]:
    index = PAGES / "index.html"
    text = index.read_text() if index.exists() else _NOT_BUILT
    headers = {**_HEADERS, "content-security-policy": f"{_POLICY}; frame-ancestors {framed_by}"}
    return Response(text, media_type=MediaType.HTML, headers=headers)
