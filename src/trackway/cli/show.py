"""How the command line speaks: tables for people, JSON for programs, refusals in one sentence."""

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


_ADVISED = re.compile(r"`trackway (doctor|rebuild|letters)\b((?:(?!--data)[^`])*)`")
_USUAL = Settings().data
_WIDEST = 10_000
_directory = [_USUAL]


def use_directory(directory: str) -> None:
    """Say which data directory the commands are about that refusals advise."""
    _directory[0] = directory


def addressed(text: str) -> str:
    """A sentence whose commands name the data directory, unless it is the one that they take by themselves."""
    if _directory[0] == _USUAL:
        return text
    named = f" --data {shlex.quote(_directory[0])}"
    return _ADVISED.sub(lambda found: f"`trackway {found[1]}{found[2]}{named}`", text)


def fail(text: str, status: int = 1) -> NoReturn:
    """Say what is wrong, on standard error, and end."""
    errors.print(f"trackway: {addressed(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def as_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None, whole: bool = False) -> None:
    """Rows as a table. What is too long for the width goes on in the next line; `whole` cells are in one line."""
    names = list(columns or (rows[0] if rows else ()))
    shown = Table(box=None, header_style="bold")
    for name in names:
        shown.add_column(name, overflow="fold", no_wrap=whole)
    for row in rows:
        shown.add_row(*("" if row.get(name) is None else str(row.get(name)) for name in names))
    paper = console
    if whole:
        needed = console.measure(shown, options=console.options.update(max_width=_WIDEST)).maximum
        paper = Console(width=max(console.width, needed))
    paper.print(shown if rows else "nothing", markup=False)


def rows(found: Sequence[dict[str, Any]], json: bool, whole: bool = False) -> None:
    """Rows, as the caller wants them."""
    if json:
        as_json(found)
    else:
        table(found, whole=whole)


@contextmanager
def refusals(*kinds: type[Exception]) -> Iterator[None]:
    """Turn these exceptions into a sentence and exit status 1; the engine's own texts may be read here."""
    try:
        yield
    except kinds as error:
        fail(getattr(error, "full", str(error)))
