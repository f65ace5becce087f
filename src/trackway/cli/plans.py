"""`trackway plan`: check, infer, compare and generate types from tracking plans, and put them in force."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer

from trackway import config
from trackway.cli import show
from trackway.cli.ask import query_rows
from trackway.cli.people import find_project, open_accounts
from trackway.config import BadSettings
from trackway.govern.plans import client_types, drafts
from trackway.govern.plans.plan import BadPlan, Plan, as_yaml, read_named
from trackway.statements import Statements

_sql = Statements(__name__)

plans = typer.Typer(no_args_is_help=True, help="Check, infer, compare and use tracking plans.")

Name = Annotated[str, typer.Argument(help="a YAML or JSON file, or an included plan: concerts")]
Data = Annotated[str | None, typer.Option(help="data directory")]
Url = Annotated[str | None, typer.Option(help="URL of a running server, instead of a data directory")]
Key = Annotated[str | None, typer.Option(help="the project's secret key, for --url", envvar="TRACKWAY_SECRET_KEY")]
Project = Annotated[str | None, typer.Option(help="id or name of the project; the first when omitted")]
Days = Annotated[int, typer.Option(help="how many days back")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output")]
Out = Annotated[Path | None, typer.Option("--output", "-o", help="a file; standard output when omitted")]

_SAMPLE = 2000


def _plan(name: str) -> Plan:
    with show.refusals(BadPlan):
        return read_named(name)


def _stored(days: int, data: str | None, url: str | None, key: str | None) -> Iterator[drafts.Stored]:
    """Yield the newest track events of the last days, at most `_SAMPLE` of each name."""
    sql = _sql("stored", days=int(days), sample=_SAMPLE)
    with show.refusals(BadSettings):
        settings = config.load(data=data)
    for row in query_rows(settings, sql, url, key):
        yield row["name"], json_module.loads(row["properties"])


def _write_out(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text)
        show.errors.print(f"written to {out}", markup=False, highlight=False)


@plans.command()
def check(plan: Name, days: Days = 0, data: Data = None, url: Url = None, key: Key = None, json: Json = False) -> None:
    """Check a plan; with --days, check the stored events of these days too. Exits with 1 when an event breaks it."""
    parsed = _plan(plan)
    broken = drafts.check(parsed, _stored(days, data, url, key)) if days else []
    if json:
        show.as_json({"events": len(parsed.events), "broken": [rule._asdict() for rule in broken]})
    elif broken:
        show.table([rule._asdict() for rule in broken])
    else:
        against = f", and the stored events of the last {days} days follow it" if days else ""
        show.console.print(f"{plan} is a plan of {len(parsed.events)} events{against}", markup=False, highlight=False)
    if broken:
        raise typer.Exit(1)


@plans.command()
def infer(days: Days = 30, data: Data = None, url: Url = None, key: Key = None, output: Out = None) -> None:
    """Write a plan from the events of the last days, to be edited: events, properties, types, required properties."""
    _write_out(as_yaml(drafts.infer(_stored(days, data, url, key))), output)


@plans.command()
def diff(
    old: Name,
    new: Annotated[
        str, typer.Argument(help="a file as for OLD; without it, OLD is compared with the plan in force")
    ] = "",
    data: Data = None,
    project: Project = None,
    json: Json = False,
) -> None:
    """Show the changes between two plans. Exits with 1 when messages that keep the old plan may break the new one."""
    before, after = (_plan(old), _plan(new)) if new else (_in_force(data, project)[1], _plan(old))
    changes = drafts.diff(before, after)
    if json:
        show.as_json([change._asdict() for change in changes])
    elif changes:
        show.table([change._asdict() for change in changes])
    else:
        show.console.print("nothing changed")
    if any(change.breaking for change in changes):
        raise typer.Exit(1)


@plans.command()
def generate(
    plan: Name, language: Annotated[Literal["typescript", "python"], typer.Option("--language", "-l")] = "typescript",
    output: Out = None,
) -> None:  # fmt: skip
    """Write types of the plan's events, for TypeScript or Python."""
    _write_out(getattr(client_types, language)(_plan(plan)), output)


@plans.command()
def push(plan: Name, data: Data = None, project: Project = None, json: Json = False) -> None:
    """Put a plan in force; a running server checks messages against it within seconds."""
    parsed, accounts = _plan(plan), open_accounts(data)
    chosen = find_project(accounts, project)
    version = accounts.plans.write(UUID(chosen.id), parsed, "command line")
    show.rows([{"project": chosen.name, "version": version, "events": len(parsed.events)}], json)


@plans.command(name="show")
def show_plan(data: Data = None, project: Project = None, output: Out = None) -> None:
    """Write the plan in force to a file or to standard output."""
    _write_out(as_yaml(_in_force(data, project)[1]), output)


def _in_force(data: str | None, project: str | None) -> tuple[int, Plan]:
    accounts = open_accounts(data)
    chosen: Any = find_project(accounts, project)
    return accounts.plans.current(UUID(chosen.id)) or (0, Plan())
