"""Runs the server: Granian in this process and this event loop, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from trackway.collecting import CollectingRuntime
from trackway.loading import LoadingRuntime
from trackway.runtime import Runtime
from trackway.web.api.health import status
from trackway.web.server.app import PathHandler, api, application
from trackway.web.server.collecting import HealthOnly
from trackway.web.server.limits import Limited, Limits
from trackway.web.server.metrics import Metrics
from trackway.web.server.script_files import Scripts

logger = logging.getLogger("trackway.serve")
MOST_ENDING_S = 8
"""Seconds after SIGTERM within which the server ends, in every state."""
_MOST_FILES, _MOST_CONNECTIONS = 65_536, 8_192


class AddressInUse(Exception):
    """Another process listens at the address."""


def refuse_taken(host: str, port: int) -> None:
    """Check that an address is free. Raises AddressInUse when nothing can listen at it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressInUse(f"{host}:{port} is not available: {error.strerror}; use another --port") from error


def serve(runtime: Runtime, announce: Callable[[], None]) -> None:
    """Serve until a signal; then finish running work and close the runtime.

    Args:
        announce: called when requests are being answered.

    Raises:
        AddressInUse: the port is taken.
    """
    refuse_taken(runtime.settings.host, runtime.settings.port)
    # Questions compute in threads beside the event loop, and so does the loader when it has no process of its own;
    # switching threads more often than every 5 ms keeps requests fast.
    sys.setswitchinterval(0.001)
    # Objects made at start-up stay, and objects of batches are freed by reference count; few others need the collector.
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if isinstance(runtime, CollectingRuntime):
            runner.run(_collect(runtime, announce))
        elif isinstance(runtime, LoadingRuntime):
            runner.run(_load(runtime, announce))
        else:
            runner.run(_serve(runtime, announce))


def _most_connections() -> int:
    """Raise the limit of open files and return the number of connections to allow: half of it is left to the store."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, most))
    return min(_MOST_CONNECTIONS, open_files // 2)


async def _serve(runtime: Runtime, announce: Callable[[], None]) -> None:
    collector = runtime.collector()
    counter = runtime.view_counter(collector)
    if runtime.store.engine.alive:
        await runtime.bring_views()
    limits = Limits(runtime.settings)
    metrics = Metrics(runtime.settings, lambda: status(runtime), runtime.store)
    app = Limited(
        application([collector, runtime.session_ender(collector), counter, Scripts(), metrics], api(runtime, limits)),
        limits,
        runtime.settings,
    )
    server = _server(runtime, app)
    loop = asyncio.get_running_loop()
    stopping = _stopping(loop)
    serving = asyncio.create_task(server.serve())
    ended = asyncio.create_task(stopping.wait())
    runtime.start()
    runtime.followers.start()
    alerts = runtime.alerts()
    alerts.start()
    loop.call_later(0.05, announce)
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    runtime.ending = True
    # Work that is cut off is in the log, and the next start returns to the checkpoint, so nothing is lost.
    watchdog = threading.Timer(MOST_ENDING_S, _leave, [runtime])
    watchdog.daemon = True
    watchdog.start()
    server.stop()  # type: ignore[no-untyped-call]
    await serving
    await asyncio.to_thread(alerts.stop)
    await runtime.finish()
    await asyncio.to_thread(runtime.close)


async def _collect(runtime: CollectingRuntime, announce: Callable[[], None]) -> None:
    """Serve the collector; with a store to look into, views of entities and ends of sessions too."""
    collector = runtime.collector()
    handlers: list[PathHandler] = [collector, Scripts(), Metrics(runtime.settings, runtime.status)]
    if not runtime.only_messages:
        handlers += [runtime.view_counter(collector), runtime.session_ender(collector)]
    default = HealthOnly(runtime, "this process only collects messages; ask the one with the role all")
    await _alone(runtime, application(handlers, default), announce)


async def _load(runtime: LoadingRuntime, announce: Callable[[], None]) -> None:
    """Serve the health and the metrics of a loader."""
    runtime.start()
    elsewhere = "this process only stores messages; send them to a collector, and ask the role all"
    metrics = Metrics(runtime.settings, runtime.status, runtime.store)
    await _alone(runtime, application([metrics], HealthOnly(runtime, elsewhere)), announce)


async def _alone(runtime: Runtime, app: Any, announce: Callable[[], None]) -> None:
    """Serve the application of a process with one task."""
    server = _server(runtime, Limited(app, Limits(runtime.settings), runtime.settings))
    loop = asyncio.get_running_loop()
    stopping = _stopping(loop)
    serving = asyncio.create_task(server.serve())
    ended = asyncio.create_task(stopping.wait())
    loop.call_later(0.05, announce)
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    runtime.ending = True
    watchdog = threading.Timer(MOST_ENDING_S, os._exit, [0])  # unanswered requests are sent again, batches stored again
    watchdog.daemon = True
    watchdog.start()
    server.stop()  # type: ignore[no-untyped-call]
    await serving
    await runtime.finish()
    await asyncio.to_thread(runtime.close)
    watchdog.cancel()


def _stopping(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    return stopping


def _server(runtime: Runtime, app: Limited) -> Server:
    return Server(
        app,
        address=runtime.settings.host,
        port=runtime.settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=4096,
        backpressure=_most_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        log_enabled=True,
        log_level=LogLevels.error,
    )


def _leave(runtime: Runtime) -> None:
    logger.warning("unfinished work takes longer than %d s; the next start repeats it", MOST_ENDING_S)
    runtime.store.engine.close()
    logging.shutdown()
    os._exit(0)
