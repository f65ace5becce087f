"""The scripts for pages of other sites: the browser SDK and its parts, the elements that embed a
dashboard and what is known of a person.

They are built by `./run build` into this package. Access: anybody, from any site.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from trackway.collect.door import answer
from trackway.web.server.problem_content import problem_content

SDK = Path(__file__).parents[1] / "sdk"
_HOUR, _FOR_EVER = b"public, max-age=3600", b"public, max-age=31536000, immutable"
_PARTS = "/t/"
"""The path of the SDK's parts, whose names contain a hash of their content."""
_WHOLE = ("/t.js", "/embed.js", "/insights.js")


class Scripts:
    """The ASGI application that answers the paths of scripts."""

    def serves(self, path: str) -> bool:
        """Whether a path is that of a script."""
        return path in _WHOLE or (path.startswith(_PARTS) and path.count("/") == 2)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        path, headers = scope["path"], dict(scope["headers"])
        file = SDK / path[1:] if path in _WHOLE else SDK / "t" / Path(path).name
        if scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, "use GET", (b"allow", b"GET"))
        elif not file.is_file():
            await _refuse(send, 404, f"the SDK has no part {file.name}; ./run build creates the parts")
        else:
            own = [
                (b"content-type", b"text/javascript; charset=utf-8"), (b"vary", b"accept-encoding"),
                (b"cache-control", _HOUR if path in _WHOLE else _FOR_EVER),
                (b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"),
            ]  # fmt: skip
            content = file.read_bytes()
            if b"gzip" in headers.get(b"accept-encoding", b""):
                content = zipped(file, file.stat().st_mtime_ns)
                own.append((b"content-encoding", b"gzip"))
            await answer(send, 200, content, own)


async def _refuse(send: Any, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
    content_type = (b"content-type", b"application/problem+json")
    await answer(send, status, msgspec.json.encode(problem_content(status, detail)), [content_type, *headers])


@lru_cache(maxsize=100)
def zipped(file: Path, _: int) -> bytes:
    """Return a file compressed; the second argument is the time of its last change."""
    return gzip.compress(file.read_bytes(), 9, mtime=0)
