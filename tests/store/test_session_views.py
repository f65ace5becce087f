"""What the views on sessions make of the rows of a batch."""

from uuid import UUID

from agreement import agree
from conftest import Loaded
from factories import message

_START = 1_790_000_000_000


def test_sessions_that_grow_change_their_customers_devices_and_hours_once(loaded: Loaded, project: UUID) -> None:
    context = {"userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "locale": "de-DE"}
    for batch in range(4):  # two sessions of each visitor, both in two batches
        at = _START + batch // 2 * 7_200_000 + batch % 2 * 60_000
        loaded.load(
            project,
            [
                message("E", at + n, visitor=f"v{n}", user=f"u{n}", id=f"m{batch}-{n}", context=context)
                for n in range(5)
            ],
        )
    agree(loaded, project, 20)
    customers = loaded.rows(
        project,
        "SELECT sum(sessions) AS sessions, sumMap(devices) AS devices, sumMap(browsers) AS browsers, "
        "sum(duration_ms) AS lasted, max(user_id) AS user FROM customers "
        "WHERE project_id = {p:UUID} GROUP BY identity ORDER BY user",
    )
    assert customers == [
        {"sessions": 2, "devices": [("desktop", 2)], "browsers": [("Firefox", 2)], "lasted": 120_000, "user": f"u{n}"}
        for n in range(5)
    ]
    hours = "SELECT sessions, count() AS n FROM session_hours WHERE project_id = {p:UUID} GROUP BY ALL"
    assert loaded.rows(project, hours) == [{"sessions": 1, "n": 10}]
