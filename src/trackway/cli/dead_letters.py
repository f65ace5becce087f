"""`trackway letters`: messages that were acknowledged and could not be stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

import typer

from trackway.cli import show
from trackway.cli.data_directory import runtime_of
from trackway.cli.people import Data, Json, find_project
from trackway.cli.remote import Remote
from trackway.config import Settings

if TYPE_CHECKING:  # commands that open no store need not wait for its libraries
    from trackway.store.dead_letters import Key, Letter

letters = typer.Typer(
    no_args_is_help=True,
    help="Messages that were acknowledged and could not be stored: list, show, replay, drop.",
)

Url = Annotated[str | None, typer.Option(help="address of a running server, instead of a data directory")]
Access = Annotated[str | None, typer.Option("--key", help="the project's secret key", envvar="TRACKWAY_SECRET_KEY")]
Wanted = Annotated[str | None, typer.Option("--project", help="id or name of a project; all when left away")]
Stage = Annotated[str, typer.Option(help="the step that refused it, where several did")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[MESSAGE_ID]...")]
All = Annotated[bool, typer.Option("--all", help="all there are")]
NONE = "There are no dead letters: every message that was acknowledged is stored or on its way."


class Place(Protocol):
    """The place of dead letters: a stopped directory or a running server. The answers are those of the API."""

    def listed(self, limit: int) -> dict[str, Any]:
        """Return the newest dead letters, and the `count` of all."""

    def shown(self, message_id: str, stage: str) -> dict[str, Any]:
        """Return one dead letter with its message."""

    def done(self, what: str, chosen: dict[str, Any]) -> dict[str, Any]:
        """Do `replay` or `drop`, and return the outcome."""


@letters.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="most to list")] = 100,
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """List the newest dead letters, with the number of all."""
    with _place(data, url, key, project) as place:
        found = place.listed(limit)
    if json:
        show.as_json(found)
    elif not found["count"]:
        show.console.print(NONE)
    else:
        show.table(found["letters"])
        if found["count"] > len(found["letters"]):
            show.console.print(f"{len(found['letters'])} of {found['count']}; --limit shows more")


@letters.command("show")
def show_letter(
    message_id: str,
    stage: Stage = "",
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """Show one dead letter with its message."""
    if not message_id:
        show.fail("name a message; `trackway letters list` shows them")
    with _place(data, url, key, project) as place:
        found = place.shown(message_id, stage)
    if json:
        show.as_json(found)
        return
    for name, value in found.items():
        show.console.print(f"{name:<12} {value}", markup=False, highlight=False, soft_wrap=True)


@letters.command("replay")
def replay(
    message_ids: Ids = None,
    every: All = False,
    stage: Stage = "",
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """Write messages to the log again, after a fix. A message that is refused again becomes a dead letter again."""
    chosen = _chosen(message_ids, every, stage)
    with _place(data, url, key, project) as place:
        _told(place.done("replay", chosen), json)


@letters.command("drop")
def drop(
    message_ids: Ids = None,
    every: All = False,
    stage: Stage = "",
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """Remove dead letters for ever. They cannot be restored."""
    chosen = _chosen(message_ids, every, stage)
    with _place(data, url, key, project) as place:
        _told(place.done("drop", chosen), json)


def _chosen(message_ids: list[str] | None, every: bool, stage: str) -> dict[str, Any]:
    if every == bool(message_ids) or "" in (message_ids or []):
        show.fail("name messages, or say --all; `trackway letters list` shows them")
    if every:
        return {"all": True}
    return {"letters": [{"message_id": one, "stage": stage} for one in message_ids or []]}


def _told(outcome: dict[str, Any], json: bool) -> None:
    if json:
        show.as_json(outcome)
        return
    done = f"{outcome['replayed']} replayed" if "replayed" in outcome else f"{outcome['dropped']} dropped"
    if outcome.get("kept"):
        done += f", {outcome['kept']} are derived rows and have no message to replay"
    left = outcome["count"]
    show.console.print(f"{done}. {NONE if not left else f'{left} dead letters are left.'}", highlight=False)


@contextmanager
def _place(data: str | None, url: str | None, key: str | None, project: str | None) -> Iterator[Place]:
    if url:
        yield _Server(Remote(url, key))
        return
    from trackway.cli.main import settings

    chosen: Settings = settings(data=data)
    if not chosen.directory.is_dir():
        show.fail(
            f"there is no store at {chosen.directory}; a server that runs elsewhere is asked with --url and --key"
        )
    with runtime_of(chosen, json=False) as runtime:
        yield _Directory(runtime, UUID(find_project(runtime.accounts, project).id) if project else None)


class _Server:
    """The dead letters of a key's project on a running server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def listed(self, limit: int) -> dict[str, Any]:
        found: dict[str, Any] = self._remote.get(f"dead-letters?limit={limit}")
        return found

    def shown(self, message_id: str, stage: str) -> dict[str, Any]:
        wanted = urlencode({"message_id": message_id, "stage": stage})
        found: dict[str, Any] = self._remote.get(f"dead-letters/letter?{wanted}")
        return found

    def done(self, what: str, chosen: dict[str, Any]) -> dict[str, Any]:
        outcome: dict[str, Any] = self._remote.post(f"dead-letters/{what}", chosen)
        if what == "replay":
            self._remote.stored()
            outcome["count"] = self.listed(1)["count"]
        return outcome


