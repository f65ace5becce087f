"""Free SQL over one project: the engine's own parser determines what a statement reads, and row filters limit the rows.

A statement may read only the tables below, call no table function and only the functions listed in `functions.txt`, and
change no setting. It sees only rows of its project, whatever it contains.
"""

from __future__ import annotations

import re
import time
from importlib.resources import files

import pyarrow as pa

from trackway.analyze.data.sql_errors import explained
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer
from trackway.store.connection import Store
from trackway.store.policy import PRIVATE
from trackway.store.refusals import QuestionCancelled, QuestionFailed, StoreBusy, StoreExhausted

TABLES = ("events", "sessions", "visitors", "orders", "event_counts", "source_counts", "rejections", "violations")
MOST_ROWS = 100_000
_FUNCTIONS = frozenset(
    name.lower()
    for line in files("trackway.analyze.data").joinpath("functions.txt").read_text().splitlines()
    if not line.startswith("#")
    for name in line.split()
)
_COMBINATOR = re.compile(
    r"(if|array|map|simplestate|state|merge|mergestate|foreach|distinct|ordefault|ornull|resample|argmin|argmax|null)$"
)
_OF_PARTS = re.compile(
    r"(^|\.)_(part(_\w+)?|partition_(id|value)|block_(number|offset)|row_exists|sample_factor|table|database|disk_name"
    r"|distance|shard_num)($|\.)"
)
"""Columns that the engine adds to tables: they number and name parts, which contain rows of every project."""
_OF_THE_ENGINE = ("system", "information_schema")
_OF_THE_SESSION = frozenset("user current_user session_user database current_database schema".split())
"""Functions that the engine calls without parentheses where no column or alias that is visible has their name."""
_CALLS_SESSION = re.compile(r"function_name: (current(User|Database)|user|database|schema)\b", re.IGNORECASE)
_TAKES_A_FUNCTION = re.compile(r"(array|map)")
"""Names of functions whose first argument may be a function: a lambda, or the name of one."""
_TAKES_AN_AGGREGATE = frozenset(["arrayreduce", "arrayreduceinranges"])
"""Functions whose first argument is a text that names an aggregate function."""
_IN = frozenset("in notin globalin globalnotin nullin notnullin".split())
_TAKES_A_TYPE = frozenset(["cast", "_cast", "accuratecast", "accuratecastornull", "accuratecastordefault"])
"""Functions whose second argument is a text that names a type."""
_OF_STATES = re.compile(r"aggregatefunction|[`\"].*\\\\", re.IGNORECASE | re.DOTALL)
"""A type with states of aggregate functions in it, or with a name that its escapes may change."""
_AGGREGATE = re.compile(r"\\?'(\w+)")
_PREWHERE = re.compile(r"\bprewhere\b", re.IGNORECASE)
_NATURAL = re.compile(r"\bnatural\b", re.IGNORECASE)
_SETTINGS = (
    # The policy's condition must be evaluated before all conditions of the statement: a condition that fails on a row
    # of another project would reveal that the row exists.
    "optimize_move_to_prewhere = 0, query_plan_merge_filters = 0, max_execution_time = 30, readonly = 2"
)
_AROUND = [
    (0, "SelectWithUnionQuery"), (1, "ExpressionList"), (2, "SelectQuery"), (3, "ExpressionList"), (4, "Asterisk"),
    (3, "TablesInSelectQuery"), (4, "TablesInSelectQueryElement"), (5, "TableExpression"), (6, "Subquery"),
    (3, "Literal"), (3, "Set"),
]  # fmt: skip
"""The nodes that `query` puts around a statement, as the engine parses them. A statement that closes its parenthesis
and continues outside it (UNION, JOIN), or that removes the settings, changes these nodes.
"""
_WITHIN = 7
"""The depth at which the statement itself begins."""
_NODE = re.compile(r"^( *)([\w:]+)(?: (.*?))?(?: \(alias .*?\))?(?: \(children \d+\))?$")
_CHILDREN = re.compile(r" \(children (\d+)\)$")


