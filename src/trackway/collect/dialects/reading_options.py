"""Settings for reading a file, for what the file itself does not tell."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Literal

import msgspec

from trackway.collect.dialects.csv_cells import Dates, Decimals
from trackway.collect.dialects.packed_lines import BadFile
from trackway.timezones import time_zone

_Text = Annotated[str, msgspec.Meta(max_length=255)]


class ReadingOptions(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Settings for reading a file. An empty setting is detected from the file.

    Attributes:
        host: an access log's own host.
        log_format: an access log's format: common, combined, vhost_combined, or the format in the configuration of
            nginx or Apache.
        encoding: the encoding of the text, such as windows-1250.
        delimiter: the character between the cells of a table; `tab` is one.
        columns: the column of a table for each field or property: `{"timestamp": "Datum"}`.
        fixed: the fields with the same value in every row: `{"event": "Order Completed"}`.
        timezone: the time zone of times without an offset; UTC when empty.
        dates: the order of dates such as 02/01/2020.
        decimal: the sign before a fraction.
    """

    host: _Text = ""
    log_format: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    encoding: Annotated[str, msgspec.Meta(max_length=40)] = ""
    delimiter: Literal["", ",", ";", "|", "tab", "\t"] = ""
    columns: dict[_Text, _Text] = {}
    fixed: dict[_Text, _Text] = {}
    timezone: Annotated[str, msgspec.Meta(max_length=64)] = ""
    dates: Dates = ""
    decimal: Decimals = ""

    @property
    def zone(self) -> tzinfo:
        """The time zone. Raises BadFile when no time zone has that name."""
        try:
            return time_zone(self.timezone or "UTC")
        except ValueError as error:
            raise BadFile(f"there is no time zone {self.timezone!r}; use one such as Europe/Berlin") from error
