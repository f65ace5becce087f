"""Sources of orders: an API for orders, webhooks of payment providers and shops, and followed databases."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.exceptions import NotFoundException, ServiceUnavailableException

from trackway.analyze.language.period import BadQuestion
from trackway.collect.broken_json import elements
from trackway.collect.orders import mapping, postgres_address, webhooks
from trackway.collect.orders.postgres import remove, setup
from trackway.collect.orders.postgres_address import BadDatabase
from trackway.collect.orders.report import BadOrder, OrderReport, aliases, check, messages
from trackway.event import Arrival, Location, Message, now
from trackway.govern.saved.tables import Connection
from trackway.govern.tables import iso_time
from trackway.outgoing import Refused
from trackway.runtime import Runtime
from trackway.store.lookups import owners
from trackway.web.server.caller import ANYBODY, Caller
from trackway.web.server.problems import problem
from trackway.wording import fault

logger = logging.getLogger("trackway.web")

MOST_ORDERS = 500
_CHUNK = 100


class Shop(NamedTuple):
    """The functions that verify and parse the deliveries of a kind of shop."""

    check: Callable[[Mapping[str, str], bytes, str], None]
    read: Callable[[Mapping[str, str], bytes], webhooks.Report]


SHOPS = {
    "stripe": Shop(webhooks.check_stripe, webhooks.read_stripe),
    "woocommerce": Shop(webhooks.check_woocommerce, webhooks.read_woocommerce),
}


class NewConnection(msgspec.Struct, forbid_unknown_fields=True):
    """A new connection. For a shop or payment provider, `secret` is its signing secret; an omitted one is generated.
    For a PostgreSQL database, `secret` is its connection string, and `config` names the table and columns (see
    `docs/how-to/orders.md`).
    """

    kind: Literal["stripe", "woocommerce", "postgres"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    secret: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    config: dict[str, Any] = {}


class ConnectionChange(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to a connection; omitted fields stay as they are."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    active: bool | None = None
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None


class ConnectionShown(msgspec.Struct):
    """A connection: the number of reports taken, the time of the last one, and the problem of a report that was not
    taken. `address` is the webhook URL of a shop; a generated `secret` is shown once.
    """

    id: str
    kind: str
    name: str
    config: dict[str, Any]
    active: bool
    taken: int
    last_at: str | None
    problem: str
    created_by: str
    address: str = ""
    secret: str = ""


class Setup(msgspec.Struct):
    """The SQL that a privileged user has to run in the database, when Trackway's user may not."""

    sql: str


class Accepted(msgspec.Struct):
    """The number of messages written to the log."""

    accepted: int


class RejectedOrder(msgspec.Struct):
    """An order that could not be taken: its position, the field and the reason."""

    index: int
    field: str
    reason: str


class Reported(msgspec.Struct):
    """The number of orders taken, and the orders that were not."""

    accepted: int
    rejected: list[RejectedOrder]


def _shown(connection: Connection, runtime: Runtime, secret: str = "") -> ConnectionShown:
    address = f"{runtime.settings.url.rstrip('/')}/v1/connections/{connection.id}" if connection.kind in SHOPS else ""
    return ConnectionShown(
        connection.id,
        connection.kind,
        connection.name,
        connection.config,
        connection.active,
        connection.taken,
        iso_time(connection.last_at),
        connection.problem,
        connection.created_by,
        address,
        secret,
    )


def _connection(runtime: Runtime, project_id: UUID, connection_id: UUID) -> Connection:
    connection = runtime.accounts.connections.get(connection_id, project_id)
    if connection is None:
        raise NotFoundException(f"there is no connection {connection_id}")
    return connection


