"""Errors of the engine as callers are told them. The engine's own texts may hold rows, paths, versions and statements
of others: they go to the log, under a reference that the caller is told.
"""

from __future__ import annotations

import logging
import re
import secrets

logger = logging.getLogger("trackway.store")

_MOST_LOGGED = 2000

_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)[^()]*(?:\(version [^\n]*)?$")

_SAID = {
    "TIMEOUT_EXCEEDED": "it takes too long; ask about a shorter period",
    "TOO_SLOW": "it takes too long; ask about a shorter period",
    "MEMORY_LIMIT_EXCEEDED": "it needs more memory than a question may use; ask about a shorter period",
    "CANNOT_COMPILE_REGEXP": "a regular expression in it cannot be read",
    "TOO_MANY_SIMULTANEOUS_QUERIES": "the engine is busy; ask again in a moment",
}
"""What is wrong, for the causes that a caller can do something about, whatever the question."""


class QuestionFailed(Exception):
    """A statement failed. The text can be shown to whoever asked.

    Attributes:
        code: the engine's name for what is wrong, such as UNKNOWN_IDENTIFIER; empty when it has none.
        full: what the engine said, for logs, and for who may see everything.
    """

    def __init__(self, text: str, code: str = "", full: str = "") -> None:
        super().__init__(text)
        self.code, self.full = code, full or text


class QuestionCancelled(QuestionFailed):
    """Somebody cancelled the question, or its client went away."""


class StoreBusy(QuestionFailed):
    """No handle of the engine is free, or none can be opened now: the question can be asked again."""

    def __init__(self, full: str) -> None:
        logger.warning("%s", full)
        super().__init__("the engine is busy; ask again in a moment", full=full)


def refused(error: Exception, what: str) -> QuestionFailed:
    """What to raise for an error of the engine; its own text is written to the log.

    Args:
        what: what could not be done, in a sentence.
    """
    full = str(error).strip()
    named = _NAME.search(full)
    code = getattr(error, "name", None) or (named[1] if named else "")
    if code == "QUERY_WAS_CANCELLED":
        return QuestionCancelled("the question was cancelled", code, full)
    cause = f": {_SAID[code]}" if code in _SAID else ""
    return QuestionFailed(f"{what}{cause} ({logged(full)})", code, full)


def shown(error: Exception) -> str:
    """The text of any error for a page: that of our own, what the system says without its paths, or a reference."""
    if type(error).__module__.startswith("trackway."):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"something went wrong ({logged(f'{type(error).__name__}: {error}')})"


def logged(full: str) -> str:
    """Write a text that is not shown to the log; the reference under which it is there, to be shown."""
    reference = secrets.token_hex(4)
    logger.warning("reference %s: %s", reference, full.replace("\n", "\\n").replace("\r", "\\r")[:_MOST_LOGGED])
    return f"reference {reference}"
