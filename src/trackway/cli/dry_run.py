"""The options of `trackway import` for reading a file, and the preview of a file (`--dry-run`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trackway.cli import show
from trackway.collect.dialects.files import InputFile, ReadingOptions
from trackway.collect.privacy import Privacy
from trackway.wording import fault


def reading_of(columns: list[str], fixed: list[str], **options: str) -> ReadingOptions:
    """Return the reading that the options give; exit when an option is wrong."""
    try:
        return msgspec.convert(
            {**options, "columns": _pairs("map", columns), "fixed": _pairs("set", fixed)}, ReadingOptions
        )
    except msgspec.ValidationError as error:
        show.fail(str(fault(error, ReadingOptions)))


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (sign and name.strip() and value.strip()):
            show.fail(f"--{option} {text} is not FIELD={'COLUMN' if option == 'map' else 'VALUE'}")
        pairs[name.strip()] = value.strip()
    return pairs


def show_preview(form: str, path: Path, reading: ReadingOptions, json: bool) -> None:
    """Show ten rows of a file as they would be stored, a summary of the file, and the rows that would be refused."""
    from trackway.operate.file_import import preview

    outcome = preview(InputFile.open(path, encoding=reading.encoding), form, Privacy(True, []), b"", reading)
    if json:
        show.as_json(outcome)
        return
    for name, value in outcome["read"].items():
        pairs = value.items() if isinstance(value, dict) else ()
        text = ", ".join(f"{field} is {column!r}" for field, column in pairs)
        text = text or (", ".join(value) if isinstance(value, list) else repr(value))
        show.console.print(f"{name}: {text}", markup=False)
    if outcome["rows"]:
        show.table([{name: _short(value) for name, value in row.items()} for row in outcome["rows"]])
    show_summary(outcome)
    if outcome["refusals"]:
        show.table(outcome["refusals"])
    if outcome["stopped"]:
        show.fail(outcome["stopped"])
    show.console.print("nothing was stored; run without --dry-run to import the file")


def _short(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def show_summary(outcome: dict[str, Any]) -> None:
    """Print a summary of a file: the number of messages, the first and the last time, and the events."""
    new = f", {outcome['added']:,} of them new" if "added" in outcome else ""
    show.console.print(f"{outcome['taken']:,} messages{new}")
    if "first" in outcome:
        show.console.print(f"from {outcome['first']} to {outcome['last']} (UTC)")
    for name, count in outcome.get("events", {}).items():
        show.console.print(f"  {count:>9,}  {name}", markup=False)
    if outcome["left_out"]:
        show.console.print(f"{outcome['left_out']:,} lines left out: no page views")
    if outcome["refused"]:
        show.console.print(f"{outcome['refused']:,} refused; the Data page lists them with the reasons")
