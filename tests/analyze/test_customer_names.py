"""The visitor by whom a customer without a name is shown and found, before and after rows of the customer are merged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from conftest import Loaded
from factories import message
from trackway.analyze.customers.customers import Customers, customers
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question

NOW = datetime.now(UTC)


def test_a_customer_of_several_visitors_is_shown_and_found_alike_before_and_after_rows_are_merged(
    loaded: Loaded, project: UUID
) -> None:
    loaded.store.command("SYSTEM STOP MERGES customers")
    for minute, visitor in enumerate(("visitor-2", "visitor-1")):
        at = NOW - timedelta(minutes=20 - minute)
        loaded.load(project, [message("Signed In", at, visitor, "ann", id=f"{visitor}-in")])
    question = Question(project_id=project, period=Period(NOW - timedelta(days=1), NOW), timezone="UTC")
    rows = loaded.rows(project, "SELECT DISTINCT visitor_id, visitor_name FROM events WHERE project_id = {p:UUID}")
    first, last = (row["visitor_name"] for row in sorted(rows, key=lambda row: row["visitor_id"]))

    def seen() -> list[object]:
        listed = [customers(loaded.store, question, Customers(search=text), "EUR")[1] for text in ("", first, last)]
        return [[(row.user_id, row.visitor_id, row.name) for row in answer.rows] for answer in listed]

    before = seen()
    loaded.store.command("SYSTEM START MERGES customers")
    loaded.store.command("OPTIMIZE TABLE customers FINAL")
    ann = [("ann", "visitor-2", last)]
    assert before == seen() == [ann, [], ann]
