"""Files come in and go out of a running server, with progress, and lose nothing on the way."""

from __future__ import annotations

import gzip
import io
import json
import signal
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pyarrow.csv
import pyarrow.parquet
import pytest

from conftest import EMAIL, PASSWORD, SECRET_KEY, Server
from trackway.collect.dialects.files import BadFile, InputFile, requests
from trackway.collect.privacy import Privacy
from trackway.event import Location

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
PRIVACY = Privacy(True, [], lambda _: Location())


def parts(content: bytes, form: str, name: str = "file") -> list[Any]:
    return [part.request for part in requests(InputFile(io.BytesIO(content), name), form, PRIVACY, b"key")]


def test_lines_that_are_no_messages_are_refused_by_number_and_the_others_taken() -> None:
    lines = [
        b'{"type": "track", "event": "A", "userId": "u", "timestamp": "2026-01-01T00:00:00Z"}',
        b"{",
        b"[1]",
        b"",
        b'{"event": "B", "anonymousId": "a", "properties": {"half": "\\ud800"}}',
        b'{"type": "page"}',
        b"\xff\xfe not text",
    ]
    [request] = parts(b"\n".join(lines), "ndjson")
    assert [one.event for one in request.messages] == ["A", "B"]
    assert sorted(one.index for one in request.rejections) == [2, 3, 6, 7]
    assert all(one.reason for one in request.rejections)


def test_a_file_read_twice_gives_the_same_ids_and_equal_lines_are_different_messages() -> None:
    content = b'{"event": "A", "userId": "u"}\n' * 3
    once, again = parts(content, "ndjson"), parts(gzip.compress(content), "ndjson", "file.gz")
    ids = [one.message_id for one in once[0].messages]
    assert len(set(ids)) == 3
    assert [one.message_id for one in again[0].messages] == ids


def test_a_table_is_messages_its_other_columns_properties() -> None:
    table = (
        "event,User ID,time,url,price,code,member,note\r\n"
        'Order Completed,u1,2026-01-01T10:00:00Z,https://a.example/x,12.50,007,true,"two\r\nlines, one cell"\r\n'
        ",u2,2026-01-01T11:00:00Z,https://a.example/y,,,,\r\n"
    )
    [request] = parts(table.encode(), "csv")
    order, page = request.messages
    assert (order.type, order.event, order.user_id) == ("track", "Order Completed", "u1")
    assert order.properties == {"price": 12.5, "code": "007", "member": True, "note": "two\r\nlines, one cell"}
    assert order.context["page"]["url"] == "https://a.example/x"
    assert (page.type, page.user_id) == ("page", "u2")


