"""The store on a cluster of shards: each has the tables of a server, and a second database has those of all shards.

In the shards' database are the tables, views, dictionaries and mutations of a single server, over the shard's rows. In
the database `…_all` on every server, a table has the rows of all shards; questions read it, and the loader writes it.
See docs/decisions/0018-cluster.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trackway.server_address import OF_ALL_SHARDS, cluster_of, database_of, hosts_of
from trackway.statements import Statements
from trackway.store.view_statements import statement_of

if TYPE_CHECKING:
    from trackway.store.connection import Store

_sql = Statements(__name__)

_PLACED_BY = {
    "xxh3(visitor_id)": ("events", "sessions", "visitors", "sign_outs", "claims"),
    "xxh3(previous_id)": ("aliases",),
    "xxh3(order_id)": ("orders",),
    "xxh3(entity_id)": ("entities",),
    "xxh3(target)": ("prediction_models",),
    "xxh3(message_id)": ("dead_letters", "rejections", "violations"),
    "xxh3(project_id)": ("rates", "costs"),
    "xxh3(list)": ("lists",),
    "identity": ("order_totals", "customer_scores", "predictions", "watch_members", "cohort_members", "undone_merges"),
    "user": ("user_persons",),
    "token": ("identities",),
}
PLACED_BY = {table: key for key, tables in _PLACED_BY.items() for table in tables}
"""The expression that chooses the shard of a row, for tables that the loader and questions write.

Rows that replace each other agree in it, so that they meet on one shard. The other tables are written on the shard
itself, by views on its events and sessions, and cannot be written from above.
"""
_COUNTED_BY = {
    "visitor": ("activity",),
    "identity": ("person_hours", "session_hours", "customers", "actions", "entity_people"),
    "xxh3(entity_id)": ("entities_seen", "view_counts", "view_hours", "interaction_hours", "view_archive"),
    "xxh3(hour)": ("event_counts", "revenue_counts", "source_counts"),
    "xxh3(property)": ("property_counts",),
}
MOVED_BY = PLACED_BY | {table: key for key, tables in _COUNTED_BY.items() for table in tables}
"""The expression that chooses the shard of a row that comes from a single server (operate/move_store.py).

The rows that views count are right on any shard: a shard adds what its own events change, to no row of before if that
is on another, and every question and every comparison adds up all shards. They are spread by a part of their key, the
activity of a visitor to the shard of its events. A recount or refill of a cluster counts them on their events' shards.
"""
COPIED = frozenset(["moves", "late_sign_outs"])
"""Tables that every shard has whole: updates look up the new values of their rows in them. Each loader has its own."""
OWN = frozenset(["migrations"])
"""Tables that each shard has for itself."""

SETTINGS = {
    "distributed_product_mode": "global",
    "prefer_global_in_and_join": 1,
    "distributed_foreground_insert": 1,
    "skip_unavailable_shards": 0,
}
"""Settings of every statement on all shards: a subquery is answered once, over all shards; an insert is acknowledged
when its shards have it; and an answer without some shard's rows is an error."""

_LOOKUP = re.compile(r"\b((?:dictGet|joinGet)\(\\?')(?=\w+\\?')")


def with_lookups(sql: str, database: str) -> str:
    """Return a statement that uses the dictionaries of the shards' database, so that every shard finds them."""
    return _LOOKUP.sub(rf"\g<1>{database}.", sql)


def is_copied(table: str) -> bool:
    """Whether every shard has the whole of a table: `moves`, or `moves_2` of loader 2."""
    return table.rstrip("0123456789").removesuffix("_") in COPIED


def databases(store: Store) -> tuple[str, ...]:
    """Return the databases that have the tables of a store, as they precede a name; of one engine, the current one."""
    own = database_of(store.dsn)
    return (f"{own}.", f"{own}{OF_ALL_SHARDS}.") if store.shards else ("",)


