"""Dead letters over the API and the command line: an engine with a fault, and without it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from commands import as_json, run
from conftest import EMAIL, PASSWORD, SECRET_KEY, Loaded, Server, eventually
from engine_faults import BREAK, MEND, change_engine, poison
from factories import message
from listener import Listener
from trackway import config
from trackway.event import Event
from trackway.log import Gap
from trackway.operate.alerts import Alerts
from trackway.outgoing import Outgoing
from trackway.store import dead_letters, preparing
from trackway.store.progress import Progress


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Server]:
    """A server whose engine refuses events with one kind of name."""
    server = Server(tmp_path_factory.mktemp("letters") / "data", alert_url=listener.url).start()
    change_engine(server, BREAK)
    yield server
    server.stop()


class Api:
    """The dead letters of the first project, as the administrator."""

    def __init__(self, server: Server) -> None:
        self.http = httpx.Client(base_url=server.url, timeout=60)
        signed_in = self.http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        self.http.headers["x-csrf-token"] = signed_in["csrf"]
        self.project = self.http.get("/api/v1/projects").json()[0]["id"]
        self.path = f"/api/v1/projects/{self.project}"

    def get(self, rest: str = "", status: int = 200, **parameters: Any) -> Any:
        answer = self.http.get(f"{self.path}/dead-letters{rest}", params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, rest: str, status: int = 200, **body: Any) -> Any:
        answer = self.http.post(f"{self.path}/dead-letters/{rest}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def written(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.http.get(f"{self.path}/audit").json()
        return [one for one in entries if one["action"].startswith("letters")]


def test_letters_are_listed_shown_replayed_and_dropped(broken: Server, listener: Listener) -> None:
    api, path = Api(broken), str(broken.data)
    assert api.get() == {"count": 0, "letters": []}
    assert "There are no dead letters" in run("letters", "list", "--url", broken.url, "--key", SECRET_KEY)[0]
    poison(broken, "a", "b/?&", "c", "d")
    eventually(lambda: listener.taken)
    assert listener.taken[0].items() >= {"project": api.project, "kind": "dead_letters"}.items()
    listed = api.get()
    assert listed["count"] == 4
    assert {one["message_id"] for one in listed["letters"]} == {"a", "b/?&", "c", "d"}
    assert all(one["stage"] == "store" and "division" in one["reason"].lower() for one in listed["letters"])
    assert len(api.get(limit=1)["letters"]) == 1
    assert api.get(message_id="a")["letters"][0]["replayable"] is True
    assert api.get(message_id="a", stage="enrich")["letters"] == []
    assert '"Poison b/?&"' in api.get("/letter", message_id="b/?&", stage="store")["body"]
    api.get("/letter", message_id="none", status=404)
    api.get("/letter", message_id="", status=404)

    for body in ({}, {"letters": []}, {"letters": [{"message_id": "a"}], "all": True}):
        assert "letters" in api.post("drop", status=400, **body)["errors"][0]["field"]
    api.post("replay", letters=[{"message_id": "none"}], status=404)
    api.post("replay", letters=[{"message_id": "a", "stage": "enrich"}], status=404)

    # The engine is as it was: what is replayed comes back.
    assert api.post("replay", letters=[{"message_id": "a"}])["replayed"] == 1
    assert broken.stored()["dead_letters"] == 4
    assert api.post("drop", letters=[{"message_id": "d", "stage": "store"}]) == {"dropped": 1, "count": 3}
    assert broken.stored()["dead_letters"] == 3
    assert [one["action"] for one in api.written()] == ["letters dropped", "letters replayed"]
    assert api.written()[0]["subject"] == "d"

    on_server = ("--url", broken.url, "--key", SECRET_KEY)
    assert as_json("letters", "list", *on_server)["count"] == 3
    (noted,) = (one for one in as_json("doctor", "--url", broken.url) if one["part"] == "dead letters")
    assert noted["state"] == "note"
    assert "trackway letters list" in noted["text"]
    assert as_json("letters", "show", "c", *on_server)["message_id"] == "c"
    assert as_json("letters", "drop", "c", *on_server) == {"dropped": 1, "count": 2}
    assert "no such dead letter" in run("letters", "replay", "c", *on_server, status=1)[1]

    change_engine(broken, MEND)
    assert broken.stored()["dead_letters"] == 2
    broken.stop()
    assert as_json("letters", "list", "--data", path)["count"] == 2
    assert "trackway letters list" in run("doctor", "--data", path)[0]
    assert "Poison a" in as_json("letters", "show", "a", "--data", path)["body"]
    assert "there is no dead letter 'x'" in run("letters", "replay", "x", "--data", path, status=1)[1]
    assert "give --all" in run("letters", "drop", "--data", path, status=1)[1]
    assert as_json("letters", "replay", "a", "--data", path) == {"replayed": 1, "kept": 0, "count": 1}
    told = len(listener.taken)
    broken.start()
    eventually(lambda: len(listener.taken) > told)  # of the letter that is left: a start tells of what is there
    said = run("letters", "replay", "--all", *("--url", broken.url, "--key", SECRET_KEY))[0]
    assert said.startswith("1 replayed. There are no dead letters")
    assert broken.stored()["dead_letters"] == 0
    eventually(lambda: listener.taken[-1]["count"] == 0)
    names = [row["name"] for row in broken.sql("SELECT name FROM events WHERE name LIKE 'Poison%' ORDER BY name")]
    assert names == ["Poison a", "Poison b/?&"]
    assert "there is no store at" in run("letters", "list", "--data", f"{path}-none", status=1)[1]


def test_alerts_are_posted_once_a_minute_and_when_it_is_over(
    loaded: Loaded, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Event:
        raise ValueError("it cannot be enriched")

    def bury(*names: str) -> None:
        loaded.load(project, [message("E", visitor="v", id=one) for one in names])

    monkeypatch.setattr(preparing, "enrich", failing)
    monkeypatch.setattr(preparing, "ordinary", failing)
    listener, loader = Listener(), loaded.loader
    alerts = Alerts(listener.url, Outgoing(), loader, loaded.store, Progress(loaded.log, loader), lambda _: "Shop")

    def told(at: float) -> list[tuple[str, int]]:
        alerts.look(at)
        own = [(one["kind"], one["count"]) for one in listener.taken if one["project"] in (None, str(project))]
        listener.taken.clear()
        return own

    def drop() -> None:
        dead_letters.remove(loaded.store, dead_letters.keys(loaded.store, project), loaded.loader.store_lock)
        loader.dead_letters = dead_letters.count(loaded.store)

    try:
        assert told(100) == []
        bury("a")
        assert told(102) == [("dead_letters", 1)]
        assert told(104) == []
        bury("b", "c")
        assert told(161) == []
        assert told(162) == [("dead_letters", 3)]
        drop()
        assert told(164) == [("dead_letters", 0)]
        assert told(300) == []
        bury("a")
        listener.refusing = True
        assert told(400) == []
        listener.refusing = False
        assert told(459) == []
        assert told(460) == [("dead_letters", 1)]
        drop()
        assert told(461) == [("dead_letters", 0)]

        loader.trouble = "the disk is full"
        assert told(500) == []
        assert told(529) == []
        assert told(530) == [("stalled", 1)]
        assert told(700) == []
        loader.trouble = ""
        assert told(702) == [("stalled", 0)]
        loader.gaps.append(Gap(3, 8, loaded.directory, 0))
        assert told(800) == [("lost", 5)]
        assert told(900) == []
    finally:
        loader.trouble = ""
        loader.gaps.clear()
        listener.server.shutdown()


@pytest.mark.parametrize("wrong", ["alerts.example.com", "ftp://example.com", "https://name@example.com/", "https://"])
def test_an_address_for_alerts_that_is_none_is_refused_at_start(wrong: str) -> None:
    assert config.load(alert_url="http://127.0.0.1:9000/hook?a=b@c").alert_url
    with pytest.raises(config.BadSettings, match="--alert-url"):
        config.load(alert_url=wrong)
