"""Properties of events: whatever JSON can hold is stored, and nothing of it stops the loader."""

import json
from typing import Any
from uuid import UUID

import pytest
from batches import messages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agreement import agree
from conftest import Loaded, cases
from factories import message

keys = st.text(max_size=12) | st.sampled_from(
    ['a.b"c', 'b"c', "a", "b", "a.b", "a.b.c", "b.a", ".", "..", "a.", ".a", ""]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@pytest.mark.timeout(120)
@settings(max_examples=cases(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(properties=st.lists(st.dictionaries(keys, json_values, max_size=6), min_size=1, max_size=12))
def test_no_property_that_json_can_hold_stops_the_loader(loaded: Loaded, properties: list[dict[str, Any]]) -> None:
    from trackway.event import new_id

    project = new_id()
    batch = [
        message("E", 1_790_000_000_000, visitor="v", id=str(number), properties=one)
        for number, one in enumerate(properties)
    ]
    loaded.load(project, batch)
    assert loaded.rows(project, "SELECT count() AS n FROM events WHERE project_id = {p:UUID}") == [{"n": len(batch)}]


def test_paths_that_clash_keep_the_first_and_lose_no_event(loaded: Loaded, project: UUID) -> None:
    one = message("E", visitor="v", id="1", properties={"a.b": 1, "a": {"b": 2, "c": 3}})
    loaded.load(project, [one])
    (row,) = loaded.rows(project, "SELECT toJSONString(properties) AS p FROM events WHERE project_id = {p:UUID}")
    assert json.loads(row["p"]) == {"a": {"b": 1, "c": 3}}


def test_a_quote_within_a_key_hides_no_clash(loaded: Loaded, project: UUID) -> None:
    one = message("E", visitor="v", id="1", properties={'a.b"c': 1, "a": {'b"c': 2, "\\": 3}})
    loaded.load(project, [one])
    (row,) = loaded.rows(project, "SELECT toJSONString(properties) AS p FROM events WHERE project_id = {p:UUID}")
    assert json.loads(row["p"]) == {"a": {'b"c': 1, "\\": 3}}


def test_properties_that_the_engine_refuses_are_kept_as_text_and_stop_nothing(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackway.enrich import pipeline

    monkeypatch.setattr(pipeline, "_flat", lambda value: value)
    clashing = message("E", visitor="v", id="1", properties={"a.b": 1, "a": {"b": 2}})
    loaded.load(project, [clashing, *messages(3)])
    agree(loaded, project, 4)
    (row,) = loaded.rows(
        project, "SELECT properties.unparsed::String AS p FROM events WHERE project_id = {p:UUID} AND name = 'E'"
    )
    assert json.loads(row["p"]) == {"a.b": 1, "a": {"b": 2}}