class _Directory:
    """The dead letters of a stopped directory, of one project or of all."""

    def __init__(self, runtime: Any, project_id: UUID | None) -> None:
        from trackway.store import dead_letters

        self._runtime, self._project_id, self._letters = runtime, project_id, dead_letters

    def _count(self) -> int:
        return self._letters.count(self._runtime.store, self._project_id)

    def listed(self, limit: int) -> dict[str, Any]:
        found = self._letters.listed(self._runtime.store, self._project_id, limit=limit)
        return {"count": self._count(), "letters": [_shown(one) for one in found]}

    def shown(self, message_id: str, stage: str) -> dict[str, Any]:
        found = self._letters.listed(self._runtime.store, self._project_id, message_id, stage, 1)
        if not found:
            show.fail(f"there is no dead letter {message_id!r}; `trackway letters list` shows them")
        return {**_shown(found[0]), "body": found[0].body}

    def done(self, what: str, chosen: dict[str, Any]) -> dict[str, Any]:
        wanted = self._wanted(chosen)
        runtime = self._runtime
        if what == "drop":
            self._letters.remove(runtime.store, wanted, runtime.loader.store_lock)
            outcome = {"dropped": len(wanted)}
        else:
            replayed = self._letters.replay(runtime.store, wanted, runtime.write, runtime.loader.store_lock)
            runtime.loader.drain()
            outcome = {"replayed": replayed, "kept": len(wanted) - replayed}
        for project_id in {one.project_id for one in wanted}:
            own = [one.message_id for one in wanted if one.project_id == project_id]
            action = "letters replayed" if what == "replay" else "letters dropped"
            runtime.accounts.audit.write("the command line", action, f"{len(own)} dead letters", project_id)
        return {**outcome, "count": self._count()}

    def _wanted(self, chosen: dict[str, Any]) -> list[Key]:
        if chosen.get("all"):
            return self._letters.keys(self._runtime.store, self._project_id)
        found: list[Key] = []
        for one in chosen["letters"]:
            some = self._letters.keys(self._runtime.store, self._project_id, one["message_id"], one["stage"])
            if not some:
                show.fail(f"there is no dead letter {one['message_id']!r}; `trackway letters list` shows them")
            found += some
        return list(dict.fromkeys(found))


def _shown(one: Letter) -> dict[str, Any]:
    return {
        "project_id": str(one.key.project_id), "message_id": one.key.message_id, "stage": one.key.stage,
        "received_at": one.received_at.isoformat(), "reason": one.reason, "replayable": one.replayable,
    }  # fmt: skip
