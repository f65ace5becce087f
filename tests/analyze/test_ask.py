"""The one door for questions: who may ask, what is refused, and what is kept."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from inquiry import (
    BEARER,
    address,
    admin,  # noqa: F401
    ask,
    message,
)

from conftest import EMAIL, Server
from sample_questions import BODIES, STEPS, has_its_type
from trackway.analyze.catalogue import COMPARING, KINDS


@pytest.fixture(scope="module")
def path(server: Server) -> str:
    batch = [
        message("ask-1", "Ask A", properties={"plan": "pro", "seats": 3, "tags": ["x", "y"]}),
        message("ask-1", "Ask B"),
        message("ask-2", "Ask A", properties={"plan": "free"}),
        {"type": "identify", "anonymousId": "ask-1", "userId": "ask-ann", "traits": {"plan": "pro", "city": "Rome"}},
    ]
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    return address(server)


def test_every_question_has_a_body_here() -> None:
    assert set(BODIES) == set(KINDS)


OF_FILES = {"models"}
"""Questions that are answered from files."""


@pytest.mark.parametrize("question", BODIES)
def test_questions_are_answered_to_members_and_keys_and_to_nobody_else(
    server: Server, path: str, question: str
) -> None:
    body = {"question": question, **BODIES[question]}
    assert server.http.post(f"{path}/ask", json=body).status_code == 401
    assert server.http.post(f"{path}/ask", json=body, headers={"authorization": "Bearer sk_x"}).status_code == 401
    other = f"/api/v1/projects/{uuid4()}/ask"
    assert server.http.post(other, json=body, headers=BEARER).status_code == 404
    answer = ask(server, path, question, **BODIES[question])
    assert answer["data"] is not None
    assert question in OF_FILES or answer["queries"][0]["sql"].startswith("--")
    response = server.http.post(f"{path}/ask", json={**body, "compare": "previous"}, headers=BEARER)
    reply = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
    has_its_type(question, reply["data"])
    if KINDS[question] not in COMPARING:
        has_its_type(question, msgspec.json.decode(reply["before"], type=dict[str, msgspec.Raw])["data"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": "nope"}, "question"),
        ({"question": ["trend"]}, "question"),
        ({"question": "trend", "intervall": "day"}, "intervall"),
        ({"question": "trend", "interval": "fortnight"}, "interval"),
        ({"question": "trend", "series": [{"metric": "nope"}]}, "series[0].metric"),
        ({"question": "trend", "series": [{"metric": "sum"}]}, "series[0].property"),
        ({"question": "trend", "series": [{"even": "x"}]}, "series[0].even"),
        ({"question": "trend", "formulas": ["A + Z"]}, "formulas"),
        ({"question": "trend", "formulas": ["__import__('os')"]}, "formulas"),
        ({"question": "trend", "by": ["nope"]}, "filter"),
        ({"question": "trend", "by": ["properties.a\n"]}, "filter"),
        ({"question": "trend", "by": ["person.properties.a\n"]}, "filter"),
        ({"question": "trend", "id": "a\n"}, "id"),
        ({"question": "audience", "entity_type": "concert", "entity_id": "c1", "by": "traits.age\n"}, "by"),
        ({"question": "trend", "filter": {"any": [{"column": "country", "operator": "like"}]}}, "filter.any[0]"),
        ({"question": "trend", "filter": {"column": "path", "operator": "matches", "values": ["("]}}, "filter"),
        ({"question": "trend", "filter": {"segment": str(uuid4())}}, "filter.segment"),
        ({"question": "trend", "sample": 0.5}, "sample"),
        ({"question": "funnel", "steps": []}, "steps"),
        ({"question": "funnel", "steps": STEPS, "window_s": 0}, "window_s"),
        ({"question": "funnel", "steps": STEPS, "exclusions": [{"event": "x", "after": 2}]}, "exclusions[0].after"),
        ({"question": "funnel", "steps": [{"event": "x", "where": {"colum": "a"}}]}, "steps[0].where"),
        ({"question": "retention", "mode": "bracket"}, "brackets"),
        ({"question": "paths", "steps": 11}, "steps"),
        ({"question": "person"}, "person"),
        ({"question": "sessions", "sort": "1; DROP TABLE events"}, "sort"),
        ({"question": "trend", "compare": "never"}, "compare"),
        ({"question": "trend", "period": "never"}, "period"),
        ({"question": "breakdown"}, "by"),
        ({"question": "breakdown", "by": "nope"}, "filter"),
        ({"question": "newest_events", "limit": 0}, "limit"),
        ({"question": "newest_sessions", "before": "yesterday"}, "before"),
        ({"question": "visitor"}, "visitor_id"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(server: Server, path: str, body: Any, field: str) -> None:
    response = server.http.post(f"{path}/ask", json=body, headers=BEARER)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.json()["errors"][0]["field"] == field


def test_an_answer_is_kept_until_something_is_stored(server: Server, path: str) -> None:
    body = {"series": [{"event": "Ask Kept"}]}
    first = ask(server, path, "trend", **body)
    again = ask(server, path, "trend", **body)
    assert (first["cache"]["hit"], again["cache"]["hit"], again["cache"]["stale"]) == (False, True, False)
    assert again["data"] == first["data"]
    server.post("track", {"event": "Ask Kept", "anonymousId": "ask-3"})
    server.stored()
    fresh = ask(server, path, "trend", **body)
    assert fresh["cache"]["hit"] is False
    assert fresh["data"]["series"][0]["total"] == first["data"]["series"][0]["total"] + 1
    server.post("track", {"event": "Ask Kept", "anonymousId": "ask-3"})
    server.stored()
    old = ask(server, path, "trend", **body, max_age_s=60)
    assert (old["cache"]["hit"], old["cache"]["stale"]) == (True, True), "an old answer says that it is one"
    assert old["data"] == fresh["data"]


def test_an_answer_about_the_present_changes_with_time_alone(server: Server, path: str) -> None:
    """The visitor's last event leaves the five minutes of `live` while nothing is stored."""
    for left_s in (3, 10, 30, 90):  # a slow machine may take seconds until the first answer
        sent, visitor = time.time(), f"ask-leaves-{left_s}"
        at = datetime.fromtimestamp(sent - 5 * 60 + left_s, UTC).isoformat()
        server.post("track", {"event": "Ask Live", "anonymousId": visitor, "timestamp": at})
        server.stored()
        body = {"filter": f"visitor_id:is:{visitor}"}
        version = server.get("version")
        first = ask(server, path, "live", **body)["data"]
        if time.time() - sent < left_s:
            break
    assert (first["visitors"], [row["visitor_id"] for row in first["here"]]) == (1, [visitor])
    time.sleep(max(0, sent + left_s + 1 - time.time()))
    later = ask(server, path, "live", **body)["data"]
    assert server.get("version") == version, "nothing was stored meanwhile"
    assert (later["visitors"], later["here"]) == (0, [])
    assert ask(server, path, "live", **body, max_age_s=60)["cache"]["hit"], "a caller may accept an older answer"


