"""The doctor: checks a data directory, the settings or a running server, and names a remedy for each problem."""

from __future__ import annotations

import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from trackway import private
from trackway.collect.views.ledger import LEDGER_GONE
from trackway.config import Settings, unknown_variables
from trackway.enrich.bot import BadRanges, Datacenters
from trackway.enrich.place import BadPlaces, Places
from trackway.lite import fault
from trackway.operate.doctor_data import examine_data
from trackway.operate.finding import Finding
from trackway.operate.lost_files import lost_files
from trackway.operate.repair_accounts import holds_data

_ENOUGH = 1024**3


def examine_directory(settings: Settings) -> list[Finding]:
    """Check the settings and everything in the data directory. Nothing is changed but what every start changes: a torn
    tail of the log is cut, and the store returns to its checkpoint.
    """
    private.restrict_new_files()
    directory = settings.directory
    findings = [*_examine_settings(settings)]
    if not directory.exists():
        return [*findings, Finding("data", "note", f"{directory} does not exist; `trackway serve` creates it")]
    findings.append(_examine_disk(directory))
    findings.append(_examine_modes(directory))
    findings.append(_examine_accounts(settings))
    findings += _examine_views(settings)
    findings += [
        Finding(
            "files", "bad", f"{path} is missing; restore it from a backup, or the next start creates a new one: {cost}"
        )
        for path, cost in lost_files(settings)
    ]
    return [*findings, *examine_data(settings)]


def _examine_settings(settings: Settings) -> list[Finding]:
    checks: list[tuple[str, str, Callable[[Path], object], type[Exception]]] = [
        ("places", settings.places, Places, BadPlaces),
        ("datacenters", settings.datacenters, Datacenters.read, BadRanges),
    ]
    findings = []
    for name, value, reader, refusal in checks:
        if not value:
            continue
        try:
            reader(Path(value))
            findings.append(Finding(name, "fine", value))
        except refusal as error:
            findings.append(Finding(name, "bad", f"{error}. Get a valid file, or remove `{name}` from the settings"))
    findings += [Finding("settings", "note", text) for text in unknown_variables()]
    return findings or [Finding("settings", "fine", "they are valid")]


def _examine_disk(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    text = f"{free / 1024**3:.1f} GiB free at {directory}"
    if free < _ENOUGH:
        return Finding("disk", "bad", f"{text}; free some space; when the disk is full, collecting stops with 503")
    return Finding("disk", "fine", text)


def _examine_modes(directory: Path) -> Finding:
    open_paths = list(private.accessible_to_others(directory))
    if open_paths:
        text = (
            f"other users of this machine may read or change {len(open_paths)} files and directories, such as "
            f"{open_paths[0]}"
        )
        return Finding("modes", "bad", f"{text}; `chmod -R go= {directory}` corrects it, and so does the next start")
    return Finding("modes", "fine", "only their owner may read the files")


def _examine_accounts(settings: Settings) -> Finding:
    path = settings.directory / "accounts.db"
    remedy = (
        "restore it from a backup, or run `trackway doctor --repair accounts`, which creates the data's projects again"
    )
    if not settings.accounts and not path.exists() and holds_data(settings.directory):
        return Finding(
            "accounts", "bad", f"{path} is missing, and there is data that nobody can see without it; {remedy}"
        )
    if settings.accounts or not path.exists():
        return Finding(
            "accounts",
            "note",
            "not checked" if settings.accounts else "none yet; the first start creates them",
        )
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            users = connection.execute("SELECT count(*) FROM users").fetchone()[0]
            projects = connection.execute("SELECT count(*) FROM projects").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return Finding("accounts", "bad", f"{path} {fault(error, remedy)}")
    if verdict != "ok":
        return Finding("accounts", "bad", f"{path} is damaged ({verdict}); {remedy}")
    if not projects and holds_data(settings.directory):
        return Finding(
            "accounts", "bad", f"{path} contains no project, and there is data that nobody can see; {remedy}"
        )
    return Finding("accounts", "fine", f"{users} users in {path}")


def _examine_views(settings: Settings) -> list[Finding]:
    """Check the view ledger for damage in its middle, which does not prevent it from being opened."""
    path = settings.directory / "views.db"
    if settings.views or not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return [Finding("views", "bad", f"{path} {fault(error, LEDGER_GONE)}")]
    return [] if verdict == "ok" else [Finding("views", "bad", f"{path} is damaged ({verdict}); {LEDGER_GONE}")]


def examine_server(url: str) -> list[Finding]:
    """Ask a running server for its state."""
    address = url.rstrip("/") + "/readyz"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - the URL is the user's own
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
    if letters := status.get("dead_letters"):
        text = f"{letters} messages could not be stored; `trackway letters list` shows them and why"
        findings.append(Finding("dead letters", "note", text))
    for one in status.get("loaders", []):
        text = one["trouble"] or f"{one['waiting']} records wait in the topic {one['topic']!r}"
        findings.append(Finding(f"loader {one['loader']}", "bad" if one["trouble"] else "fine", text))
    for name, use in status.get("processes", {}).items():
        text = f"{use['memory_mb']} MB of memory, {use['cpu_seconds']} s of CPU time since its start"
        findings.append(Finding(f"process {name}", "fine", text))
    waiting = status["logged"] - status["stored"]
    if status["trouble"]:
        findings.append(Finding("store", "bad", f"{status['trouble']}; {waiting} messages wait in the log"))
    else:
        findings.append(Finding("server", "fine", f"{status['stored']} messages stored, {waiting} on their way"))
    return findings
