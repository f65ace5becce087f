"""The API: who may call what, how it refuses, and that it is described."""

import logging
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chromium import AGENT
from conftest import EMAIL, PASSWORD, SECRET_KEY, WRITE_KEY, Server
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import BadAccount
from trackway.web.server.app import unserved

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
QUESTIONS = ["overview", "trend", "breakdown?by=path", "sources", "events", "sessions", "visitors", "visitor?id=types", "live",
             "version", "rejections"]  # fmt: skip


@pytest.fixture(scope="module")
def project(server: Server) -> str:
    server.post("page", {"anonymousId": "types", "name": "Home"})
    server.stored()
    return str(server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"])


@pytest.fixture(scope="module")
def admin(server: Server) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=60)
    me = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
    client.headers["x-csrf-token"] = me["csrf"]
    return client


@pytest.fixture(scope="module")
def outsider(server: Server) -> httpx.Client:
    """A user who is no administrator and a member of nothing."""
    accounts = GovernDatabase(f"sqlite:///{server.data / 'accounts.db'}")
    accounts.add_user("outsider@example.com", "a long password")
    accounts.close()
    client = httpx.Client(base_url=server.url, timeout=60)
    me = client.post("/api/v1/sign-in", json={"email": "outsider@example.com", "password": "a long password"}).json()
    client.headers["x-csrf-token"] = me["csrf"]
    return client


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_are_answered_to_members_and_keys_and_to_nobody_else(
    server: Server, project: str, admin: httpx.Client, outsider: httpx.Client, question: str
) -> None:
    path = f"/api/v1/projects/{project}/{question}"
    assert server.http.get(path).status_code == 401
    assert server.http.get(path, headers={"authorization": "Bearer sk_wrong"}).status_code == 401
    assert server.http.get(path, headers={"authorization": "Bearer wk_test"}).status_code == 401
    assert outsider.get(path).status_code == 404
    assert server.http.get(f"/api/v1/projects/{uuid4()}/{question}", headers=BEARER).status_code == 404
    assert server.http.get(path, headers=BEARER).status_code == 200
    assert admin.get(path).status_code == 200
    assert outsider.get(path).status_code == 404, "what is kept for others is not for them"
    assert server.http.get(path).status_code == 401


def test_sql_is_for_members_and_keys(server: Server, project: str, outsider: httpx.Client) -> None:
    path, body = f"/api/v1/projects/{project}/query", {"sql": "SELECT 1 AS one"}
    assert server.http.post(path, json=body).status_code == 401
    assert outsider.post(path, json=body).status_code == 404
    assert server.http.post(path, json=body, headers=BEARER).json()["data"] == [{"one": 1}]
    refused = server.http.post(path, json={"sql": "SELECT * FROM system.users"}, headers=BEARER)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "sql")


