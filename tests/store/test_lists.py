"""Lists in questions: values of the statement when they are short, rows of a table when they are long."""

from typing import Any

import pytest

from conftest import Loaded
from trackway.event import new_id
from trackway.store.lists import with_list

AWKWARD = [
    "a\tb",
    "n\nx",
    "q'd",
    "b\\e",
    "z\0f",
    "{x:String}",
    "é 🎉",
    "\\N",
    "\\",
    "it\\'s",
    "\r",
    "'",
    '"',
    "%25 +&=#",
    "",
]
_LISTED = "SELECT {} FROM lists WHERE list = {{list:UUID}}"


@pytest.mark.parametrize("times", [1, 20])
def test_a_list_has_the_rows_that_were_given_however_long_it_is(loaded: Loaded, times: int) -> None:
    given: dict[str, list[Any]] = {
        "project_id": [new_id() for _ in AWKWARD] * times,
        "visitor_id": AWKWARD * times,
        "token": [2**64 - 1 - number for number in range(len(AWKWARD))] * times,
        "since": [253_402_300_799_000 - number for number in range(len(AWKWARD))] * times,
    }
    columns = "project_id, visitor_id, token, toUnixTimestamp64Milli(since) AS since"
    lists = {**given, "project_id": [project.bytes for project in given["project_id"]]}
    sql, values = with_list(loaded.store, _LISTED.format(columns), **lists)
    assert ("list" in values) == (times > 1)
    found = loaded.store.ask(sql, values).to_pylist()
    expected = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