@pytest.mark.parametrize("question", ["newest_sessions", "sessions", "visitor", "person", "rejections"])
def test_lists_that_change_without_a_new_event_are_made_again_after_a_second(
    server: Server, path: str, question: str
) -> None:
    body = BODIES[question]
    ask(server, path, question, **body)
    ask(server, path, "newest_events")
    time.sleep(1.1)
    assert ask(server, path, question, **body)["cache"]["hit"] is False
    assert ask(server, path, "newest_events")["cache"]["hit"] is True, "it depends on the stored events alone"


def test_a_sampled_trend_is_made_whole_and_says_its_margin(server: Server, path: str) -> None:
    batch = [message(f"sampled-{n}", "Sampled") for n in range(400)]
    assert server.post("batch", {"batch": batch}).status_code == 202
    server.stored()
    series = [{"event": "Sampled", "metric": "persons"}]
    (line,) = ask(server, path, "trend", series=series, sample=0.25, by=["country"])["data"]["series"]
    assert 0 < abs(line["total"] - 400) + line["total_margin"] < 160
    assert line["total"] % 4 == 0
    assert sum(line["points"]) == sum(part["total"] for part in line["parts"]) == line["total"]
    assert len(line["point_margins"]) == len(line["points"])
    body = {"question": "trend", "series": series, "formulas": ["A * 2"], "sample": 0.25}
    assert server.http.post(f"{path}/ask", json=body, headers=BEARER).status_code == 400


