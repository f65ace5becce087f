"""Tables as text (CSV): the cells of each row, with any delimiter; a bad row is reported with its line number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

from trackway.collect import native
from trackway.collect.dialects.packed_lines import BadFile, InputFile

_DELIMITERS = ",;\t|"


class Row(NamedTuple):
    """A row: the number of its first line, its text, its non-empty cells by column, and the error if it has one."""

    number: int
    text: str
    cells: dict[str, str]
    wrong: str = ""


class Table:
    """A table and its header.

    Args:
        file: the file.
        delimiter: the character between cells; detected when empty.

    Raises:
        BadFile: the table has no header, or its header names a column twice.
    """

    def __init__(self, file: InputFile, delimiter: str = "") -> None:
        csv.field_size_limit(native.MAX_REQUEST)  # a row that is too large for a message is then refused as a message
        self._lines = file.lines()
        self._again: list[str] = []
        self._number = 0
        first = self._pull() or ""
        while first and not first.strip():
            first = self._pull() or ""
        if first.strip().lower().startswith("sep=") and len(first.strip()) <= 5:  # Excel writes this line
            delimiter = delimiter or first.rstrip("\r\n")[4:5]
            first = self._pull() or ""
        self._push([first] if first else [])
        delimiter = "\t" if delimiter == "tab" else delimiter
        self.delimiter = delimiter or max(_DELIMITERS, key=lambda delimiter: _outside_quotes(first).count(delimiter))
        record = self._record()
        if record is None:
            raise BadFile("the file is empty: a table begins with a line that names its columns")
        number, _, cells, wrong = record
        if wrong:
            raise BadFile(f"line {number}, which names the columns, is not CSV: {wrong}")
        names = [name.strip() for name in cells]
        while names and not names[-1]:
            names.pop()
        self.columns = [name or f"column {place}" for place, name in enumerate(names, 1)]
        if twice := next((name for name in self.columns if self.columns.count(name) > 1), ""):
            raise BadFile(f"there are two columns {twice!r}; give each a name of its own")

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header."""
        while record := self._record():
            number, text, cells, wrong = record
            if wrong:
                yield Row(number, text, {}, wrong)
                continue
            if not any(cells):
                continue
            if any(cells[len(self.columns) :]):
                wrong = (
                    f"the line has {len(cells)} cells and the header {len(self.columns)}; put cells that contain "
                    f"{_name_of(self.delimiter)} in quotes"
                )
                yield Row(number, text, {}, wrong)
                continue
            yield Row(number, text, {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell})

    def _record(self) -> tuple[int, str, list[str], str] | None:
        """Return the next non-blank record: the number of its first line, its text, its cells and its error."""
        while (line := self._pull()) is not None:
            number = self._number
            if '"' not in line:
                if bare := line.rstrip("\r\n"):
                    return number, bare, bare.split(self.delimiter), ""
                continue
            taken = [line]
            try:
                cells = next(csv.reader(self._feed(taken), delimiter=self.delimiter, strict=True))
            except csv.Error as error:
                self._push(taken[1:])
                reason = "a quote opens and is never closed" if "end of data" in str(error) else str(error)
                return number, taken[0].rstrip("\r\n"), [], f"the line is not CSV: {reason}"
            return number, "".join(taken).rstrip("\r\n"), cells, ""
        return None

    def _feed(self, taken: list[str]) -> Iterator[str]:
        yield taken[0]
        size = len(taken[0])
        while size < native.MAX_REQUEST and (line := self._pull()) is not None:
            taken.append(line)
            size += len(line)
            yield line

    def _pull(self) -> str | None:
        line = self._again.pop() if self._again else next(self._lines, None)
        if line is not None:
            self._number += 1
        return line

    def _push(self, lines: list[str]) -> None:
        """Put lines back, to be read again."""
        self._again += reversed(lines)
        self._number -= len(lines)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _name_of(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else f"{delimiter!r}"
