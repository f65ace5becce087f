"""The register of entities: their names, owners and parents as the project states them."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.collect.views.ledger import Ledger, entity_key
from trackway.govern.database import GovernDatabase
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.write_clock import WriteClock
from trackway.wording import fault

_sql = Statements(__name__)
_FRESH_S = 5.0
_MOST = 100_000
MOST_AT_ONCE = 1000
_AT_A_TIME = 200
"""The number of entities in one statement: a bound value is 128 KiB at most, and an id 255 characters."""
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_COLUMNS = pa.schema(
    [
        ("project_id", pa.binary(16)),
        ("entity_type", pa.string()),
        ("entity_id", pa.string()),
        ("name", pa.string()),
        ("owners", pa.list_(pa.string())),
        ("parents", pa.list_(pa.string())),
        ("attributes", pa.string()),
        ("hidden", pa.bool_()),
        ("notify", pa.string()),
        ("deleted", pa.bool_()),
        ("updated_at", pa.timestamp("ms", "UTC")),
        ("updated_by", pa.string()),
        ("added_at", pa.timestamp("ms", "UTC")),
    ]
)


class BadEntity(ValueError):
    """An entity that cannot be registered; the text names the entity, the error and the correction."""


class Notify(msgspec.Struct, forbid_unknown_fields=True):
    """A digest of views for the owners of an entity: `every` day or week, to `email` or `webhook`."""

    every: Annotated[str, msgspec.Meta(pattern="^(daily|weekly)$")] = "daily"
    email: Annotated[str, msgspec.Meta(max_length=320)] = ""
    webhook: Annotated[str, msgspec.Meta(max_length=2000, pattern="^(https?://.*)?$")] = ""


class Entity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An entity as it is registered.

    Attributes:
        parents: written type:id, such as `artist:7`.
        owners: account ids of the host.
        hidden: keeps the entity's counts from the public.
    """

    type: _Id
    id: _Id
    name: Annotated[str, msgspec.Meta(max_length=500)] = ""
    owners: list[_Id] = []
    parents: list[_Id] = []
    attributes: dict[str, Any] = {}
    hidden: bool = False
    notify: Notify | None = None
    deleted: bool = False


class Register:
    """Writes and reads the register; whether views of an entity count is cached for some seconds.

    Args:
        accounts: knows which registers are closed.
        store: holds the registers.
        ledger: is notified of the entities whose counts are hidden.
    """

    def __init__(self, accounts: GovernDatabase, store: Store, ledger: Ledger) -> None:
        self._accounts, self._store, self._ledger = accounts, store, ledger
        self._closed: frozenset[bytes] = frozenset()
        self._overruled_bot_reasons: dict[bytes, frozenset[str]] = {}
        self._looked = -_FRESH_S
        self._known: dict[tuple[bytes, str, str], tuple[bool, float]] = {}
        self._clock = WriteClock()
        self.version = 0
        """A number that grows with every change, for answers that depend on the register."""

    async def counts(self, project_id: bytes, entity_type: str, entity_id: str) -> bool:
        """Whether views of an entity count: always in an open register, else only when the entity is registered."""
        at = time.monotonic()
        if at - self._looked > _FRESH_S:
            self._looked = at
            await asyncio.to_thread(self._look)
        if project_id not in self._closed:
            return True
        key = (project_id, entity_type, entity_id)
        registered, until = self._known.get(key, (False, 0.0))
        if at >= until:
            registered = await asyncio.to_thread(self._registered, *key)
            if len(self._known) >= _MOST:
                self._known.clear()
            # An absent entity may be registered at any moment, so its absence is cached for one second only.
            self._known[key] = registered, at + (_FRESH_S if registered else 1.0)
        return registered

    def write(self, project_id: UUID, entities: list[Entity], by: str) -> int:
        """Register entities as they are now, replacing earlier versions. Return the number of entities.

        Raises:
            BadEntity: too many at once, or a parent that is not written type:id.
        """
        if len(entities) > MOST_AT_ONCE:
            raise BadEntity(f"{len(entities)} entities at once; register at most {MOST_AT_ONCE}")
        for number, entity in enumerate(entities):
            for parent in entity.parents:
                if not all(parent.partition(":")):
                    raise BadEntity(f"entities[{number}].parents: {parent!r} is not written type:id, such as artist:7")
        if not entities:
            return 0
        added, at = self._added(project_id, entities), self._clock.next()
        rows = [
            {
                "project_id": project_id.bytes, "entity_type": entity.type, "entity_id": entity.id, "name": entity.name,
                "owners": entity.owners, "parents": entity.parents, "attributes": json.dumps(entity.attributes),
                "hidden": entity.hidden, "deleted": entity.deleted, "updated_at": at, "updated_by": by,
                "added_at": added.get((entity.type, entity.id), at),
                "notify": "" if entity.notify is None else msgspec.json.encode(entity.notify).decode(),
            }
            for entity in entities
        ]  # fmt: skip
        self._store.put("entities", pa.Table.from_pylist(rows, _COLUMNS), f"entities-{at}")
        self._ledger.hide({
            entity_key(project_id.bytes, entity.type, entity.id): entity.hidden and not entity.deleted
            for entity in entities
        })  # fmt: skip
        self._known.clear()
        self.version += 1
        return len(rows)

    def _added(self, project_id: UUID, entities: list[Entity]) -> dict[tuple[str, str], int]:
        """Return when each of some entities was registered first, in milliseconds; those that are new are missing."""
        found: dict[tuple[str, str], int] = {}
        for first in range(0, len(entities), _AT_A_TIME):
            keys = [(entity.type, entity.id) for entity in entities[first : first + _AT_A_TIME]]
            rows = self._store.ask(_sql("added"), {"project": project_id, "keys": keys}).to_pylist()
            found |= {(row["entity_type"], row["entity_id"]): row["added_at"] for row in rows}
        return found

    def read(self, project_id: UUID, entity_type: str, entity_id: str) -> Entity | None:
        """Return an entity as it is registered, or None."""
        rows = self._store.ask(
            _sql("read"),
            {"project": project_id, "type": entity_type, "id": entity_id},
        ).to_pylist()
        if not rows:
            return None
        [row] = rows
        return Entity(
            type=row["entity_type"], id=row["entity_id"], name=row["name"], owners=row["owners"],
            parents=row["parents"], attributes=json.loads(row["attributes"] or "{}"), hidden=bool(row["hidden"]),
            notify=msgspec.json.decode(row["notify"], type=Notify) if row["notify"] else None,
        )  # fmt: skip

    def overruled_bot_reasons(self, project_id: bytes) -> frozenset[str]:
        """Return the bot reasons that a project overrules: they mark nobody as a bot."""
        return self._overruled_bot_reasons.get(project_id, frozenset())

    def _look(self) -> None:
        projects = {UUID(project.id).bytes: project for project in self._accounts.projects()}
        self._closed = frozenset(key for key, project in projects.items() if project.closed_register)
        self._overruled_bot_reasons = {
            key: frozenset(project.overruled_bot_reasons) for key, project in projects.items()
        }

    def _registered(self, project_id: bytes, entity_type: str, entity_id: str) -> bool:
        return self.read(UUID(bytes=project_id), entity_type, entity_id) is not None


