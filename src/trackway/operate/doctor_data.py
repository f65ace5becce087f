"""The doctor's checks of the log, the checkpoint and the store of a stopped data directory."""

from __future__ import annotations

from pathlib import Path

from trackway.config import Settings
from trackway.govern.database import AccountsUnavailable, GovernDatabase
from trackway.log import DirectoryUnusable, Gap, LocalLog, Log, LogInUse
from trackway.operate.finding import Finding
from trackway.statements import Statements
from trackway.store import checkpoint, dead_letters
from trackway.store.checkpoint import Checkpoint
from trackway.store.connection import Store
from trackway.store.derived_tables import disagreements
from trackway.store.message_ids import SeenMessages, check_runs
from trackway.store.migration import pending
from trackway.store.recovery import open_log, refuse_begun_batch, refuse_unknown
from trackway.store.refusals import QuestionFailed, StoreUnavailable
from trackway.store.unmoved import unmoved

_sql = Statements(__name__)


def examine_data(settings: Settings) -> list[Finding]:
    """Check log, checkpoint and store as a start would open them; the store returns to its checkpoint."""
    directory = settings.directory
    if text := unmoved(directory, settings.store_dsn):
        return [Finding("store", "bad", text)]
    try:
        log, newest = open_log(directory, settings.local_store, settings.segment_bytes, settings.log, settings.loader)
    except LogInUse:
        text = f"a server has {directory} open, so log and store were not looked at; ask it with --url, or stop it"
        return [Finding("log", "note", text)]
    except DirectoryUnusable as error:
        return [Finding("data", "bad", str(error))]
    try:
        return [
            *_examine_checkpoint(directory),
            *_examine_any_log(log, newest, settings.local_store),
            *_examine_other_loaders(settings),
            *_examine_ids(directory, newest),
            *_examine_store(settings, log, newest),
        ]
    finally:
        log.close()


def _sum(store: Store, stored: int) -> str:
    """Describe the stored log entries as a sum: each entry is counted in exactly one part."""
    counts = store.ask(_sql("counts")).to_pylist()[0]
    events, refused, letters = counts["events"], counts["refused"], counts["letters"]
    text = f"{events} events ({counts['bots']} of them flagged as bots)"
    other = stored - events - refused - letters
    if other < 0:  # the store is older than the log, or was filled from another log
        return f"{text}, more than the entries of this log"
    parts = [f"{text} + {refused} refusals and notes of the last 7 days + {letters} dead letters"]
    if other:
        explanation = "repeats of a messageId, earlier refusals and notes, replayed or dropped dead letters"
        parts.append(f"{other} others ({explanation})")
    return f"{' + '.join(parts)} = {stored} entries of the log"


def _examine_checkpoint(directory: Path) -> list[Finding]:
    if not checkpoint.is_damaged(directory / "loader"):
        return []
    text = "the newest checkpoint is damaged; the next start uses the previous one, and nothing is lost"
    return [Finding("checkpoint", "note", text)]


def _examine_any_log(log: Log, newest: Checkpoint | None, local: Path | None) -> list[Finding]:
    if isinstance(log, LocalLog):
        return _examine_log(log, newest, local)
    from trackway.operate.doctor_kafka import examine_topic

    return examine_topic(log, newest)


def _examine_other_loaders(settings: Settings) -> list[Finding]:
    if settings.loaders == 1 or settings.role == "loader":
        return []
    from trackway.operate.doctor_kafka import examine_others

    return examine_others(settings.log, settings.loaders)


