"""Boards of a project, and shared boards.

Access: members of the project and its secret key; viewers only read. Anybody who has the link of a board sees
that board's tiles, and nothing else.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.exceptions import NotFoundException

from trackway.analyze.desk import Asker, Desk, understood
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.reply import SharedReply
from trackway.govern.saved.tables import Board
from trackway.govern.tables import Project
from trackway.runtime import Runtime
from trackway.store.policy import Policy
from trackway.web.server.caller import ANYBODY, Caller

_MOST_TILES = 60
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Cell = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class Tile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A question with its answer as a chart or number, or a note; at column `x` of twelve and row `y`, `w` by `h`
    cells.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    kind: Literal["question", "note"]
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    text: Annotated[str, msgspec.Meta(max_length=10_000)] = ""
    ask: dict[str, Any] = {}
    show: Literal["chart", "number"] = "chart"
    x: Annotated[int, msgspec.Meta(ge=0, le=11)] = 0
    y: Cell = 0
    w: Annotated[int, msgspec.Meta(ge=1, le=12)] = 6
    h: Annotated[int, msgspec.Meta(ge=1, le=40)] = 4


class Layout(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The contents of a board. `period` (or `from` and `to`), `filter` and `bots` apply to all its tiles."""

    tiles: list[Tile] = []
    period: str = "30d"
    since: str = msgspec.field(default="", name="from")
    until: str = msgspec.field(default="", name="to")
    filter: list[str] = []
    bots: bool = False


class NewBoard(msgspec.Struct, forbid_unknown_fields=True):
    """The name and contents of a new board."""

    name: Name
    layout: Layout = msgspec.field(default_factory=Layout)


