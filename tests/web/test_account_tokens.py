"""What tokens of accounts show: rows of their own entities, and nothing of others; and tokens that let nobody in."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from uuid import uuid4

import httpx

from conftest import SECRET_KEY
from permission_matrix import (
    MARK,
    Installation,
    accounts,  # noqa: F401
    best,  # noqa: F401
    installation,  # noqa: F401
    put_account,
)
from trackway.govern.access.accounts import OwnedEntity


def test_the_numbers_of_an_account_are_those_of_its_entities(installation: Installation, best: str) -> None:
    def asked(**body: Any) -> Any:
        response = installation.as_token(installation.token(best), "POST", "/ask", {"period": "30d", **body})
        assert response.status_code == 200, response.text
        return response.json()["data"]

    series = [{"event": "click"}, {"metric": "persons"}, {"metric": "revenue"}]
    points = asked(question="trend", series=series)["series"]
    assert [sum(one["points"]) for one in points[:2]] == [5, 6]
    assert sum(map(float, points[2]["points"])) == 50
    assert (
        sum(
            row["clicks"] if "clicks" in row else row["profile_views"]
            for row in asked(question="daily", subject="artist")
        )
        >= 5
    )
    assert [row["entity_id"] for row in asked(question="entities")] == ["own"]
    assert asked(question="view_bookings")["booked"] == 0
    assert [row["value"] for row in asked(question="views", by="entity_type")] == ["artist"]
    [own] = asked(question="entity_views", entity_type="artist", ids=["own"])
    assert own["views"] == 1
    funnel = asked(question="funnel", steps=[{"event": "click"}, {"event": "Order Completed"}])
    assert funnel["steps"][0]["units"] == 5


def test_accounts_ask_for_no_user_ids(installation: Installation, best: str) -> None:
    trend = {"question": "trend", "series": [{}]}
    for more in (
        {"by": ["user_id"]}, {"by": ["visitor_id"]}, {"filter": "user_id:contains:a"}, {"filter": {"any": [{"column": "user_id", "values": ["a"]}]}},
        {"series": [{"filter": "session.user_id:is:a"}]},
    ):  # fmt: skip
        response = installation.as_token(installation.token(best), "POST", "/ask", {**trend, **more})
        assert response.status_code >= 400 and "no ids of people" in response.text, (more, response.text)


def test_accounts_see_no_sql(installation: Installation, best: str) -> None:
    events = installation.as_token(installation.token(best), "GET", "/events").json()
    assert events["data"] and "query" not in events
    trend = installation.as_token(
        installation.token(best), "POST", "/ask", {"question": "trend", "series": [{}]}
    ).json()
    assert trend["queries"] == []
    assert installation.admin.get(installation.path("/events")).json()["query"]["sql"]


def test_statements_see_own_rows_whatever_they_say(installation: Installation, best: str) -> None:
    def asked(sql: str) -> httpx.Response:
        return installation.as_token(installation.token(best), "POST", "/query", {"sql": sql})

    whole = installation.admin.post(
        installation.path("/query"), json={"sql": "SELECT count() AS n FROM events"}
    ).json()["data"]
    assert asked("SELECT count(*) AS n FROM events").json()["data"] == [{"n": 5 * 4 + 1}]
    assert whole[0]["n"] > 40
    tricks = [
        "SELECT groupUniqArray(entity_id) AS x FROM events",
        "SELECT groupUniqArray(name) AS x FROM events e",
        "WITH x AS (SELECT visitor_name, name, path, entity_id FROM events) SELECT name FROM x",
        "SELECT (SELECT groupUniqArray(name) FROM events) AS x",
        "SELECT a.name FROM events a JOIN events b ON a.name != b.name",
        "SELECT name FROM events WHERE entity_id != 'own' OR 1",
        "SELECT name FROM events UNION ALL SELECT entity_id FROM events",
        "SELECT arrayJoin((SELECT groupArray(path) FROM events)) AS x",
        "SELECT name FROM events -- SETTINGS additional_table_filters = {}",
        "SELECT name FROM events PREWHERE entity_id != 'own'",
        "SELECT 1 AS x WHERE 'a' IN (SELECT name FROM events)",
        "SELECT name, source, campaign, referrer, title, language, properties FROM events",
        "SELECT name FROM (SELECT name FROM events FINAL)",
    ]
    for sql in tricks:
        response = asked(sql)
        assert response.status_code in (200, 400, 422), f"{sql}: {response.text}"
        assert MARK not in response.text, sql
    for sql in (
        "SELECT * FROM events", "SELECT user_id FROM events", "SELECT visitor_id FROM events", "SELECT uniq(e.visitor_id) FROM events AS e", "SELECT e.ip FROM events AS e", "SELECT COLUMNS('user') FROM events",
        "SELECT e.* FROM events e", "SELECT * EXCEPT (name) FROM events", "SELECT `user\\x5fid` FROM events",
        "SELECT count() FROM sessions", "SELECT count() FROM visitors", "SELECT count() FROM entities",
        "SELECT count() FROM view_counts", "SELECT count() FROM system.tables", "SELECT count() FROM default.events",
        "SELECT name FROM events SETTINGS additional_table_filters = {}", "SELECT count() FROM identities",
        "SELECT * FROM merge('default', 'events')", "SELECT dictGet('persons', 'delta', 1)",
        # Beside the statement, where what is around it ends.
        "SELECT name AS a, name AS b FROM events) UNION ALL SELECT user_id, ip FROM (SELECT user_id, ip FROM events",
        "SELECT name FROM events) UNION ALL SELECT * FROM events WHERE (1",
        "SELECT name FROM events) AS a JOIN events AS b ON (1",
        "SELECT name FROM events) UNION ALL SELECT name FROM events /*", "SELECT name FROM events) --",
        "SELECT name FROM events) SETTINGS additional_table_filters = {} /*", "SELECT name FROM events) LIMIT 1 --",
        "SELECT name FROM events WHERE name != '", "SELECT $x$ FROM events", "SELECT name FROM events) FORMAT JSON --",
        "SELECT name FROM events; SELECT 1", "SELECT count() FROM events_from_x", "SELECT count() FROM rejections",
        "INSERT INTO events (name) VALUES ('x')", "SELECT query_id FROM system.processes",
    ):  # fmt: skip
        response = asked(sql)
        assert response.status_code in (400, 403, 422), f"{sql}: {response.status_code} {response.text}"
        assert MARK not in response.text, sql


def test_an_entity_whose_id_is_a_statement_is_a_text_like_any_other(installation: Installation, best: str) -> None:
    for strange in ("x') OR 1 --", "\\", "\\'", "'", "a','b", "{project:UUID}", "%(x)s", "\n;", "𝄞\x00"):
        token = installation.token(best, [OwnedEntity("artist", strange)])
        response = installation.as_token(token, "POST", "/query", {"sql": "SELECT count() AS n FROM events"})
        assert response.status_code == 200, (strange, response.text)
        assert response.json()["data"] == [{"n": 0}], strange


def test_feeds_files_registers_and_counters_have_nothing_of_others(installation: Installation, best: str) -> None:
    token = installation.token(best)
    for rest in ("/events", "/events?bots=true&limit=1000", "/breakdown?by=name", "/trend?metric=events", "/metrics",
                 "/events?format=csv", "/events?format=arrow", "/version"):  # fmt: skip
        response = installation.as_token(token, "GET", rest)
        assert response.status_code == 200, f"{rest}: {response.text}"
        assert MARK not in response.text, rest
    rows = installation.as_token(token, "GET", "/events?limit=1000").json()["data"]
    assert rows and {row["entity_id"] for row in rows} == {"own"}
    assert {row["user_id"] for row in rows} == {""}, "who they are is not the artist's"
    for form in ("csv", "arrow"):
        asked = {"question": "trend", "by": ["name"]}
        assert MARK not in installation.as_token(token, "POST", f"/ask?format={form}", asked).text
    assert installation.as_token(token, "GET", f"/entities/artist/{MARK}").status_code == 404
    assert installation.as_token(token, "GET", "/entities/artist/own").json()["name"] == "Name own"
    looked = {"entity_type": "artist", "ids": ["own", MARK]}
    assert installation.as_token(token, "POST", "/views/lookup", looked).status_code == 404
    assert installation.as_token(token, "POST", "/views/lookup", {**looked, "ids": ["own"]}).json()[0]["views"] == 1


def test_the_live_stream_of_an_account_is_of_its_entities(installation: Installation, best: str) -> None:
    headers = {"authorization": f"Bearer {installation.token(best)}"}
    with (
        httpx.Client(base_url=installation.server.url, timeout=60) as client,
        client.stream("GET", installation.path("/stream"), headers=headers) as stream,
    ):
        assert stream.status_code == 200
        lines = stream.iter_lines()
        next(lines)
        for mark in (MARK, "own"):
            properties = {"entity_type": "artist", "entity_id": mark}
            installation.server.post(
                "track", {"event": f"Live {mark}", "anonymousId": f"live-{mark}", "properties": properties}
            )
        said = ""
        for line in lines:
            said += line
            if "Live own" in line:
                break
    assert MARK not in said


def test_nobody_stops_the_questions_of_somebody_else_by_their_name(installation: Installation, best: str) -> None:
    steps = [
        {"event": "click", "where": {"column": "visitor_id", "operator": "matches_not", "values": [f"(x+x+)+{n}"]}}
        for n in range(5)
    ]
    asked = {"question": "funnel", "order": "any", "steps": steps, "window_s": 86_400, "id": "mine", "max_age_s": -1}
    over = threading.Event()
    statuses: list[int] = []

    def stop_it() -> None:
        headers = {"authorization": f"Bearer {installation.token(best)}"}
        with httpx.Client(base_url=installation.server.url, headers=headers, timeout=30) as client:
            while not over.is_set():
                statuses.append(client.delete(installation.path("/ask/mine")).status_code)

    thread = threading.Thread(target=stop_it)
    thread.start()
    try:
        for _ in range(2):
            response = installation.admin.post(installation.path("/ask"), json=asked)
            assert response.status_code == 200, response.text
    finally:
        over.set()
        thread.join()
    assert len(statuses) > 5 and set(statuses) == {204}


def test_a_stream_ends_with_the_token_it_was_opened_with(installation: Installation) -> None:
    own = [{"type": "artist", "id": "own"}]
    put_account(
        installation, "streams", type="artist", verification="business", subscription="enterprise", entities=own
    )
    headers = {"authorization": f"Bearer {installation.token('streams')}"}
    with (
        httpx.Client(base_url=installation.server.url, timeout=60) as client,
        client.stream("GET", installation.path("/stream"), headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        assert installation.admin.post(installation.path("/accounts/streams/revoke-tokens")).status_code == 204
        assert not [line for line in lines if line.startswith("data")], "the server ends it"


def test_what_is_kept_for_one_account_is_not_given_to_another(installation: Installation, best: str) -> None:
    asked = {"question": "trend", "series": [{"event": "click"}], "period": "30d"}
    foreign = installation.token(best, [OwnedEntity("artist", MARK)])
    counts = []
    for token in (foreign, installation.token(best), foreign, installation.token(best)):
        points = installation.as_token(token, "POST", "/ask", asked).json()["data"]["series"][0]["points"]
        counts.append(sum(points))
    assert counts == [7, 5, 7, 5]
    gets = [installation.as_token(token, "GET", "/events").text for token in (foreign, installation.token(best))]
    assert MARK in gets[0] and MARK not in gets[1]


def test_owners_in_the_register_own(installation: Installation) -> None:
    for one in ("own", MARK):
        put_account(installation, f"owner-{one}", type="artist", verification="business", subscription="enterprise")
    seen = {
        one: installation.as_token(installation.token(f"owner-{one}"), "POST", "/query", {"sql": "SELECT DISTINCT entity_id AS e FROM events"})
        .json()["data"]
        for one in ("own", MARK)
    }  # fmt: skip
    assert seen == {"own": [{"e": "own"}], MARK: [{"e": MARK}]}
    put_account(installation, "owner-of-nothing", type="artist", verification="business", subscription="enterprise")
    nothing = installation.as_token(
        installation.token("owner-of-nothing"), "POST", "/query", {"sql": "SELECT count() AS n FROM events"}
    )
    assert nothing.json()["data"] == [{"n": 0}]


def test_a_user_sees_their_own_year_with_what_they_did_before_theysigned_in(installation: Installation) -> None:
    batch = [
        {"type": "track", "event": "view", "anonymousId": "year-1", "properties": {"entity_type": "artist", "entity_id": "own"}},
        {"type": "identify", "anonymousId": "year-1", "userId": "year-fan"},
        {"type": "track", "event": "Order Completed", "anonymousId": "year-1", "userId": "year-fan",
         "properties": {"entity_type": "concert", "entity_id": "c1"}},
    ]  # fmt: skip
    assert installation.server.post("batch", {"batch": batch}).status_code == 202
    installation.server.stored()
    for fan in ("year-fan", f"fan-{MARK}-0", "unknown-fan"):
        put_account(installation, fan, type="user")

    def year(fan: str) -> Any:
        response = installation.as_token(
            installation.token(fan), "POST", "/ask", {"question": "year", "period": "12mo"}
        )
        assert response.status_code == 200, response.text
        return response.json()["data"]

    own = year("year-fan")
    assert (own["events"], own["bookings"], own["days"], own["longest"]) == (2, 1, 1, 1)
    assert {one["entity_type"]: one["entities"] for one in own["types"]} == {"artist": 1, "concert": 1}
    artist = next(one for one in own["types"] if one["entity_type"] == "artist")
    assert artist["top"] == [{"id": "own", "name": "Name own", "events": 1}]
    assert MARK not in json.dumps(own)
    assert year("unknown-fan")["events"] == 0
    assert year(f"fan-{MARK}-0")["events"] == 4
    asked = {"question": "year", "period": "12mo", "person": "1"}
    assert installation.as_token(installation.token("year-fan"), "POST", "/ask", asked).json()["data"]["events"] == 2


def test_tokens_that_are_forged_expired_or_of_others_let_nobody_in(installation: Installation, best: str) -> None:
    import base64
    import hmac

    def part(value: object) -> str:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"aud": installation.project, "sub": best, "iat": now, "exp": now + 300}
    head = {"alg": "HS256", "kid": installation.kid, "typ": "JWT"}

    def made(header: dict[str, Any], claims: dict[str, Any], key: str = installation.key, how: str = "sha256") -> str:
        text = f"{part(header)}.{part(claims)}"
        return f"{text}.{part(hmac.new(key.encode(), text.encode(), how).digest())}"

    good = made(head, claims)
    bad = {
        "none": f"{part({**head, 'alg': 'none'})}.{part(claims)}.",
        "none with a signature": made({**head, "alg": "none"}, claims),
        "None": f"{part({**head, 'alg': 'nOnE'})}.{part(claims)}.",
        "another algorithm": made({**head, "alg": "HS512"}, claims, how="sha512"),
        "confused with a public key": made({**head, "alg": "RS256"}, claims),
        "no algorithm": made({"kid": installation.kid}, claims),
        "a header that says what is critical": made({**head, "crit": ["exp"], "exp": 1}, claims),
        "detached": made({**head, "b64": False, "crit": ["b64"]}, claims),
        "a key of its own": made({**head, "jwk": {"kty": "oct", "k": part(b"x")}}, claims, "x"),
        "a key from elsewhere": made({**head, "jku": "http://127.0.0.1:1/"}, claims, "x"),
        "the wrong key": made(head, claims, "wrong"),
        "an empty key": made(head, claims, ""),
        "the sealed key": made(head, claims, SECRET_KEY),
        "no such kid": made({**head, "kid": str(uuid4())}, claims),
        "a kid that is a path": made({**head, "kid": "../../dev/null"}, claims, ""),
        "a kid that is a statement": made({**head, "kid": "' OR 1=1 --"}, claims),
        "a kid that is a number": made({**head, "kid": 1}, claims),
        "expired": made(head, {**claims, "iat": now - 600, "exp": now - 1}),
        "not yet valid": made(head, {**claims, "nbf": now + 600}),
        "issued in the future": made(head, {**claims, "iat": now + 600, "exp": now + 900}),
        "good for too long": made(head, {**claims, "exp": now + 3601}),
        "good for ever": made(head, {name: value for name, value in claims.items() if name != "exp"}),
        "of no time": made(head, {**claims, "exp": "9999999999"}),
        "of endless time": made(head, {**claims, "exp": 1e400}),
        "of a number that is none": f"{part(head)}.{part(b'{}')}.",
        "of another project": made(head, {**claims, "aud": installation.other_project}),
        "another project's key for this one": made({**head, "kid": installation.other_kid}, claims, installation.other_key),
        "another project's key with this kid": made(head, claims, installation.other_key),
        "two audiences": made(head, {**claims, "aud": [installation.project, installation.other_project]}),
        "no account": made(head, {**claims, "sub": "nobody"}),
        "an empty account": made(head, {**claims, "sub": ""}),
        "entities that are none": made(head, {**claims, "entities": "*"}),
        "entities of too many words": made(head, {**claims, "entities": [{"type": "artist", "id": "own", "also": 1}]}),
        "oversized": made(head, {**claims, "more": "x" * 9000}),
        "claims changed": f"{good.split('.')[0]}.{part({**claims, 'sub': 'admin-none-free-False'})}.{good.split('.')[2]}",
        "signature cut": good[:-2],
        "signature gone": good.rpartition(".")[0] + ".",
        "not base64": "a.b.c",
        "empty": "..",
        "nested deep": f"{part(head)}.{part(b'[' * 5000)}.x",
    }  # fmt: skip
    assert installation.as_token(good, "POST", "/ask", {"question": "views"}).status_code == 200
    for what, token in bad.items():
        response = installation.as_token(token, "POST", "/ask", {"question": "views"})
        assert response.status_code == 401, f"{what}: {response.status_code} {response.text}"
        assert installation.key not in response.text and SECRET_KEY not in response.text
    assert installation.as_token(good, "POST", "/ask", {"question": "views"}).status_code == 200


def test_a_token_of_one_project_opens_no_other(installation: Installation, best: str) -> None:
    headers = {"authorization": f"Bearer {installation.token(best)}"}
    response = installation.server.http.get(f"/api/v1/projects/{installation.other_project}/version", headers=headers)
    assert response.status_code == 404
    assert [one["id"] for one in installation.server.http.get("/api/v1/projects", headers=headers).json()] == [
        installation.project
    ]