def query(store: Store, sql: str, limit: int = MOST_ROWS) -> Answer:
    """Answer one SELECT over the rows that the store's policy allows, with at most `limit` rows.

    Callers who see only a part of a project see its events without the columns that identify people.

    Raises:
        BadQuestion: the statement reads something that is not allowed, or is not exactly one statement.
        QuestionFailed: the engine refuses it; the text explains the problem without the engine's own words.
    """
    if store.policy is None:
        raise QuestionFailed("free SQL is asked within a policy")
    text = sql.strip().rstrip(";").rstrip()
    if ";" in text:
        raise BadQuestion("sql", "send one SELECT statement, without ; in it (write char(59) for one in a text)")
    if _PREWHERE.search(text):
        raise BadQuestion("sql", "write WHERE instead of PREWHERE (and concat('pre', 'where') in a text)")
    if store.policy.narrow and _NATURAL.search(text):  # it compares columns that the statement does not name
        raise BadQuestion("sql", "write JOIN … USING instead of NATURAL JOIN (and concat('nat', 'ural') in a text)")
    wrapped = f"SELECT * FROM (\n{text}\n) LIMIT {int(limit)}"
    try:
        unknown = _check(store, wrapped, store.policy.narrow)
        started = time.perf_counter()
        table = store.ask(wrapped, settings=_SETTINGS)
    except (QuestionCancelled, StoreBusy, StoreExhausted):
        raise
    except QuestionFailed as error:
        if error.code == "ACCESS_DENIED":  # the engine takes an unknown name for a file
            error = QuestionFailed(str(error), "UNKNOWN_TABLE", " ".join(f"`{name}`" for name in unknown))
        raise explained(error, text) from error
    if states := [field.name for field in table.schema if _has_bytes(field.type)]:
        remedy = "call finalizeAggregation for a state, toFloat32 for a BFloat16"
        raise BadQuestion("sql", f"the column {states[0]} has no values to show; {remedy}")
    return Answer(table, text, {}, (time.perf_counter() - started) * 1000)


def _has_bytes(kind: pa.DataType) -> bool:
    """Whether a type contains raw bytes. The engine answers states of aggregate functions so: by their addresses in its
    memory, not by their content. Texts have a type of their own.
    """
    return pa.types.is_binary(kind) or any(_has_bytes(kind.field(n).type) for n in range(kind.num_fields))


def _check(store: Store, wrapped: str, narrow: bool) -> list[str]:
    """Return the names of tables that do not exist; some of them may be defined by the statement itself."""
    lines = _lines(store.tree(f"{wrapped}\nSETTINGS max_execution_time = 30"))
    existing, tables = store.tables, ("events",) if narrow else TABLES
    unknown: list[str] = []
    by_name: set[str] = set()
    of_session: set[str] = set()
    parents: list[tuple[int, str]] = []
    around: list[tuple[int, str]] = []
    places: list[int] = []
    for line in lines:
        match = _NODE.match(line)
        if match is None:
            raise BadQuestion("sql", "the statement cannot be read")
        depth, kind, value = len(match[1]), match[2], match[3] or ""
        while parents and parents[-1][0] >= depth:
            parents.pop()
        places[depth:] = [places[depth] + 1 if depth < len(places) else 1]
        parent = parents[-1][1] if parents else ""
        calls = parents[-2][1] if parent == "ExpressionList" and len(parents) > 1 else ""
        parents.append((depth, value.lower() if kind == "Function" else kind))
        if depth < _WITHIN:
            around.append((depth, kind))
            continue
        if kind == "ColumnsApplyTransformer":  # the tree does not say which function it calls
            raise BadQuestion("sql", "leave APPLY away; call the function for each column")
        _check_argument(kind, value, calls, places[depth])
        if kind == "Identifier" and places[depth] == 1 and _TAKES_A_FUNCTION.match(calls) and not may_call(value):
            by_name.add(value)
        if kind == "Identifier" and value.lower() in _OF_THE_SESSION:
            of_session.add(value)
        if kind == "Set":
            raise BadQuestion("sql", "leave SETTINGS away")
        if kind == "TableIdentifier" and ("." in value or (value in existing and value not in tables)):
            raise BadQuestion("sql", f"the table {value} cannot be read; there are {', '.join(tables)}")
        if kind == "TableIdentifier" and value not in existing:
            unknown.append(value)
        if narrow and _names_people(kind, value, parents):
            raise BadQuestion("sql", f"name the columns, which are all but {', '.join(PRIVATE)}")
        if kind == "Identifier" and _OF_PARTS.search(value):
            raise BadQuestion("sql", f"the column {value} cannot be read")
        if kind == "Function" and (parent == "TableExpression" or not may_call(value)):
            raise BadQuestion("sql", f"the function {value} cannot be used here")
        if kind == "Identifier" and _inside_in(parents) and value.partition(".")[0].lower() in _OF_THE_ENGINE:
            raise BadQuestion("sql", f"the table {value} cannot be read; there are {', '.join(tables)}")
        if kind == "Identifier" and value.rpartition(".")[2] in existing and _inside_in(parents):
            raise BadQuestion("sql", f"write IN (SELECT … FROM {value}) instead of IN {value}")
    if around != _AROUND:
        raise BadQuestion("sql", "send one SELECT statement whose parentheses close in it")
    for name in _of_session(store, wrapped, of_session):
        raise BadQuestion("sql", f"the function {name} cannot be used here")
    for name in _functions(store, by_name):
        raise BadQuestion("sql", f"the function {name} cannot be used here; give a column of this name another one")
    return unknown


