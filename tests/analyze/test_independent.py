"""The same questions in DuckDB, over an export of the same store, by a script that shares no code with Trackway."""

import csv
import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conftest import SECRET_KEY, SHARED, Loaded, Server, needs, unpacked
from factories import PERSON_AT_A_BROWSER, message
from sample_questions import BODIES, has_its_type
from trackway.analyze.behavior.retention import Retention, retention
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.language.filters import parse
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.analyze.language.series import Series
from trackway.event import Message, new_id

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
BEARER = {"authorization": f"Bearer {SECRET_KEY}"}
RETAIL = SHARED / "online_retail" / "online_retail.csv.zst"


def independently(file: Path) -> dict[str, Any]:
    script = Path(__file__).parent / "independent_questions.py"
    done = subprocess.run([sys.executable, str(script), str(file)], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def orders(content: bytes) -> list[Message]:
    """One order an invoice, as a shop would send it; a customer is a user, an invoice without one a visitor."""
    lines: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in csv.DictReader(io.StringIO(content.decode())):
        lines[line["InvoiceNo"]].append(line)
    messages = []
    for number, own in lines.items():
        customer = next((line["CustomerID"].removesuffix(".0") for line in own if line["CustomerID"]), "")
        amount = sum(int(line["Quantity"]) * Decimal(line["UnitPrice"]) for line in own)
        messages.append(
            message(
                "Order Refunded" if number.startswith("C") else "Order Completed",
                datetime.fromisoformat(own[0]["InvoiceDate"]).replace(tzinfo=UTC),
                visitor="" if customer else f"invoice-{number}",
                user=customer,
                id=number,
                properties={"order_id": number, "revenue": str(amount), "currency": "GBP", "lines": len(own)},
                context=PERSON_AT_A_BROWSER,
            )
        )
    return messages


@needs("online_retail")
def test_a_real_shop_has_the_customers_invoices_total_and_cohorts_that_it_has(loaded: Loaded, tmp_path: Path) -> None:
    content = unpacked(RETAIL)
    plain = tmp_path / "retail.csv"
    plain.write_bytes(content)
    expected = independently(plain)
    project = new_id()
    messages = orders(content)
    for first in range(0, len(messages), 5000):
        loaded.load(project, messages[first : first + 5000])
    year = Period(datetime(2010, 12, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    question = Question(project_id=project, period=year, timezone="UTC")
    customers = Question(project_id=project, period=year, timezone="UTC", filters=(parse("user_id:set"),))
    of_lines = [Series(metric="sum", property="properties.lines"), Series(), Series(metric="revenue")]
    _, drawn = trend(loaded.store, question, Trend(series=of_lines, interval="month"), "GBP")
    lines, invoices, total = (line.total for line in drawn.series)
    _, people = trend(loaded.store, customers, Trend(series=[Series(metric="persons")], interval="month"))
    assert [lines, invoices, people.series[0].total] == expected["totals"][:3] == [541_909, 25_900, 4372]
    (money,) = loaded.rows(project, "SELECT sum(revenue) AS n FROM events WHERE project_id = {p:UUID}")
    assert money["n"] == Decimal(expected["totals"][3]) == Decimal("9747747.934")
    assert total == money["n"]
    _, data = retention(
        loaded.store, customers, Retention(interval="month", intervals=12), datetime(2012, 2, 1, tzinfo=UTC)
    )
    found = [
        [row.cohort, later, cell.persons]
        for row in data.cohorts for later, cell in enumerate(row.cells) if cell.persons
    ]  # fmt: skip
    assert found == [row for row in expected["cohorts"] if row[1] <= 12]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with some weeks of a concert site's traffic, sent through its public interface."""
    from concert_traffic import Sender, backfill
    from concert_visits import Site

    server = Server(tmp_path_factory.mktemp("site") / "data").start()
    backfill(Site(7), Sender(server.url, "wk_test"), days=24, per_day=60)
    server.stored()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def both(site: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Asks the server; and what DuckDB says about an export of its events."""
    path = f"/api/v1/projects/{site.http.get('/api/v1/projects', headers=BEARER).json()[0]['id']}"
    columns = "event_id, name, type, timestamp, visitor_id, user_id, session_id, path, channel, source, medium, bot"
    # A running server gives at most 100,000 rows at once; a site's days are exported one by one.
    file = tmp_path_factory.mktemp("export") / "events.parquet"
    body = {"sql": f"SELECT {columns} FROM events"}
    exported = site.http.post(f"{path}/query", params={"format": "parquet"}, json=body, headers=BEARER)
    assert exported.status_code == 200, exported.text
    file.write_bytes(exported.content)

    def ask(question: str, **more: Any) -> Any:
        body = {"question": question, "period": "all", **more}
        response = site.http.post(f"{path}/ask", json=body, headers=BEARER)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    return ask, independently(file)


def test_trends_agree(both: tuple[Callable[..., Any], dict[str, Any]]) -> None:
    ask, known = both
    series = [{"metric": "events"}, {"metric": "persons"}]
    data = ask("trend", series=series, by=["name"], top=100, interval="month")
    counted = [{part["values"][0]: part["total"] for part in line["parts"]} for line in data["series"]]
    assert known["names"]
    assert {row[0]: row[1] for row in known["names"]} == counted[0]
    assert {row[0]: row[2] for row in known["names"]} == counted[1]
    data = ask("trend", series=[*series, {"metric": "visitors"}], period="30d")
    days = {
        moment[:10]: [line["points"][i] for line in data["series"]]
        for i, moment in enumerate(data["moments"]) if data["series"][0]["points"][i]
    }  # fmt: skip
    assert days == {row[0]: row[1:] for row in known["by_day"]}


def test_funnels_agree(both: tuple[Callable[..., Any], dict[str, Any]]) -> None:
    ask, known = both
    steps = [{"event": name} for name in ("impression", "event click", "interest")]
    data = ask("funnel", steps=steps, window_s=86_400)
    assert [step["units"] for step in data["steps"]] == known["funnel"]
    assert known["funnel"][2] > 0


@pytest.mark.parametrize("kind", ["first_time", "recurring"])
def test_retention_agrees(both: tuple[Callable[..., Any], dict[str, Any]], kind: str) -> None:
    ask, known = both
    data = ask("retention", kind=kind, interval="day", intervals=5, period="30d")
    found = [
        [row["cohort"], later, cell["persons"]]
        for row in data["cohorts"] for later, cell in enumerate(row["cells"]) if cell["persons"]
    ]  # fmt: skip
    assert found == known["retention" if kind == "first_time" else "recurring"]


def test_lifecycle_and_stickiness_agree(both: tuple[Callable[..., Any], dict[str, Any]]) -> None:
    ask, known = both
    rows = ask("lifecycle", interval="day", period="30d")["intervals"]
    here = [[row["at"], row["new"], row["returning"], row["resurrecting"]] for row in rows]
    assert [row for row in here if any(row[1:])] == known["lifecycle"]
    rows = ask("stickiness", period="30d")["rows"]
    assert [[row["intervals"], row["persons"]] for row in rows if row["persons"]] == known["stickiness"]


def test_paths_and_sources_agree(both: tuple[Callable[..., Any], dict[str, Any]]) -> None:
    ask, known = both
    links = ask("paths", steps=3, top=50)["links"]
    found = {(row["step"], row["from"], row["to"]): row["ways"] for row in links}
    expected: dict[tuple[int, str, str], int] = defaultdict(int)
    shown = {(step, name) for step, name, _ in found}
    for step, name, to, ways in known["paths"]:
        from_ = name if (step, name) in shown else "(other)"
        to = to if to == "(end)" or any(key[2] == to and key[0] == step for key in found) else "(other)"
        expected[step, from_, to] += ways
    # Pages of the same millisecond have no order: each session with some may go two ways.
    apart = sum(abs(found.get(key, 0) - expected.get(key, 0)) for key in found.keys() | expected.keys())
    assert apart <= 6 * known["tied"] < sum(found.values()) / 50
    rows = ask("sources", metrics=["sessions", "bounce_rate"])
    ours = sorted(
        [row["channel"], row["source"], row["medium"], row["sessions"], round(row["bounce_rate"] * row["sessions"])]
        for row in rows
    )
    assert ours == known["sources"]


WAY = [{"event": "impression"}, {"event": ["click", "event click"]}, {"event": "interest"}]
BUSY: dict[str, list[dict[str, Any]]] = {
    **{question: [body] for question, body in BODIES.items()},
    "trend": [{"series": [{"metric": "persons"}, {"metric": "revenue"}], "formulas": ["B / A"], "by": ["channel"]},
              {"series": [{"metric": "persons"}], "by": ["country"], "sample": 0.5}],
    "funnel": [{"steps": WAY, "by": "device", "interval": "week"}, {"steps": WAY, "sample": 0.5}],
    "funnel_units": [{"steps": WAY}, {"steps": WAY, "rows": True}, {"steps": WAY, "unit": "person_entity"}],
    "entity_funnel": [{}, {"rows": True}],
    "retention": [{"interval": "day", "by": "channel", "period": "7d"}, {"interval": "day", "sample": 0.5, "period": "7d"}],
    "sources": [{}, {"by": ["channel"], "metrics": ["sessions"]}],
    "customers": [{"limit": 100}, {"interval": "monthly"}],
    "customer_value": [{}],
    "persons": [{"limit": 100}],
    "values": [{"of": "country"}, {"of": "name"}],
    "event_names": [{}, {"exact": True}],
    "audience": [{"by": "device"}],
}  # fmt: skip


def test_a_breakdown_of_retention_adds_up_to_the_whole(both: tuple[Callable[..., Any], dict[str, Any]]) -> None:
    ask, _ = both
    data = ask("retention", interval="day", intervals=3, period="7d", by="channel", top=3)
    assert len(data["parts"]) == 4 and data["parts"][-1]["other"]
    for number, cohort in enumerate(data["cohorts"]):
        own = [part["cohorts"][number] for part in data["parts"]]
        assert sum(part["persons"] for part in own) == cohort["persons"]
        for place, cell in enumerate(cohort["cells"]):
            assert sum(part["cells"][place]["persons"] for part in own) == cell["persons"]


def test_answers_about_a_busy_site_have_the_types_of_the_catalogue(site: Server) -> None:
    path = f"/api/v1/projects/{site.http.get('/api/v1/projects', headers=BEARER).json()[0]['id']}/ask"
    for question, bodies in BUSY.items():
        for body in bodies:
            response = site.http.post(path, json={"question": question, **body}, headers=BEARER)
            assert response.status_code == 200, response.text
            has_its_type(question, msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])["data"])
