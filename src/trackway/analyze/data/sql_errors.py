"""Explains errors of free SQL in plain words.

The engine's text is never passed on. A cause that the author of the statement can fix is explained by its code, with
the name or place that the engine reports; a name is mentioned only if it occurs in the statement itself.
"""

from __future__ import annotations

import re

from trackway.store.refusals import QuestionFailed

_TEXTS = {
    "UNKNOWN_IDENTIFIER THERE_IS_NO_COLUMN NOT_FOUND_COLUMN_IN_BLOCK NO_SUCH_COLUMN_IN_TABLE": "there is no column{}",
    "UNKNOWN_FUNCTION UNKNOWN_AGGREGATE_FUNCTION": "there is no function{}",
    "UNKNOWN_TABLE UNKNOWN_DATABASE": "there is no table{}",
    "UNKNOWN_TYPE": "there is no type{}",
    "AMBIGUOUS_IDENTIFIER AMBIGUOUS_COLUMN_NAME": "the column{} may be of several tables; write table.column",
    "MULTIPLE_EXPRESSIONS_FOR_ALIAS": "the alias{} stands for several things",
    "NOT_AN_AGGREGATE": "the column{} is neither in GROUP BY nor in an aggregate function",
    "ILLEGAL_AGGREGATION": "an aggregate function is used where it cannot be: in WHERE, or in another one",
    "ILLEGAL_TYPE_OF_ARGUMENT ILLEGAL_COLUMN": "the function{} does not take arguments of these types",
    "BAD_ARGUMENTS ARGUMENT_OUT_OF_BOUND": "a function{} does not take such arguments",
    "NUMBER_OF_ARGUMENTS_DOESNT_MATCH TOO_FEW_ARGUMENTS_FOR_FUNCTION TOO_MANY_ARGUMENTS_FOR_FUNCTION":
        "the function{} takes another number of arguments",
    "TYPE_MISMATCH NO_COMMON_TYPE CANNOT_CONVERT_TYPE":
        "values of different types are put together; convert them with toString, toFloat64 or the like",
    "ILLEGAL_DIVISION": "a number is divided by zero; intDivOrNull gives NULL instead",
    "CANNOT_PARSE_TEXT CANNOT_PARSE_NUMBER CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_UUID CANNOT_PARSE_BOOL "
    "CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED ATTEMPT_TO_READ_AFTER_EOF":
        "a text cannot be read as a number or a time; functions that end in OrNull give NULL instead",
    "DECIMAL_OVERFLOW": "a decimal gets too large",
    "INCORRECT_RESULT_OF_SCALAR_SUBQUERY": "a subquery in place of a value gives more than one row",
    "TOO_DEEP_AST TOO_DEEP_RECURSION TOO_DEEP_SUBQUERIES TOO_BIG_AST": "it is too long or nested too deep",
    "TOO_LARGE_ARRAY_SIZE TOO_LARGE_STRING_SIZE": "an array or a text in it gets too large",
    "NOT_IMPLEMENTED UNSUPPORTED_METHOD SUPPORT_IS_DISABLED": "it uses a feature that is not supported here",
    "CANNOT_COMPILE_REGEXP": "a regular expression in it cannot be read",
    "TIMEOUT_EXCEEDED TOO_SLOW": "it takes longer than 30 s; ask about a shorter period",
    "MEMORY_LIMIT_EXCEEDED": "it needs more memory than a question may use; ask about a shorter period",
}  # fmt: skip
_BY_CODE = {code: text for codes, text in _TEXTS.items() for code in codes.split()}
_PLACE = re.compile(r"failed at position \d+ \((?P<near>.*?)\) \(line (?P<line>\d+), col (?P<column>\d+)\)", re.DOTALL)
_QUOTED = re.compile(r"[`']([^`'\n]{1,100})[`']")
_BARE = re.compile(r"(?:[Ff]unction (?:with name )?[`']?|type family: )(\w{1,100})")
_LONGEST_NEAR = 40
_CORRELATED = re.compile(r"Correlated subqueries [\w ]*not supported")
"""Words of the engine's refusal. It refuses all correlated subqueries on shards, and a few forms on one server."""


def explained(error: QuestionFailed, statement: str, lines_before: int = 1) -> QuestionFailed:
    """Return the same failure with a text for the author of the statement.

    Args:
        statement: the statement as the author wrote it.
        lines_before: the number of lines that were put before it.
    """
    if _CORRELATED.search(error.full):
        text = (
            "a subquery uses a column of the statement around it, which the engine cannot do here; write a JOIN, or IN "
            "with a subquery that stands alone"
        )
    elif error.code == "SYNTAX_ERROR":
        text = _syntax(error.full, statement, lines_before)
    elif error.code in _BY_CODE:
        text = _BY_CODE[error.code].format(_named(error.full, statement))
    else:
        return error
    return QuestionFailed(text, error.code, error.full)


def _named(full: str, statement: str) -> str:
    """Return the first name that occurs in both the engine's text and the statement, with a leading space."""
    # After these words, the engine repeats the statement.
    said = re.split(r"\bIn (?:scope|query)\b", full, maxsplit=1)[0]
    names = [*_BARE.findall(said), *_QUOTED.findall(said)]
    words = set(re.findall(r"[\w.]+", statement))
    return next(
        (f" {spelling}" for name in names for spelling in (name, name.rpartition(".")[2]) if spelling in words), ""
    )


def _syntax(full: str, statement: str, lines_before: int) -> str:
    place, lines = _PLACE.search(full), statement.split("\n")
    line = int(place["line"]) - lines_before if place else 0
    if place is None or not 1 <= line <= len(lines):
        return "a syntax error: it is not one whole SELECT statement"
    near = place["near"] if place["near"] in lines[line - 1] and len(place["near"]) <= _LONGEST_NEAR else ""
    return f"a syntax error in line {line}, column {place['column']}" + (f", near {near}" if near else "")