def test_a_comparison_and_annotations_come_with_a_trend(server: Server, path: str, admin: httpx.Client) -> None:
    note = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "text": "Released"}
    made = admin.post(f"{path}/annotations", json=note)
    assert made.status_code == 201, made.text
    answer = ask(server, path, "trend", compare="previous", period="7d")
    assert answer["before"]["data"]["series"][0]["total"] == 0
    assert [one["text"] for one in answer["annotations"]] == ["Released"]
    assert admin.delete(f"{path}/annotations/{made.json()['id']}").status_code == 204
    assert ask(server, path, "trend", compare="previous", period="7d")["annotations"] == []


def test_event_names_say_exactly_when_each_was_last_seen(server: Server, path: str) -> None:
    names = ask(server, path, "event_names", exact=True, limit=3)["data"]
    assert [set(row) for row in names] == [{"name", "events", "first_hour", "last_hour", "last_at"}] * len(names)
    every = {row["name"]: row["last_at"] for row in ask(server, path, "event_names", exact=True)["data"]}
    stored = server.sql("SELECT name, max(timestamp) AS last_at FROM events GROUP BY name")
    assert {"Ask A", "Ask B"} <= set(every)
    assert {name: datetime.fromisoformat(at) for name, at in every.items()} == {
        row["name"]: datetime.fromisoformat(row["last_at"]).replace(tzinfo=UTC) for row in stored
    }


def test_a_saved_question_is_asked_again_as_it_was_and_a_wrong_one_is_refused(server: Server, path: str) -> None:
    asked = {"question": "trend", "series": [{"event": "Ask A", "metric": "persons"}], "period": "7d"}
    made = server.http.post(f"{path}/questions", headers=BEARER, json={"name": "Weekly A", "ask": asked})
    assert made.status_code == 201, made.text
    [kept] = server.http.get(f"{path}/questions", headers=BEARER).json()
    assert (kept["name"], kept["ask"]) == ("Weekly A", asked)
    again = server.http.post(f"{path}/ask", headers=BEARER, json=kept["ask"])
    assert again.json()["data"] == ask(server, path, **asked)["data"]
    wrong = {"name": "Wrong", "ask": {"question": "trend", "colour": "red"}}
    refused = server.http.post(f"{path}/questions", headers=BEARER, json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "colour")
    assert server.http.delete(f"{path}/questions/{kept['id']}", headers=BEARER).status_code == 204
    assert server.http.delete(f"{path}/questions/{kept['id']}", headers=BEARER).status_code == 404
    assert server.http.get(f"{path}/questions", headers=BEARER).json() == []


def test_a_saved_segment_is_usable_in_every_question_and_nested(server: Server, path: str) -> None:
    pros = server.http.post(
        f"{path}/segments", headers=BEARER,
        json={"name": "Pros", "filter": {"column": "person.properties.plan", "values": ["pro"]}},
    ).json()  # fmt: skip
    nested = {"all": [{"segment": pros["id"]}, {"did": "Ask B"}]}
    both = server.http.post(f"{path}/segments", headers=BEARER, json={"name": "Both", "filter": nested}).json()
    for question in (
        "trend",
        "funnel",
        "retention",
        "lifecycle",
        "stickiness",
        "paths",
        "sessions",
        "sources",
        "persons",
    ):
        ask(server, path, question, **{**BODIES[question], "filter": {"segment": both["id"]}})
    people = ask(server, path, "persons", filter={"segment": both["id"]})["data"]
    assert [one["user_id"] for one in people] == ["ask-ann"]
    others = ask(
        server, path, "trend", series=[{"event": "Ask A", "metric": "persons"}], filter={"not": {"segment": both["id"]}}
    )
    assert others["data"]["series"][0]["total"] == 1
    assert server.http.delete(f"{path}/segments/{both['id']}", headers=BEARER).status_code == 204
    gone = server.http.post(
        f"{path}/ask", json={"question": "trend", "filter": {"segment": both["id"]}}, headers=BEARER
    )
    assert gone.status_code == 400


def test_a_list_keeps_who_was_meant_when_it_was_made(server: Server, path: str) -> None:
    frozen = server.http.post(
        f"{path}/segments", headers=BEARER, json={"name": "Did A", "kind": "list", "filter": {"did": "Ask A"}}
    ).json()
    named = server.http.post(
        f"{path}/segments", headers=BEARER, json={"name": "By hand", "kind": "list", "ids": ["ask-ann"]}
    ).json()
    before = ask(server, path, "persons", filter={"segment": frozen["id"]})["data"]
    server.post("track", {"event": "Ask A", "anonymousId": "ask-late"})
    server.stored()
    assert (
        len(ask(server, path, "persons", filter={"segment": frozen["id"]})["data"]) == len(before) == frozen["persons"]
    )
    assert [one["user_id"] for one in ask(server, path, "persons", filter={"segment": named["id"]})["data"]] == [
        "ask-ann"
    ]
    sizes = ask(server, path, "cohort_sizes", cohort={"segment": named["id"]}, period="7d", interval="day")["data"][
        "sizes"
    ]
    assert sizes[-1]["persons"] == 1


