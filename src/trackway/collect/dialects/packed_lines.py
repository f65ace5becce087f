"""Lines of files, compressed or not, in any encoding that spreadsheets write."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

_HEAD = 4096
_CHUNK = 1 << 16
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NO_TEXT = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"PAR1": "a Parquet file; write it as CSV or NDJSON",
    b"%PDF": "a PDF",
}


class BadFile(ValueError):
    """A file that cannot be read, or not any further; the text gives the reason."""


def _western(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not UTF-8 as Windows-1252, or as Latin-1 where Windows-1252 has no character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(_one(byte) for byte in wrong), error.end


def _one(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


codecs.register_error("western", _western)


class InputFile:
    """A file's lines, decompressed if needed (.gz, .zst), with the number of bytes of the file read so far.

    Args:
        raw: the file, opened for bytes.
        name: its name; the suffix gives the compression.
        size: its size in bytes, 0 when unknown.
        encoding: the encoding of the text; detected when empty: UTF-8 or UTF-16, and Windows-1252 for bytes that are
            neither.

    Attributes:
        head: the beginning of the text.

    Raises:
        BadFile: the encoding is unknown, or the file is of a known kind that is not text.
    """

    def __init__(self, raw: IO[bytes], name: str, size: int = 0, encoding: str = "") -> None:
        self.size = size
        self._raw = raw
        unpacked: Any = raw
        if name.endswith(".gz"):
            unpacked = gzip.GzipFile(fileobj=raw)
        elif name.endswith(".zst"):
            unpacked = zstandard.ZstdDecompressor().stream_reader(raw)
        self._broken: Exception | None = None
        buffered = io.BufferedReader(_Readable(unpacked), 1 << 16)
        try:
            head = buffered.peek(_HEAD)
        except (OSError, EOFError, zstandard.ZstdError) as error:
            head, self._broken = b"", error
        if kind := next((kind for start, kind in _NO_TEXT.items() if head.startswith(start)), ""):
            raise BadFile(f"the file is not text but {kind}")
        try:
            self.encoding = codecs.lookup(encoding).name if encoding else _encoding(head)
        except LookupError as error:
            raise BadFile(f"there is no encoding {encoding!r}; usual are utf-8, utf-16, windows-1252") from error
        self.head = head.decode(self.encoding, "replace")
        self._text = io.TextIOWrapper(
            buffered, encoding=self.encoding, errors="replace" if encoding else "western", newline=""
        )

    @classmethod
    def open(cls, path: Path, name: str = "", encoding: str = "") -> InputFile:
        """Open a file. Raises BadFile when it does not exist or is not text."""
        if not path.is_file():
            raise BadFile(f"there is no file {path}")
        raw = path.open("rb")
        try:
            return cls(raw, name or path.name, path.stat().st_size, encoding)
        except BadFile:
            raw.close()
            raise

    def lines(self) -> Iterator[str]:
        """Yield the lines as text. Raises BadFile where the compression or the encoding breaks."""
        return self._read(self._text)

    def chunks(self) -> Iterator[str]:
        """Yield the text in pieces of any length. Raises BadFile as `lines` does."""
        return self._read(iter(lambda: self._text.read(_CHUNK), ""))

    def _read(self, texts: Iterable[str]) -> Iterator[str]:
        try:
            if self._broken is not None:
                raise self._broken
            for text in texts:  # noqa: UP028 - `yield from` would close the file where a reader stops early
                yield text
        except UnicodeError as error:
            raise BadFile(f"the file is not {self.encoding}: {error}; what came before it is imported") from error
        except (OSError, EOFError, zstandard.ZstdError) as error:
            raise BadFile(
                f"the file cannot be unpacked any further: {error}; what came before it is imported"
            ) from error

    @property
    def position(self) -> int:
        """The number of bytes of the file that have been read."""
        return self._raw.tell() if self.size else 0

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class _Readable(io.RawIOBase):
    """Any readable object as a raw file for a buffer; closing it leaves the object open."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        content: bytes = self._source.read(len(into))
        into[: len(content)] = content
        return len(content)


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.6 * pairs:
        return "utf-16-le"
    if pairs and head[0::2].count(0) > 0.6 * pairs:
        return "utf-16-be"
    return "utf-8"
