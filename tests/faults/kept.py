"""What people save through the API: whatever was answered with 2xx is there after the power was cut."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from senders import Book
from victim import BEARER, EMAIL, PASSWORD, Victim, Violation


class Keeper(threading.Thread):
    """An administrator who saves things without pause; `missing` says what is not there any more."""

    def __init__(self, victim: Victim, book: Book, seed: str) -> None:
        super().__init__(daemon=True)
        self.victim, self.book = victim, book
        self.rng, self.serial = random.Random(f"{seed} keeper"), 0
        self.kept: dict[str, set[str]] = {
            name: set() for name in ("entity", "board", "segment", "list", "note", "member")
        }
        self.undone: dict[tuple[str, str], bool | None] = {}
        """Merges, and whether they are undone; None while an answer is not known."""
        self.listed: dict[str, dict[str, int]] = {}
        """Visitors who were put into each list, and the numbers by which they are on it."""
        self.ended = False
        self._going, self._idle = threading.Event(), threading.Event()
        self._http: httpx.Client | None = None

    @property
    def count(self) -> int:
        """How many writes were acknowledged and must be there."""
        return sum(map(len, self.kept.values())) + len(self.undone)

    def go(self) -> None:
        """Save things."""
        self._idle.clear()
        self._going.set()

    def pause(self) -> None:
        """Save no more; wait until nothing is under way."""
        self._going.clear()
        self._idle.wait()

    def end(self) -> None:
        """Never save again."""
        self.ended = True
        self._going.set()

    def run(self) -> None:
        """Writes, until the end."""
        acts = (self._entity, self._board, self._segment, self._list, self._note, self._member, self._merge)
        while not self.ended:
            if not self._going.is_set():
                self._idle.set()
                self._going.wait()
                continue
            try:
                self.serial += 1
                self.rng.choice(acts)(self._signed_in(), self.victim.project, f"kept {self.serial}")
            except (httpx.HTTPError, Violation, LookupError, ValueError):
                pass  # not answered, or not as promised: nothing to be kept
            time.sleep(0.03)
        self._idle.set()

    def _signed_in(self) -> httpx.Client:
        if self._http is None:
            http = httpx.Client(base_url=self.victim.url, timeout=20)
            answer = http.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD})
            http.headers["x-csrf-token"] = answer.json()["csrf"]
            self._http = http
        return self._http

    def _lasts(self, answer: httpx.Response) -> bool:
        return answer.is_success and not self.book.dark

    def _entity(self, http: httpx.Client, path: str, name: str) -> None:
        body = [{"type": "artist", "id": f"e{self.serial}", "name": name}]
        if self._lasts(http.put(f"{path}/entities", json=body)):
            self.kept["entity"].add(f"e{self.serial}")

    def _board(self, http: httpx.Client, path: str, name: str) -> None:
        answer = http.post(f"{path}/boards", json={"name": name})
        if self._lasts(answer):
            self.kept["board"].add(answer.json()["id"])

    def _segment(self, http: httpx.Client, path: str, name: str) -> None:
        body = {"name": name, "filter": {"column": "name", "values": ["page"]}}
        answer = http.post(f"{path}/segments", json=body)
        if self._lasts(answer):
            self.kept["segment"].add(answer.json()["id"])

    def _list(self, http: httpx.Client, path: str, name: str) -> None:
        rows = self.victim.sql(
            "SELECT visitor_id, any(identity) AS number FROM events WHERE bot = '' GROUP BY visitor_id "
            "HAVING uniqExact(identity) = 1 AND max(user_id) = '' ORDER BY visitor_id LIMIT 4"
        )
        people = [one["visitor_id"] for one in rows]
        answer = http.post(f"{path}/segments", json={"name": name, "kind": "list", "ids": people})
        if self._lasts(answer) and answer.json()["persons"]:
            self.kept["list"].add(answer.json()["id"])
            self.listed[answer.json()["id"]] = {one["visitor_id"]: int(one["number"]) for one in rows}

    def _note(self, http: httpx.Client, path: str, name: str) -> None:
        answer = http.post(f"{path}/annotations", json={"at": "2026-01-31T12:00:00Z", "text": name})
        if self._lasts(answer):
            self.kept["note"].add(answer.json()["id"])

    def _member(self, http: httpx.Client, path: str, name: str) -> None:
        body = {"email": f"m{self.serial}@example.com", "role": "viewer", "password": "a long password"}
        if self._lasts(http.post(f"{path}/members", json=body)):
            self.kept["member"].add(body["email"])

    def _merge(self, http: httpx.Client, path: str, _: str) -> None:
        one = self.rng.choice(self._merges(http, path))
        key = one["identity"], one["person"]
        self.undone[key] = None
        body = {"identity": key[0], "person": key[1], "undone": not one["undone"]}
        if self._lasts(http.post(f"{path}/merges/undo", json=body)):
            self.undone[key] = not one["undone"]

    def _merges(self, http: httpx.Client, path: str) -> list[dict[str, Any]]:
        answer = http.post(f"{path}/ask", json={"question": "merges", "limit": 1000, "period": "30d"}, headers=BEARER)
        return list(answer.json()["data"])

    def missing(self) -> list[str]:
        """What was acknowledged and is not there; asked when nothing is under way."""
        if not self.count:
            return []
        http, path = self._signed_in(), self.victim.project

        def got(part: str) -> list[dict[str, Any]]:
            return list(http.get(f"{path}/{part}").raise_for_status().json())

        there: dict[str, Callable[[], set[str]]] = {
            "entity": lambda: {row["entity_id"] for row in self._entities()},
            "board": lambda: {row["id"] for row in got("boards")},
            "segment": lambda: {row["id"] for row in got("segments")},
            "list": lambda: {one for one in self.kept["list"] if self._listed(http, path, one)},
            "note": lambda: {row["id"] for row in got("annotations")},
            "member": lambda: {row["email"] for row in got("members")},
        }
        absent = [f"{part} {one}" for part, ids in self.kept.items() if ids for one in sorted(ids - there[part]())]
        state = {(row["identity"], row["person"]): row["undone"] for row in self._merges(http, path)}
        absent += [f"merge {key}" for key, undone in self.undone.items() if undone not in (None, state.get(key))]
        return absent

    def _entities(self) -> list[dict[str, Any]]:
        answer = self._signed_in().post(
            f"{self.victim.project}/ask",
            json={"question": "entities", "entity_type": "artist", "limit": 1000, "period": "30d"}, headers=BEARER,
        )  # fmt: skip
        return list(answer.raise_for_status().json()["data"])

    def _listed(self, http: httpx.Client, path: str, segment: str) -> bool:
        """Whether a list has people, and their numbers are still theirs."""
        body = {"question": "persons", "filter": {"segment": segment}, "period": "all"}
        answer = http.post(f"{path}/ask", json=body, headers=BEARER).raise_for_status()
        pairs = ", ".join(f"('{visitor}', {number})" for visitor, number in self.listed[segment].items())
        known = f"SELECT uniqExact(visitor_id) AS n FROM events WHERE (visitor_id, identity) IN ({pairs})"
        return bool(answer.json()["data"]) and int(self.victim.sql(known)[0]["n"]) == len(self.listed[segment])