def _examine_log(log: LocalLog, newest: Checkpoint | None, local: Path | None) -> list[Finding]:
    findings = []
    stored = newest.offset if newest else 0
    if log.kept_from < log.start and (newest is None or newest.log == log.id):
        findings.append(_examine_gap(Gap(log.kept_from, log.start, log.directory, 0), stored))
    for item in log.read(log.start, 2**62):
        if isinstance(item, Gap):
            findings.append(_examine_gap(item, stored))
    for cut in sorted(log.directory.glob("*.cut")):
        text = (
            "the last messages of a segment were damaged after they were written, and may have been acknowledged; "
            f"their bytes are kept in {cut}"
        )
        findings.append(Finding("log", "bad", text))
    waiting = log.end - stored
    text = f"{log.end} entries (messages, refusals and notes) arrived, {stored} are stored"
    if newest is None and local is not None and local.exists():
        findings.append(Finding("log", "note", f"{log.end} entries arrived; how many are stored is not known"))
    elif newest is not None and newest.log != log.id:
        text += "; the log was lost or replaced, and a new one begins at that offset"
        findings.append(Finding("log", "bad", f"{text}; entries that had arrived and were not stored are lost"))
    elif waiting:
        findings.append(Finding("log", "note", f"{text}; the other {waiting} are stored at the next start"))
    else:
        findings.append(Finding("log", "fine", text))
    return findings


def _examine_gap(gap: Gap, stored: int) -> Finding:
    """Describe an unreadable part of the log: a loss if it was not stored, otherwise only a lost copy."""
    place = f"offsets {gap.first} to {gap.last - 1} in {gap.file} cannot be read"
    if gap.last <= stored:
        return Finding(
            "log", "bad",
            f"{place}; all of them are stored and nothing is lost, but `trackway rebuild` cannot restore them: back "
            "up the store. The server deletes the segment when it is older than `keep_log_hours`",
        )  # fmt: skip
    text = f"{place}; the loader skips them, and senders that got 202 for them do not send them again"
    return Finding("log", "bad", text)


def _examine_ids(directory: Path, newest: Checkpoint | None) -> list[Finding]:
    if newest is None:
        return []
    try:
        SeenMessages(directory / "loader" / "ids", newest.ids)
        check_runs(directory / "loader" / "ids", newest.ids)
    except DirectoryUnusable as error:
        return [Finding("message ids", "bad", str(error))]
    return [
        Finding("message ids", "fine", f"{sum(size for size, _ in newest.ids.values()) // 16} ids of the last days")
    ]


def _examine_store(settings: Settings, log: Log, newest: Checkpoint | None) -> list[Finding]:
    if settings.local_store and not settings.local_store.exists():
        return [Finding("store", "note", "none yet; the first start creates it")]
    if unchecked := _without_checksums(settings.local_store, newest):
        text = f"the part {unchecked[0]} has no checksums, so it is unknown whether its rows are intact; {_BACKUP}"
        return [Finding("store", "bad", text)]
    try:
        store = Store(settings.store_dsn, clients=1)
    except StoreUnavailable as error:
        return [Finding("store", "bad", str(error))]
    try:
        if settings.local_store:
            # A merge would read a damaged part before CHECK TABLE does, and would copy its contents into a sound part.
            store.command("SYSTEM STOP MERGES")
        if settings.loaders > 1:
            findings = _examine_shared(settings, store, log, newest)
        else:
            refuse_begun_batch(settings.directory / "loader", store)
            store.migrate()
            lacking = refuse_unknown(newest, settings.directory / "loader", store, log, settings.local_store)
            findings = [*_lacking(lacking), *(_examine_parts(settings, store) or _examine_sums(store))]
        if not findings:
            findings.append(
                Finding("store", "fine", f"all tables agree; {_sum(store, newest.offset if newest else 0)}")
            )
        letters = dead_letters.count(store)
        if letters:
            text = f"{letters} messages could not be stored; `trackway letters list` shows them and why"
            findings.append(Finding("dead letters", "note", text))
        return findings
    except (DirectoryUnusable, StoreUnavailable, AccountsUnavailable) as error:
        return [Finding("store", "bad", str(error))]
    except QuestionFailed as error:
        return [Finding("store", "bad", f"the engine refuses to answer: {error.full}")]
    finally:
        store.close()


