"""Everyone sees theirs, nobody sees more: every address, for everybody who may come, as it is declared here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY
from permission_matrix import (
    CONCERTS,
    DECLARED,
    MARK,
    OF_QUESTION,
    ROLES,
    SEEN,
    STANDINGS,
    Installation,
    P,
    expected,
    installation,  # noqa: F401
    may,
    put_account,
    signed_in,
)
from sample_questions import BODIES
from trackway.client.reading import Reader, ReadFailed
from trackway.govern.access.accounts import OwnedEntity
from trackway.govern.access.tokens import sign


def name_of(kind: str, verification: str, subscription: str, expired: bool) -> str:
    return f"fan-own-0-{kind}" if kind == "user" else f"{kind}-{verification}-{subscription}-{expired}"


@pytest.fixture(scope="module")
def accounts(installation: Installation) -> dict[str, set[str]]:
    """An account of each type and standing → what it may."""
    found = {}
    for kind in CONCERTS:
        for verification, subscription, expired in STANDINGS:
            name = f"{kind}-{verification}-{subscription}-{expired}"
            ends = datetime.now(UTC) + timedelta(days=-1 if expired else 30)
            own = [] if kind in ("user", "admin") else [{"type": "artist", "id": "own"}]
            put_account(installation, name, type=kind, verification=verification, subscription=subscription,
                     expires_at=ends.isoformat(), entities=own)  # fmt: skip
            found[name] = may(kind, verification, subscription, expired)
    return found


def test_everything_that_there_is_is_declared(installation: Installation) -> None:
    paths = installation.server.http.get("/docs/openapi.json").json()["paths"]
    existing = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("tags") != ["collecting"]  # with a write key: tests/web/test_api.py asks these
    }
    assert existing == set(DECLARED)


KEYS = {
    "user": "view_events create_reviews like_events comment follow_artists",
    "artist": "view_events create_reviews manage_artist_profile view_artist_analytics claim_events",
    "venue": "view_events create_events manage_venue_profile view_venue_analytics",
    "promoter": "view_events create_events manage_promotions view_event_analytics",
    "ad_account": "create_campaigns manage_ads view_ad_analytics target_users",
    "admin": "manage_users manage_events manage_reviews view_all_analytics moderate_content",
}
"""What the host asks for, by type of account."""


def test_the_table_of_permissions_is_the_packs_with_the_keys_of_the_host_beside_them(
    installation: Installation,
) -> None:
    rows = installation.admin.get(installation.path("/permissions")).json()
    granted = {(row["account_type"], row["permission"]): (row["verification"], row["subscription"])
               for row in rows if row["granted"]}  # fmt: skip
    keys = {(kind, key): ("none", "free") for kind, of in KEYS.items() for key in of.split()}
    ours = {(kind, name): gate for kind, gates in CONCERTS.items() for name, gate in gates.items()}
    assert granted == ours | keys
    assert len(rows) == 9 * 10 + len(keys)


def test_a_host_asks_for_permissions_by_name(installation: Installation) -> None:
    every = {key for of in KEYS.values() for key in of.split()}
    reader = Reader(SECRET_KEY, installation.server.url)
    for kind in CONCERTS:
        put_account(installation, f"asked {kind}", type=kind)
        shown = installation.admin.get(installation.path(f"/accounts/asked {kind}")).json()
        own = KEYS.get(kind, "").split()
        assert set(shown["granted"]) & every == set(own)
        for key in every | SEEN:
            assert reader.has_permission(f"asked {kind}", key) is (key in shown["granted"]), (kind, key)
    put_account(installation, "asked artist", type="artist", suspended=True)
    assert not reader.has_permission("asked artist", "view_events")
    for account, key in (("asked venue", "fly"), ("asked venue", "manage"), ("nobody", "view_events")):
        with pytest.raises(ReadFailed, match="there is no"):
            reader.has_permission(account, key)


def test_what_a_key_of_the_host_opens_is_closed_and_opened_with_it(installation: Installation) -> None:
    own = [{"type": "artist", "id": "own"}]
    for kind in ("artist", "label"):
        put_account(installation, f"keyed {kind}", type=kind, verification="business", entities=own)

    def statuses() -> list[int]:
        return [
            installation.as_token(
                installation.token(f"keyed {kind}"), "POST", "/ask", {"question": "views"}
            ).status_code
            for kind in ("artist", "label")
        ]

    assert statuses() == [200, 200]
    path = installation.path("/permissions/artist/view_artist_analytics")
    assert installation.admin.put(path, json={"granted": False}).status_code == 200
    assert statuses() == [403, 200]
    assert installation.admin.put(path, json={"verification": "business"}).status_code == 200
    assert statuses() == [200, 200]
    assert installation.admin.put(path, json={"reset": True}).json()["verification"] == "none"


def send(
    installation: Installation, operation: str, ask: Callable[..., httpx.Response], client: httpx.Client
) -> httpx.Response:
    method, path = operation.split(" ")
    values = {"project_id": installation.project, "entity_type": "artist", "entity_id": "own" if method == "GET" else "none", "account_type": "artist",
              "permission": "views", "email": "nobody@example.com", "name": "none", "tile": "a", "segment": "ready:champions"}  # fmt: skip
    for name in ("token", "passkey_id", "sign_in_id", "key_id", "account_id", "request_id", "segment_id", "annotation_id",
                 "board_id", "question_id", "share_id", "transfer_id", "invitation_id", "connection_id", "watch_id"):  # fmt: skip
        values[name] = str(uuid4())
    path = path.format(**values)
    if operation.endswith("/stream"):
        with client.stream("GET", path) as response:
            return httpx.Response(
                response.status_code, text="" if response.status_code == 200 else response.read().decode()
            )
    return ask(method, path, json=_BODY.get(operation.replace(P, "P"), {}))


_BODY: dict[str, Any] = {
    "POST P/ask": {"question": "views"}, "POST P/query": {"sql": "SELECT count() AS n FROM events"},
    "POST P/views/lookup": {"entity_type": "artist", "ids": ["own"]}, "PUT P/entities": [], "PUT P/rates": [], "POST P/orders": [],
    "POST P/account-requests": {"type": "venue", "business": {}},
}  # fmt: skip


def check(response: httpx.Response, allowed: bool | None, what: str) -> None:
    assert response.status_code < 500, f"{what}: {response.status_code} {response.text}"
    refused = response.status_code in (401, 403) or (response.status_code == 404 and "you may not see" in response.text)
    if allowed is None:
        assert response.status_code != 403, what
    else:
        assert refused != allowed, f"{what}: {response.status_code} {'' if allowed else response.text[:300]}"


def test_members_keys_and_nobody_are_let_in_as_declared(installation: Installation) -> None:
    clients = {role: signed_in(installation.server, f"{role}@example.com", "a long password")
               for role in ("viewer", "analyst", "owner", "outsider")}  # fmt: skip
    clients["administrator"] = signed_in(installation.server, EMAIL, PASSWORD)
    clients["key"] = httpx.Client(
        base_url=installation.server.url, headers={"authorization": f"Bearer {SECRET_KEY}"}, timeout=60
    )
    nobody = httpx.Client(base_url=installation.server.url, timeout=60)
    for operation, needed in DECLARED.items():
        if operation in ("POST /api/v1/sign-out", "POST /api/v1/me/totp/begin", f"PATCH {P}", f"PUT {P}/plan"):
            continue  # by the others below; done by all of them it would change what is tested
        for caller, client in clients.items():
            response = send(installation, operation, client.request, client)
            check(response, expected(needed, ROLES.get(caller, set()), caller), f"{caller}: {operation}")
        response = send(installation, operation, nobody.request, nobody)
        check(response, None if needed == "anybody" else False, f"nobody: {operation}")
    for caller in ("viewer", "analyst", "key", "outsider"):
        for method, rest in (("PATCH", ""), ("PUT", "/plan")):
            assert clients[caller].request(method, installation.path(rest), json={}).status_code in (403, 404)


def test_addresses_of_sessions_are_for_who_manages_the_project(installation: Installation) -> None:
    body = {"question": "person", "user_id": "fan-own-0", "period": "all", "addresses": True}
    for role, allowed in (("viewer", False), ("analyst", False), ("owner", True)):
        client = signed_in(installation.server, f"{role}@example.com", "a long password")
        answer = client.post(installation.path("/ask"), json=body)
        assert answer.status_code == (200 if allowed else 403), role
    plain = signed_in(installation.server, "analyst@example.com", "a long password").post(
        installation.path("/ask"), json={**body, "addresses": False}
    )
    assert all("ip" not in one for one in plain.json()["data"]["sessions"])


_WHOLE_PROJECT = ("/overview", "/live", "/sources", "/traffic-sources", "/trend", "/breakdown")


def _verdicts(accounts: dict[str, set[str]]) -> dict[str, dict[str, bool | None]]:
    """By account and address whether it is let in, without those where that depends on more than its permissions."""
    verdicts: dict[str, dict[str, bool | None]] = {}
    for account, permissions in accounts.items():
        verdicts[account] = {}
        for operation, needed in DECLARED.items():
            allowed = expected(needed, permissions, "account")
            of_the_whole = operation.endswith(_WHOLE_PROJECT) and not account.startswith("admin")
            of_one_user = account.startswith("user") and needed in SEEN
            if operation != f"POST {P}/account-requests" and not ((of_the_whole or of_one_user) and allowed):
                verdicts[account][operation] = allowed
    return verdicts


def test_accounts_are_let_in_as_their_type_verification_and_subscription_say(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    """Each account asks one address of each permission; each address is asked by one whom it lets in and one whom not."""
    verdicts, names = _verdicts(accounts), list(accounts)
    asked: dict[str, set[str]] = {}
    for account in names:
        one_of_each = {DECLARED[operation]: operation for operation in verdicts[account]}
        asked[account] = set(one_of_each.values())
    for number, operation in enumerate(DECLARED):
        others = names[number % len(names) :] + names[: number % len(names)]  # so that each address meets other types
        for verdict in (True, False, None):
            fitting = [name for name in others if verdicts[name].get(operation, "depends") is verdict]
            for account in fitting[:1]:
                asked[account].add(operation)
    assert set().union(*asked.values()) == set(DECLARED) - {f"POST {P}/account-requests"}
    for account in names:
        client = httpx.Client(base_url=installation.server.url, timeout=30,
                              headers={"authorization": f"Bearer {installation.token(account)}"})  # fmt: skip
        for operation in sorted(asked[account]):
            response = send(installation, operation, client.request, client)
            check(response, verdicts[account][operation], f"{account}: {operation}")


def _questions() -> dict[str, dict[str, Any]]:
    bodies = {name: dict(body) for name, body in BODIES.items()}
    bodies["daily"] = {"subject": "artist"}
    bodies["views"] = {"by": "day"}
    bodies["audience"] = {"entity_type": "artist", "entity_id": "own", "by": "country"}
    bodies["entity_views"] = {"entity_type": "artist", "ids": ["own", MARK]}
    return bodies


def test_every_question_is_for_who_has_its_permission_and_no_answer_has_anything_of_others(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    """Asked first by the administrator, so that what is kept of the whole project is there to be given away.

    Each account asks one question of each permission; each question is asked by the accounts with all that their type can
    have, and by one account that lacks its permission.
    """
    for name, body in _questions().items():
        asked = {"question": name, "period": "30d", **body}
        assert installation.admin.post(installation.path("/ask"), json=asked).status_code == 200, name
    everybody = {account: held for account, held in accounts.items() if not account.startswith("admin")}
    one_of_each = {OF_QUESTION.get(name, "ask"): name for name in _questions()}
    for number, (name, body) in enumerate(_questions().items()):
        needed = OF_QUESTION.get(name, "ask")
        lacking = [account for account, held in everybody.items() if needed not in held]
        asking = [account for account in everybody if account.endswith("-business-enterprise-False")]
        asking += [lacking[number % len(lacking)]] if lacking else []
        for account in everybody if name == one_of_each[needed] else asking:
            response = installation.as_token(
                installation.token(account), "POST", "/ask", {"question": name, "period": "30d", **body}
            )
            if needed not in everybody[account]:
                assert response.status_code == 403, f"{account} {name}: {response.text[:200]}"
            else:
                assert response.status_code in (200, 403), f"{account} {name}: {response.text[:200]}"
            assert_nothing_foreign(response, f"{account} {name}", asked=body)


def test_daily_rows_have_the_viewers_for_who_has_the_permission_and_asking_for_them_without_it_is_refused(
    installation: Installation, accounts: dict[str, set[str]]
) -> None:
    tried: set[bool] = set()
    for account, permissions in accounts.items():
        if account.startswith("admin") or "interactions" not in permissions:
            continue
        may = "audience" in permissions
        tried.add(may)
        body = {"question": "daily", "period": "30d", "subject": "artist"}
        answer = installation.as_token(installation.token(account), "POST", "/ask", body)
        assert all(
            ("viewer_demographics" in row) is ("viewer_locations" in row) is may for row in answer.json()["data"]
        )
        asked = installation.as_token(installation.token(account), "POST", "/ask", {**body, "viewers": True})
        assert asked.status_code == (200 if may else 403), account
        assert may or "audience" in asked.text
    assert tried == {True, False}


def assert_nothing_foreign(response: httpx.Response, what: str, asked: Any = None) -> None:
    text = response.text
    if asked is not None and MARK in json.dumps(asked):  # who asks for it by name hears the name again, and no number
        if response.status_code == 200 and isinstance(data := response.json()["data"], list):
            foreign = [row for row in data if row.get("id") == MARK]
            assert all(not row.get("views") and not row.get("sessions") for row in foreign), what
        return
    assert MARK not in text, f"{what}: {text[:2000]}"


@pytest.fixture(scope="module")
def best(accounts: dict[str, set[str]]) -> str:
    """The artist who may most."""
    return "artist-business-enterprise-False"


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
        "SELECT * FROM events", "SELECT user_id FROM events", "SELECT e.ip FROM events AS e", "SELECT COLUMNS('user') FROM events",
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
        httpx.Client(base_url=installation.server.url, timeout=20) as client,
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
        for _ in range(5):
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
        httpx.Client(base_url=installation.server.url, timeout=20) as client,
        client.stream("GET", installation.path("/stream"), headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        assert installation.admin.post(installation.path("/accounts/streams/revoke-tokens")).status_code == 204
        began = time.monotonic()
        assert not [line for line in lines if line.startswith("data")]
        assert time.monotonic() - began < 15, "the server ends it, not the client's patience"


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


# Tokens


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


def test_a_token_that_is_no_good_opens_no_address_at_all(installation: Installation, best: str) -> None:
    put_account(installation, "replayed", type="admin", verification="business", subscription="enterprise")
    replayed = installation.token("replayed")
    assert installation.admin.post(installation.path("/accounts/replayed/revoke-tokens")).status_code == 204
    bad = {
        "expired": installation.token(best, seconds=-1),
        "forged": sign(installation.project, installation.kid, "guessed", "admin-business-enterprise-False"),
        "of another project": sign(installation.other_project, installation.other_kid, installation.other_key, best),
        "replayed after it was revoked": replayed,
    }
    for what, token in bad.items():
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=installation.server.url, timeout=30, headers=headers) as client:
            for operation, needed in DECLARED.items():
                response = send(installation, operation, client.request, client)
                check(response, None if needed == "anybody" else False, f"{what}: {operation}")
                if needed != "anybody":
                    assert response.status_code == 401, f"{what}: {operation} {response.status_code}"


def test_a_token_of_one_project_opens_no_other(installation: Installation, best: str) -> None:
    headers = {"authorization": f"Bearer {installation.token(best)}"}
    response = installation.server.http.get(f"/api/v1/projects/{installation.other_project}/version", headers=headers)
    assert response.status_code == 404
    assert [one["id"] for one in installation.server.http.get("/api/v1/projects", headers=headers).json()] == [
        installation.project
    ]


def test_a_revoked_token_a_suspended_account_and_a_revoked_key_let_nobody_in(installation: Installation) -> None:
    put_account(installation, "revoked", type="artist", entities=[{"type": "artist", "id": "own"}])
    token = installation.token("revoked")

    def status(token: str) -> int:
        return installation.as_token(token, "POST", "/ask", {"question": "views"}).status_code

    assert status(token) == 200
    assert installation.admin.post(installation.path("/accounts/revoked/revoke-tokens")).status_code == 204
    assert status(token) == 401
    time.sleep(1.1)
    fresh = installation.token("revoked")
    assert status(fresh) == 200
    put_account(installation, "revoked", type="artist", suspended=True)
    assert status(fresh) == 401
    put_account(installation, "revoked", type="artist")
    assert status(fresh) == 200
    # A key is changed without a moment in which no key holds.
    second = installation.admin.post(installation.path("/keys"), json={"kind": "embed"}).json()
    newer = sign(installation.project, second["id"], second["embed_key"], "revoked")
    assert (status(fresh), status(newer)) == (200, 200)
    assert installation.admin.delete(installation.path(f"/keys/{second['id']}")).status_code == 204
    assert (status(fresh), status(newer)) == (200, 401)
    assert installation.admin.delete(installation.path("/accounts/revoked")).status_code == 204
    assert status(fresh) == 401


def test_a_permission_that_is_taken_away_holds_at_once_and_comes_back_with_reset(
    installation: Installation, best: str
) -> None:
    def status() -> int:
        return installation.as_token(installation.token(best), "POST", "/ask", {"question": "views"}).status_code

    assert status() == 200
    assert (
        installation.admin.put(installation.path("/permissions/artist/views"), json={"granted": False}).status_code
        == 200
    )
    assert status() == 403
    assert installation.admin.put(installation.path("/permissions/artist/views"), json={"reset": True}).json()[
        "granted"
    ]
    assert status() == 200
    assert installation.admin.put(installation.path("/permissions/artist/manage"), json={}).status_code == 400
    assert installation.admin.put(installation.path("/permissions/king/views"), json={}).status_code == 400
