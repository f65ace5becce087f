"""Rows of a table as messages: the columns are mapped to fields, and the cells are read as values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from trackway.collect.dialects.csv_cells import Unclear, amount, moment
from trackway.collect.dialects.packed_lines import BadFile
from trackway.collect.dialects.reading_options import ReadingOptions
from trackway.collect.ids import BadField
from trackway.event import MESSAGE_TYPES, MOST_AHEAD

# The spellings of column names (small letters and digits only), by field. The first spelling that the table has is
# used.
_SPELLED = {
    "event": "event eventname eventtype action activity ereignis",
    "timestamp": "timestamp time eventtime eventtimestamp datetime dateandtime occurredat happenedat createdat "
    "servertime ts zeitstempel zeitpunkt zeit eventdate date datum invoicedate orderdate day",
    "user_id": "userid user customerid customer memberid accountid benutzer benutzerid nutzer nutzerid kunde kundenid "
    "kundennummer",
    "anonymous_id": "anonymousid visitorid deviceid clientid cookieid userpseudoid distinctid fullvisitorid besucher",
    "group_id": "groupid",
    "previous_id": "previousid",
    "message_id": "messageid insertid",
    "session_id": "sessionid usersession session visitid sitzung",
    "user_agent": "useragent ua browseragent",
    "ip": "ip ipaddress clientip remoteaddr ipadresse",
    "address": "address adresse",
    "country": "country countrycode geocountry land",
    "region": "region georegion",
    "city": "city stadt",
    "url": "url pageurl pagelocation",
    "path": "path pagepath",
    "referrer": "referrer referer pagereferrer",
    "title": "title pagetitle",
    "name": "name",
    "type": "type messagetype",
}
_FIELDS = frozenset(_SPELLED)
_JSON_NAMES = {
    "event": "event", "group_id": "groupId", "previous_id": "previousId", "message_id": "messageId",
    "user_id": "userId", "anonymous_id": "anonymousId",
}  # fmt: skip
_PAGE = ("url", "path", "referrer", "title")
# Columns whose cells must be amounts; other cells are refused.
_AMOUNTS = frozenset(
    "revenue total price amount subtotal refunded unitprice totalprice preis betrag umsatz summe gesamt".split()
)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,10})?$")
_FRACTION = re.compile(r"-?(0|[1-9]\d{0,14}),(\d{1,2}|\d{4,10})$")
_TWO_WAYS = re.compile(r"-?[1-9]\d{0,2}\.\d{3}$")
_ROUNDED = re.compile(r"\d([.,]\d+)?[eE]\+\d+$")
_TIME_ALONE = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?$")


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Columns:
    """The columns of a table as fields of messages; all other columns are properties.

    Args:
        names: the header.
        reading: the settings for reading the file.
        commas: whether fractions probably follow a comma, as in tables that separate cells with a semicolon.
        code_of: returns the code of a country for its name or code.

    Raises:
        BadFile: no column gives the person, the time or the event, or a column in the settings is missing; the text
            gives the correction.
    """

    def __init__(
        self, names: list[str], reading: ReadingOptions, code_of: Callable[[str], str], commas: bool = False
    ) -> None:
        self._commas = commas and not reading.decimal
        self._reading, self._zone, self._code_of = reading, reading.zone, code_of
        self._newest = datetime.now(UTC) + timedelta(milliseconds=MOST_AHEAD)
        self.fields: dict[str, str] = {}
        """The column of each field."""
        self._renamed: dict[str, str] = {}
        for field, column in reading.columns.items():
            if column not in names:
                raise BadFile(f"there is no column {column!r}; there are {', '.join(names)}")
            field = _field(field)
            (self.fields if field in _FIELDS else self._renamed)[field if field in _FIELDS else column] = (
                column if field in _FIELDS else field
            )
        self._fixed = {_field(field): value for field, value in reading.fixed.items()}
        taken = {*self.fields.values(), *self._renamed}
        bare: dict[str, str] = {}
        for name in names:
            if name not in taken:
                bare.setdefault(_bare(name), name)
        for field, spellings in _SPELLED.items():
            column = next((bare[spelling] for spelling in spellings.split() if spelling in bare), "")
            if column and field not in self.fields and field not in self._fixed:
                self.fields[field] = column
        self._of = {column: field for field, column in self.fields.items()}
        self._day = next((bare[name] for name in ("date", "datum", "eventdate", "day") if name in bare), "")
        self._check(names)

    def _check(self, names: list[str]) -> None:
        known = {*self.fields, *self._fixed}
        missing = []
        if not known & {"user_id", "anonymous_id", "previous_id"}:
            missing.append("who it was (user_id, anonymous_id)")
        if "timestamp" not in known:
            missing.append("when it was (timestamp)")
        if not known & {"event", "type", *_PAGE}:
            missing.append("what happened (event; url or path of page views)")
        if missing:
            raise BadFile(
                f"no column says {', nor '.join(missing)}; there are {', '.join(map(repr, names))}. Name the column "
                "(user_id=COLUMN), or say what every row is (event=NAME)"
            )

    def message(self, cells: dict[str, str]) -> dict[str, Any]:
        """Return a row as a message. Raises BadField: a cell does not fit its column."""
        fields = dict(self._fixed)
        properties: dict[str, Any] = {}
        for column, text in cells.items():
            field = self._of.get(column)
            if field is None:
                self._property(self._renamed.get(column, column), text, properties)
            else:
                fields[field] = text.strip()
        return self._message(fields, cells, properties)

    def _message(self, fields: dict[str, str], cells: dict[str, str], properties: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {}
        for field in [field for field in fields if field not in _FIELDS]:
            self._property(field, fields.pop(field), properties)
        message["timestamp"] = self._time(fields.pop("timestamp", ""), cells, properties)
        kind = fields.get("type", "").lower()
        if kind in MESSAGE_TYPES:
            message["type"] = kind
            fields.pop("type")
        else:
            if kind and not fields.get("event"):
                fields["event"] = fields.pop("type")
            message["type"] = "track" if fields.get("event") else "page"
            if message["type"] == "page" and not any(fields.get(field) for field in (*_PAGE, "name")):
                raise BadField("event", "the row has no event; fill the cell, or give the row a url or path")
        # Only pages and screens have a name of their own. In other messages the name is a property, and so is an
        # unknown type.
        if message["type"] in ("page", "screen") and fields.get("name"):
            message["name"] = fields.pop("name")
        for field in ("name", "type"):
            if value := fields.pop(field, ""):
                properties[self.fields.get(field, field)] = value
        for field, json_name in _JSON_NAMES.items():
            if value := fields.pop(field, ""):
                if _ROUNDED.match(value) and field != "event":
                    raise BadField(
                        json_name, f"{value!r} is an id that a spreadsheet has rounded; export the column as text"
                    )
                message[json_name] = value
        if context := self._context(fields, properties):
            message["context"] = context
        message["traits" if message["type"] in ("identify", "group") else "properties"] = properties
        return message

    def _time(self, text: str, cells: dict[str, str], properties: dict[str, Any]) -> str:
        day = cells.get(self._day, "") if self._day else ""
        if day and _TIME_ALONE.match(text):
            text = f"{day.strip()} {text}"
            properties.pop(self._day, None)
        if not text:
            raise BadField("timestamp", "the row has no time; fill the cell")
        try:
            at = moment(text, self._zone, self._reading.dates)
        except (Unclear, OverflowError) as error:
            raise BadField("timestamp", str(error)) from error
        if at > self._newest:  # enrichment would replace it with the time of the import
            raise BadField("timestamp", f"{text!r} is in the future; import only past events")
        return at.isoformat()

    def _context(self, fields: dict[str, str], properties: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = {}
        if page := {name: fields[name] for name in _PAGE if fields.get(name)}:
            context["page"] = page
        if value := fields.get("session_id"):
            context["sessionId"] = value
        if value := fields.get("user_agent"):
            context["userAgent"] = value
        address = fields.get("ip") or ""
        other = fields.get("address") or ""
        if other:
            if _is_address(other):
                address = address or other
            else:
                properties[self.fields.get("address", "address")] = other
        if address:
            if not _is_address(address):
                raise BadField("context.ip", f"{address[:60]!r} is not an address; leave the cell empty")
            context["ip"] = address
        country = fields.get("country") or ""
        code = self._code_of(country) if country else ""
        if len(code) == 2 and code.isascii() and code.isalpha():
            context["location"] = {
                "country": code.upper(), "region": fields.get("region", ""), "city": fields.get("city", ""),
            }  # fmt: skip
            return context
        for field in ("country", "region", "city"):
            if value := fields.get(field):
                properties[self.fields.get(field, field)] = value
        return context

    def _property(self, name: str, text: str, properties: dict[str, Any]) -> None:
        bare = _bare(name)
        if bare in _AMOUNTS:
            try:
                if self._commas and _TWO_WAYS.match(text.strip()):
                    raise Unclear(
                        f"{text!r} is a thousand times more with a decimal comma; say which (decimal: . or ,)"
                    )
                digits, currency = amount(text, self._reading.decimal)
            except Unclear as error:
                raise BadField(f"properties.{name}", str(error)) from error
            properties[name] = float(digits) if "." in digits else int(digits)
            if currency and properties.setdefault("currency", currency) != currency:
                raise BadField(f"properties.{name}", f"{text!r} is not in {properties['currency']}, the row's currency")
            return
        if bare == "currency" and properties.get("currency", text.strip()) != text.strip():
            raise BadField(
                "properties.currency", f"an amount of the row is in {properties['currency']}, not in {text!r}"
            )
        properties[name] = self._value(name, text)

    def _value(self, name: str, text: str) -> Any:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        is_id = name.lower().endswith("id")
        if self._reading.decimal == "," and not is_id:
            try:
                digits, currency = amount(text, ",") if text.strip()[:1] in "-0123456789" else ("", "")
                if digits and not currency and _NUMBER.match(digits):
                    return float(digits) if "." in digits else int(digits)
            except Unclear:
                pass
            return text
        if self._commas and not is_id:
            if _FRACTION.match(text):
                return float(text.replace(",", "."))
            if _TWO_WAYS.match(text):
                return text
        match = _NUMBER.match(text)
        if match and not (match[2] and is_id):  # "1.10" is not the id "1.1"
            return float(text) if match[2] else int(text)
        return text


def _field(name: str) -> str:
    """Return the field of a name, also when it is written like `userId`; return other names unchanged."""
    bare = _bare(name)
    return next((field for field in _FIELDS if _bare(field) == bare), name)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
