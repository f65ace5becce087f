"""The start of a server whose log is in Kafka: it waits until a broker can be reached, and says so meanwhile.

Without its topic a log cannot be opened, and without its log nothing can be taken or stored. `/healthz` is 200, so that
nobody ends the process, `/readyz` is 503 with the reason, and all else is 503 with Retry-After, so that clients keep
their messages.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from trackway import __version__, kafka_address
from trackway.config import Settings
from trackway.log import DirectoryUnusable
from trackway.web.server.problem_content import problem_content

logger = logging.getLogger("trackway.serve")
T = TypeVar("T")
_REASON = "the brokers of the log cannot be reached"
_AGAIN_S, _CONNECTED_WITHIN_S = 1.0, 3.0
_KAFKA_PORT = 9092
_MOST_BYTES = 16 * 1024 * 1024


def opened(settings: Settings, open_runtime: Callable[[], T]) -> T:
    """Return what `open_runtime` opens; wait while it cannot because no broker of the log can be reached.

    Raises:
        DirectoryUnusable: it cannot be opened for another reason; a broker that answers and refuses is one.
    """
    if not _are_away(settings.log):  # asked first, because the log's client tries for ten seconds
        try:
            return open_runtime()
        except DirectoryUnusable as error:
            if not _is_for_brokers(error, settings.log):
                raise
    logger.warning("%s; waiting for them", _REASON)
    with _answering(settings.host, settings.port):
        while True:
            time.sleep(_AGAIN_S)
            if _reachable(settings.log):
                try:
                    return open_runtime()
                except DirectoryUnusable as error:
                    if not _is_for_brokers(error, settings.log):
                        raise


def _are_away(log: str) -> bool:
    """Whether the log is in Kafka and no broker can be reached."""
    return bool(log) and find_spec("confluent_kafka") is not None and not _reachable(log)


def _is_for_brokers(error: DirectoryUnusable, log: str) -> bool:
    """Whether a start failed because no broker can be reached."""
    if not _are_away(log):
        return False
    from trackway.log.kafka_topic import TopicUnusable

    return isinstance(error, TopicUnusable)


def _reachable(log: str) -> bool:
    """Whether a broker of the log's address takes a connection."""
    for broker in kafka_address.parse(log).brokers.split(","):
        parts = urlsplit(f"//{broker}")
        place = parts.hostname, parts.port or _KAFKA_PORT
        with suppress(OSError), socket.create_connection(place, timeout=_CONNECTED_WITHIN_S):
            return True
    return False


@contextmanager
def _answering(host: str, port: int) -> Iterator[None]:
    """Answer at the server's address in the `with` block."""
    server = _Server((host, port), _Waiting)
    answering = threading.Thread(target=server.serve_forever, name="waiting", daemon=True)
    answering.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Do nothing: a client closed its connection."""


class _Waiting(BaseHTTPRequestHandler):
    timeout = 10
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._send(200, {"status": "alive", "version": __version__}, "application/json")
        elif path == "/readyz":
            self._send(503, {"ready": False, "trouble": _REASON, "warnings": []}, "application/json")
        else:
            detail = f"{_REASON}; send it again in a few seconds"
            self._send(503, problem_content(503, detail), "application/problem+json")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _answer  # noqa: N815

    def _send(self, status: int, content: dict[str, object], kind: str) -> None:
        body = msgspec.json.encode(content)
        self.send_response(status)
        for name, value in (("content-type", kind), ("content-length", len(body)), ("connection", "close")):
            self.send_header(name, str(value))
        self.send_header("cache-control", "no-store")
        if status == 503:
            self.send_header("retry-after", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True
        # An answer is lost with a connection that is closed while its request is still coming.
        left = self.headers.get("content-length", "0")
        self.rfile.read(min(int(left), _MOST_BYTES) if left.isdecimal() else 0)

    def log_message(self, *_: object) -> None:
        """Do nothing: each client repeats its request every few seconds."""