def _lines(tree: str) -> list[str]:
    """Return the nodes of a tree, after a check that each has as many children as its line says.

    The engine writes names as they are: one with a line break in it looks like further nodes, and those would hide of
    which function the nodes after them are arguments. The counts are the engine's own, each at the end of a line.
    """
    lines, missing = tree.split("\n"), [1]
    for line in [*lines, ""]:
        depth = len(line) - len(line.lstrip(" ")) + 1 if line else 0
        if depth > len(missing) or any(missing[depth:]):
            raise BadQuestion("sql", "a name in it contains a line break; leave it away")
        del missing[depth:]
        if line:
            missing[-1] -= 1
            children = _CHILDREN.search(line)
            missing.append(int(children[1]) if children else 0)
    return lines


def _of_session(store: Store, wrapped: str, names: set[str]) -> set[str]:
    """Return the names, when one of them is the function and no column or alias: what it is depends on its place."""
    if not names:
        return names
    resolved = store.ask(f"EXPLAIN QUERY TREE {wrapped}", settings=_SETTINGS)["explain"].to_pylist()
    return names if any(_CALLS_SESSION.search(line) for line in resolved) else set()


def _functions(store: Store, names: set[str]) -> list[str]:
    """Return the names that are functions of the engine, in any case."""
    if not names:
        return []
    asked = "SELECT name FROM system.functions WHERE lower(name) IN {names:Array(String)}"
    return list(store.ask(asked, {"names": [name.lower() for name in names]})["name"].to_pylist())


def _check_argument(kind: str, value: str, function: str, place: int) -> None:
    """Check a text that a function, in lower case, takes for the name of an aggregate function or a type.

    Args:
        place: of which argument the node is; the first is 1.
    """
    if function in _TAKES_AN_AGGREGATE and place == 1 and not (kind == "Literal" and _names_an_aggregate(value)):
        raise BadQuestion("sql", f"{function} cannot be used with this aggregate function; write its name as a text")
    # The engine trusts the bytes of a state.
    if function in _TAKES_A_TYPE and place == 2 and (kind != "Literal" or _OF_STATES.search(value)):
        raise BadQuestion("sql", "nothing can be converted to this type; write its name as a text")


def _names_an_aggregate(literal: str) -> bool:
    """Whether a literal of the tree is a text that begins with the name of an aggregate function that may be called."""
    named = _AGGREGATE.match(literal)
    return named is not None and may_call(named[1])


def may_call(function: str) -> bool:
    """Whether free SQL may call a function: one of `functions.txt`, or one of its aggregates with combinators."""
    name = function.lower()
    while name not in _FUNCTIONS:
        shorter = _COMBINATOR.sub("", name)
        if shorter == name:
            return False
        name = shorter
    return True


def _names_people(kind: str, value: str, parents: list[tuple[int, str]]) -> bool:
    """Whether a node may refer to a private column, by name or as one of all columns (`count(*)` reads none)."""
    if kind == "Identifier":
        return not set(PRIVATE).isdisjoint(value.split("."))  # `ip.size` too
    of_all = "Asterisk" in kind or "Matcher" in kind
    return of_all and [value for _, value in parents[-3:-1]] != ["count", "ExpressionList"]


def _inside_in(parents: list[tuple[int, str]]) -> bool:
    return len(parents) >= 3 and parents[-3][1] in _IN
