"""Data directories of commands: permissions, refusals in one sentence, and the secrets of a first start."""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from trackway.cli import show
from trackway.config import Settings
from trackway.govern.database import GovernDatabase
from trackway.govern.first_start import FirstStart
from trackway.govern.identity.encryption import SecretCipher
from trackway.operate.repair_accounts import refuse_orphans
from trackway.private import close_to_others

if TYPE_CHECKING:
    from trackway.runtime import Runtime

logger = logging.getLogger("trackway")

_FILES = 256
_ENDS_WITHIN_S = 5
_HELP = {
    errno.ENOSPC: "free some space on its disk", errno.EDQUOT: "free some space on its disk",
    errno.EMFILE: "raise the limit of open files (`ulimit -n 4096`)", errno.ENFILE: "let the system open more files",
    errno.EACCES: "run as the user who owns it", errno.EPERM: "run as the user who owns it",
    errno.EROFS: "its disk is read-only", errno.ENOTDIR: "name a directory", errno.EISDIR: "name a directory",
}  # fmt: skip


@contextmanager
def refusals() -> Iterator[None]:
    """Print one sentence and exit with 1 when a data directory is unusable; other errors are Trackway's own faults."""
    try:
        yield
    except Exception as error:
        text = _sentence(error)
        if text is None:
            raise
        sys.stderr.write(f"trackway: {show.with_directory(text)}\n")
        raise SystemExit(1) from None


def _sentence(error: Exception) -> str | None:
    from sqlalchemy.exc import DBAPIError

    from trackway.collect.views.ledger import LedgerUnavailable
    from trackway.config import BadSettings
    from trackway.govern.database import AccountsUnavailable
    from trackway.govern.identity.encryption import CannotDecrypt
    from trackway.govern.plans.plan import BadPlan
    from trackway.govern.tables import BadAccount
    from trackway.lite import fault
    from trackway.log import DirectoryUnusable, LogUnavailable
    from trackway.private import KeyUnusable
    from trackway.store.refusals import QuestionFailed, StoreUnavailable

    if isinstance(error, DirectoryUnusable | LogUnavailable | StoreUnavailable | QuestionFailed | AccountsUnavailable
                  | LedgerUnavailable | BadAccount | BadPlan | BadSettings | KeyUnusable | CannotDecrypt):  # fmt: skip
        return " ".join(str(error).split())
    if isinstance(error, DBAPIError):
        return f"a database {fault(error, 'check it with `trackway doctor`')}"
    if isinstance(error, OSError) and error.errno in _HELP:
        return f"{error.filename or 'the data directory'} cannot be used ({error.strerror}); {_HELP[error.errno]}"
    return None


def prepare(settings: Settings) -> None:
    """Create the data directory, or make its files private; raise the limit of open files to its maximum.

    Raises:
        OSError: the directory cannot be created or changed, or fewer than `_FILES` files may be open.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if 0 <= most < _FILES:
        raise OSError(errno.EMFILE, f"{most} files may be open, {_FILES} are needed", str(settings.directory))
    if changed := close_to_others(settings.directory):
        subject = "1 file or directory was" if changed == 1 else f"{changed} files and directories were"
        logger.warning("%s open to others at %s; now only this user may read them", subject, settings.directory)


def end(*_: object) -> None:
    """Exit when a signal asks for it; open resources are closed on the way."""
    raise SystemExit(0)


def end_while_starting() -> None:
    """End on SIGTERM from now on, until an event loop handles it, and at the latest `_ENDS_WITHIN_S` after it.

    Python's handlers wait until the main thread is back from a call into a library, such as a search for brokers. The
    number of the signal is written to a pipe at once, and a thread that reads it ends the process. The engine process
    ends with it, and the next start begins anew with what this one has not finished.
    """
    numbers, write = os.pipe()
    os.set_blocking(write, False)

    def watch() -> None:
        while os.read(numbers, 1) != bytes([signal.SIGTERM]):
            pass
        time.sleep(_ENDS_WITHIN_S)
        os._exit(0)

    threading.Thread(target=watch, name="ending", daemon=True).start()
    signal.signal(signal.SIGTERM, end)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)


def accounts_of(settings: Settings) -> GovernDatabase:
    """Return the accounts database named in the settings. Raises AccountsUnavailable."""
    prepare(settings)
    accounts = GovernDatabase(settings.accounts_dsn, SecretCipher.of(settings.directory, settings.secrets))
    accounts.loaders.count = settings.loaders
    refuse_orphans(settings, accounts)
    return accounts


@contextmanager
def runtime_of(settings: Settings, json: bool) -> Iterator[Runtime]:
    """Open the runtime of a directory that no server has open; print the secrets of a first start on standard error."""
    from trackway.runtime import Runtime

    prepare(settings)
    if settings.role == "loader":
        show.fail("the role is loader, whose data directory has no accounts and no pages; run this with the role all")
    runtime = Runtime(settings, lambda first: print_first_start(first, json))
    try:
        yield runtime
    finally:
        runtime.close()


def print_first_start(first: FirstStart, json: bool) -> None:
    """Print once, on standard error, the secrets that a first start created; those from settings are only named."""
    text = msgspec.json.encode({"first_start": first.printable()}).decode() if json else first_start_lines(first)
    sys.stderr.write(text + "\n")


def first_start_lines(first: FirstStart) -> str:
    """Return the lines of text that list the secrets of a first start."""
    lines = ["First start. Keep these; password and secret key are not shown again:"]
    names = {"email": "e-mail", "write_key": "write key", "secret_key": "secret key"}
    lines += [f"  {names.get(name, name):<11} {value}" for name, value in first.printable().items()]
    return "\n".join(lines)