def with_children(store: Store, project_id: UUID, own: Iterable[tuple[str, str]], most: int) -> set[tuple[str, str]]:
    """Return entities (pairs of type and id) and all their descendants in the register.

    The search ends early with more than `most` entities. A parent does not belong to its children: an artist who plays
    at a venue sees the concert there, and nothing else of the venue.
    """
    entities = set(own)
    unsearched = sorted(entities)
    while unsearched and len(entities) <= most:
        group, unsearched = unsearched[:_AT_A_TIME], unsearched[_AT_A_TIME:]
        rows = store.ask(
            _sql("with_children"),
            {
                "project": project_id,
                "parents": [f"{entity_type}:{entity_id}" for entity_type, entity_id in group],
                "most": most + 1,
            },
        ).to_pylist()
        children = {(row["entity_type"], row["entity_id"]) for row in rows} - entities
        entities |= children
        unsearched += sorted(children)
    return entities


def from_table(lines: Iterable[str]) -> list[Entity]:
    """Read entities from a CSV.

    The columns are `type`, `id`, `name`, `owners` and `parents` (split at |), `hidden` and `deleted`; all other columns
    are attributes.

    Raises:
        BadEntity: a row has no type or id, or is not CSV; the text names the line.
    """
    table = csv.DictReader(lines)
    entities: list[Entity] = []
    try:
        for row in table:
            cells = {str(name).strip().lower(): (value or "").strip() for name, value in row.items() if name}
            fields: dict[str, Any] = {name: cells.pop(name, "") for name in ("type", "id", "name")}
            fields |= {name: [id_ for id_ in cells.pop(name, "").split("|") if id_] for name in ("owners", "parents")}
            fields |= {name: cells.pop(name, "").lower() in ("1", "true", "yes") for name in ("hidden", "deleted")}
            fields["attributes"] = {name: value for name, value in cells.items() if value}
            try:
                entities.append(msgspec.convert(fields, Entity))
            except msgspec.ValidationError as error:
                raise BadEntity(f"line {table.line_num}: {fault(error, Entity)}") from error
    except csv.Error as error:
        raise BadEntity(f"line {table.line_num} is not CSV: {error}") from error
    return entities