def test_a_person_has_one_timeline_and_a_history_of_properties(server: Server, path: str) -> None:
    phone = {"type": "identify", "anonymousId": "ask-phone", "userId": "ask-ann", "traits": {"plan": "team"}}
    server.post("batch", {"batch": [phone, message("ask-phone", "On the phone")]})
    server.stored()
    found = ask(server, path, "person", user_id="ask-ann")["data"]
    assert {"ask-1", "ask-phone"} <= set(found["visitor_ids"])
    assert {"Ask A", "On the phone", "identify"} <= {event["name"] for event in found["events"]}
    assert [one["value"] for one in found["history"]["plan"]] == ["pro", "team"]
    assert (found["properties"]["plan"], found["properties"]["city"]) == ("team", "Rome")
    assert found["profile"]["visitors"] == 2
    same = ask(server, path, "person", visitor_id="ask-phone")["data"]
    assert same["profile"]["person"] == found["profile"]["person"]
    assert ask(server, path, "person", user_id="nobody")["data"] is None


def test_a_merge_is_listed_undone_and_done_again(server: Server, path: str, admin: httpx.Client) -> None:
    server.post(
        "batch",
        {"batch": [message("ask-m", "Merge me"), {"type": "identify", "anonymousId": "ask-m", "userId": "ask-mia"}]},
    )
    server.stored()
    people = {"series": [{"metric": "persons"}], "filter": {"column": "visitor_id", "values": ["ask-m"]}}
    assert ask(server, path, "trend", **people)["data"]["series"][0]["total"] == 1
    merge = next(one for one in ask(server, path, "merges")["data"] if one["from_id"] == "ask-m")
    body = {"identity": merge["identity"], "person": merge["person"]}
    assert server.http.post(f"{path}/merges/undo", json=body, headers=BEARER).status_code == 403
    assert admin.post(f"{path}/merges/undo", json={"identity": "4000000001", "person": "4000000002"}).status_code == 404
    assert admin.post(f"{path}/merges/undo", json=body).json() == {"undone": True}
    assert ask(server, path, "trend", **people)["data"]["series"][0]["total"] == 2, "visible in the next answer"
    listed = next(one for one in ask(server, path, "merges")["data"] if one["from_id"] == "ask-m")
    assert (listed["undone"], listed["undone_by"]) == (True, EMAIL)
    admin.post(f"{path}/merges/undo", json={**body, "undone": False})
    assert ask(server, path, "trend", **people)["data"]["series"][0]["total"] == 1


def test_the_explorer_knows_types_fill_rates_and_values(server: Server, path: str) -> None:
    rows = {one["property"]: one for one in ask(server, path, "properties", event="Ask A")["data"]}
    assert rows["seats"]["types"] == ["Int64"]
    assert rows["tags"]["types"] == ["Array(Nullable(String))"]
    assert rows["plan"]["events"] == 2
    assert 0 < rows["seats"]["fill_rate"] < rows["plan"]["fill_rate"] <= 1
    values = ask(server, path, "values", of="properties.plan", event="Ask A")["data"]
    assert {(one["value"], one["events"]) for one in values} == {("pro", 1), ("free", 1)}
    tagged = ask(
        server,
        path,
        "trend",
        series=[{"event": "Ask A", "where": {"column": "properties.tags", "operator": "includes", "values": ["y"]}}],
    )
    assert tagged["data"]["series"][0]["total"] == 1


@pytest.mark.parametrize("question", BODIES)
def test_a_filter_is_part_of_the_statements_or_refused(server: Server, path: str, question: str) -> None:
    nobody = {"column": "visitor_id", "operator": "is", "values": ["nobody-of-this-name"]}
    body = {"question": question, **BODIES[question], "filter": nobody}
    response = server.http.post(f"{path}/ask", json=body, headers=BEARER)
    if response.status_code == 400:
        assert response.json()["errors"][0]["field"] == "filter"
    else:
        assert "nobody-of-this-name" in json.dumps(response.json()["queries"]), response.text