CHANGES = [
    ("POST", "/api/v1/projects/", {"name": "New"}),
    ("PATCH", "/api/v1/projects/{project}", {"goals": ["Order Completed", "Signed Up"]}),
    ("POST", "/api/v1/projects/{project}/keys", {"kind": "write"}),
    ("DELETE", "/api/v1/projects/{project}/keys/none", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_changes_are_for_administrators_with_the_token_of_their_sign_in(
    server: Server, project: str, admin: httpx.Client, outsider: httpx.Client, method: str, path: str, body: Any
) -> None:
    given, path = path, path.format(project=project)
    assert server.http.request(method, path, json=body).status_code == 401
    assert server.http.request(method, path, json=body, headers=BEARER).status_code == 403
    assert outsider.request(method, path, json=body).status_code == (404 if "{project}" in given else 403)
    assert admin.request(method, path, json=body, headers={"x-csrf-token": "forged"}).status_code == 403
    assert admin.request(method, path, json=body).status_code in (200, 201, 204, 400)


@pytest.mark.parametrize("origin", ["example.com", "https://example.com/", "https://example.com\n", "https://a b", "*"])
def test_what_is_not_an_origin_may_not_embed(admin: httpx.Client, project: str, origin: str) -> None:
    answer = admin.patch(f"/api/v1/projects/{project}", json={"embed_origins": [origin]})
    assert answer.status_code in (400, 409, 422) and "is not an origin" in answer.text


def test_overruling_a_reason_restates_answers_at_once_and_so_do_goals(
    server: Server, project: str, admin: httpx.Client
) -> None:
    """An answer that was kept is of the settings it was made under."""

    def asked() -> tuple[Any, Any, Any]:
        body = {"question": "sources", "by": ["channel"], "metrics": ["sessions", "conversions"]}
        rows = server.http.post(f"/api/v1/projects/{project}/ask", json=body, headers=BEARER).json()["data"]
        seen = server.get("overview")["data"]["current"]["visitors"]
        return sum(row["sessions"] for row in rows), sum(row["conversions"] for row in rows), seen

    def change(**given: list[str]) -> dict[str, Any]:
        answer = admin.patch(f"/api/v1/projects/{project}", json=given)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    crawler = {"context": {"userAgent": "Googlebot/2.1"}}
    server.post("page", {"anonymousId": "g", "name": "Home", **crawler})
    reader = {"context": {"userAgent": AGENT}}
    server.post("page", {"anonymousId": "reader", "name": "Home", **reader})
    server.stored()
    path = f"/api/v1/projects/{project}/breakdown?by=bot&bots=true"
    reasons = server.http.get(path, headers=BEARER).json()["data"]
    [reason] = [row["value"] for row in reasons if "google" in row["value"].lower()]
    before = asked()
    goals = change()["goals"]
    assert change(humans=[reason])["humans"] == [reason]
    assert asked()[0] > before[0] and asked()[2] > before[2]
    change(humans=[])
    assert asked() == before
    change(goals=[*goals, "page"])
    assert asked()[1] > before[1]
    change(goals=goals)
    assert asked() == before


ASKED: list[dict[str, Any]] = [
    {
        "question": "trend",
        "series": [{"metric": "events"}, {"metric": "persons"}],
        "formulas": ["A / B"],
        "by": ["name"],
    },
    {"question": "funnel", "steps": [{"event": "page"}, {"event": "page"}], "window_s": 3600, "by": "country"},
    {"question": "entity_funnel"},
    {"question": "active"},
    {"question": "retention", "interval": "day"},
    {"question": "lifecycle", "interval": "day"},
    {"question": "paths"},
    {"question": "stickiness", "interval": "day"},
    {"question": "sources", "by": ["channel"]},
    {"question": "cohort_sizes", "interval": "day", "cohort": "person.sessions:greater:0"},
    {"question": "sessions"},
    {"question": "persons"},
    {"question": "event_names"},
]


@pytest.mark.parametrize("body", ASKED, ids=lambda body: str(body["question"]))
def test_every_answer_is_a_table_too_with_the_same_numbers(server: Server, project: str, body: dict[str, Any]) -> None:
    import io

    import pyarrow.parquet

    path = f"/api/v1/projects/{project}/ask"
    asked = {**body, "bots": True}
    data = server.http.post(path, json=asked, headers=BEARER).json()["data"]
    file = server.http.post(f"{path}?format=parquet", json=asked, headers=BEARER)
    assert file.status_code == 200, file.text
    rows = pyarrow.parquet.read_table(io.BytesIO(file.content)).to_pylist()
    assert rows
    match body["question"]:
        case "trend":
            for line in data["series"]:
                expected = sum(value or 0 for part in line["parts"] for value in part["points"])
                assert sum(row["value"] or 0 for row in rows if row["series"] == line["name"]) == expected
        case "funnel" | "entity_funnel":
            assert [row["units"] for row in rows if row["scope"] == "whole"] == [
                step["units"] for step in data["steps"]
            ]
        case "retention":
            assert sum(row["persons"] for row in rows) == sum(
                cell["persons"] for cohort in data["cohorts"] for cell in cohort["cells"]
            )
        case _:
            whole = (
                data
                if isinstance(data, list)
                else next(data[name] for name in ("rows", "intervals", "links", "sizes", "days") if name in data)
            )
            assert len(rows) == len(whole)
            same = {name for name, value in whole[0].items() if not isinstance(value, list | dict)}
            assert [{name: row[name] for name in same} for row in rows] == [
                {name: row[name] for name in same} for row in whole
            ]


def test_an_answer_that_is_no_table_says_so(server: Server, project: str) -> None:
    body = {"question": "person", "visitor_id": "types"}
    refused = server.http.post(f"/api/v1/projects/{project}/ask?format=csv", json=body, headers=BEARER)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "format")


def test_a_made_key_works_and_a_revoked_one_does_not(server: Server, project: str, admin: httpx.Client) -> None:
    secret = admin.post(f"/api/v1/projects/{project}/keys", json={"kind": "secret"}).json()["secret_key"]
    headers = {"authorization": f"Bearer {secret}"}
    keys = server.http.get("/api/v1/projects", headers=headers).json()[0]["keys"]
    assert all(secret not in str(key) for key in keys), "a secret is shown once"
    made = keys[-1]["id"]
    assert admin.delete(f"/api/v1/projects/{project}/keys/{made}").status_code == 204
    assert server.http.get("/api/v1/projects", headers=headers).status_code == 401


def test_a_wrong_password_says_the_same_as_no_such_user(server: Server) -> None:
    answers = [
        server.http.post("/api/v1/sign-in", json={"email": email, "password": "wrong password"})
        for email in (EMAIL, "nobody@example.com")
    ]
    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].json() == answers[1].json()


