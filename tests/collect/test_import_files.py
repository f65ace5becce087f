"""Files as people have them: read rightly, or refused by name, and never stored as something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from input_files import read

import commands
from conftest import SECRET_KEY, Server
from trackway.collect.dialects.csv_cells import Unclear, amount, moment
from trackway.collect.dialects.files import BadFile
from trackway.event import to_millis

BEARER = {"authorization": f"Bearer {SECRET_KEY}"}


HEADED = "event,user_id,timestamp\nBuy,Zoë,2020-01-02T03:04:05Z\n"


@pytest.mark.parametrize(
    "content",
    [
        HEADED.encode("utf-8-sig"),
        HEADED.replace(",", ";").encode(),
        HEADED.replace(",", "\t").encode("utf-16"),
        HEADED.replace(",", "\t").encode("utf-16-le"),
        HEADED.replace(",", "|").encode(),
        HEADED.encode("latin-1"),
        HEADED.replace("\n", "\r\n").encode(),
        HEADED.replace("\n", "\r").encode(),
        b"sep=;\r\n" + HEADED.replace(",", ";").encode(),
        ("\n" + HEADED).encode(),
        b'"event","user_id","timestamp"\n"Buy","Zo\xc3\xab","2020-01-02T03:04:05Z"\n',
    ],
)
def test_a_table_in_any_usual_encoding_and_with_any_delimiter(content: bytes) -> None:
    [message], refused = read(content)
    assert (message.event, message.user_id, refused) == ("Buy", "Zoë", [])
    assert message.timestamp == 1_577_934_245_000
    assert message.message_id == read(HEADED)[0][0].message_id, "an id is of the content, not of how it is written"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, "2020-01-02T03:04:05+00:00") for text in (
            "2020-01-02T03:04:05Z", "2020-01-02 03:04:05", "2020-01-02 03:04:05 UTC", "1577934245", "1577934245000",
            "1577934245000000", "1577934245.0", "20200102030405", "2.1.2020 03:04:05", "Thu, 02 Jan 2020 03:04:05 GMT",
            "Jan 2, 2020, 3:04:05 AM", "2020/01/02 3:04:05", "2020-01-02 05:04:05 +0200",
        )),
        ("2020-01-02", "2020-01-02T00:00:00+00:00"),
        ("20200102", "2020-01-02T00:00:00+00:00"),
        ("31/12/2020 12:30 PM", "2020-12-31T12:30:00+00:00"),
        ("12/31/2020 12:30 AM", "2020-12-31T00:30:00+00:00"),
        ("02-Jan-2020", "2020-01-02T00:00:00+00:00"),
        *((text, None) for text in (
            "02/01/2020 03:04", "1/2/20", "43832.5", "yesterday", "2020-13-45", "2020-01-02 03:04 CET", "2020-01-02 25:00",
            "12345678901234567890123",
        )),
    ],
)  # fmt: skip
def test_times_are_read_as_they_are_meant_or_refused(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Unclear):
            moment(text)
        [kept], [refused] = read(f'event,user_id,timestamp\nA,u,"{text}"\nB,u,2020-01-01\n')
        assert (kept.event, refused.field, refused.line) == ("B", "timestamp", 2)
    else:
        assert to_millis(moment(text)) == to_millis(moment(expected))


def test_a_row_without_a_time_or_of_the_future_does_not_become_now() -> None:
    messages, refused = read("event,user_id,timestamp\nA,u,\nB,u\nC,u,2099-01-01\nD,u,1999-12-31\n")
    assert messages == [] and [one.line for one in refused] == [2, 3, 4, 5]
    assert {one.field for one in refused} == {"timestamp"}


def test_zones_and_the_order_of_days_can_be_said() -> None:
    table = "event,user_id,timestamp\nA,u,02/01/2020 12:00\n"
    [message], _ = read(table, dates="dmy", timezone="Europe/Berlin")
    assert message.timestamp == to_millis(moment("2020-01-02 11:00:00 UTC"))
    [message], _ = read(table, dates="mdy")
    assert message.timestamp == to_millis(moment("2020-02-01 12:00:00 UTC"))
    for name in ("Mars", "localtime"):  # the second is a file of this machine, and another zone on the next one
        with pytest.raises(BadFile, match=f"time zone '{name}'"):
            read(table, timezone=name)


@pytest.mark.parametrize(
    ("text", "decimals", "expected"),
    [
        ("1,234.50", "", ("1234.50", "")), ("1.234,50", "", ("1234.50", "")), ("12,50", "", ("12.50", "")),
        ("$12.00", "", ("12.00", "")), ("12,50 €", "", ("12.50", "EUR")), ("USD 5", "", ("5", "USD")),
        ("1'234.50", "", ("1234.50", "")), ("1 234,5", "", ("1234.5", "")), ("(3.00)", "", ("-3.00", "")),
        ("0,125", "", ("0.125", "")), ("1,234,567", "", ("1234567", "")), ("1,234", ",", ("1.234", "")),
        ("1,234", ".", ("1234", "")), ("1.234", ",", ("1234", "")), ("-12.5", "", ("-12.5", "")),
        ("1,234", "", None), ("1,23,456", "", None), ("abc", "", None), ("NaN", "", None), ("5%", "", None),
        ("12,50", ".", None), ("1e5", "", None), ("1.2.3", "", None),
    ],
)  # fmt: skip
def test_amounts_are_read_by_their_shape_or_refused(text: str, decimals: Any, expected: Any) -> None:
    if expected is None:
        with pytest.raises(Unclear):
            amount(text, decimals)
    else:
        assert amount(text, decimals) == expected


def test_amounts_of_a_german_spreadsheet_and_the_currencies_they_name() -> None:
    table = (
        "Datum;Ereignis;Kunde;Betrag;Preis;Länge;Nummer;currency\n"
        "31.12.2020 10:00;Kauf;k1;1.234,50 €;12;7,5;1.10;\n31.12.2020;Kauf;k2;1.234;1;1;1;\n31.12.2020;Kauf;k3;5 €;1;1;1;USD\n"
    )
    [message], refused = read(table)
    assert message.properties == {
        "Betrag": 1234.5, "Preis": 12, "Länge": 7.5, "Nummer": 1.1, "currency": "EUR",
    }  # fmt: skip
    assert [(one.line, one.field) for one in refused] == [(3, "properties.Betrag"), (4, "properties.currency")]
    messages, _ = read(table, decimal=",")
    assert [(one.properties or {})["Betrag"] for one in messages] == [1234.5, 1234]


def test_columns_as_shops_and_other_tools_name_them() -> None:
    [view], _ = read(
        "event_time,event_type,product_id,price,user_id,user_session\n2019-10-01 00:00:00 UTC,view,44,35.79,541,s-1\n"
    )
    assert (view.event, view.user_id, view.context) == ("view", "541", {"sessionId": "s-1"})
    assert view.properties == {"product_id": 44, "price": 35.79}
    [both], _ = read("date,time,action,customer\n2020-01-02,3:04 PM,Buy,c1\n")
    assert (both.event, both.user_id, both.properties) == ("Buy", "c1", {})
    assert both.timestamp == to_millis(moment("2020-01-02 15:04"))
    [told], _ = read(
        "event,user_id,timestamp,user_agent,address,country,name,type\nA,u,2020-01-01,Moz,1.2.3.4,de,Widget,large\n"
    )
    assert told.context is not None and (told.context["ip"], told.context["userAgent"]) == ("1.2.3.0", "Moz")
    assert told.context["location"]["country"] == "DE"
    assert told.properties == {"name": "Widget", "type": "large"}
    [by_type], _ = read("type,user_id,timestamp\npurchase,u,2020-01-01\n")
    assert (by_type.type, by_type.event) == ("track", "purchase")


def test_columns_can_be_named_and_rows_given_what_they_lack() -> None:
    table = "InvoiceNo,When,Wer,Preis\n1,2020-01-01,k1,5\n"
    [message], _ = read(
        table, columns={"timestamp": "When", "userId": "Wer", "order_id": "InvoiceNo", "price": "Preis"},
        fixed={"event": "Order Completed", "source": "till"},
    )  # fmt: skip
    assert (message.event, message.user_id) == ("Order Completed", "k1")
    assert message.properties == {"order_id": 1, "price": 5, "source": "till"}
    with pytest.raises(BadFile, match="no column 'Nobody'"):
        read(table, columns={"user_id": "Nobody"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("event,user_id\nA,u\n", "when it was"),
        ("a,b\n1,2\n", "who it was"),
        ("event,event,user_id,time\n", "two columns 'event'"),
        (b"PK\x03\x04\x14", "Excel"),
        ('event,"user_id,time\nA,u,2020-01-01\n', "line 1"),
    ],
)
def test_a_file_that_is_another_one_is_refused_with_the_fix(content: bytes | str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read(content)


def test_a_line_that_is_not_csv_is_refused_with_its_number_and_text_and_the_next_are_taken() -> None:
    messages, refused = read(
        'event,user_id,timestamp,note\nA,u,2020-01-01,"never closed\nB,u,2020-01-02,x\n"C"x,u,2020-01-03,y\n'
        'D,u,2020-01-04,5" pipe\nE,u,2020-01-05,"two\nlines"\nF,u,2020-01-06,12,50\nG,1.23E+12,2020-01-07,\n'
        "H,u,2020-01-32,203.0.113.77 /a?token=secret\n"
    )
    assert [one.event for one in messages] == ["B", "D", "E"]
    assert [(one.properties or {})["note"] for one in messages] == ["x", '5" pipe', "two\nlines"]
    assert sorted((one.line, one.text.partition(",")[0]) for one in refused) == [
        (2, "A"), (4, '"C"x'), (8, "F"), (9, "G"), (10, "H"),
    ]  # fmt: skip
    [last] = [one for one in refused if one.line == 10]
    assert "203.0.113.0" in last.text and "secret" not in last.text, "a line is kept as clean as a message"


def test_the_same_row_counts_as_often_as_it_is_in_a_file_whatever_else_is_in_it() -> None:
    row, other = "A,u,2020-01-01\n", "B,u,2020-01-02\n"
    head = "event,user_id,timestamp\n"
    once, _ = read(head + row)
    twice, _ = read(head + other + row + row)
    ids = [one.message_id for one in twice]
    assert len(set(ids)) == 3 and once[0].message_id == ids[1]
    assert [one.message_id for one in read("timestamp,event,user_id\n2020-01-01,A,u\n")[0]] == [ids[1]]


def test_shopifys_export_in_a_spreadsheets_dress_and_another_file_in_its_place() -> None:
    export = "Name,Email,Financial Status,Paid at,Total,Currency,Created at\n#1,a@b.example,paid,,5.00,EUR,2026-01-31 10:00:00 +0100\n"
    [message], _ = read(export.replace(",", ";").encode("utf-8-sig"), "shopify-orders")
    assert (message.properties or {})["total"] == "5.00"
    with pytest.raises(BadFile, match="'Financial Status', 'Currency', 'Created at'"):
        read("Name,Total\n#1,5\n", "shopify-orders")


def trackway(*arguments: str, status: int = 0) -> Any:
    out, said = commands.run(*arguments, "--json", status=status)
    return json.loads(out) if out else said


def test_a_dry_run_shows_rows_counts_and_refusals_and_stores_nothing(tmp_path: Path, server: Server) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Was,Wer,Wann\n" + "".join(f"Dry,u{n},2020-01-{n:02}\n" for n in range(1, 33)))
    chosen = ("--map", "event=Was", "--map", "user_id=Wer", "--map", "timestamp=Wann")
    found = trackway("import", "csv", str(file), "--dry-run", *chosen)
    assert (found["taken"], found["refused"], found["events"]) == (31, 1, {"Dry": 31})
    assert (found["first"], found["last"]) == ("2020-01-01T00:00:00.000Z", "2020-01-31T00:00:00.000Z")
    assert [row["user_id"] for row in found["rows"]] == [f"u{n}" for n in range(1, 11)]
    assert found["refusals"][0]["line"] == 33 and found["refusals"][0]["text"] == "Dry,u32,2020-01-32"

    project = server.http.get("/api/v1/projects", headers=BEARER).json()[0]["id"]
    reading = json.dumps({"columns": {"event": "Was", "user_id": "Wer", "timestamp": "Wann"}})
    asked = {"name": "a.csv", "format": "csv", "reading": reading}
    address = f"/api/v1/projects/{project}/transfers/imports/preview"
    answer = server.http.post(address, params=asked, content=file.read_bytes(), headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] == found["rows"] and answer.json()["events"] == {"Dry": 31}
    assert answer.json()["read"]["columns"] == {"event": "Was", "user_id": "Wer", "timestamp": "Wann"}
    # What cannot be told says which columns there are, so that they can be chosen from.
    unknown = server.http.post(address, params={**asked, "reading": "{}"}, content=file.read_bytes(), headers=BEARER)
    assert "no column says who" in unknown.json()["stopped"]
    assert unknown.json()["read"]["header"] == ["Was", "Wer", "Wann"] and "columns" not in unknown.json()["read"]
    wrong = server.http.post(address, params={**asked, "reading": '{"color": 1}'}, content=b"", headers=BEARER)
    assert wrong.status_code == 400 and wrong.json()["errors"][0]["field"] == "reading"
    assert httpx.post(f"{server.url}{address}", params=asked, content=b"", timeout=60).status_code == 401
    assert server.sql("SELECT count() AS n FROM events WHERE name = 'Dry'") == [{"n": 0}]


def test_an_import_beside_a_running_server_goes_through_it(tmp_path: Path, server: Server) -> None:
    event = f"Beside {uuid4().hex}"
    file = tmp_path / "a.csv"
    file.write_text(f"event,user_id,timestamp\n{event},u1,2020-01-01\n{event},u2,2020-01-02\n{event},u3,soon\n")
    for added in (2, 0):
        outcome = trackway("import", "csv", str(file), "--data", str(server.data))
        assert (outcome["taken"], outcome["refused"], outcome["events"]) == (2, 1, {event: 2})
        assert outcome["added"] == added
    assert server.sql(f"SELECT count() AS n FROM events WHERE name = '{event}'") == [{"n": 2}]
    [kept] = server.sql("SELECT line, field, text FROM rejections WHERE text LIKE '%,soon' LIMIT 1")
    assert (kept["line"], kept["field"], kept["text"]) == (4, "timestamp", f"{event},u3,soon")
    file.write_text("Name,Total\n#1,5\n")
    said = trackway("import", "shopify-orders", str(file), "--data", str(server.data), status=1)
    assert "Financial Status" in said