class ConnectionsOfProject(Controller):
    """`/api/v1/projects/{project_id}/connections`: reading needs the permission `manage`; changing needs `control`."""

    path = "/api/v1/projects/{project_id:uuid}/connections"
    tags = ("customers",)

    @get("/", opt={"may": "manage"}, sync_to_thread=True)
    def connections(
        self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> list[ConnectionShown]:
        """List the project's connections and their state."""
        request.user.project(project_id)
        return [_shown(connection, runtime) for connection in runtime.accounts.connections.all(project_id)]

    @post("/", opt={"may": "control"}, sync_to_thread=True)
    def add(
        self, project_id: UUID, data: NewConnection, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> ConnectionShown:
        """Connect a shop, a payment provider or a database. Existing orders of a database are imported too."""
        request.user.project(project_id)
        config: dict[str, Any] = {}
        if data.kind == "postgres":
            config = _mapping(data)
            _check_database(data.secret, runtime)
        new_secret = "" if data.secret else secrets.token_urlsafe(32)
        connection = runtime.accounts.connections.add(
            project_id, request.user.name, data.secret or new_secret, kind=data.kind, name=data.name, config=config,
            taken=0,
        )  # fmt: skip
        runtime.followers.changed()
        request.user.wrote("connection changed", data.name, project_id, made=data.kind)
        return _shown(connection, runtime, new_secret)

    @patch("/{connection_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def change(
        self,
        project_id: UUID,
        connection_id: UUID,
        data: ConnectionChange,
        request: Request[Caller, Any, Any],
        runtime: Runtime,
    ) -> ConnectionShown:
        """Rename, pause or resume a connection, or change its secret."""
        connection = _connection(runtime, project_id, connection_id)
        changes: dict[str, Any] = {
            name: value for name, value in msgspec.structs.asdict(data).items() if value is not None
        }
        if connection.kind == "postgres" and data.secret is not None:
            _check_database(data.secret, runtime)
        runtime.accounts.connections.change(connection_id, **changes)
        runtime.followers.changed()
        request.user.wrote("connection changed", connection.name, project_id, fields=sorted(changes))
        return _shown(_connection(runtime, project_id, connection_id), runtime)

    @delete("/{connection_id:uuid}", opt={"may": "control"}, sync_to_thread=True)
    def remove(
        self, project_id: UUID, connection_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime
    ) -> None:
        """Remove a connection, and its triggers from a database. Orders that were taken stay."""
        connection = _connection(runtime, project_id, connection_id)
        dsn = runtime.accounts.connections.secret(connection)
        runtime.accounts.connections.remove(connection_id, project_id)
        runtime.followers.changed()
        request.user.wrote("connection changed", connection.name, project_id, removed=connection.kind)
        if connection.kind == "postgres":
            try:
                remove(dsn, connection.id, runtime.outgoing)
            except (psycopg.Error, BadDatabase, Refused) as error:
                logger.warning("the triggers of connection %s stay in the database: %s", connection.id, error)

    @get("/{connection_id:uuid}/setup", opt={"may": "control"}, sync_to_thread=True)
    def setup(self, project_id: UUID, connection_id: UUID, runtime: Runtime) -> Setup:
        """Return the SQL that a database needs. Trackway runs it itself when its database user is permitted to."""
        connection = _connection(runtime, project_id, connection_id)
        if connection.kind != "postgres":
            raise NotFoundException("only a database connection needs a setup")
        return Setup(setup(connection.id, msgspec.convert(connection.config, mapping.Mapping)).as_string(None))


def _mapping(data: NewConnection) -> dict[str, Any]:
    try:
        parsed = msgspec.convert(data.config, mapping.Mapping)
    except msgspec.ValidationError as error:
        field, reason = fault(error, mapping.Mapping)
        raise BadQuestion(f"config.{field}".rstrip("."), reason) from error
    columns = parsed.columns
    if not data.secret or not (columns.user_id or columns.anonymous_id):
        raise BadQuestion(
            "config.columns", "name the column with the customer's id, and send the database's connection string"
        )
    if not (columns.currency or parsed.currency):
        raise BadQuestion("config.currency", "name the currency of the amounts, or the column that contains it")
    config: dict[str, Any] = msgspec.to_builtins(parsed)
    return config


def _check_database(dsn: str, runtime: Runtime) -> None:
    """Check a database address. Raises BadQuestion when it is invalid or connections to it are not permitted."""
    try:
        postgres_address.check(dsn, runtime.outgoing)
    except (BadDatabase, Refused) as error:
        raise BadQuestion("secret", str(error)) from error


def _write_messages(runtime: Runtime, project_id: UUID, order_messages: list[Message]) -> int:
    """Write messages to the log and return their number."""
    for start in range(0, len(order_messages), _CHUNK):
        runtime.write(
            Arrival(
                now(), project_id.bytes, "", Location(), "", "", False, None, order_messages[start : start + _CHUNK]
            )
        )
    return len(order_messages)


async def _wait_until_stored(runtime: Runtime, project_id: UUID) -> None:
    if not await runtime.beside.wait_until_stored(project_id):
        raise ServiceUnavailableException("earlier messages are not stored yet; send it again in a few seconds")


class OrdersOfProject(Controller):
    """`/api/v1/projects/{project_id}/orders`"""

    path = "/api/v1/projects/{project_id:uuid}/orders"
    tags = ("customers",)

    @post("/", opt={"may": "manage"}, status_code=202)
    async def report(self, project_id: UUID, request: Request[Caller, Any, Any], runtime: Runtime) -> Response[Any]:
        """Report orders and bookings in their current state (a list of at most 500). Repeating a report changes
        nothing. Invalid orders are listed in the answer; the others are taken.
        """
        request.user.project(project_id)
        orders, rejected = _read_orders(await request.body())
        if rejected and not orders:
            errors = [{"field": f"[{order.index}].{order.field}", "reason": order.reason} for order in rejected]
            return problem(400, "no order could be accepted; `errors` has the reasons", errors)
        await _wait_until_stored(runtime, project_id)

        def write() -> int:
            order_messages: list[Message] = []
            for kind in ("order", "booking"):
                of_kind = [order for order in orders if order.kind == kind]
                known_owners = (
                    owners(runtime.store, project_id, kind, [order.order_id for order in of_kind]) if of_kind else {}
                )
                order_messages += [
                    text for order in of_kind for text in messages(order, order.order_id in known_owners, "orders")
                ]
            return _write_messages(runtime, project_id, order_messages)

        await asyncio.to_thread(write)
        return Response(Reported(len(orders), rejected), status_code=202)


def _read_orders(body: bytes) -> tuple[list[OrderReport], list[RejectedOrder]]:
    """Parse the orders of a body, and list the invalid ones. Raises BadOrder when the body is not a list of at most
    500.
    """
    try:
        items = elements(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = (
            fault(error).reason if isinstance(error, msgspec.ValidationError) else f"it is not valid JSON ({error})"
        )
        raise BadOrder(f"the body: {reason}; send a list of orders, such as [{{...}}]", "body") from error
    if len(items) > MOST_ORDERS:
        raise BadOrder(f"{len(items)} orders at once; send at most {MOST_ORDERS}")
    orders: list[OrderReport] = []
    rejected: list[RejectedOrder] = []
    for index, raw in enumerate(items):
        try:
            order = msgspec.json.decode(raw, type=OrderReport)
            check(order)
            orders.append(order)
        except msgspec.ValidationError as error:
            rejected.append(RejectedOrder(index, *fault(error, OrderReport)))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            rejected.append(RejectedOrder(index, "", f"it is not valid JSON in UTF-8: {error}"))
        except BadOrder as error:
            rejected.append(RejectedOrder(index, error.field, str(error)))
    return orders, rejected


class Deliveries(Controller):
    """`POST /v1/connections/{connection_id}`: deliveries of shops and payment providers, signed with the connection's
    secret. Anybody may call; a delivery without a valid signature is refused.
    """

    path = "/v1/connections/{connection_id:uuid}"
    tags = ("customers",)

    @post("/", exclude_from_auth=True, opt={"may": ANYBODY}, status_code=200)
    async def take(self, connection_id: UUID, request: Request[Any, Any, Any], runtime: Runtime) -> Response[Accepted]:
        """Receive a webhook from a shop. The response is sent after its contents are on disk; a repeated webhook counts
        once.
        """
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        connections = runtime.accounts.connections
        connection = await asyncio.to_thread(connections.get, connection_id)
        if connection is None or connection.kind not in SHOPS or not connection.active:
            raise NotFoundException("there is no such connection, or it is paused")
        shop = SHOPS[connection.kind]
        try:
            shop.check(headers, body, connections.secret(connection))
            report = shop.read(headers, body)
        except (webhooks.BadSignature, BadOrder) as error:
            await asyncio.to_thread(connections.record_report, connection.id, 0, str(error))
            raise
        if report.order is None:
            return Response(Accepted(0))
        await _wait_until_stored(runtime, UUID(connection.project_id))
        try:
            accepted = await asyncio.to_thread(_write_delivery, runtime, connection, report.order, report)
        except BadOrder as error:
            await asyncio.to_thread(connections.record_report, connection.id, 0, str(error))
            raise
        return Response(Accepted(accepted))


def _write_delivery(runtime: Runtime, connection: Connection, order: OrderReport, report: webhooks.Report) -> int:
    """Write a delivery to the log and return its number of messages."""
    project_id = UUID(connection.project_id)
    known_owners = owners(runtime.store, project_id, order.kind, [order.order_id])
    if report.unnamed and order.order_id in known_owners:
        user_id, visitor_id = known_owners[order.order_id]
        order = msgspec.structs.replace(order, user_id=user_id, anonymous_id=visitor_id)
    if not (order.user_id or order.anonymous_id):
        return 0  # a change to an order without a known customer cannot be recorded
    source = f"{connection.kind} {connection.id[-8:]}"
    order_messages = messages(order, order.order_id in known_owners, source, report.change, report.created)
    if report.known_as is not None:
        order_messages += aliases(*report.known_as, source)
    written = _write_messages(runtime, project_id, order_messages)
    runtime.accounts.connections.record_report(connection.id, 1)
    return written
