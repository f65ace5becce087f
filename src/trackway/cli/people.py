"""`trackway project` and `trackway user`: they use the accounts database, also while a server runs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from trackway import config
from trackway.cli import show
from trackway.cli.data_directory import accounts_of
from trackway.config import BadSettings
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import BadAccount, Project

projects = typer.Typer(no_args_is_help=True, help="List, create and change projects and their keys.")
users = typer.Typer(no_args_is_help=True, help="List, create and remove users.")

Data = Annotated[str | None, typer.Option(help="data directory")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output")]


def open_accounts(data: str | None) -> GovernDatabase:
    """Return the accounts database of a data directory; print what is wrong and exit when it cannot be opened."""
    with show.refusals(BadSettings):
        settings = config.load(data=data)
    return accounts_of(settings)


def find_project(accounts: GovernDatabase, name: str | None) -> Project:
    """Return a project by id or name, the first one for None."""
    projects = accounts.projects()
    for project in projects:
        if name is None or name in (project.id, project.name):
            return project
    show.fail(f"there is no project {name or 'yet'}; `trackway project list` shows them")


@projects.command("list")
def list_projects(data: Data = None, json: Json = False) -> None:
    """List all projects with their write keys."""
    rows = [
        {
            "id": project.id,
            "name": project.name,
            "timezone": project.timezone,
            "currency": project.currency,
            "loader": project.loader,
            "goals": ", ".join(project.goals),
            "write_key": next((k.value for k in project.keys if k.kind == "write" and not k.revoked_at), ""),
        }
        for project in open_accounts(data).projects()
    ]
    show.rows(rows, json, whole=True)


@projects.command("add")
def add_project(
    name: str,
    timezone: Annotated[str, typer.Option(help="such as Europe/Berlin")] = "UTC",
    currency: Annotated[str, typer.Option(help="such as EUR")] = "USD",
    loader: Annotated[int | None, typer.Option(help="the loader that it belongs to for ever, of several")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Create a project; its secret key is shown only now. Of several loaders, it gets the one with fewest projects."""
    with show.refusals(BadAccount):
        project, write_key, secret_key = open_accounts(data).add_project(name, timezone, currency, loader=loader)
    show.rows(
        [{"id": project.id, "name": project.name, "write_key": write_key, "secret_key": secret_key}], json, whole=True
    )


@projects.command("change")
def change_project(
    project: str,
    name: Annotated[str | None, typer.Option()] = None,
    timezone: Annotated[str | None, typer.Option()] = None,
    currency: Annotated[str | None, typer.Option()] = None,
    goal: Annotated[list[str] | None, typer.Option(help="an event that is a goal; repeatable, replaces all")] = None,
    human: Annotated[list[str] | None, typer.Option(help="a bot reason to overrule; repeatable, replaces all")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Change a project: name, time zone, currency, goals, or the overruled bot reasons."""
    accounts = open_accounts(data)
    target = find_project(accounts, project)
    with show.refusals(BadAccount):
        changed = accounts.change_project(UUID(target.id), name, timezone, currency, goal, human)
    show.rows(
        [
            {
                "id": changed.id,
                "name": changed.name,
                "timezone": changed.timezone,
                "currency": changed.currency,
                "goals": ", ".join(changed.goals),
                "humans": ", ".join(changed.overruled_bot_reasons),
            }
        ],
        json,
    )


@projects.command("key")
def add_key(project: str, kind: str, data: Data = None, json: Json = False) -> None:
    """Create another write, secret or embed key; the id of an embed key is the `kid` of tokens."""
    if kind not in ("write", "secret", "embed"):
        show.fail(f"{kind!r} is not a kind of key; the kinds are write, secret and embed")
    accounts = open_accounts(data)
    new_key, value = accounts.add_key(UUID(find_project(accounts, project).id), kind)
    show.rows([{"kind": kind, "id": new_key.id, "value": value}], json, whole=True)


@users.command("list")
def list_users(data: Data = None, json: Json = False) -> None:
    """List all users."""
    show.rows([{"email": user.email, "admin": user.is_admin} for user in open_accounts(data).users()], json)


@users.command("add")
def add_user(
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="TRACKWAY_USER_PASSWORD")],
    admin: Annotated[bool, typer.Option(help="may see and change everything")] = False,
    project: Annotated[list[str] | None, typer.Option(help="a project that the user may see; repeatable")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Create a user."""
    accounts = open_accounts(data)
    allowed_projects = [find_project(accounts, name) for name in project or []]
    with show.refusals(BadAccount):
        user = accounts.add_user(email, password, admin)
        for allowed in allowed_projects:
            accounts.add_member(email, UUID(allowed.id))
    show.rows([{"email": user.email, "admin": user.is_admin}], json)


@users.command("password")
def set_password(
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="TRACKWAY_USER_PASSWORD")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Set a user's password, and sign the user out everywhere."""
    with show.refusals(BadAccount):
        open_accounts(data).set_password(email, password)
    show.rows([{"email": email, "password": "changed"}], json)


@users.command("remove")
def remove_user(email: str, data: Data = None, json: Json = False) -> None:
    """Remove a user."""
    with show.refusals(BadAccount):
        open_accounts(data).remove_user(email)
    show.rows([{"email": email, "removed": True}], json)
