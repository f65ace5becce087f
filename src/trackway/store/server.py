"""A ClickHouse server as the engine of a store, or one of several that answer alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from trackway.server_address import servers_of
from trackway.store.engine_config import READER, WRITER


class Server:
    """A ClickHouse server, `clickhouse://user:password@host:port/database`; `?secure=true` is TLS.

    With several hosts, separated by commas, one is asked until no answer comes, then the next. Other options after `?`
    are those of clickhouse-connect, such as `ca_cert`.
    """

    def __init__(self, dsn: str, reader_dsn: str = "") -> None:
        self._dsns = {WRITER: servers_of(dsn), READER: servers_of(reader_dsn or dsn)}
        self._start = 0

    @property
    def alive(self) -> bool:
        """True: what became of it, the next statement tells."""
        return True

    @property
    def servers(self) -> int:
        """The number of hosts."""
        return len(self._dsns[WRITER])

    def ready(self) -> int:
        """Return a number that changes when the next host is asked."""
        return self._start

    def unanswered(self, start: int) -> None:
        """Ask the next host from now on, unless another caller has done so."""
        if start == self._start and self.servers > 1:
            self._start += 1

    def address(self, user: str) -> dict[str, Any]:
        """Return the address of the host with its options."""
        parts = urlsplit(self._dsns[user][self._start % self.servers])
        options = dict(parse_qsl(parts.query))
        secure = options.pop("secure", "").lower() == "true"
        arguments = {"dsn": parts._replace(query=urlencode(options)).geturl()}
        return {**arguments, "interface": "https"} if secure else arguments

    def release_memory(self) -> None:
        """Do nothing: the server has an operator of its own."""

    def close(self) -> None:
        """Do nothing: the server goes on."""
