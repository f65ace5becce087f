"""The content of an RFC 9457 problem, for answers with and without Litestar."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


def problem_content(status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the members of a problem, with the usual title of its status."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": errors or [],
    }
