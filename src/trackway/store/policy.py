"""Whose rows a statement sees: one condition for every table, put into every statement at one place (`Store.ask`).

A policy names a project, and within it nothing more, some entities, or one person. A table that has no column by which
rows could be told apart shows nothing to those who may see some of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import pyarrow as pa

PRIVATE = ("user_id", "ip")
"""Columns that name people: empty for who sees some entities of a project, as people are not an entity's."""
OF_NOBODY = frozenset(["rates"])
"""Tables that say nothing of anybody: what currencies are worth."""
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")


class NotTheirs(Exception):
    """A statement reads a table of which the caller may see no row; the text says which."""


class Policy(NamedTuple):
    """Rows of a project: all of them, those of some `entities` (pairs of type and id), or those of one `person` (the
    number that `persons` calls so; 0 is nobody).
    """

    project_id: UUID
    entities: tuple[tuple[str, str], ...] | None = None
    person: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether it shows less than the whole project."""
        return self.entities is not None or self.person is not None

    def covers(self, entity_type: str, entity_id: str) -> bool:
        """Whether an entity's numbers are among what it shows."""
        return not self.narrow or (entity_type, entity_id) in (self.entities or ())


def literal(text: str) -> str:
    """A text as a literal of the engine's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@lru_cache(maxsize=1000)
def settings(policy: Policy, tables: tuple[tuple[str, frozenset[str]], ...]) -> str:
    """The setting that holds a policy for a statement, whatever the statement says.

    Args:
        tables: every table and view that there is, with its columns.
    """
    filters = ", ".join(
        f"{literal(name)}: {literal(condition)}"
        for name, columns in tables
        if (condition := _condition(policy, name, columns))
    )
    return f"additional_table_filters = {{{filters}}}"


def without_people(table: pa.Table, policy: Policy) -> pa.Table:
    """An answer as a policy shows it: of entities, without who the people are."""
    if policy.entities is None:
        return table
    for name in PRIVATE:
        if (place := table.schema.get_field_index(name)) >= 0:
            table = table.set_column(place, name, pa.array([""] * table.num_rows, pa.string()))
    return table


def refuse_empty(sql: str, policy: Policy, tables: Mapping[str, frozenset[str]]) -> None:
    """Raises NotTheirs for a statement that reads what the policy shows nothing of: no answer is better than a 0."""
    if not policy.narrow:
        return
    for name in _READ.findall(sql):
        if name in tables and not _can_be_told_apart(policy, name, tables[name]):
            raise NotTheirs(f"{name} are of the whole project: this can be asked by who sees all of it")


def _of_entities(entities: tuple[tuple[str, str], ...]) -> str:
    """Each type with its ids: pairs in one set would be hashed row by row, and cost half as much again."""
    of_type: dict[str, list[str]] = {}
    for kind, one in entities:
        of_type.setdefault(kind, []).append(literal(one))
    return " OR ".join(
        f"entity_type = {literal(kind)} AND entity_id IN ({', '.join(ids)})" for kind, ids in of_type.items()
    )


def _can_be_told_apart(policy: Policy, table: str, columns: frozenset[str]) -> bool:
    """Whether a table has columns by which rows are some entities', or a person's."""
    if policy.entities is not None:
        return {"project_id", "entity_type", "entity_id"} <= columns
    return "project_id" in columns and ("identity" in columns or table == "entities")


def _condition(policy: Policy, table: str, columns: frozenset[str]) -> str:
    """What holds for a row that may be seen; empty when every row may."""
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
    # The register: what those are called that the person had to do with.
    touched = f"SELECT entity_type, entity_id FROM events WHERE {own} AND {of_person}"
    return f"{own} AND (entity_type, entity_id) IN ({touched})"
