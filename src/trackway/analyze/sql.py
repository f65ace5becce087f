"""Free SQL over one project: the engine's own parser says what a statement reads, row filters do the rest.

A statement may read the tables below and nothing else, calls no table function and no function that reaches outside,
changes no setting, and sees only its project's rows, whatever it says.
"""

from __future__ import annotations

import re
import time
from uuid import UUID

from trackway.analyze.period import BadQuestion
from trackway.analyze.question import Answer
from trackway.store.connection import QuestionFailed, Store

TABLES = ("events", "sessions", "visitors", "event_counts", "source_counts", "rejections", "violations")
MOST_ROWS = 100_000
_OUTSIDE = re.compile(
    r"^(file|dict\w*|joinGet\w*|catboost\w*|sleep\w*|getSetting\w*|getMacro|getServer\w*|hostName|fqdn|tcpPort|"
    r"addressTo\w*|demangle|structureTo\w*|executable\w*|currentUser|displayName|serverUUID|filesystem\w*|"
    r"hasColumnInTable|initializeAggregation|evalMLMethod|naiveBayes\w*|ngram\w*Dict\w*|zookeeper\w*|"
    r"throwIf|logTrace|transactionID|transactionLatestSnapshot|showCertificate|isMergeTree\w*|mergeTree\w*|"
    r"ai\w*|embed\w*|url\w*Fetch\w*)$",
    re.IGNORECASE,
)
_NODE = re.compile(r"^(\s*)([\w:]+)(?: (.*?))?(?: \(alias .*?\))?(?: \(children \d+\))?$")


def query(store: Store, project_id: UUID, sql: str, limit: int = MOST_ROWS) -> Answer:
    """The answer to one SELECT over a project's rows, at most `limit` of them.

    Raises:
        BadQuestion: it reads what it may not, or is more than one statement.
        QuestionFailed: the engine refuses it.
    """
    text = sql.strip().rstrip(";").rstrip()
    if ";" in text:
        raise BadQuestion("sql", "send one SELECT statement, without ; in it (write char(59) for one in a text)")
    wrapped = f"SELECT * FROM (\n{text}\n) LIMIT {int(limit)}"
    _check(store, wrapped)
    own = f"project_id = \\'{project_id}\\'"
    filters = ", ".join(f"'{table}': '{own}'" for table in TABLES)
    # In the statement and not on the client: a client keeps what it was once told to be read-only.
    settings = f"SETTINGS additional_table_filters = {{{filters}}}, max_execution_time = 30, readonly = 2"
    started = time.perf_counter()
    table = store.ask(f"{wrapped}\n{settings}")
    return Answer(table, text, {}, (time.perf_counter() - started) * 1000)


def _check(store: Store, wrapped: str) -> None:
    tree = store.command(f"EXPLAIN AST {wrapped}")
    existing = set(store.ask("SELECT name FROM system.tables WHERE database = currentDatabase()")["name"].to_pylist())
    parents: list[tuple[int, str]] = []
    for line in tree.splitlines():
        match = _NODE.match(line)
        if match is None:
            raise QuestionFailed(f"the statement cannot be read: {line.strip()}")
        depth, kind, value = len(match[1]), match[2], match[3] or ""
        while parents and parents[-1][0] >= depth:
            parents.pop()
        parent = parents[-1][1] if parents else ""
        parents.append((depth, kind))
        if kind == "Set":
            raise BadQuestion("sql", "leave SETTINGS away")
        if kind == "TableIdentifier" and ("." in value or (value in existing and value not in TABLES)):
            raise BadQuestion("sql", f"the table {value} cannot be read; there are {', '.join(TABLES)}")
        if kind == "Function" and (parent == "TableExpression" or _OUTSIDE.match(value)):
            raise BadQuestion("sql", f"the function {value} cannot be used here")
        if kind == "Function" and value.lower() in (
            "in",
            "notin",
            "globalin",
            "globalnotin",
            "nullin",
            "notnullin",
        ):
            parents[-1] = (depth, "In")
        if kind == "Identifier" and value.rpartition(".")[2] in existing and _inside_in(parents):
            raise BadQuestion("sql", f"write IN (SELECT … FROM {value}) instead of IN {value}")


def _inside_in(parents: list[tuple[int, str]]) -> bool:
    return len(parents) >= 3 and parents[-3][1] == "In"
