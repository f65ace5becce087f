"""Transfers: imports of files (messages of other systems, access logs) and exports of whole tables, with progress."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from litestar.response import File

from trackway.analyze.desk import saved_filter
from trackway.analyze.file_formats import MEDIA
from trackway.analyze.language.filters import inlined, read
from trackway.analyze.language.period import BadQuestion, period
from trackway.collect.dialects.files import FORMATS, BadFile, InputFile, ReadingOptions
from trackway.collect.pseudonym import installation_key
from trackway.govern.saved.tables import Transfer
from trackway.govern.saved.transfers import OPEN
from trackway.govern.tables import iso_time
from trackway.operate.file_import import preview
from trackway.private import durably
from trackway.runtime import Runtime
from trackway.web.server.caller import Caller

MOST_BYTES = 20 * 1024**3


class Outcome(msgspec.Struct):
    """The outcome of a transfer, as far as it has come.

    Of an import: the number of messages taken and refused, of lines left out, and of events added; the first and the
    last time in the file (ISO 8601, UTC); the number of messages by event. Of an export: rows and bytes.
    """

    taken: int | msgspec.UnsetType = msgspec.UNSET
    refused: int | msgspec.UnsetType = msgspec.UNSET
    left_out: int | msgspec.UnsetType = msgspec.UNSET
    first: str | msgspec.UnsetType = msgspec.UNSET
    last: str | msgspec.UnsetType = msgspec.UNSET
    events: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    added: int | msgspec.UnsetType = msgspec.UNSET
    rows: int | msgspec.UnsetType = msgspec.UNSET
    bytes: int | msgspec.UnsetType = msgspec.UNSET


class PreviewRow(msgspec.Struct):
    """A message of a file, as it would be stored. The time is ISO 8601 in UTC, or empty."""

    timestamp: str
    type: str
    event: str
    user_id: str
    anonymous_id: str
    page: str
    properties: dict[str, Any]
    context: dict[str, Any]


class RefusedLine(msgspec.Struct):
    """A refused line of a file."""

    line: int
    field: str
    reason: str
    text: str


class FileReading(msgspec.Struct):
    """The form of a file; a log has a host, a JSON file a layout, a table a delimiter, a header, and the column of
    each field.
    """

    encoding: str | msgspec.UnsetType = msgspec.UNSET
    host: str | msgspec.UnsetType = msgspec.UNSET
    layout: str | msgspec.UnsetType = msgspec.UNSET
    delimiter: str | msgspec.UnsetType = msgspec.UNSET
    header: list[str] | msgspec.UnsetType = msgspec.UNSET
    columns: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class ImportPreview(msgspec.Struct, kw_only=True):
    """A file as it would be imported: the number of messages, of refused lines and of lines left out, the first and
    the last time (ISO 8601, UTC), messages by event, the first ten messages and refused lines. `stopped` is the reason
    if the file cannot be read to its end.
    """

    taken: int
    refused: int
    left_out: int
    first: str | msgspec.UnsetType = msgspec.UNSET
    last: str | msgspec.UnsetType = msgspec.UNSET
    events: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    read: FileReading
    rows: list[PreviewRow]
    refusals: list[RefusedLine]
    stopped: str


class TransferShown(msgspec.Struct):
    """An import or export. `done` and `total` count bytes of an import and rows of an export."""

    id: str
    kind: str
    name: str
    form: str
    state: str
    done: int
    total: int
    outcome: Outcome
    message: str
    created_by: str
    created_at: str
    ended_at: str | None


class NewExport(msgspec.Struct, rename={"since": "from", "until": "to"}, kw_only=True, forbid_unknown_fields=True):
    """A new export. `filter` has the form that `/ask` takes."""

    table: Literal["events", "sessions", "visitors"]
    form: Literal["csv", "parquet", "arrow", "ndjson"]
    period: str = "all"
    since: str = ""
    until: str = ""
    filter: Any = None
    bots: bool = False


def _shown(transfer: Transfer) -> TransferShown:
    return TransferShown(
        transfer.id,
        transfer.kind,
        transfer.name,
        transfer.form,
        transfer.state,
        transfer.done,
        transfer.total,
        msgspec.convert(transfer.outcome, Outcome),
        transfer.message,
        transfer.created_by,
        transfer.created_at.isoformat() + "Z",
        iso_time(transfer.ended_at),
    )


def _transfer(runtime: Runtime, project_id: UUID, transfer_id: UUID) -> Transfer:
    transfer = runtime.accounts.transfers.get(project_id, transfer_id)
    if transfer is None:
        raise NotFoundException(f"there is no transfer {transfer_id}")
    return transfer


def _reading(form: str, host: str, text: str) -> ReadingOptions:
    """Parse how a file is to be read. Raises BadQuestion when the format or the parameters are invalid."""
    if form not in FORMATS:
        raise BadQuestion("format", f"{form!r} cannot be imported; the formats are {', '.join(FORMATS)}")
    try:
        reading = msgspec.json.decode(text, type=ReadingOptions)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadQuestion("reading", f"it cannot be read: {error}") from error
    return msgspec.structs.replace(reading, host=host or reading.host)


def _previewed(
    file: IO[bytes], name: str, size: int, form: str, runtime: Runtime, reading: ReadingOptions
) -> ImportPreview:
    try:
        packed = InputFile(file, name, size, reading.encoding)
        shown = preview(packed, form, runtime.privacy, installation_key(runtime.settings.directory), reading)
        return msgspec.convert(shown, ImportPreview)
    except BadFile as error:
        raise BadQuestion("body", str(error)) from error


FileName = Annotated[str, Parameter(description="the file's name; .gz and .zst are unpacked", max_length=200)]
Form = Annotated[str, Parameter(query="format", description="ndjson, csv or access-log")]
LogHost = Annotated[str, Parameter(description="an access log's own host", max_length=255)]
ReadingJson = Annotated[str, Parameter(description="how to read it, as JSON: columns, fixed, timezone, …")]


class TransfersOfProject(Controller):
    """`/api/v1/projects/{project_id}/transfers`. Seeing and exporting need the permission `people`; importing and
    removing need `manage`.
    """

    path = "/api/v1/projects/{project_id:uuid}/transfers"
    tags = ("transfers",)

    @get("/", opt={"may": "people"}, sync_to_thread=True)
    def transfers(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[TransferShown]:
        """List the project's imports and exports, the newest first. They are deleted a week after they end."""
        request.user.project(project_id)
        return [_shown(transfer) for transfer in runtime.accounts.transfers.all(project_id)]

    @post("/imports", opt={"may": "manage"}, request_max_body_size=MOST_BYTES)
    async def start_import(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        name: FileName,
        form: Form,
        host: LogHost = "",
        reading: ReadingJson = "{}",
    ) -> TransferShown:
        """Import the file in the body. Importing it again adds nothing while its message ids are known."""
        request.user.project(project_id)
        options = msgspec.to_builtins(_reading(form, host, reading))
        transfer = runtime.accounts.transfers.add(project_id, "import", name, form, options, request.user.name)
        path = runtime.transfer_worker.file_of(transfer)
        try:
            with durably(path) as sink:
                async for chunk in request.stream():
                    sink.write(chunk)
        except BaseException:
            # A client that disconnects before the file is complete has cancelled the import.
            runtime.transfer_worker.forget(transfer)
            raise
        runtime.transfer_worker.add(transfer)
        request.user.wrote("imported", name, project_id)
        return _shown(transfer)

    @post("/imports/preview", opt={"may": "manage"}, status_code=200, request_max_body_size=MOST_BYTES)
    async def preview_import(
        self,
        project_id: UUID,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
        name: FileName,
        form: Form,
        host: LogHost = "",
        reading: ReadingJson = "{}",
    ) -> ImportPreview:
        """Preview an import of the file in the body: ten rows as they would be stored, events, times and refusals.
        Nothing is stored.
        """
        request.user.project(project_id)
        options = _reading(form, host, reading)
        with tempfile.TemporaryFile() as file:
            async for chunk in request.stream():
                file.write(chunk)
            size = file.tell()
            file.seek(0)
            return await asyncio.to_thread(_previewed, file, name, size, form, runtime, options)

    @post("/exports", opt={"may": "people"}, sync_to_thread=True)
    def start_export(
        self, project_id: UUID, data: NewExport, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> TransferShown:
        """Export a table of any size into a file; when it is done, `GET …/{id}/file` returns it."""
        project = request.user.project(project_id)
        stretch = period(data.period, project.timezone, datetime.now(UTC), data.since, data.until)
        node = None
        if data.filter is not None:
            node = inlined(data.filter, lambda segment_id: saved_filter(runtime.accounts.saved, project_id, segment_id))
            read(node)
        if data.table == "visitors" and node is not None:
            raise BadQuestion("filter", "visitors are exported whole; export events or sessions with filters")
        options = {
            "table": data.table, "period": [stretch.start.isoformat(), stretch.end.isoformat()],
            "timezone": project.timezone, "filter": node, "bots": data.bots, "humans": project.overruled_bot_reasons,
            "metrics": project.metrics,
        }  # fmt: skip
        days = f"{stretch.start:%Y-%m-%d}-{stretch.end:%Y-%m-%d}"
        name = f"{data.table}-{days}.{data.form}"
        transfer = runtime.accounts.transfers.add(project_id, "export", name, data.form, options, request.user.name)
        runtime.transfer_worker.add(transfer)
        request.user.wrote("exported", name, project_id)
        return _shown(transfer)

    @get("/{transfer_id:uuid}/file", opt={"may": "people"}, sync_to_thread=True)
    def file(self, project_id: UUID, transfer_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> File:
        """Return the file of a finished export."""
        request.user.project(project_id)
        transfer = _transfer(runtime, project_id, transfer_id)
        path: Path = runtime.transfer_worker.file_of(transfer)
        if transfer.kind != "export" or transfer.state != "done" or not path.is_file():
            raise NotFoundException("there is no such file, or not yet")
        media = MEDIA.get(transfer.form, "application/x-ndjson")
        return File(path, filename=transfer.name, media_type=media, content_disposition_type="attachment")

    @delete("/{transfer_id:uuid}", opt={"may": "manage"}, sync_to_thread=True)
    def remove(self, project_id: UUID, transfer_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Cancel a running transfer, or delete a finished one with its file."""
        request.user.project(project_id)
        transfer = _transfer(runtime, project_id, transfer_id)
        if transfer.state in OPEN:
            runtime.transfer_worker.cancel(transfer)
        else:
            runtime.transfer_worker.forget(transfer)
