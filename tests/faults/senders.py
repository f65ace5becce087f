"""Clients that send messages and write down which of them were acknowledged."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, NamedTuple

import httpx
from victim import WRITE_KEY

Message = dict[str, Any]
_HOUR = 3_600_000
_EVENTS = ("Searched", "Saved", "click", "Review Submitted", "impression", "scroll")
_BROWSER = {
    "accept-language": "en",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
}


class Sent(NamedTuple):
    """What the store has to say of a message: the event's name, the visitor and the number in its properties."""

    name: str
    visitor: str
    number: int


class Book:
    """What was sent and what was acknowledged."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent: dict[str, Sent] = {}
        self.acknowledged: dict[str, Message] = {}
        self.hostile: set[str] = set()
        """Acknowledged, and of a kind that may end among the dead letters."""
        self.answers: dict[str, int] = {}
        self.repeated = 0
        self.repeating = True
        """Whether senders deliver again what was acknowledged."""
        self.dark = False
        """The power is gone: what still answers is a machine that is not there any more."""

    def announce(self, batch: list[Message]) -> None:
        """Note what is about to be sent."""
        with self.lock:
            for one in batch:
                self.sent[one["messageId"]] = _sent(one)

    def write(self, batch: list[Message], answer: httpx.Response, hostile: bool = False) -> None:
        """Note an answer to a batch; one that comes out of the dark is none."""
        with self.lock:
            if self.dark:
                return
            self.answers[str(answer.status_code)] = self.answers.get(str(answer.status_code), 0) + 1
            if answer.status_code != 202:
                return
            rejected = {one["index"] for one in answer.json().get("rejected", [])}
            for index, message in enumerate(batch):
                if index not in rejected:
                    self.repeated += message["messageId"] in self.acknowledged
                    self.acknowledged[message["messageId"]] = message
                    if hostile:
                        self.hostile.add(message["messageId"])

    def some(self, rng: random.Random, most: int) -> list[Message]:
        """Some acknowledged messages, to be delivered again."""
        with self.lock:
            ids = list(self.acknowledged)
            return [self.acknowledged[one] for one in rng.sample(ids, min(most, len(ids))) if one not in self.hostile]


class Sender(threading.Thread):
    """One client. It sends again, unchanged, what was not answered; `pause` and `go` hold it between two batches.

    Args:
        name: makes its ids; no two senders of a book have one.
    """

    def __init__(self, url: str, book: Book, seed: str, name: str) -> None:
        super().__init__(daemon=True)
        self.url, self.book, self.label = url, book, name
        self.rng = random.Random(f"{seed} {name}")
        self.serial = 0
        self.last: dict[str, int] = {}
        self.users: dict[str, str] = {}
        self.orders: list[str] = []
        self.ended = False
        self.failure = ""
        self._going, self._idle = threading.Event(), threading.Event()

    def go(self) -> None:
        """Send."""
        self._idle.clear()
        self._going.set()

    def pause(self) -> None:
        """Send no more; wait until nothing is under way."""
        self._going.clear()
        self._idle.wait()

    def end(self) -> None:
        """Never send again."""
        self.ended = True
        self._going.set()

    def run(self) -> None:
        """Batches, until the end."""
        http = httpx.Client(base_url=self.url, timeout=20, headers=_BROWSER)
        while not self.ended:
            if not self._going.is_set():
                self._idle.set()
                self._going.wait()
                continue
            try:
                self._send(http, self._batch())
            except Exception as error:
                self.failure, self.ended = f"{type(error).__name__}: {error}", True
            time.sleep(self.rng.uniform(0, 0.06))
        self._idle.set()

    def _send(self, http: httpx.Client, batch: list[Message]) -> None:
        self.book.announce(batch)
        while not self.ended:
            try:
                answer = http.post("/v1/batch", json={"batch": batch}, auth=(WRITE_KEY, ""))
            except httpx.HTTPError:
                answer = None
            if answer is not None and not self.book.dark:
                self.book.write(batch, answer)
                if answer.status_code != 503:
                    if answer.status_code != 202:
                        self.failure = f"a batch was answered {answer.status_code}: {answer.text[:500]}"
                    return
            if not self._going.is_set():
                return  # whether it arrived nobody knows
            time.sleep(0.02)

    def _batch(self) -> list[Message]:
        fresh = [self._message() for _ in range(self.rng.choice((1, 1, 3, 10, 25, 40)))]
        if self.book.repeating and self.rng.random() < 0.2:
            fresh += self.book.some(self.rng, 8)
        if self.rng.random() < 0.1:
            fresh.append(self.rng.choice(fresh))
        if self.rng.random() < 0.1:
            self.rng.shuffle(fresh)
        return fresh

    def _at(self, visitor: str, late: bool) -> int:
        """A time that no other event of the visitor has."""
        if late:
            # Odd milliseconds far back: times of now are even.
            return (int(time.time() * 1000) - self.rng.randrange(1, 72 * _HOUR)) | 1
        at = max(int(time.time() * 1000) & ~1, self.last.get(visitor, 0) + 2)
        self.last[visitor] = at
        return at

    def _message(self) -> Message:
        self.serial += 1
        visitor = f"{self.label}-v{int(self.rng.expovariate(0.25)) % 20}"
        late = self.rng.random() < 0.04
        at = self._at(visitor, late)
        message: Message = {
            "messageId": f"{self.label}-{self.serial}",
            "anonymousId": visitor,
            "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 1000))}.{at % 1000:03d}Z",
        }
        user = self.users.get(visitor, "")
        if user and not late:
            message["userId"] = user
        return message | self._content(visitor, user, late)

    def _content(self, visitor: str, user: str, late: bool) -> Message:
        draw, number = self.rng.random(), {"n": self.serial}
        if draw < 0.4:
            url = f"https://shop.example/{self.rng.randrange(9)}" + self.rng.choice(("", "", "?utm_source=news"))
            return {"type": "page", "context": {"page": {"url": url}}, "properties": number}
        if draw < 0.6 or late:
            return {"type": "track", "event": self.rng.choice(_EVENTS), "properties": number}
        if draw < 0.7:
            entity = {"entity_type": "concert", "entity_id": str(self.rng.randrange(20)), "duration_s": 40}
            return {"type": "track", "event": "view", "properties": number | entity}
        if draw < 0.78:
            self.orders.append(f"{self.label}-o{self.serial}")
            paid = {"order_id": self.orders[-1], "revenue": self.rng.randrange(1, 9999) / 100, "currency": "EUR"}
            return {"type": "track", "event": "Order Completed", "properties": number | paid}
        if draw < 0.82 and self.orders:
            back = {"order_id": self.rng.choice(self.orders), "revenue": 0.5, "currency": "EUR"}
            return {"type": "track", "event": "Order Refunded", "properties": number | back}
        if draw < 0.9:
            self.users[visitor] = user or f"{self.label}-u{self.rng.randrange(6)}"
            return {"type": "identify", "userId": self.users[visitor], "traits": number}
        if draw < 0.94:
            self.users.pop(visitor, None)
            return {"type": "track", "event": "Signed Out", "properties": number}
        if draw < 0.96:
            return {"type": "track", "event": "Session Ended", "properties": number}
        if draw < 0.98:
            return {"type": "group", "groupId": f"g{self.rng.randrange(3)}", "traits": number}
        if draw < 0.985:
            joined = {"previousId": f"{self.label}-u{self.rng.randrange(6)}", "userId": f"{self.label}-x"}
            return {"type": "alias", **joined}
        return {"type": "screen", "name": "Home", "properties": number}


def _sent(message: Message) -> Sent:
    kind = message.get("type", "")
    name = message.get("event", "") if kind == "track" else kind
    said = message.get("properties") or message.get("traits")
    number = said.get("n", 0) if isinstance(said, dict) else 0
    return Sent(name, message.get("anonymousId", ""), number)