def test_the_session_cookie_is_out_of_scripts_reach_and_ends_with_signing_out(server: Server) -> None:
    client = httpx.Client(base_url=server.url, timeout=60)
    answer = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    kept = client.cookies["trackway"]
    assert client.post("/api/v1/sign-out").status_code == 403
    assert client.post("/api/v1/sign-out", headers={"x-csrf-token": answer.json()["csrf"]}).status_code == 204
    assert httpx.get(f"{server.url}/api/v1/me", cookies={"trackway": kept}, timeout=60).status_code == 401


def test_refusals_are_problems_that_name_the_field(server: Server, project: str) -> None:
    answer = server.http.get(f"/api/v1/projects/{project}/overview?period=soon", headers=BEARER)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["errors"][0]["field"] == "period"
    for wrong in (
        "trend?metric=no",
        "trend?interval=no",
        "events?limit=0",
        "events?limit=1e9",
        "breakdown?by=no",
        "sources?by=no",
    ):
        assert server.http.get(f"/api/v1/projects/{project}/{wrong}", headers=BEARER).status_code == 400, wrong


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_tables_come_in_the_formats_of_notebooks_and_spreadsheets(server: Server, project: str, form: str) -> None:
    import io

    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    read = {
        "csv": pa.csv.read_csv,
        "parquet": pa.parquet.read_table,
        "arrow": lambda file: pa.ipc.open_stream(file).read_all(),
    }
    for table in ("events", "sessions", "visitors", "sources"):
        answer = server.http.get(f"/api/v1/projects/{project}/{table}?format={form}&bots=true", headers=BEARER)
        assert answer.status_code == 200, answer.text
        assert read[form](io.BytesIO(answer.content)).num_rows > 0


def test_a_cell_that_a_spreadsheet_would_run_is_quoted(server: Server, project: str) -> None:
    server.post("page", {"anonymousId": "=HYPERLINK(1)", "name": "Home"})
    server.stored()
    answer = server.http.get(f"/api/v1/projects/{project}/visitors?format=csv", headers=BEARER)
    assert '"\'=HYPERLINK(1)"' in answer.text


def test_every_path_of_the_api_is_described(server: Server) -> None:
    paths = server.http.get("/docs/openapi.json").json()["paths"]
    assert {"/api/v1/sign-in", "/api/v1/projects/{project_id}/overview", "/readyz"} <= set(paths)


def test_addresses_of_single_questions_are_deprecated_and_name_the_question_that_replaces_them(server: Server) -> None:
    paths = server.http.get("/docs/openapi.json").json()["paths"]
    replaced = {"events": "newest_events", "sessions": "newest_sessions"}
    for question in QUESTIONS:
        name = question.partition("?")[0]
        operation = paths[f"/api/v1/projects/{{project_id}}/{name}"]["get"]
        assert operation.get("deprecated", False) is (name != "version"), name
        if name != "version":
            assert f"question `{replaced.get(name, name)}`" in operation["description"].replace("\n", " "), name


