"""Refusals as RFC 9457 problem+json: the field, what is wrong with its value, and the fix."""

from __future__ import annotations

import logging
import re
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, SerializationException
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection

from trackway.analyze.language.period import BadQuestion
from trackway.collect.orders.report import BadOrder
from trackway.collect.orders.webhooks import BadSignature
from trackway.govern.metric_packs import BadPack
from trackway.govern.plans.plan import BadPlan
from trackway.govern.saved.jobs import BadSchedule
from trackway.govern.tables import BadAccount
from trackway.log import LogUnavailable
from trackway.store.entities import BadEntity
from trackway.store.money import BadTable
from trackway.store.policy import NotVisible
from trackway.store.recount import CannotRecount
from trackway.store.refusals import QuestionFailed, StoreBusy, StoreExhausted, StoreUnavailable
from trackway.web.server.problem_content import problem_content
from trackway.wording import Fault, fault

logger = logging.getLogger("trackway.web")
_MISSING = re.compile(r"Missing required \w+ parameter '([^']+)'")


def problem(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> Response[dict[str, Any]]:
    """Build a problem+json response."""
    content = problem_content(status, detail, errors)
    return Response(content, status_code=status, media_type="application/problem+json")


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    faults = _faults(request, error)
    detail = "; ".join(map(str, faults)) or error.detail
    refused = problem(error.status_code, detail, [{"field": item.field, "reason": item.reason} for item in faults])
    refused.headers.update({name: value for name, value in (error.headers or {}).items() if name == "retry-after"})
    return refused


def _faults(request: Request[Any, Any, Any], error: HTTPException) -> list[Fault]:
    """Explain in plain words which parts of a body or parameters the handler does not accept."""
    handler = request.scope.get("route_handler")  # absent for an unknown path or method
    signature = getattr(handler, "parsed_fn_signature", None)
    kinds = {name: item.annotation for name, item in signature.parameters.items()} if signature else {}
    wrong = error.__cause__
    if isinstance(wrong, msgspec.ValidationError) and "`$.data" in str(wrong):
        return [fault(str(wrong).replace("`$.data", "`$", 1), kinds.get("data"))]
    wrong = wrong.__cause__ if isinstance(wrong, SerializationException) else None
    if isinstance(wrong, msgspec.ValidationError):
        return [fault(wrong, kinds.get("data"))]
    if isinstance(wrong, msgspec.DecodeError):
        return [Fault("body", f"it is not valid JSON ({wrong})")]
    if missing := _MISSING.match(error.detail):
        return [Fault(missing[1], "it is missing; send it as a parameter of the address")]
    extra = error.extra if isinstance(error.extra, list) else []
    return [_parameter(item, kinds) for item in extra if isinstance(item, dict)]


def _parameter(item: dict[str, Any], kinds: dict[str, Any]) -> Fault:
    key, text = str(item.get("key", "")), str(item.get("message", ""))
    field, _, path = key.partition(".")
    inside = fault(f"{text} - at `$.{path}`" if path else text, kinds.get(field))
    return Fault(f"{field}.{inside.field}".strip("."), inside.reason)


def _bad_field(_: Request[Any, Any, Any], error: BadQuestion | BadOrder) -> Response[Any]:
    return problem(400, str(error), [{"field": error.field, "reason": str(error)}])


def _bad_account(_: Request[Any, Any, Any], error: ValueError) -> Response[Any]:
    return problem(400, str(error))


def _bad_signature(_: Request[Any, Any, Any], error: BadSignature) -> Response[Any]:
    return problem(401, str(error))


def _no_log(_: Request[Any, Any, Any], error: LogUnavailable) -> Response[Any]:
    logger.error("%s", error)
    refused = problem(503, "nothing can be written to the log now; send it again")
    refused.headers["retry-after"] = "5"
    return refused


def _failed(_: Request[Any, Any, Any], error: QuestionFailed) -> Response[Any]:
    return problem(422, str(error))


def _busy(_: Request[Any, Any, Any], error: StoreBusy | StoreExhausted) -> Response[Any]:
    busy = problem(503, str(error))
    busy.headers["retry-after"] = "5"
    return busy


def _not_visible(_: Request[Any, Any, Any], error: NotVisible) -> Response[Any]:
    return problem(403, str(error))


def _unavailable(_: Request[Any, Any, Any], error: StoreUnavailable) -> Response[Any]:
    return problem(503, str(error))


def _accounts(request: Request[Any, Any, Any], error: DBAPIError | NoConnection) -> Response[Any]:
    """Answer 503 when the accounts database is locked, full, damaged or unreachable; a refused statement is our own
    fault.
    """
    if isinstance(error, IntegrityError | ProgrammingError | DataError):
        return _unexpected(request, error)
    logger.error("the accounts database cannot be used: %s", getattr(error, "orig", error))
    refused = problem(503, "the accounts database cannot be read or written now; send it again in a few seconds")
    refused.headers["retry-after"] = "5"
    return refused


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return Response("Trackway could not show this page.", status_code=500, media_type=MediaType.TEXT)
    return problem(500, "the server failed; its log has the reason")


HANDLERS: Any = {
    HTTPException: _http,
    BadQuestion: _bad_field,
    BadAccount: _bad_account,
    BadEntity: _bad_account,
    BadPack: _bad_account,
    BadOrder: _bad_field,
    BadSignature: _bad_signature,
    LogUnavailable: _no_log,
    BadTable: _bad_account,
    BadSchedule: _bad_account,
    CannotRecount: _bad_account,
    BadPlan: _bad_account,
    NotVisible: _not_visible,
    QuestionFailed: _failed,
    StoreBusy: _busy,
    StoreExhausted: _busy,
    StoreUnavailable: _unavailable,
    DBAPIError: _accounts,
    NoConnection: _accounts,
    Exception: _unexpected,
}
