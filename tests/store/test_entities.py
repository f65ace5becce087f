"""The register of entities: written by an API and by tables, filled by events, read with what each earned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import SECRET_KEY, WRITE_KEY, Server
from trackway.store.entities import BadEntity, from_table

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


@pytest.fixture(scope="module")
def path(server: Server) -> str:
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    return f"/api/v1/projects/{project}/entities"


def _seconds_ago(seconds: int) -> str:
    """A time as clients send it: two requests can arrive in the same millisecond, which has no order."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def listed(server: Server, **asked: Any) -> dict[str, dict[str, Any]]:
    body = {"question": "entities", "period": "all", "bots": True, **asked}
    return {row["entity_id"]: row for row in server.asked(body)["data"]}


def test_what_is_registered_is_there_at_once_and_replaced_whole(server: Server, path: str) -> None:
    one = {"type": "gig", "id": "g/1", "name": "Glass Harbour", "owners": ["acc-1"], "parents": ["artist:7", "venue:9"],
           "attributes": {"genre": "jazz"}}  # fmt: skip
    assert server.http.put(path, json=[one, {"type": "gig", "id": "g2"}], headers=BEARER).json() == {"registered": 2}
    read = server.http.get(f"{path}/gig/g/1", headers=BEARER).json()
    assert {name: read[name] for name in one} == one
    for n in range(5):
        server.http.put(path, json=[{"type": "gig", "id": "g/1", "name": f"Name {n}"}], headers=BEARER)
        assert server.http.get(f"{path}/gig/g/1", headers=BEARER).json()["name"] == f"Name {n}"
    assert server.http.get(f"{path}/gig/g/1", headers=BEARER).json()["parents"] == []
    assert set(listed(server, entity_type="gig")) == {"g/1", "g2"}
    assert set(listed(server, entity_type="gig", search="name 4")) == {"g/1"}
    assert server.http.delete(f"{path}/gig/g2", headers=BEARER).status_code == 204
    assert server.http.get(f"{path}/gig/g2", headers=BEARER).status_code == 404
    assert set(listed(server, entity_type="gig")) == {"g/1"}


def test_what_events_speak_of_appears_by_itself(server: Server, path: str) -> None:
    server.post(
        "track", {"anonymousId": "e", "event": "like", "properties": {"entity_type": "song", "entity_id": "s1"}}
    )
    server.stored()
    found = listed(server, entity_type="song")["s1"]
    assert (found["registered"], found["name"], found["views"]) == (False, "", 0)
    assert found["first_seen"] is not None
    server.http.put(path, json=[{"type": "song", "id": "s1", "name": "Tide"}], headers=BEARER)
    assert (
        listed(server, entity_type="song")["s1"]["name"],
        listed(server, entity_type="song")["s1"]["registered"],
    ) == ("Tide", True)


def test_who_the_people_of_an_entity_are(server: Server) -> None:
    of = {"entity_type": "opera", "entity_id": "o1"}
    for who, gender in (("aida", "f"), ("amneris", "f"), ("radames", "m")):
        of_user = {"anonymousId": who, "userId": f"user-{who}"}
        said = {"traits": {"gender": "x", "age_range": "25-34"}, "timestamp": _seconds_ago(2)}
        server.post("identify", {**of_user, **said})
        server.post("identify", {**of_user, "traits": {"gender": gender}, "timestamp": _seconds_ago(1)})
    for who in ("aida", "amneris", "radames", "nobody", "aida"):
        context = {"location": {"country": "IT"}}
        server.post("track", {"anonymousId": who, "event": "view_details", "properties": of, "context": context})
    server.stored()

    def audience(by: str) -> dict[str, int]:
        body = {"question": "audience", "by": by, "bots": True, "max_age_s": -1, **of}
        return {row["value"]: row["persons"] for row in server.asked(body)["data"]}

    assert audience("traits.gender") == {"f": 2, "m": 1, "": 1}, "the last that was said counts"
    assert audience("traits.age_range") == {"25-34": 3, "": 1}
    assert audience("country") == {"IT": 4}
    refused = server.http.post(
        path_of(server) + "/ask", json={"question": "audience", "by": "traits.x) OR (1", **of}, headers=BEARER
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "by")


def test_who_viewed_and_booked_afterwards(server: Server) -> None:
    def view(session: str, user: str = "", entity: str = "t1") -> None:
        body = {"session_id": session, "user_id": user, "anonymous_id": f"browser-{session}"}
        path = f"/v1/entities/tour/{entity}/view"  # the host says who is signed in
        assert server.http.post(path, json=body, headers=BEARER).json()["tracked"]

    def book(session: str, user: str = "", entity: str = "t1") -> None:
        server.post("track", {
            "event": "Order Completed", "anonymousId": f"browser-{session}", **({"userId": user} if user else {}),
            "context": {"sessionId": session}, "properties": {"entity_type": "tour", "entity_id": entity},
        })  # fmt: skip

    book("early", "early")
    server.stored()
    for session, user in (("b1", ""), ("b2", "ann"), ("b3", "bob"), ("early", "early"), ("b5", "")):
        view(session, user)
    server.stored()
    book("b1")  # the same browser
    book("elsewhere", "ann")  # the same person on another device
    book("b3", "bob", "t2")  # something else
    server.stored()
    asked = {"question": "view_bookings", "entity_type": "tour", "entity_id": "t1", "bots": True, "max_age_s": -1}
    assert server.asked(asked)["data"] == {"viewers": 5, "booked": 2, "rate": 0.4}
    assert server.asked({**asked, "entity_id": "none"})["data"] == {"viewers": 0, "booked": 0, "rate": None}