def put_above(shard: Store, cluster: str, views: Iterable[str]) -> None:
    """Create the tables and views of all shards' rows on the server of one shard, those that are missing or old.

    Args:
        cluster: its name in the servers' configuration.
        views: the names of the views that are no materialized ones, in the order of their creation.

    Raises:
        QuestionFailed: the server refuses a statement.
    """
    shards = database_of(shard.dsn)
    above = f"{shards}{OF_ALL_SHARDS}"
    existing = {row["name"]: row["engine"] for row in shard.ask(_sql("above"), {"above": above}).to_pylist()}
    is_old = not existing.keys() >= set(views)
    for row in shard.ask(_sql("tables"), {"above": above}).to_pylist():
        name = row["name"]
        key = f", {PLACED_BY[name]}" if name in PLACED_BY else ""
        engine = "View" if is_copied(name) else f"Distributed('{cluster}', '{shards}', '{name}'{key})"
        if name in OWN or (row["columns"] == row["columns_above"] and existing.get(name) == engine):
            continue
        is_old = True
        if is_copied(name):
            shard.command(f"CREATE OR REPLACE VIEW {above}.{name} AS SELECT * FROM {shards}.{name}")
        else:
            shard.command(f"CREATE OR REPLACE TABLE {above}.{name} AS {shards}.{name} ENGINE = {engine}")
    for view in views if is_old else ():
        statement = re.sub(r"\b(FROM|JOIN) (?=\w)", rf"\1 {above}.", statement_of(shard, view))
        shard.command(f"CREATE OR REPLACE VIEW {above}.{view} AS {statement}")


def disagreement(store: Store) -> str:
    """Return what the servers' own lists of the cluster have other than its address; empty when all agree.

    Raises:
        QuestionFailed, StoreBusy: a server refuses the question or does not answer.
    """
    name, lists, seen = cluster_of(store.dsn), [], set[str]()
    expected = sorted(len(replicas) for replicas in hosts_of(store.dsn))
    for server in store.servers:
        host = server.dsn.rpartition("@")[2].partition("/")[0]
        [row] = server.ask(_sql("listed"), {"cluster": name}).to_pylist()
        if problem := _problem(name, expected, row):
            return f"{host}: {problem}"
        if row["id"] in seen:
            return f"{host}: store names this server twice"
        seen.add(row["id"])
        lists.append(row["members"])
        if lists[0] != lists[-1]:
            return f"{host}: its cluster {name} is not the one of the other servers"
    return ""


def _problem(name: str, expected: list[int], row: dict[str, Any]) -> str:
    """Return what a server's own list of a cluster has other than the cluster's address; empty when both agree.

    Args:
        expected: the numbers of servers of the address's shards, in order of size.
        row: the answer of the statement `listed`.
    """
    found = sorted(Counter(member["1"] for member in row["members"]).values())
    if not found:
        return f"it knows no cluster {name}; see docs/how-to/cluster.md"
    if found != expected:
        return f"its cluster {name} has other shards than store: {len(found)}, of {found} servers"
    if max(found) > 1 and row["macros"] < 2:
        return "it has no macros shard and replica, which replicated tables need"
    return ""


def places(store: Store) -> list[int]:
    """Return for each shard the remainder of the keys of the rows that an insert from above brings to it.

    Raises:
        ValueError: the cluster spreads rows by another rule; the text gives the reason and the remedy.
    """
    found = []
    for shard in store.shards:
        host = shard.dsn.rpartition("@")[2].partition("/")[0]
        [row] = shard.ask(_sql("place"), {"cluster": cluster_of(store.dsn)}).to_pylist()
        if row["own"] != 1:
            raise ValueError(
                f"{host} does not find itself once in its cluster {cluster_of(store.dsn)}; name it there by an address "
                "of its own and its tcp_port"
            )
        if not row["alike"]:
            raise ValueError(f"the shards of the cluster {cluster_of(store.dsn)} have other weights; give all the same")
        found.append(row["number"] - 1)
    if sorted(found) != list(range(len(found))):
        raise ValueError(f"the servers' lists of the cluster {cluster_of(store.dsn)} number its shards differently")
    return found


def misplaced(store: Store) -> str:
    """Return a table with rows on other shards than those to which inserts bring them; empty if none has."""
    for table, key in PLACED_BY.items():
        sql, values = _sql("misplaced", table=table, key=key), {"shards": len(store.shards)}
        if store.ask(sql, values)["n"][0].as_py():
            return table
    return ""
