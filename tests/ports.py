"""Ports for the servers that tests start."""

from __future__ import annotations

import contextlib
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
"""Below the ports that the system gives to outgoing connections: one of those may be taken before the server has it."""
_chance = random.SystemRandom()


def free_port(count: int = 1) -> int:
    """The first of some ports in a row of the loopback address that nothing uses now."""
    while True:
        first = _chance.randrange(_LOWEST, _HIGHEST)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
