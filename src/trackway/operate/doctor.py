"""The doctor: what is wrong with a data directory, the settings or a running server, and what mends it."""

from __future__ import annotations

import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from trackway.config import Settings
from trackway.enrich.bot import BadRanges, Datacenters
from trackway.enrich.place import BadPlaces, Places
from trackway.log import Gap, LocalLog, LogInUse
from trackway.store.connection import Store, StoreUnavailable
from trackway.store.refusals import QuestionFailed

_ENOUGH = 1024**3


class Finding(NamedTuple):
    """One thing looked at: fine, worth a note, or bad with what mends it."""

    part: str
    state: Literal["fine", "note", "bad"]
    text: str


def examine_directory(settings: Settings) -> list[Finding]:
    """Look at the settings and at everything in the data directory. Nothing is changed but a torn tail of the log."""
    directory = settings.directory
    findings = [*_examine_settings(settings)]
    if not directory.exists():
        return [*findings, Finding("data", "note", f"{directory} does not exist; `trackway serve` makes it")]
    findings.append(_examine_disk(directory))
    findings.append(_examine_accounts(settings))
    try:
        log = LocalLog(directory / "log")
    except LogInUse:
        text = f"a server has {directory} open, so log and store were not looked at; ask it with --url, or stop it"
        return [*findings, Finding("log", "note", text)]
    try:
        findings += _examine_log(log, directory)
        findings += _examine_store(settings)
    finally:
        log.close()
    return findings


def _examine_settings(settings: Settings) -> list[Finding]:
    checks: list[tuple[str, str, Callable[[Path], object], type[Exception]]] = [
        ("places", settings.places, Places, BadPlaces),
        ("datacenters", settings.datacenters, Datacenters.read, BadRanges),
    ]
    found = []
    for name, value, read, refusal in checks:
        if not value:
            continue
        try:
            read(Path(value))
            found.append(Finding(name, "fine", value))
        except refusal as error:
            found.append(Finding(name, "bad", f"{error}. Get a sound file, or take `{name}` out of the settings"))
    return found or [Finding("settings", "fine", "nothing in them is wrong")]


def _examine_disk(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    text = f"{free / 1024**3:.1f} GiB free at {directory}"
    if free < _ENOUGH:
        return Finding("disk", "bad", f"{text}; make room, or collecting stops with 503 when it is full")
    return Finding("disk", "fine", text)


def _examine_accounts(settings: Settings) -> Finding:
    path = settings.directory / "accounts.db"
    if settings.accounts or not path.exists():
        return Finding(
            "accounts",
            "note",
            "not looked at" if settings.accounts else "none yet; the first start makes them",
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            users = connection.execute("SELECT count(*) FROM users").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return Finding("accounts", "bad", f"{path} cannot be read ({error}); restore it from a backup")
    if verdict != "ok":
        return Finding("accounts", "bad", f"{path} is damaged ({verdict}); restore it from a backup")
    return Finding("accounts", "fine", f"{users} users in {path}")


def _examine_log(log: LocalLog, directory: Path) -> list[Finding]:
    findings = []
    for item in log.read(log.start, 2**62):
        if isinstance(item, Gap):
            text = (
                f"offsets {item.first} to {item.last - 1} in {item.file} cannot be read (from byte {item.position}); "
                "the loader skips them, and senders that got 202 for them do not send them again"
            )
            findings.append(Finding("log", "bad", text))
    checkpoint = directory / "loader" / "stored"
    stored = int(checkpoint.read_text()) if checkpoint.exists() else 0
    waiting = log.end - stored
    text = f"{log.end} messages arrived, {stored} are stored"
    if stored > log.end:
        text += "; the store is ahead of the log, so the log was removed or replaced. Put back the one it belongs to"
        findings.append(Finding("log", "bad", text))
    elif waiting:
        findings.append(Finding("log", "note", f"{text}; the other {waiting} are stored at the next start"))
    else:
        findings.append(Finding("log", "fine", text))
    return findings


def _examine_store(settings: Settings) -> list[Finding]:
    if not settings.store and not (settings.directory / "store").exists():
        return [Finding("store", "note", "none yet; the first start makes it")]
    try:
        store = Store(settings.store_dsn, clients=1)
    except StoreUnavailable as error:
        return [Finding("store", "bad", str(error))]
    try:
        broken = []
        for table in ("events", "sessions", "visitors", "event_counts", "source_counts"):
            checked = store.ask(f"CHECK TABLE {table} SETTINGS check_query_single_value_result = 1")
            if checked.num_rows and str(checked.column(0)[0].as_py()) not in ("1", "True"):
                broken.append(table)
        if broken:
            text = f"parts of {', '.join(broken)} are damaged; restore the data directory from a backup"
            return [Finding("store", "bad", text)]
        events = store.ask("SELECT count() AS n FROM events")["n"][0].as_py()
        counted = store.ask("SELECT sum(events) AS n FROM event_counts")["n"][0].as_py() or 0
        if events != counted:
            text = f"{events} events but {counted} in the counters; they must agree, report this as a bug"
            return [Finding("store", "bad", text)]
        return [Finding("store", "fine", f"{events} events, counters agree")]
    except QuestionFailed as error:
        return [Finding("store", "bad", f"the engine refuses to answer: {error.full}")]
    finally:
        store.close()


def examine_server(url: str) -> list[Finding]:
    """Ask a running server how it is."""
    address = url.rstrip("/") + "/readyz"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the address is the user's own
            status = msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        try:
            status = msgspec.json.decode(error.read())
        except msgspec.DecodeError:
            return [Finding("server", "bad", f"{address} answered {error.code}; is that a Trackway server?")]
    except (OSError, ValueError, msgspec.DecodeError) as error:
        text = f"{address} cannot be reached ({error}); start it with `trackway serve`, or correct the address"
        return [Finding("server", "bad", text)]
    findings = [Finding("settings", "bad", warning) for warning in status.get("warnings", [])]
    if status.get("lost"):
        text = (
            f"{status['lost']} messages of the log could not be read; stop the server and run doctor on its directory"
        )
        findings.append(Finding("log", "bad", text))
    waiting = status["logged"] - status["stored"]
    if status["trouble"]:
        findings.append(Finding("store", "bad", f"{status['trouble']}; {waiting} messages wait in the log"))
    else:
        findings.append(Finding("server", "fine", f"{status['stored']} messages stored, {waiting} on their way"))
    return findings