def path_of(server: Server) -> str:
    return "/api/v1/projects/" + str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])


def test_a_table_is_registered_whole_or_not_at_all(server: Server, path: str) -> None:
    table = "type,id,name,owners,parents,hidden,genre\nband,b1,One,o1|o2,label:1,yes,folk\nband,b2,Zwei,,,,\n"
    assert server.http.post(f"{path}/csv", content=table.encode("utf-8-sig"), headers=BEARER).json() == {
        "registered": 2
    }
    read = server.http.get(f"{path}/band/b1", headers=BEARER).json()
    assert (read["owners"], read["parents"], read["hidden"], read["attributes"]) == (
        ["o1", "o2"],
        ["label:1"],
        True,
        {"genre": "folk"},
    )
    wrong = server.http.post(f"{path}/csv", content=b"type,id\nband,b3\nband,\n", headers=BEARER)
    assert wrong.status_code == 400 and "line 3" in wrong.json()["detail"]
    assert server.http.get(f"{path}/band/b3", headers=BEARER).status_code == 404
    with pytest.raises(BadEntity, match="line 2"):
        from_table(["id,name\n", "1,No type\n"])


def test_hidden_counts_are_for_the_owner(server: Server, path: str) -> None:
    server.http.put(path, json=[{"type": "diary", "id": "d1"}], headers=BEARER)
    answer = server.http.post("/v1/entities/diary/d1/view", json={"session_id": "s"}, auth=(WRITE_KEY, ""))
    assert answer.json()["tracked"]
    server.stored()
    hidden = server.http.patch(f"{path}/diary/d1", json={"hidden": True}, headers=BEARER).json()
    assert hidden["hidden"] is True

    def seen(by: str) -> dict[str, Any]:
        body = {
            "question": "entity_views",
            "entity_type": "diary",
            "ids": ["d1"],
            "seen_by": by,
            "bots": True,
            "max_age_s": -1,
        }
        return dict(server.asked(body)["data"][0])

    asked = {"entity_type": "diary", "ids": ["d1"]}
    looked = server.http.post(path.replace("/entities", "/views/lookup"), json=asked, headers=BEARER).json()
    assert looked == [{"id": "d1", "hidden": True}]
    assert seen("public") == {"id": "d1", "hidden": True}
    assert seen("owner")["views"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        [{"type": "gig"}],
        [{"type": "", "id": "1"}],
        [{"type": "gig", "id": "1", "parents": ["seven"]}],
        [{"type": "gig", "id": "1", "views": 1000}],
        [{"type": "gig", "id": str(n)} for n in range(1001)],
        [{"type": "gig", "id": "1", "notify": {"every": "hourly"}}],
    ],
)
def test_what_is_wrong_is_refused_and_views_cannot_be_written(server: Server, path: str, wrong: Any) -> None:
    assert server.http.put(path, json=wrong, headers=BEARER).status_code == 400


def test_who_may_not(server: Server, path: str) -> None:
    stranger = httpx.Client(base_url=server.url, timeout=60)
    for method, place, body in (
        ("PUT", path, [{"type": "gig", "id": "x"}]),
        ("POST", f"{path}/csv", None),
        ("GET", f"{path}/gig/g/1", None),
        ("PATCH", f"{path}/gig/g/1", {"hidden": True}),
        ("DELETE", f"{path}/gig/g/1", None),
    ):
        assert stranger.request(method, place, json=body).status_code == 401, (method, place)
        assert stranger.request(method, place, json=body, auth=(WRITE_KEY, "")).status_code == 401, (
            "a write key only sends"
        )


def test_members_read_and_outsiders_see_nothing(server: Server, path: str) -> None:
    from trackway.govern.database import GovernDatabase

    accounts = GovernDatabase(f"sqlite:///{server.data / 'accounts.db'}")
    for name in ("entities-member@example.com", "entities-outsider@example.com"):
        accounts.add_user(name, "a long password")
    accounts.add_member("entities-member@example.com", UUID(accounts.projects()[0].id))
    accounts.close()
    place = path.removesuffix("/entities")
    server.http.put(path, json=[{"type": "gig", "id": "seen"}], headers=BEARER)
    reads = [
        ("GET", f"{path}/gig/seen", None),
        ("GET", f"{place}/metrics", None),
        ("POST", f"{place}/views/lookup", {"entity_type": "gig", "ids": ["seen"]}),
    ]
    writes = [
        ("PUT", path, [{"type": "gig", "id": "x"}]),
        ("POST", f"{path}/csv", None),
        ("PATCH", f"{path}/gig/seen", {"hidden": True}),
        ("DELETE", f"{path}/gig/seen", None),
        ("POST", f"{place}/aggregate", {"date": "2026-01-01"}),
        ("POST", f"{place}/refresh", None),
    ]
    seen = {}
    for who in ("member", "outsider"):
        client = httpx.Client(base_url=server.url, timeout=60)
        credentials = {"email": f"entities-{who}@example.com", "password": "a long password"}
        client.headers["x-csrf-token"] = client.post("/api/v1/sign-in", json=credentials).json()["csrf"]
        seen[who] = [
            {client.request(method, at, json=body).status_code for method, at, body in calls}
            for calls in (reads, writes)
        ]
    assert seen == {"member": [{200}, {403}], "outsider": [{404}, {404}]}
    assert {server.http.request(method, at, json=body).status_code for method, at, body in reads + writes} == {401}
