"""`trackway rebuild`: the store is rebuilt from the log, with a progress bar."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trackway.cli import show
from trackway.config import Settings


def rebuild_store(settings: Settings, archives: list[Path], from_log_only: bool, json: bool) -> None:
    """Rebuild the store and print the outcome."""
    from trackway.log import DirectoryUnusable
    from trackway.operate.rebuild import CannotRebuild, rebuild
    from trackway.store.refusals import QuestionFailed, StoreUnavailable

    columns = (TextColumn("storing messages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        show.refusals(DirectoryUnusable, CannotRebuild, StoreUnavailable, QuestionFailed),
        Progress(*columns, console=show.errors, disable=json) as progress,
    ):
        task = progress.add_task("", total=None)
        result = rebuild(
            settings, archives, from_log_only,
            lambda stored, total: progress.update(task, completed=stored, total=total),
        )  # fmt: skip
    if json:
        show.as_json(result._asdict())
        return
    lines = [
        f"{result.messages} messages of the log: {result.events} events, {result.dead_letters} dead letters, "
        "the others were rejected on arrival or were repeats",
        f"the old store is kept in {settings.directory / result.old_store}; remove it when the new store is correct",
    ]
    if result.not_copied:
        lines.append(f"could not be copied from the old store: {', '.join(result.not_copied)}")
    for line in lines:
        show.console.print(line, markup=False, highlight=False, soft_wrap=True)
