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

Url = Annotated[str | None, typer.Option(help="URL of a running server, instead of a data directory")]
Access = Annotated[str | None, typer.Option("--key", help="the project's secret key", envvar="TRACKWAY_SECRET_KEY")]
Wanted = Annotated[str | None, typer.Option("--project", help="id or name of a project; all when omitted")]
Stage = Annotated[str, typer.Option(help="the step that refused it, if several did")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[MESSAGE_ID]...")]
All = Annotated[bool, typer.Option("--all", help="all dead letters")]
NONE = "There are no dead letters: every message that was acknowledged is stored or on its way."


class LetterAccess(Protocol):
    """Access to dead letters: of a stopped directory or of a running server. The answers are those of the API."""

    def newest(self, limit: int) -> dict[str, Any]:
        """Return the newest dead letters, and the `count` of all."""

    def letter(self, message_id: str, stage: str) -> dict[str, Any]:
        """Return one dead letter with its message."""

    def apply(self, action: str, selection: dict[str, Any]) -> dict[str, Any]:
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
    with _letter_access(data, url, key, project) as letter_access:
        answer = letter_access.newest(limit)
    if json:
        show.as_json(answer)
    elif not answer["count"]:
        show.console.print(NONE)
    else:
        show.table(answer["letters"])
        if answer["count"] > len(answer["letters"]):
            show.console.print(f"{len(answer['letters'])} of {answer['count']}; --limit shows more")


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
    with _letter_access(data, url, key, project) as letter_access:
        letter = letter_access.letter(message_id, stage)
    if json:
        show.as_json(letter)
        return
    for name, value in letter.items():
        show.console.print(f"{name:<12} {value}", markup=False, highlight=False, soft_wrap=True)


@letters.command("replay")
def replay(
    message_ids: Ids = None,
    all_: All = False,
    stage: Stage = "",
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """Write messages to the log again, after a fix. A message that is refused again becomes a dead letter again."""
    selection = _selection(message_ids, all_, stage)
    with _letter_access(data, url, key, project) as letter_access:
        _show_outcome(letter_access.apply("replay", selection), json)


@letters.command("drop")
def drop(
    message_ids: Ids = None,
    all_: All = False,
    stage: Stage = "",
    data: Data = None,
    url: Url = None,
    key: Access = None,
    project: Wanted = None,
    json: Json = False,
) -> None:
    """Delete dead letters. This cannot be undone."""
    selection = _selection(message_ids, all_, stage)
    with _letter_access(data, url, key, project) as letter_access:
        _show_outcome(letter_access.apply("drop", selection), json)


def _selection(message_ids: list[str] | None, all_: bool, stage: str) -> dict[str, Any]:
    if all_ == bool(message_ids) or "" in (message_ids or []):
        show.fail("name messages, or give --all; `trackway letters list` shows them")
    if all_:
        return {"all": True}
    return {"letters": [{"message_id": message_id, "stage": stage} for message_id in message_ids or []]}


def _show_outcome(outcome: dict[str, Any], json: bool) -> None:
    if json:
        show.as_json(outcome)
        return
    text = f"{outcome['replayed']} replayed" if "replayed" in outcome else f"{outcome['dropped']} dropped"
    if outcome.get("kept"):
        text += f", {outcome['kept']} are derived rows and have no message to replay"
    remaining = outcome["count"]
    show.console.print(f"{text}. {NONE if not remaining else f'{remaining} dead letters are left.'}", highlight=False)


@contextmanager
def _letter_access(data: str | None, url: str | None, key: str | None, project: str | None) -> Iterator[LetterAccess]:
    if url:
        yield _Server(Remote(url, key))
        return
    from trackway.cli.commands import settings

    chosen: Settings = settings(data=data)
    if not chosen.directory.is_dir():
        show.fail(f"there is no store at {chosen.directory}; for a server that runs elsewhere, use --url and --key")
    with runtime_of(chosen, json=False) as runtime:
        yield _Directory(runtime, UUID(find_project(runtime.accounts, project).id) if project else None)


class _Server:
    """The dead letters of a key's project on a running server."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def newest(self, limit: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._remote.get(f"dead-letters?limit={limit}")
        return answer

    def letter(self, message_id: str, stage: str) -> dict[str, Any]:
        wanted = urlencode({"message_id": message_id, "stage": stage})
        letter: dict[str, Any] = self._remote.get(f"dead-letters/letter?{wanted}")
        return letter

    def apply(self, action: str, selection: dict[str, Any]) -> dict[str, Any]:
        outcome: dict[str, Any] = self._remote.post(f"dead-letters/{action}", selection)
        if action == "replay":
            self._remote.wait_until_stored()
            outcome["count"] = self.newest(1)["count"]
        return outcome


class _Directory:
    """The dead letters of a stopped directory, of one project or of all."""

    def __init__(self, runtime: Any, project_id: UUID | None) -> None:
        from trackway.store import dead_letters

        self._runtime, self._project_id, self._letters = runtime, project_id, dead_letters

    def _count(self) -> int:
        return self._letters.count(self._runtime.store, self._project_id)

    def newest(self, limit: int) -> dict[str, Any]:
        letters = self._letters.listed(self._runtime.store, self._project_id, limit=limit)
        return {"count": self._count(), "letters": [_shown(letter) for letter in letters]}

    def letter(self, message_id: str, stage: str) -> dict[str, Any]:
        letters = self._letters.listed(self._runtime.store, self._project_id, message_id, stage, 1)
        if not letters:
            show.fail(f"there is no dead letter {message_id!r}; `trackway letters list` shows them")
        return {**_shown(letters[0]), "body": letters[0].body}

    def apply(self, action: str, selection: dict[str, Any]) -> dict[str, Any]:
        keys = self._keys(selection)
        runtime = self._runtime
        if action == "drop":
            for project_id, own in self._by_project(keys):
                self._letters.remove(runtime.store, own, runtime.progress.lock_of(project_id))
            outcome = {"dropped": len(keys)}
        else:
            replayed = sum(
                self._letters.replay(runtime.store, own, runtime.write, runtime.progress.lock_of(project_id))
                for project_id, own in self._by_project(keys)
            )
            runtime.loader.drain()
            outcome = {"replayed": replayed, "kept": len(keys) - replayed}
        for project_id, own in self._by_project(keys):
            message_ids = [key.message_id for key in own]
            entry = "letters replayed" if action == "replay" else "letters dropped"
            runtime.accounts.audit.write("the command line", entry, f"{len(message_ids)} dead letters", project_id)
        return {**outcome, "count": self._count()}

    @staticmethod
    def _by_project(keys: list[Key]) -> list[tuple[UUID, list[Key]]]:
        return [(one, [key for key in keys if key.project_id == one]) for one in {key.project_id for key in keys}]

    def _keys(self, selection: dict[str, Any]) -> list[Key]:
        if selection.get("all"):
            return self._letters.keys(self._runtime.store, self._project_id)
        keys: list[Key] = []
        for chosen_letter in selection["letters"]:
            matches = self._letters.keys(
                self._runtime.store, self._project_id, chosen_letter["message_id"], chosen_letter["stage"]
            )
            if not matches:
                show.fail(
                    f"there is no dead letter {chosen_letter['message_id']!r}; `trackway letters list` shows them"
                )
            keys += matches
        return list(dict.fromkeys(keys))


def _shown(letter: Letter) -> dict[str, Any]:
    return {
        "project_id": str(letter.key.project_id), "message_id": letter.key.message_id, "stage": letter.key.stage,
        "received_at": letter.received_at.isoformat(), "reason": letter.reason, "replayable": letter.replayable,
    }  # fmt: skip
