"""A client of a running server's public API."""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

import msgspec

from trackway.cli import show
from trackway.collect.dialects.reading_options import ReadingOptions


def call(url: str, authorization: str, body: object = None) -> Any:
    """Return the decoded answer to a GET, or to a POST of `body` as JSON; on an error, print it and exit."""
    data = None if body is None else msgspec.json.encode(body)
    return msgspec.json.decode(_read(url, authorization, data, "application/json"))


def _read(url: str, authorization: str, data: bytes | IO[bytes] | None, kind: str, size: int | None = None) -> bytes:
    with _open(url, authorization, data, kind, size) as answer:
        content: bytes = answer.read()
    return content


def _open(url: str, authorization: str, data: bytes | IO[bytes] | None, kind: str, size: int | None = None) -> Any:
    headers = {"authorization": authorization, "content-type": kind}
    if size is not None:
        headers["content-length"] = str(size)
    try:
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - the URL is the user's own
        return urllib.request.urlopen(request, timeout=120)  # noqa: S310
    except urllib.error.HTTPError as error:
        show.fail(f"{url} answered {error.code}: {_detail(error.read())}")
    except (OSError, ValueError) as error:
        show.fail(f"{url} cannot be reached: {error}")


def _detail(content: bytes) -> str:
    try:
        return str(msgspec.json.decode(content)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return content.decode(errors="replace")[:500]


class Remote:
    """The project of a secret key, on the server at `url`."""

    def __init__(self, url: str, key: str | None) -> None:
        if not key:
            show.fail("--url needs --key, the project's secret key")
        self.url, self._bearer = url.rstrip("/"), f"Bearer {key}"
        self.project: dict[str, Any] = call(f"{self.url}/api/v1/projects", self._bearer)[0]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of one statement."""
        path = f"{self.url}/api/v1/projects/{self.project['id']}/query"
        rows: list[dict[str, Any]] = call(path, self._bearer, {"sql": sql})["data"]
        return rows

    def get(self, path: str) -> Any:
        """Return the answer to a GET of an endpoint of the project."""
        return call(f"{self.url}/api/v1/projects/{self.project['id']}/{path}", self._bearer)

    def post(self, path: str, body: object) -> Any:
        """Return the answer to a POST to an endpoint of the project."""
        return call(f"{self.url}/api/v1/projects/{self.project['id']}/{path}", self._bearer, body)

    @property
    def _transfers(self) -> str:
        return f"{self.url}/api/v1/projects/{self.project['id']}/transfers"

    def upload(self, path: Path, form: str, reading: ReadingOptions) -> dict[str, Any]:
        """Make the server import a file; return the transfer."""
        query = urlencode({"name": path.name, "format": form, "reading": msgspec.json.encode(reading).decode()})
        with path.open("rb") as file:
            answer = _read(
                f"{self._transfers}/imports?{query}", self._bearer, file, "application/octet-stream",
                path.stat().st_size,
            )  # fmt: skip
        transfer: dict[str, Any] = msgspec.json.decode(answer)
        return transfer

    def export(self, body: dict[str, Any], out: Path) -> int:
        """Make the server write a table into a file, and download it; return the number of rows."""
        ended = self.wait_for(call(f"{self._transfers}/exports", self._bearer, body), lambda _: None)
        with _open(f"{self._transfers}/{ended['id']}/file", self._bearer, None, "") as answer, out.open("wb") as sink:
            shutil.copyfileobj(answer, sink)
        return int(ended["done"])

    def wait_for(self, transfer: dict[str, Any], tell: Callable[[int], object]) -> dict[str, Any]:
        """Wait for the end of a transfer, and return it; `tell` gets the progress in bytes or rows."""
        while transfer["state"] in ("waiting", "running"):
            time.sleep(0.1)
            transfers = call(self._transfers, self._bearer)
            transfer = next(current for current in transfers if current["id"] == transfer["id"])
            tell(transfer["done"])
        if transfer["state"] != "done":
            show.fail(f"{transfer['name']}: {transfer['message'] or transfer['state']}")
        return transfer

    def wait_until_stored(self) -> None:
        """Wait, for at most a minute, until all accepted messages are stored."""
        for _ in range(600):
            status = call(f"{self.url}/readyz", "")
            if not status["unlogged_views"] and status["stored"] >= status["logged"]:
                return
            time.sleep(0.1)
