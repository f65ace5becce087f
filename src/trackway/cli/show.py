"""Output of the command line: tables for people, JSON for programs, refusals in one sentence."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from trackway.config import Settings

console = Console()
errors = Console(stderr=True)


_ADVISED = re.compile(r"`trackway (doctor|rebuild|letters|store move)\b((?:(?!--data)[^`])*)`")
_USUAL = Settings().data
_WIDEST = 10_000
_directory = [_USUAL]


def use_directory(directory: str) -> None:
    """Set the data directory that the commands in refusals name."""
    _directory[0] = directory


def with_directory(text: str) -> str:
    """Add the data directory to the commands in a sentence, unless it is the default directory."""
    if _directory[0] == _USUAL:
        return text
    named = f" --data {shlex.quote(_directory[0])}"
    return _ADVISED.sub(lambda match: f"`trackway {match[1]}{match[2]}{named}`", text)


def fail(text: str, status: int = 1) -> NoReturn:
    """Print an error on standard error, and exit."""
    errors.print(f"trackway: {with_directory(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def as_json(value: object) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None, whole: bool = False) -> None:
    """Print rows as a table. Long cells continue on the next line; with `whole`, every cell is on one line."""
    names = list(columns or (rows[0] if rows else ()))
    grid = Table(box=None, header_style="bold")
    for name in names:
        grid.add_column(name, overflow="fold", no_wrap=whole)
    for row in rows:
        grid.add_row(*("" if row.get(name) is None else str(row.get(name)) for name in names))
    paper = console
    if whole:
        needed = console.measure(grid, options=console.options.update(max_width=_WIDEST)).maximum
        paper = Console(width=max(console.width, needed))
    paper.print(grid if rows else "nothing", markup=False)


def rows(values: Sequence[dict[str, Any]], json: bool, whole: bool = False) -> None:
    """Print rows as JSON or as a table."""
    if json:
        as_json(values)
    else:
        table(values, whole=whole)


@contextmanager
def refusals(*kinds: type[Exception]) -> Iterator[None]:
    """Turn these exceptions into one sentence and exit status 1; the engine's own texts may be shown here."""
    try:
        yield
    except kinds as error:
        fail(getattr(error, "full", str(error)))