def test_the_addresses_of_the_collector_are_described_and_answer_as_it_says(server: Server) -> None:
    document = server.http.get("/docs/openapi.json").json()
    described = {
        path: item
        for path, item in document["paths"].items()
        for one in item.values()
        if "collecting" in one.get("tags", ())
    }
    assert {
        f"/v1/{kind}" for kind in ("track", "page", "screen", "identify", "group", "alias", "batch", "pixel.gif")
    } < set(described)
    assert {"/api/analytics/session/end", "/v1/sessions/end", "/api/profiles/{entity_id}/track-view",
            "/v1/entities/{entity_type}/{entity_id}/view"} < set(described)  # fmt: skip
    values = {
        "event": "E",
        "groupId": "g",
        "previousId": "p",
        "session_id": "s-docs",
        "batch": [{"type": "track", "event": "E", "userId": "u"}],
    }
    for path, item in described.items():
        for method, operation in item.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            body = {"userId": "u", "anonymous_id": "a"} | {name: values[name] for name in schema.get("required", ())}
            where = path.format(entity_type="artist", entity_id="e")
            sent = {"json": body} if method == "post" else {}
            answer = server.http.request(method, where, **sent, params={"writeKey": WRITE_KEY}, auth=(WRITE_KEY, ""))
            assert answer.status_code < 300 and str(answer.status_code) in operation["responses"], (path, answer.text)
            refused = server.http.request(method, where, **sent, auth=("nobody", ""))
            assert refused.status_code == 401 and "401" in operation["responses"], path


def test_the_page_of_the_api_needs_no_other_host(server: Server) -> None:
    page = server.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"(?:src|href)=\"([^\"]*)\"", page.text)
    assert all(one.startswith(("/", "data:image/svg+xml")) for one in loaded) and "litestar" not in page.text
    assert server.http.get("/docs/reference.js").headers["content-type"].startswith("text/javascript")


def test_health_and_pages_are_open_and_unknown_paths_are_not_pages(server: Server) -> None:
    assert server.http.get("/healthz").json()["status"] == "alive"
    page = server.http.get("/p/anything/overview")
    assert page.status_code == 200 and "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert server.http.get("/api/v1/nothing").status_code in (401, 404)
    assert server.http.get("/assets/%2e%2e%2fapp.py").status_code == 404


def test_an_event_is_in_an_answer_within_two_seconds(server: Server, project: str) -> None:
    import time

    for attempt in range(3):
        sent = time.monotonic()
        server.post("track", {"event": f"Seen {attempt}", "anonymousId": "fresh"})
        while not server.sql(f"SELECT 1 FROM events WHERE name = 'Seen {attempt}'"):
            assert time.monotonic() - sent < 20, "it never came"
            time.sleep(0.05)
        print(f"seen after {time.monotonic() - sent:.2f} s")


def test_accounts_refuse_what_cannot_be(tmp_path: Any) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'a.db'}")
    accounts.add_user("a@b.c", "long enough password", is_admin=True)
    for wrong in (
        lambda: accounts.add_user("a@b.c", "long enough password"),
        lambda: accounts.add_user("nonsense", "long enough password"),
        lambda: accounts.add_user("b@b.c", "short"),
        lambda: accounts.remove_user("a@b.c"),
        lambda: accounts.add_project("p", timezone="Mars/Olympus"),
        lambda: accounts.add_project("p", timezone="localtime"),
        lambda: accounts.add_project("p", currency="EURO"),
    ):
        with pytest.raises(BadAccount):
            wrong()


def test_files_are_gzipped_for_whoever_takes_that(server: Server) -> None:
    plain = server.http.get("/t.js", headers={"accept-encoding": "identity"})
    zipped = server.http.get("/t.js", headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) <= 3000, "the core has at most 3 kB"
    assert zipped.headers["vary"] == "accept-encoding"


def test_building_the_application_leaves_the_log_as_the_command_has_set_it() -> None:
    before = logging.getLogger().handlers[:]
    unserved.__wrapped__()
    assert logging.getLogger().handlers == before and logging.getLogger("litestar").handlers == []
