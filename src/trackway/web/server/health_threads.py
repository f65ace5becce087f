"""Threads that answer health checks only: all threads of requests may be waiting for a database that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_threads = ThreadPoolExecutor(8, thread_name_prefix="health")


async def apart(ask: Callable[[], T]) -> T:
    """Return what a function returns, which is called in one of these threads."""
    return await asyncio.get_running_loop().run_in_executor(_threads, ask)
