"""CSV that a spreadsheet opens runs nothing of what a client sent: neither cells nor headers."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest

from conftest import SECRET_KEY, Loaded, Server
from factories import message
from trackway.analyze.file_formats import as_bytes
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.event import new_id
from trackway.operate.transfers import write_export
from trackway.store.csv_text import harmless
from trackway.store.policy import Policy
from trackway.store.recount import purge_views

RUN = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\n=1", "\r=1", "\r\n=1", " =1", "\u00a0=1", "\ufeff=1", "\u200b=1",
       "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20a", "\tplain", "\nplain", "-", "=", "+49 30 1", "-2+3cmd|' /C calc'!A0",
       "\x00=1", "\x0b=1"]  # fmt: skip
SHOWN = ["", "plain", "a=b", "1-2", "-1", "-1.5", "-2e10", "1+1", "'=1", "é", "100 %", "user@example.com"]


def read(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


@pytest.mark.parametrize("text", RUN)
def test_what_begins_like_a_formula_is_written_with_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", SHOWN)
def test_other_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_headers_are_guarded_and_numbers_stay_numbers() -> None:
    columns: dict[str, Any] = {
        "=cmd": pa.array(["=1", None]),
        "\n+b": pa.array([-1, 2]),
        "c": pa.array([-1.5, 2.0]),
        "d": pa.array([Decimal("-1.50"), Decimal(2)]),
        "e": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 2),
        "f": pa.array([["=x", "y"], []]),
        "g": pa.array([[("=k", "v")], []], pa.map_(pa.string(), pa.string())),
        "h": pa.array([{"=a": "=b"}, None]),
        "i": pa.array(["-5", "@i"]).dictionary_encode(),
        "j": pa.array(["=big", "x"], pa.large_string()),
    }
    head, first, second = read(as_bytes(pa.table(columns), "csv"))
    assert head == ["'=cmd", "'\n+b", *"cdefghij"]
    assert first[:4] == ["'=1", "-1", "-1.5", "-1.50"]
    assert first[5:] == ['["=x","y"]', '{"=k":"v"}', '{"=a":"=b"}', "-5", "'=big"]
    assert second[8] == "'@i"


def test_every_csv_that_is_written_is_guarded(loaded: Loaded, server: Server, tmp_path: Path) -> None:
    project = new_id()
    view = {"entity_type": "=type", "entity_id": "\n=id", "referrer_source": "@source"}
    at = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
    said = {"library": {"name": "views"}}
    loaded.load(project, [
        message('view', at, visitor='=visitor', id=str(uuid4()), properties=view, context=said),
    ], received_at=at)  # fmt: skip
    store = loaded.store.within(Policy(project))
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    question = Question(project_id=project, period=period, timezone="UTC", filters=(), bots=True)
    for table in ("events", "sessions", "visitors"):
        with (tmp_path / f"{table}.csv").open("wb") as sink:
            assert write_export(store, question, table, sink, "csv", lambda done, total: None)
    purge_views(loaded.store, loaded.loader.store_lock, project, datetime(2026, 6, 1), tmp_path)
    files = list(tmp_path.glob("*.csv"))
    assert len(files) == 4
    written = [row for file in files for row in read(file.read_bytes())]

    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    own = server.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
    statement = "SELECT '=1' AS `=head`, '\\n=2' AS `@b`, -1 AS c"
    answer = server.http.post(f"/api/v1/projects/{own}/query?format=csv", json={"sql": statement}, headers=headers)
    assert read(answer.content) == [["'=head", "'@b", "c"], ["'=1", "'\n=2", "-1"]]
    assert any("'=type" in row for row in written)
    for cell in (cell for row in written for cell in row):
        assert harmless(cell) == cell