class BoardChange(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to a board."""

    name: Name | None = None
    layout: Layout | None = None


class BoardShown(msgspec.Struct):
    """A board."""

    id: str
    name: str
    layout: Layout
    created_by: str
    updated_at: datetime


class NewShare(msgspec.Struct, forbid_unknown_fields=True):
    """The number of days for which a link works; without it the link does not expire."""

    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class ShareShown(msgspec.Struct):
    """A link; `token` is set only when the link is created."""

    id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    token: str = ""


class SharedBoard(msgspec.Struct):
    """The parts of a board that a link shows."""

    name: str
    layout: Layout
    project: str
    timezone: str
    currency: str


class BoardsOfProject(Controller):
    """`/api/v1/projects/{project_id}/boards`"""

    path = "/api/v1/projects/{project_id:uuid}/boards"
    tags = ("boards",)

    @get("/", opt={"may": "read"}, sync_to_thread=True)
    def boards(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> list[BoardShown]:
        """List the project's boards."""
        request.user.project(project_id)
        return [_shown(board) for board in runtime.accounts.boards.all(project_id)]

    @post("/", opt={"may": "edit"}, sync_to_thread=True)
    def add(self, project_id: UUID, data: NewBoard, request: Request[Caller, Any, Any], runtime: Runtime) -> BoardShown:
        """Create a board."""
        request.user.project(project_id)
        body = _checked(data.layout)
        return _shown(runtime.accounts.boards.add(project_id, data.name, body, request.user.name))

    @get("/{board_id:uuid}", opt={"may": "read"}, sync_to_thread=True)
    def board(
        self, project_id: UUID, board_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> BoardShown:
        """Return a board."""
        return _shown(_board(project_id, board_id, request, runtime))

    @put("/{board_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def change(
        self, project_id: UUID, board_id: UUID, data: BoardChange, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> BoardShown:
        """Change the name or contents of a board."""
        request.user.project(project_id)
        body = None if data.layout is None else _checked(data.layout)
        changed = runtime.accounts.boards.change(project_id, board_id, data.name, body)
        if changed is None:
            raise NotFoundException(f"there is no board {board_id}")
        return _shown(changed)

    @delete("/{board_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def remove(self, project_id: UUID, board_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> None:
        """Remove a board; `POST …/restore` restores it."""
        request.user.project(project_id)
        if not runtime.accounts.boards.remove(project_id, board_id):
            raise NotFoundException(f"there is no board {board_id}")

    @post("/{board_id:uuid}/restore", opt={"may": "edit"}, status_code=200, sync_to_thread=True)
    def restore(
        self, project_id: UUID, board_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> BoardShown:
        """Restore a removed board."""
        request.user.project(project_id)
        if not runtime.accounts.boards.remove(project_id, board_id, back=True):
            raise NotFoundException(f"there is no board {board_id} that was removed")
        return _shown(_board(project_id, board_id, request, runtime))

    @get("/{board_id:uuid}/shares", opt={"may": "read"}, sync_to_thread=True)
    def shares(
        self, project_id: UUID, board_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[ShareShown]:
        """List a board's links that work."""
        board = _board(project_id, board_id, request, runtime)
        return [_link(link) for link in runtime.accounts.boards.shares(UUID(board.id))]

    @post("/{board_id:uuid}/shares", opt={"may": "edit"}, sync_to_thread=True)
    def share(
        self, project_id: UUID, board_id: UUID, data: NewShare, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> ShareShown:
        """Create a link: `/shared/TOKEN` shows the board, read-only, to everybody who has the link."""
        board = _board(project_id, board_id, request, runtime)
        link, token = runtime.accounts.boards.share(UUID(board.id), data.days, request.user.name)
        request.user.wrote("shared", board.name, project_id, days=data.days)
        return _link(link, token)

    @delete("/{board_id:uuid}/shares/{share_id:uuid}", opt={"may": "edit"}, sync_to_thread=True)
    def revoke(
        self, project_id: UUID, board_id: UUID, share_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Revoke a link."""
        board = _board(project_id, board_id, request, runtime)
        if not runtime.accounts.boards.revoke(UUID(board.id), share_id):
            raise NotFoundException(f"there is no link {share_id}")
        request.user.wrote("shared", board.name, project_id, revoked=str(share_id))


class SharedBoards(Controller):
    """`/api/v1/shared/{token}`: for everybody who has the link."""

    path = "/api/v1/shared"
    tags = ("boards",)

    @get("/{token:str}", exclude_from_auth=True, opt={"may": ANYBODY}, sync_to_thread=True)
    def board(self, token: str, runtime: Runtime) -> SharedBoard:
        """Return the board of the link."""
        board, project = _of_link(token, runtime)
        layout = msgspec.convert(board.body, Layout)
        return SharedBoard(board.name, layout, project.name, project.timezone, project.currency)

    @get("/{token:str}/tiles/{tile:str}", exclude_from_auth=True, opt={"may": ANYBODY})
    async def tile(self, token: str, tile: str, runtime: Runtime, desk: Desk) -> SharedReply:
        """Answer the question of one tile. The caller cannot change any part of the question."""
        board, project = _of_link(token, runtime)
        layout = msgspec.convert(board.body, Layout)
        question_tile = next(
            (candidate for candidate in layout.tiles if candidate.id == tile and candidate.kind == "question"), None
        )
        if question_tile is None:
            raise NotFoundException("the board has no such tile")

        async def never() -> None:
            await asyncio.Event().wait()

        whole = Asker(Policy(UUID(project.id)), lambda _: True, lambda _: None)  # the link's author could see it all
        reply = await desk.answer(project, whole, question_of(layout, question_tile), never)
        return reply.shared()


def question_of(layout: Layout, tile: Tile) -> dict[str, Any]:
    """Build a tile's question, with the board's period and filters."""
    common: dict[str, Any] = {"period": layout.period, "bots": layout.bots}
    if layout.since:
        common |= {"from": layout.since, "to": layout.until}
    if layout.filter:
        common["filter"] = {"all": layout.filter}
    return {**tile.ask, **common}


def _checked(layout: Layout) -> dict[str, Any]:
    """Check a layout and convert it for storage. Raises BadQuestion for a tile with an invalid question."""
    if len(layout.tiles) > _MOST_TILES:
        raise BadQuestion("tiles", f"a board has at most {_MOST_TILES}")
    if len({tile.id for tile in layout.tiles}) < len(layout.tiles):
        raise BadQuestion("tiles", "two tiles have the same id")
    for tile in layout.tiles:
        if tile.kind == "question":
            understood(tile.ask)
    body: dict[str, Any] = msgspec.to_builtins(layout)
    return body


def _board(project_id: UUID, board_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Board:
    request.user.project(project_id)
    board = runtime.accounts.boards.get(project_id, board_id)
    if board is None:
        raise NotFoundException(f"there is no board {board_id}")
    return board


def _of_link(token: str, runtime: Runtime) -> tuple[Board, Project]:
    board = runtime.accounts.boards.shared(token)
    for project in runtime.accounts.projects() if board else []:
        if board is not None and project.id == board.project_id:
            return board, project
    raise NotFoundException("this link is no longer valid; ask its sender for another")


def _shown(board: Board) -> BoardShown:
    layout = msgspec.convert(board.body, Layout)
    return BoardShown(board.id, board.name, layout, board.created_by, board.updated_at.replace(tzinfo=UTC))


def _link(link: Any, token: str = "") -> ShareShown:
    expires = link.expires_at and link.expires_at.replace(tzinfo=UTC)
    return ShareShown(link.id, link.created_by, link.created_at.replace(tzinfo=UTC), expires, token)
