"""The commands of `trackway`. Most take `--json`."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from trackway import __version__, config
from trackway.cli import data_directory, jobs, people, plans, show
from trackway.cli.dead_letters import letters
from trackway.cli.models import models
from trackway.cli.store import store
from trackway.config import BadSettings, Settings
from trackway.govern.first_start import FirstStart

logger = logging.getLogger("trackway")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(people.projects, name="project")
app.add_typer(people.users, name="user")
app.add_typer(plans.plans, name="plan")
app.add_typer(jobs.jobs, name="jobs")
app.add_typer(models, name="models")
app.add_typer(letters, name="letters")
app.add_typer(store, name="store")

Data = Annotated[str | None, typer.Option(help="data directory")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output")]
Url = Annotated[str | None, typer.Option(help="URL of a running server, instead of a data directory")]
Key = Annotated[str | None, typer.Option(help="the project's secret key, for --url", envvar="TRACKWAY_SECRET_KEY")]
Project = Annotated[str | None, typer.Option(help="id or name of the project; the first when omitted")]


def settings(**overrides: Any) -> Settings:
    """Return the settings; print what is wrong with them and exit when they are invalid."""
    with show.refusals(BadSettings):
        chosen = config.load(**overrides)
    show.use_directory(chosen.data)
    return chosen


@app.callback(invoke_without_command=True)
def version(
    ctx: typer.Context, version: Annotated[bool, typer.Option("--version", help="print the version")] = False
) -> None:
    """First-party product analytics."""
    if version and ctx.invoked_subcommand is None:
        show.console.print(__version__)
        raise typer.Exit


@app.command()
def serve(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="address to listen at")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen at")] = None,
    small: Annotated[
        bool | None, typer.Option("--small/--no-small", help="load in a thread, or in a process beside")
    ] = None,
    json: Json = False,
) -> None:
    """Run the server until Ctrl-C. An empty directory is set up; keys and passwords created for it are printed once."""
    from trackway.store.engine_memory import leave_out

    leave_out("pandas")
    from trackway.collecting import CollectingRuntime
    from trackway.loading import LoadingRuntime
    from trackway.runtime import Runtime
    from trackway.serving import ServingRuntime
    from trackway.web.server import waiting
    from trackway.web.server.serve import AddressInUse, refuse_taken
    from trackway.web.server.serve import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = settings(data=data, host=host, port=port, small=small)
    for text in config.unknown_variables():
        logger.warning("%s", text)
    data_directory.end_while_starting()
    with show.refusals(AddressInUse):
        refuse_taken(chosen.host, chosen.port)  # before anything is created or opened
    data_directory.prepare(chosen)

    unprinted: dict[str, str] = {}

    def on_first_start(first: FirstStart) -> None:
        if json:
            unprinted.update(first.printable())
        else:
            show.console.print(data_directory.first_start_lines(first), markup=False, highlight=False, soft_wrap=True)

    def announce() -> None:
        address = f"http://{chosen.host}:{chosen.port}"
        if json:
            show.as_json({"address": address, "data": str(chosen.directory), **unprinted})
            unprinted.clear()
        else:
            show.console.print(f"Trackway {__version__} at [bold]{address}[/bold]  (data in {chosen.directory})")

    try:
        others: dict[str, type[Runtime]] = {"collector": CollectingRuntime, "loader": LoadingRuntime}
        beside = chosen.local_store and not chosen.log and not chosen.small
        made = others.get(chosen.role) or (ServingRuntime if beside else partial(Runtime, may_wait=True))
        opened = waiting.opened(chosen, lambda: made(chosen, on_first_start))
        with show.refusals(AddressInUse), closing(opened) as runtime:
            run(runtime, announce)
    finally:
        if unprinted:  # the start failed after the secrets were created, and the next start creates none
            show.as_json(unprinted)


@app.command(name="import")
def import_(
    form: Annotated[str, typer.Argument(help="ndjson (Segment's messages), csv, access-log or shopify-orders")],
    file: Annotated[str, typer.Argument(help="a file, .gz or .zst too, or - for standard input")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="store nothing; show what would be stored")] = False,
    columns: Annotated[list[str] | None, typer.Option("--map", help="of a table: FIELD=COLUMN, repeated")] = None,
    fixed: Annotated[list[str] | None, typer.Option("--set", help="of a table: FIELD=VALUE of every row")] = None,
    host: Annotated[str, typer.Option(help="of an access log: the site's host name")] = "",
    log_format: Annotated[str, typer.Option(help="of an access log: as in the configuration of nginx or Apache")] = "",
    delimiter: Annotated[str, typer.Option(help="of a table: , ; | or tab; detected when omitted")] = "",
    encoding: Annotated[str, typer.Option(help="of the text, such as windows-1250; detected when omitted")] = "",
    timezone: Annotated[str, typer.Option(help="of times without an offset; UTC when omitted")] = "",
    dates: Annotated[str, typer.Option(help="dmy or mdy: the order of 02/01/2020")] = "",
    decimal: Annotated[str, typer.Option(help=". or , before a fraction")] = "",
    data: Data = None,
    url: Url = None,
    key: Key = None,
    project: Project = None,
    json: Json = False,
) -> None:
    """Import messages, a table, or the page views of an access log. Importing a file again adds nothing.

    A server that has the directory open does the import itself.
    """
    from trackway.cli.dry_run import reading_of
    from trackway.cli.import_files import import_file

    reading = reading_of(
        columns or [], fixed or [], host=host, log_format=log_format, delimiter=delimiter, encoding=encoding,
        timezone=timezone, dates=dates, decimal=decimal,
    )  # fmt: skip
    import_file(settings(data=data), form, file, reading, url, key, project, json, dry_run)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="events, sessions or visitors")],
    out: Annotated[Path, typer.Argument(help="a file; its ending (.parquet, .csv, .arrow or .ndjson) sets the format")],
    data: Data = None,
    url: Url = None,
    key: Key = None,
    project: Project = None,
    json: Json = False,
) -> None:
    """Write a table of a project to a file."""
    from trackway.cli.ask import export_table

    export_table(settings(data=data), table, out, url, key, project, json)


@app.command()
def aggregate(
    date: Annotated[str, typer.Option(help="a day of the project's time zone, YYYY-MM-DD")],
    data: Data = None,
    url: Url = None,
    key: Key = None,
    project: Project = None,
    json: Json = False,
) -> None:
    """Recompute the daily counters of a past day from its events; repeating it changes nothing."""
    jobs.aggregate(settings(data=data), date, url, key, project, json)


@app.command()
def refresh(data: Data = None, url: Url = None, key: Key = None, project: Project = None, json: Json = False) -> None:
    """Recompute the counters of views from the events; normally they are at most two seconds old."""
    jobs.refresh(settings(data=data), url, key, project, json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="one SELECT")],
    data: Data = None,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Query in SQL: all of a stopped store with --data, one project of a running server with --url and --key."""
    from trackway.cli.ask import ask

    ask(settings(data=data), sql, url, key, json)


