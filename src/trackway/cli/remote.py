"""A running server, asked over its public interface."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import msgspec

from trackway.cli import show


def call(url: str, authorization: str, body: object = None) -> Any:
    """The decoded answer to a GET, or to a POST of `body` as JSON; or an end that says what went wrong."""
    headers = {"authorization": authorization, "content-type": "application/json"}
    data = None if body is None else msgspec.json.encode(body)
    try:
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - the address is the user's own
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read())
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
    """The project that a secret key opens, on the server at `url`."""

    def __init__(self, url: str, key: str | None) -> None:
        if not key:
            show.fail("--url needs --key, the project's secret key")
        self.url, self._bearer = url.rstrip("/"), f"Bearer {key}"
        self.project: dict[str, Any] = call(f"{self.url}/api/v1/projects", self._bearer)[0]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of one statement."""
        path = f"{self.url}/api/v1/projects/{self.project['id']}/query"
        rows: list[dict[str, Any]] = call(path, self._bearer, {"sql": sql})["data"]
        return rows