def test_a_file_that_ends_too_early_says_so_and_gives_what_came_before() -> None:
    lines = b"".join(b'{"event": "A%d", "userId": "u"}\n' % n for n in range(200_000))
    packed = gzip.compress(lines)
    taken = 0
    with pytest.raises(BadFile, match="cannot be unpacked any further"):
        for request, _ in requests(InputFile(io.BytesIO(packed[: len(packed) // 2]), "a.gz"), "ndjson", PRIVACY, b""):
            taken += len(request.messages)
    assert 50_000 < taken < 200_000


@pytest.fixture(scope="module")
def path(server: Server) -> str:
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    return f"/api/v1/projects/{project}/transfers"


def ended(server: Server, path: str, transfer: dict[str, Any]) -> dict[str, Any]:
    for _ in range(600):
        found = next(one for one in server.http.get(path, headers=BEARER).json() if one["id"] == transfer["id"])
        if found["state"] not in ("waiting", "running"):
            return dict(found)
        time.sleep(0.05)
    raise AssertionError(found)


def bring(server: Server, path: str, content: bytes, name: str = "a.ndjson", form: str = "ndjson") -> Any:
    params = {"name": name, "format": form}
    return server.http.post(f"{path}/imports", params=params, content=content, headers=BEARER)


def messages(n: int, event: str) -> bytes:
    made = (
        {"event": event, "userId": f"u{i % 50}", "timestamp": f"2026-02-01T{i % 24:02}:00:00Z", "properties": {"i": i}}
        for i in range(n)
    )
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def test_what_is_imported_is_stored_once_and_exported_whole(server: Server, path: str) -> None:
    content = messages(3000, "Imported") + b"no message\n"
    for _ in range(2):
        made = bring(server, path, gzip.compress(content), "a.ndjson.gz")
        assert made.status_code == 201, made.text
        found = ended(server, path, made.json())
        assert found["state"] == "done"
        assert found["outcome"] == {
            "taken": 3000, "refused": 1, "left_out": 0, "added": found["outcome"]["added"], "events": {"Imported": 3000},
            "first": "2026-02-01T00:00:00.000Z", "last": "2026-02-01T23:00:00.000Z",
        }  # fmt: skip
        assert found["done"] == found["total"] > 0
    server.stored()
    assert server.sql("SELECT count() AS n, uniqExact(user_id) AS u FROM events WHERE name = 'Imported'") == [
        {"n": 3000, "u": 50}
    ]
    body = {
        "table": "events",
        "form": "parquet",
        "from": "2026-02-01",
        "to": "2026-02-01",
        "filter": "name:is:Imported",
    }
    found = ended(server, path, server.http.post(f"{path}/exports", json=body, headers=BEARER).json())
    assert (found["state"], found["done"], found["total"]) == ("done", 3000, 3000)
    file = server.http.get(f"{path}/{found['id']}/file", headers=BEARER)
    assert found["name"] in file.headers["content-disposition"]
    table = pyarrow.parquet.read_table(io.BytesIO(file.content))
    assert sorted(json.loads(one)["i"] for one in table["properties"].to_pylist()) == list(range(3000))
    assert table["timestamp"].to_pylist() == sorted(table["timestamp"].to_pylist())
    assert server.http.delete(f"{path}/{found['id']}", headers=BEARER).status_code == 204
    assert server.http.get(f"{path}/{found['id']}/file", headers=BEARER).status_code == 404


@pytest.mark.parametrize("table", ["sessions", "visitors"])
def test_sessions_and_visitors_are_exported_as_they_are(server: Server, path: str, table: str) -> None:
    server.post("page", {"anonymousId": f"exported-{table}", "name": "Home"})
    server.stored()
    body = {"table": table, "form": "csv", "bots": True}
    found = ended(server, path, server.http.post(f"{path}/exports", json=body, headers=BEARER).json())
    assert found["state"] == "done", found
    rows = pyarrow.csv.read_csv(io.BytesIO(server.http.get(f"{path}/{found['id']}/file", headers=BEARER).content))
    [counted] = server.sql(f"SELECT count() AS n FROM {table} FINAL")
    assert rows.num_rows == found["done"] == counted["n"]
    assert f"exported-{table}" in rows["visitor_id"].to_pylist()


def test_a_transfer_can_be_stopped(server: Server, path: str) -> None:
    made = bring(server, path, messages(60_000, "Stopped")).json()
    assert server.http.delete(f"{path}/{made['id']}", headers=BEARER).status_code == 204
    assert ended(server, path, made)["state"] == "cancelled"
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE name = 'Stopped'")[0]["n"] < 60_000
    assert not list((server.data / "transfers").glob(f"{made['id']}*"))


def test_a_wrong_file_or_wish_is_refused_in_words(server: Server, path: str) -> None:
    assert bring(server, path, b"", form="xlsx").json()["errors"][0]["field"] == "format"
    found = ended(server, path, bring(server, path, b"no gzip", "a.gz").json())
    assert found["state"] == "failed" and "unpacked" in found["message"]
    for wrong in ({"table": "keys", "form": "csv"}, {"table": "events", "form": "xlsx"},
                  {"table": "visitors", "form": "csv", "filter": "country:is:DE"},
                  {"table": "events", "form": "csv", "filter": "nonsense:is:1"}):  # fmt: skip
        assert server.http.post(f"{path}/exports", json=wrong, headers=BEARER).status_code == 400, wrong


def test_who_may_not(server: Server, path: str) -> None:
    from trackway.govern.database import GovernDatabase

    accounts = GovernDatabase(f"sqlite:///{server.data / 'accounts.db'}")
    for name in ("transfers-outsider@example.com", "transfers-member@example.com"):
        accounts.add_user(name, "a long password")
    accounts.add_member("transfers-member@example.com", UUID(accounts.projects()[0].id))
    accounts.close()
    body = {"table": "events", "form": "csv"}
    found = ended(server, path, server.http.post(f"{path}/exports", json=body, headers=BEARER).json())
    seen = {}
    for who in ("outsider", "member", EMAIL):
        client = httpx.Client(base_url=server.url, timeout=60)
        email, password = (EMAIL, PASSWORD) if who == EMAIL else (f"transfers-{who}@example.com", "a long password")
        csrf = client.post("/api/v1/sign-in", json={"email": email, "password": password}).json()["csrf"]
        assert client.post(f"{path}/exports", json=body).status_code == 403, "a change needs the token of the sign-in"
        client.headers["x-csrf-token"] = csrf
        seen[who] = [
            client.get(path).status_code,
            client.get(f"{path}/{found['id']}/file").status_code,
            client.post(f"{path}/exports", json=body).status_code,
            client.post(f"{path}/imports?name=a&format=ndjson", content=b"").status_code,
            client.delete(f"{path}/{found['id']}").status_code,
        ]
    assert seen == {
        "outsider": [404, 404, 404, 404, 404],
        "member": [200, 200, 201, 403, 403],
        EMAIL: [200, 200, 201, 201, 204],
    }
    assert [
        server.http.get(path).status_code,
        server.http.get(f"{path}/{found['id']}/file").status_code,
        server.http.post(f"{path}/exports", json=body).status_code,
        server.http.post(f"{path}/imports?name=a&format=ndjson", content=b"").status_code,
        server.http.delete(f"{path}/{found['id']}").status_code,
    ] == [401] * 5


def test_an_import_goes_on_after_the_server_was_killed(new_server: Any, tmp_path: Path) -> None:
    server = new_server().start()
    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    path = f"/api/v1/projects/{project}/transfers"
    made = bring(server, path, messages(120_000, "Survived")).json()
    for _ in range(1200):
        found = server.http.get(path, headers=BEARER).json()[0]
        if found["done"] > 0:
            break
        time.sleep(0.05)
    assert found["state"] == "running"
    server.stop(signal.SIGKILL)
    server.start()
    assert ended(server, path, made)["state"] == "done"
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE name = 'Survived'") == [{"n": 120_000}]