@app.command()
def doctor(
    data: Data = None,
    url: Url = None,
    repair: Annotated[str | None, typer.Option(help="repair the log, checkpoint, store or accounts")] = None,
    json: Json = False,
) -> None:
    """Find faults in a data directory, the settings or a running server, and print how to repair them."""
    from trackway.operate.doctor import examine_directory, examine_server

    if repair is not None:
        _repair(settings(data=data), repair, json)
        return
    chosen = settings(data=data)
    if data is not None and not chosen.directory.exists():
        show.fail(f"there is no directory {data}; name the one that `trackway serve` was started with")
    findings = examine_server(url) if url else examine_directory(chosen)
    findings = [finding._replace(text=show.with_directory(finding.text)) for finding in findings]
    if json:
        show.as_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            mark = {"fine": "[green]fine[/green]", "note": "[yellow]note[/yellow]", "bad": "[red]bad [/red]"}
            show.console.print(f"{mark[finding.state]}  ", end="")
            show.console.print(f"{finding.part}: {finding.text}", markup=False, highlight=False, soft_wrap=True)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def _repair(chosen: Settings, name: str, json: bool) -> None:
    from trackway.log import DirectoryUnusable
    from trackway.operate.repair import REPAIRS, CannotRepair
    from trackway.store.refusals import QuestionFailed, StoreUnavailable

    if not chosen.directory.exists():
        show.fail(f"there is no directory {chosen.directory}, so there is nothing to repair")
    if name not in REPAIRS:
        show.fail(f"there is no repair {name!r}; the repairs are {', '.join(REPAIRS)}")
    data_directory.prepare(chosen)
    with show.refusals(DirectoryUnusable, CannotRepair, StoreUnavailable, QuestionFailed):
        result = REPAIRS[name](chosen)
    if json:
        show.as_json({"repaired": name, "done": result})
    else:
        show.console.print(f"{name}: {result}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def rebuild(
    archive: Annotated[
        list[Path] | None, typer.Option(help="a directory of older log segments; may be repeated")
    ] = None,
    from_log_only: Annotated[bool, typer.Option(help="continue although the log is incomplete")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Rebuild the store of a stopped server from its log and archives; the old store is kept beside it."""
    from trackway.cli.rebuild import rebuild_store

    chosen = settings(data=data)
    data_directory.prepare(chosen)
    rebuild_store(chosen, archive or [], from_log_only, json)


def main() -> None:
    """Run the `trackway` command."""
    with data_directory.refusals():
        app()
