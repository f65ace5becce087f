"""Delivery of one batch to the server: compressed, and repeated until there is an answer."""

from __future__ import annotations

import gzip
import json
import random
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_WORTH_ZIPPING = 1_000
_LONGEST_WAIT_S = 60.0


class Refused(Exception):
    """The server will not take these messages, however often they are sent."""


class Sender:
    """Sends batches of encoded messages.

    Args:
        write_key: the project's write key.
        host: the URL of the Trackway server, such as `https://t.example.com`.
        timeout: seconds to wait for one answer.
        give_up_after: seconds after which a batch without an answer is dropped.
    """

    def __init__(self, write_key: str, host: str, timeout: float, give_up_after: float) -> None:
        self._url = f"{host.rstrip('/')}/v1/batch"
        if not self._url.startswith(("http://", "https://")):
            raise ValueError(f"host is {host!r}; give a URL that starts with http:// or https://")
        self._authorization = "Basic " + b64encode(f"{write_key}:".encode()).decode()
        self._timeout, self._give_up_after = timeout, give_up_after

    def send(self, batch: list[bytes], wait: Callable[[float], object]) -> list[dict[str, Any]]:
        """Send until there is an answer; return the server's list of rejected messages.

        Args:
            batch: messages as JSON. Their ids stay the same, so that none counts twice.
            wait: waits for a number of seconds.

        Raises:
            Refused: the server refuses the batch, or nothing answered for too long.
        """
        deadline, turn = time.monotonic() + self._give_up_after, 0
        while True:
            answer = self._once(batch)
            if isinstance(answer, list):
                return answer
            reason, retry_after = answer
            if time.monotonic() > deadline:
                raise Refused(f"given up after {self._give_up_after:.0f} s: {reason}")
            wait(max(retry_after, min(_LONGEST_WAIT_S, 0.5 * 2**turn) * (0.5 + random.random())))  # noqa: S311
            turn += 1

    def _once(self, batch: list[bytes]) -> list[dict[str, Any]] | tuple[str, float]:
        """Send once; return the rejected messages, or the reason for no answer and the seconds to wait."""
        sent_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        body = b'{"sentAt":"%s","batch":[%s]}' % (sent_at.encode(), b",".join(batch))
        headers = {"authorization": self._authorization, "content-type": "application/json"}
        if len(body) > _WORTH_ZIPPING:
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return list(json.load(answer).get("rejected", []))
        except urllib.error.HTTPError as error:
            text = error.read(100_000).decode(errors="replace")
            if error.code >= 500 or error.code in (408, 429):
                return f"{error.code} {text[:200]}", _seconds(error.headers.get("retry-after"))
            raise Refused(f"{error.code} {text}") from error
        except (OSError, ValueError) as error:
            return str(error), 0.0


def _seconds(value: str | None) -> float:
    return min(float(value), _LONGEST_WAIT_S) if value and value.isdigit() else 0.0