def _lacking(text: str) -> list[Finding]:
    return [Finding("store", "bad", text)] if text else []


def _examine_shared(settings: Settings, store: Store, log: Log, newest: Checkpoint | None) -> list[Finding]:
    """Check a store that other loaders may be filling meanwhile: nothing in it is changed or summed up."""
    if scripts := pending(store):
        text = f"it lacks {scripts[0]}; the process with the role all brings it up to date at its start"
        return [Finding("store", "note", text)]
    accounts = GovernDatabase(settings.accounts_dsn)
    try:
        projects = accounts.loaders.divided(settings.loader)
    finally:
        accounts.close()
    if lacking := refuse_unknown(newest, settings.directory / "loader", store, log, None, projects):
        return _lacking(lacking)
    text = "its tables are up to date; the server checks its own parts, and the job refresh-views compares its tables"
    return [Finding("store", "fine", text)]


_WITH_CHECKSUMS = "checksums.txt", "data.packed"
"""The files that have the checksums of a part: of one that is several files, and of one that is one file."""


def _without_checksums(local: Path | None, newest: Checkpoint | None) -> list[Path]:
    """Return parts of the checkpoint that have no checksum file; the engine would silently compute one from whatever is
    there.
    """
    if local is None or newest is None:
        return []
    parts = [
        local / table.path / part for table in newest.tables.values() for part, rows in table.parts.items() if rows
    ]
    return [part for part in parts if part.exists() and not any((part / file).exists() for file in _WITH_CHECKSUMS)]


_BACKUP = "restore the data directory from a backup, or rebuild the store from the log: `trackway rebuild`"


def _examine_parts(settings: Settings, store: Store) -> list[Finding]:
    if broken := sorted({table for server in store.servers for table in _broken_tables(server)}):
        remedy = (
            _BACKUP if settings.local_store else "restore the server's tables from a backup (docs/how-to/deploy.md)"
        )
        return [Finding("store", "bad", f"parts of {', '.join(broken)} are damaged; {remedy}")]
    local = settings.local_store
    detached = sorted(local.glob("store/*/*/detached/broken*")) if local else []
    if detached:
        return [
            Finding("store", "bad", f"the engine detached {len(detached)} damaged parts ({detached[0]}); {_BACKUP}")
        ]
    return []


def _broken_tables(store: Store) -> list[str]:
    """Return the tables of one server that have damaged parts."""
    broken = []
    tables = store.ask(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    )
    for table in tables["name"].to_pylist():
        checked = store.ask(f"CHECK TABLE {table} SETTINGS check_query_single_value_result = 1")
        if checked.num_rows and str(checked.column(0)[0].as_py()) not in ("1", "True"):
            broken.append(table)
    for table, columns in _updated_columns(store).items():
        if table not in broken and not _is_read(store, table, columns):
            broken.append(table)
    return broken


def _updated_columns(store: Store) -> dict[str, list[str]]:
    """Return the columns, by table, that have lightweight updates (parts named `patch-…`), which CHECK TABLE skips."""
    columns_by_table: dict[str, list[str]] = {}
    for row in store.ask(_sql("updated_columns")).to_pylist():
        columns_by_table.setdefault(row["table"], []).append(row["column"])
    return columns_by_table


def _is_read(store: Store, table: str, columns: list[str]) -> bool:
    """Whether the engine can read the given columns of every row."""
    try:
        store.ask(f"SELECT sum(cityHash64({', '.join(columns)})) FROM {table}")
    except QuestionFailed:
        return False
    return True


def _examine_sums(store: Store) -> list[Finding]:
    return [
        Finding(
            "store", "bad",
            f"{disagreement.table} says {disagreement.total} where the rows give {disagreement.rows}; "
            "`trackway doctor --repair store` fills derived tables again",
        )
        for disagreement in disagreements(store)
    ]  # fmt: skip
