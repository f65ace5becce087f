"""The rows that a statement may see: one condition for each table, added to every statement in `Store.ask`.

A policy names a project and, within it, either nothing more, some entities, or one person. With a narrow policy, a
table shows nothing when it has no column that tells its rows apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import pyarrow as pa

PRIVATE = ("user_id", "visitor_id", "ip")
"""Columns that identify people; they are empty for callers that see only some entities. The visitor of an event without
an anonymousId is `user:` and the user id."""
OF_NOBODY = frozenset(["rates"])
"""Tables that describe no person: the rates of currencies."""
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")


class NotVisible(Exception):
    """A statement reads a table of which the caller may see no row; the text names the table."""


class Policy(NamedTuple):
    """The rows of a project that may be seen: all of them, those of some `entities`, or those of one `person`.

    `entities` are pairs of type and id. `person` is the number in the dictionary `persons`; 0 is nobody.
    """

    project_id: UUID
    entities: tuple[tuple[str, str], ...] | None = None
    person: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether the policy shows less than the whole project."""
        return self.entities is not None or self.person is not None

    def covers(self, entity_type: str, entity_id: str) -> bool:
        """Whether the policy shows the numbers of an entity."""
        return not self.narrow or (entity_type, entity_id) in (self.entities or ())


def literal(text: str) -> str:
    """Return a text as a literal of the engine's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@lru_cache(maxsize=1000)
def settings(policy: Policy, tables: tuple[tuple[str, frozenset[str]], ...], databases: tuple[str, ...] = ("",)) -> str:
    """Return the engine setting that enforces a policy on a statement, whatever the statement's text is.

    Args:
        tables: every table and view, with its columns.
        databases: the databases that have these tables, each with a dot; all rows are in the last one. On a cluster, a
            shard runs parts of a statement in another current database, so names alone would not be recognized there.
    """
    filters = ", ".join(
        f"{literal(database + name)}: {literal(condition)}"
        for name, columns in tables
        if (condition := _condition(policy, name, columns, databases[-1]))
        for database in databases
    )
    return f"additional_table_filters = {{{filters}}}"


def without_people(table: pa.Table, policy: Policy) -> pa.Table:
    """Remove the columns that identify people from an answer, when the policy is of entities."""
    if policy.entities is None:
        return table
    for name in PRIVATE:
        if (place := table.schema.get_field_index(name)) >= 0:
            table = table.set_column(place, name, pa.array([""] * table.num_rows, pa.string()))
    return table


def refuse_empty(sql: str, policy: Policy, tables: Mapping[str, frozenset[str]]) -> None:
    """Refuse a statement on a table of which the policy shows nothing, rather than answer 0. Raises NotVisible."""
    if not policy.narrow:
        return
    for name in _READ.findall(sql):
        if name in tables and not _can_be_told_apart(policy, name, tables[name]):
            raise NotVisible(f"{name} describes the whole project; only callers that see all of it can ask about it")


def _of_entities(entities: tuple[tuple[str, str], ...]) -> str:
    """Return a condition that lists the ids of each type.

    A set of pairs would be hashed row by row and take 1.5 times as long.
    """
    of_type: dict[str, list[str]] = {}
    for entity_type, entity_id in entities:
        of_type.setdefault(entity_type, []).append(literal(entity_id))
    return " OR ".join(
        f"entity_type = {literal(entity_type)} AND entity_id IN ({', '.join(ids)})"
        for entity_type, ids in of_type.items()
    )


def _can_be_told_apart(policy: Policy, table: str, columns: frozenset[str]) -> bool:
    """Whether the columns of a table tell which rows belong to an entity, or to a person."""
    if policy.entities is not None:
        return {"project_id", "entity_type", "entity_id"} <= columns
    return "project_id" in columns and ("identity" in columns or table == "entities")


def _condition(policy: Policy, table: str, columns: frozenset[str], database: str) -> str:
    """Return the condition for rows that may be seen; empty when every row may."""
    own = f"project_id = {literal(str(policy.project_id))}" if "project_id" in columns else ""
    if not policy.narrow or table in OF_NOBODY:
        return own
    if not _can_be_told_apart(policy, table, columns) or policy.entities == ():
        return "0"
    if policy.entities is not None:
        return f"{own} AND ({_of_entities(policy.entities)})"
    of_person = f"identity + dictGet('persons', 'delta', identity) = {policy.person}"
    if "identity" in columns:
        return f"{own} AND {of_person}"
    # The register: a person sees the entities that it has events with.
    touched = f"SELECT entity_type, entity_id FROM {database}events WHERE {own} AND {of_person}"
    return f"{own} AND (entity_type, entity_id) IN ({touched})"
