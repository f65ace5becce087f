"""Health checks of the server and its storage. Access: anybody; they show nothing of a project."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Response, get

from trackway import __version__
from trackway.operate.process_use import process_use
from trackway.runtime import Runtime
from trackway.store.refusals import QuestionFailed
from trackway.web.server.caller import ANYBODY
from trackway.web.server.health_threads import apart


class Health(Controller):
    """`/healthz` and `/readyz`, for scripts and load balancers."""

    path = "/"
    tags = ("health",)

    @get("/healthz", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=False)
    def alive(self) -> dict[str, str]:
        """Report that the process runs."""
        return {"status": "alive", "version": __version__}

    @get("/readyz", exclude_from_auth=True, opt={"may": ANYBODY})
    async def ready(self, runtime: Runtime) -> Response[dict[str, Any]]:
        """Report whether the log, the store and the accounts database are usable. Everything that was accepted is
        stored when `stored` equals `logged` and `unlogged_views` is 0.

        503 while the store cannot take over what the log holds, or while nobody can sign in.
        """
        is_ready, state = await apart(lambda: status(runtime))
        return Response(state, status_code=200 if is_ready else 503)


def status(runtime: Runtime) -> tuple[bool, dict[str, Any]]:
    """Return whether everything is usable, and the state for health checks; this asks the store and the brokers."""
    unlogged_views = runtime.unlogged_views()  # read before the ends of the logs, which they move
    runtime.log.mark()  # learns the newest end
    runtime.progress.look()
    trouble = runtime.loader.trouble or runtime.log.trouble or runtime.loader.stalled()
    try:
        runtime.store.check()
    except QuestionFailed as error:
        trouble = str(error)
    trouble = trouble or runtime.accounts.unusable() or runtime.progress.trouble
    state: dict[str, Any] = {
        "ready": not trouble,
        "unlogged_views": unlogged_views,
        "logged": runtime.log.end + runtime.progress.waiting_elsewhere,
        "stored": runtime.loader.stored,
        "durable": runtime.loader.durable,
        "dead_letters": runtime.loader.dead_letters,
        "lost": runtime.progress.lost,
        "trouble": trouble,
        "warnings": runtime.warnings,
        "processes": process_use(runtime.store.engine),
    }
    if others := runtime.progress.shown():
        state["loaders"] = others
    return not trouble, state
