"""Errors of the engine, in words that callers may see.

The engine's own texts may contain rows, paths, versions and statements of others. They go to the log under a reference,
and the caller gets the reference.
"""

from __future__ import annotations

import logging
import re
import secrets

from clickhouse_connect.driver.exceptions import OperationalError

logger = logging.getLogger("trackway.store")

_MOST_LOGGED = 2000

_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)[^()]*(?:\(version [^\n]*)?$")

_EXPLANATIONS = {
    "TIMEOUT_EXCEEDED": "it takes too long; ask about a shorter period",
    "TOO_SLOW": "it takes too long; ask about a shorter period",
    "MEMORY_LIMIT_EXCEEDED": "it needs more memory than a question may use; ask about a shorter period",
    "CANNOT_COMPILE_REGEXP": "a regular expression in it cannot be read",
}
"""Explanations of the causes that a caller can remove, for any question."""
_FULL = "the disk of the store is full or cannot be written; ask again when there is room on it"
_BUSY = "the engine is busy; ask again in a moment"
_BROKEN_OFF = "the answer broke off, because the engine ended or its disk is full; ask again in a moment"
_PASSING = {
    **dict.fromkeys(
        ("NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "CANNOT_CREATE_FILE", "CANNOT_CREATE_DIRECTORY",
         "CANNOT_FSYNC", "CANNOT_TRUNCATE_FILE", "No space left on device", "Disk quota exceeded"), _FULL),
    **dict.fromkeys(
        ("TOO_MANY_SIMULTANEOUS_QUERIES", "CANNOT_SCHEDULE_TASK", "CANNOT_ALLOCATE_MEMORY", "(total) memory limit"),
        _BUSY),
    **dict.fromkeys(("File is too small", "Not an Arrow file"), _BROKEN_OFF),
}  # fmt: skip
"""Explanations of causes that pass, by the engine's name for the error or by words of the error's text."""

_AWAY = frozenset(
    "ALL_CONNECTION_TRIES_FAILED NETWORK_ERROR SOCKET_TIMEOUT ATTEMPT_TO_READ_AFTER_EOF TABLE_IS_READ_ONLY "
    "KEEPER_EXCEPTION NO_ZOOKEEPER UNKNOWN_STATUS_OF_INSERT TOO_FEW_LIVE_REPLICAS NO_ACTIVE_REPLICAS".split()
)
"""Names of errors that say that another server of a cluster does not answer, or not yet."""
_END_OF_A_VALUE = re.compile(r"Cannot parse|read after eof: (?:In scope|while executing 'FUNCTION)")
"""Words of an error that says that a text in the statement, not a connection, ended too early."""


class StoreUnavailable(Exception):
    """The engine cannot be opened or does not answer; the text gives the reason and the remedy."""


class QuestionFailed(Exception):
    """A statement failed. The text can be shown to the caller.

    Attributes:
        code: the engine's name for the error, such as UNKNOWN_IDENTIFIER; empty when it has none.
        full: the engine's own text, for logs and for users who may see everything.
    """

    def __init__(self, text: str, code: str = "", full: str = "") -> None:
        super().__init__(text)
        self.code, self.full = code, full or text


class QuestionCancelled(QuestionFailed):
    """The question was cancelled, by a user or because its client disconnected."""


class StoreBusy(QuestionFailed):
    """The engine is busy or is being started again: the question can be asked again.

    Args:
        full: the engine's own text.
        shown: a sentence for the caller; empty for the usual one.
    """

    def __init__(self, full: str, shown: str = "") -> None:
        logger.warning("%s", full)
        super().__init__(shown or "the engine is busy; ask again in a moment", full=full)


class BatchUnfinished(StoreBusy):
    """The store may have a part of a batch of a project's loader."""


class StoreExhausted(QuestionFailed):
    """The engine lacks something that it may have again soon, such as room on its disk: ask again later."""


def is_unanswered(error: Exception) -> bool:
    """Whether a statement failed because a server did not answer, so that nobody knows whether it ran."""
    if _END_OF_A_VALUE.search(str(error)):
        return False
    return (isinstance(error, OperationalError) and error.code is None) or _code(error) in _AWAY


def _code(error: Exception) -> str:
    """Return the engine's name for an error, such as UNKNOWN_IDENTIFIER; empty when it has none."""
    match = _NAME.search(str(error).strip())
    return getattr(error, "name", None) or (match[1] if match else "")


def refused(error: Exception, failure: str) -> QuestionFailed:
    """Return the exception to raise for an error of the engine; write the engine's own text to the log.

    Args:
        failure: a sentence that says which action failed.
    """
    full = str(error).strip()
    code = _code(error)
    if code == "QUERY_WAS_CANCELLED":
        return QuestionCancelled("the question was cancelled", code, full)
    passing = next((text for sign, text in _PASSING.items() if sign == code or (" " in sign and sign in full)), "")
    if passing:
        return StoreExhausted(f"{passing} ({logged(full)})", code, full)
    cause = f": {_EXPLANATIONS[code]}" if code in _EXPLANATIONS else ""
    return QuestionFailed(f"{failure}{cause} ({logged(full)})", code, full)


def shown(error: Exception) -> str:
    """Return a text for any error that a page may show.

    This is the text itself for Trackway's own errors, the system's message without its paths for OSError, and a
    reference otherwise.
    """
    if type(error).__module__.startswith("trackway."):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"something went wrong ({logged(f'{type(error).__name__}: {error}')})"


def logged(full: str) -> str:
    """Write a text that must not be shown to the log; return the reference under which the log has it."""
    reference = secrets.token_hex(4)
    logger.warning("reference %s: %s", reference, full.replace("\n", "\\n").replace("\r", "\\r")[:_MOST_LOGGED])
    return f"reference {reference}"
