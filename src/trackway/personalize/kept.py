"""Answers about persons that are kept in memory, and made anew when events of the person arrive.

An application asks about the people who are on its pages at the moment, again and again. The first answer about
somebody is read from the store; from then on it is in memory. A thread looks four times a second whether something of
the project was stored, finds out of whom, and makes the answers about these people anew, all at once. Until that is
done, the answer of before is given. What people state, and opting out, holds at once, in every process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import xxhash
import zstandard

from trackway.analyze.answers import Version, settings_of
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import Stated, StatedPreferences
from trackway.govern.tables import Project
from trackway.personalize.arrivals import Arrivals
from trackway.personalize.journey import Decided
from trackway.personalize.person import PARTS, USUAL, Part, Personal, Personalize, decide_all, persons_of
from trackway.personalize.registered import Registered
from trackway.store.connection import Store
from trackway.store.policy import Policy

logger = logging.getLogger(__name__)
KEPT_S = 300.0
"""Seconds after which an answer is made anew although nothing arrived: scores lose weight, and stages look at days."""
SIMILAR_KEPT_S = 600.0
"""Seconds for which the people like somebody are kept, whatever arrives: they take the most work and change least."""
_LOOK_S, _FORGOTTEN_S, _RENEWED_S = 0.25, 600.0, 10.0
_EARLY_S = 60.0
"""Seconds before an answer's time is over in which it is made anew if somebody still asks for it."""
_LONGEST_LOOKS = 400
"""Looks for which an answer may be under way."""
_THREADS = 32
"""Calls at once: most of them wait for answers that one of them makes."""
_AT_ONCE, _MOST_AT_ONCE = 50, 500
"""Persons whose answers are made together, and those who are made anew before anybody asks; others, when asked."""


class KeptAnswer(NamedTuple):
    """An answer as JSON, its ETag (`lasting`), and the version of the data that it has."""

    body: bytes
    tag: str
    version: str


class _Told(NamedTuple):
    """An answer, compressed, and the digest of what does not change by itself."""

    packed: bytes
    digest: bytes


_NOBODY = _Told(b"", b"")


class _Key(NamedTuple):
    project_id: UUID
    settings: int
    who: str | int
    parts: tuple[Part, ...]
    language: str
    limit: int
    for_display: bool


class _Entry(NamedTuple):
    project: Project
    person: int
    told: _Told
    said: Stated
    own_ids: frozenset[str]
    shown_ids: frozenset[str]
    made_at: float
    asked_at: float
    watched: _Watched


@dataclass(eq=False)
class _Watched:
    """A project about whose people somebody asks."""

    arrivals: Arrivals
    register: Registered
    version: Version
    asked_at: float
    renewed_at: float
    looks: int = 0
    changed: dict[int, int] = field(default_factory=dict)
    """The persons whose events arrived, each with the number of the look that found them."""


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for an answer; `made` is `_NOBODY` when there is no such user."""

    who: str | int
    made: _Told | None = None
    error: Exception | None = None


class KeptAnswers:
    """Answers `Personalize` from memory where it can.

    Args:
        version: returns the version of a project's data; a different one means that something was stored.
        registered: returns a number that changes when this process changes the register.
        most_bytes: the size limit of all answers together; the least recently used ones are dropped first.
    """

    def __init__(
        self, store: Store, saved: StatedPreferences, version: Callable[[UUID], Version],
        registered: Callable[[], int] = lambda: 0, most_bytes: int = 64 * 1024 * 1024,
    ) -> None:  # fmt: skip
        self._store, self._saved, self._version, self._most = store, saved, version, most_bytes
        self._registered = registered
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._size, self._lock = 0, threading.Lock()
        self._waiting: dict[_Key, list[_Waiting]] = {}
        self._making = threading.Lock()
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="personalize")
        self._watched: dict[UUID, _Watched] = {}
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def answer(self, project: Project, who: str | int, asked: Personalize, for_display: bool) -> KeptAnswer | None:
        """Return what is known of a person; None when nobody has this id.

        Args:
            who: a user id, or the number of a person.
            asked: the parts, the language and the limit.
            for_display: the answer is for the person themselves.
        """
        watched = self._watch(project)
        parts = tuple(part for part in PARTS if part in (asked.include or USUAL))
        settings = xxhash.xxh3_64_intdigest(msgspec.json.encode(settings_of(project)))
        body: dict[str, msgspec.Raw] = {}
        digest = xxhash.xxh3_64()
        both = tuple(part for part in parts if part != "similar"), tuple(part for part in parts if part == "similar")
        for some in both:
            if some:
                key = _Key(UUID(project.id), settings, who, some, asked.language, asked.limit, for_display)
                told = self._found(key, watched) or self._made(key, project, watched)
                if told is None:
                    return None
                body |= msgspec.json.decode(zstandard.decompress(told.packed), type=dict[str, msgspec.Raw])
                digest.update(told.digest)
        tag = f'W/"{digest.hexdigest()}"'
        return KeptAnswer(msgspec.json.encode(body), tag, ".".join(map(str, watched.version)))

    def _found(self, key: _Key, watched: _Watched) -> _Told | None:
        """Return a kept answer that still holds."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.watched is not watched:
                return None
            self._entries[key] = entry._replace(asked_at=time.monotonic())
            self._entries.move_to_end(key)
        kept_s = SIMILAR_KEPT_S if key.parts == ("similar",) else KEPT_S
        if (
            time.monotonic() - entry.made_at > kept_s
            or self._saved.of(key.project_id, entry.own_ids) != entry.said
            or (entry.shown_ids and self._saved.opted_out(key.project_id, entry.shown_ids))
        ):
            return None
        return entry.told

    def _made(self, key: _Key, project: Project, watched: _Watched) -> _Told | None:
        """Make an answer, together with those that others wait for: reading the rows of many costs little more."""
        shape, mine = key._replace(who=0), _Waiting(key.who)
        with self._lock:
            self._waiting.setdefault(shape, []).append(mine)
        with self._making:
            if mine.made is None and mine.error is None:
                with self._lock:
                    waiting = self._waiting.pop(shape)
                    together = [mine, *(one for one in waiting if one is not mine)][:_AT_ONCE]
                    if rest := [one for one in waiting if one not in together]:
                        self._waiting[shape] = rest
                self._make(shape, project, watched, together)
        if mine.error is not None:
            raise mine.error
        return None if mine.made is _NOBODY else mine.made

    def _make(self, shape: _Key, project: Project, watched: _Watched, waiting: list[_Waiting]) -> None:
        looks = watched.looks
        try:
            question = _question(project)
            users = [one.who for one in waiting if isinstance(one.who, str)]
            numbers = persons_of(self._store.within(Policy(shape.project_id)), question, users) if users else {}
            persons = {one.who: numbers.get(one.who) if isinstance(one.who, str) else one.who for one in waiting}
            found = sorted({person for person in persons.values() if person is not None})
            named = _named((person, one) for one, person in persons.items())
            entries = {entry.person: entry for entry in self._decided(shape, project, watched, found, named)}
        except Exception as error:
            for one in waiting:
                one.error = error
            return
        for one in waiting:
            person = persons[one.who]
            one.made = _NOBODY if person is None else entries[person].told
            if person is not None and watched.changed.get(person, 0) <= looks:  # nothing arrived meanwhile
                self._keep(shape._replace(who=one.who), entries[person])

    def _decided(
        self, key: _Key, project: Project, watched: _Watched, persons: list[int], named: dict[int, set[str]]
    ) -> list[_Entry]:
        if not persons:
            return []
        question, asked_at = _question(project), time.monotonic()
        asked = Personalize(include=list(key.parts), language=key.language, limit=key.limit)
        _, decided = decide_all(
            self._store, question, persons, asked, pack_of(project.metrics), self._saved, question.period.end,
            key.for_display, named, watched.register,
        )  # fmt: skip
        return [
            _Entry(
                project, person, _told(one.personal, question.period.end), one.said, one.own_ids, one.shown_ids,
                asked_at, asked_at, watched,
            )
            for person, one in decided.items()
        ]  # fmt: skip

    def _keep(self, key: _Key, entry: _Entry) -> None:
        with self._lock:
            self._drop(key)
            self._entries[key] = entry
            self._size += len(entry.told.packed)
            while self._size > self._most:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        if old := self._entries.pop(key, None):
            self._size -= len(old.told.packed)

    # The thread that looks for what arrived

    def _watch(self, project: Project) -> _Watched:
        project_id = UUID(project.id)
        watched = self._watched.get(project_id)
        if watched is None:
            with self._starting:
                watched = self._watched.get(project_id)
                if watched is None:
                    version = self._version(project_id)
                    store, question = self._store.within(Policy(project_id)), _question(project)
                    arrivals = Arrivals(store, question, question.period.end)
                    register, at = Registered(self._registered), time.monotonic()
                    watched = self._watched[project_id] = _Watched(arrivals, register, version, at, at)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="personalize", daemon=True)
                    self._thread.start()
        watched.asked_at = time.monotonic()
        return watched

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_S):
            for project_id, watched in list(self._watched.items()):
                try:
                    self._look(project_id, watched)
                except Exception as error:
                    logger.warning("answers about persons are not kept at present: %s", error)
                    self._forget(project_id)

    def _look(self, project_id: UUID, watched: _Watched) -> None:
        if time.monotonic() - watched.asked_at > _FORGOTTEN_S:
            self._forget(project_id)
            return
        if time.monotonic() - watched.renewed_at > _RENEWED_S:
            watched.renewed_at = time.monotonic()
            self._renew(self._ending_soon(watched)[-_MOST_AT_ONCE:], watched)
        version = self._version(project_id)
        if version == watched.version:
            return
        persons, looks = watched.arrivals.persons(), watched.looks + 1
        with self._lock:
            stale = [
                key for key, entry in self._entries.items()
                if key.project_id == project_id and entry.person in persons and key.parts != ("similar",)
            ]  # fmt: skip
            wanted = [key for key in stale if time.monotonic() - self._entries[key].asked_at < KEPT_S][-_MOST_AT_ONCE:]
            for key in set(stale) - set(wanted):
                self._drop(key)
        # From now on, answers that were begun before are not kept.
        lately = {person: look for person, look in watched.changed.items() if look > looks - _LONGEST_LOOKS}
        watched.changed = lately | dict.fromkeys(persons, looks)
        watched.looks = looks
        self._renew(wanted, watched)
        watched.version = version

    def _ending_soon(self, watched: _Watched) -> list[_Key]:
        """Return the answers that somebody asked for lately and whose time is nearly over."""
        now = time.monotonic()
        with self._lock:
            return [
                key for key, entry in self._entries.items()
                if entry.watched is watched and now - entry.asked_at < _EARLY_S and key.parts != ("similar",)
                and now - entry.made_at > KEPT_S - _EARLY_S
            ]  # fmt: skip

    def _renew(self, keys: Iterable[_Key], watched: _Watched) -> None:
        """Make answers anew, those with the same parts together."""
        alike: dict[_Key, dict[int, list[_Key]]] = {}
        projects: dict[_Key, Project] = {}
        with self._lock:
            for key in keys:
                if entry := self._entries.get(key):
                    alike.setdefault(key._replace(who=0), {}).setdefault(entry.person, []).append(key)
                    projects[key._replace(who=0)] = entry.project
        for shape, of_person in alike.items():
            persons = list(of_person)
            for start in range(0, len(persons), _AT_ONCE):
                some = persons[start : start + _AT_ONCE]
                named = _named((person, key.who) for person in some for key in of_person[person])
                for entry in self._decided(shape, projects[shape], watched, some, named):
                    for key in of_person[entry.person]:
                        with self._lock:
                            before = self._entries.get(key)
                        if before is not None:
                            self._keep(key, entry._replace(asked_at=before.asked_at))

    def _forget(self, project_id: UUID) -> None:
        self._watched.pop(project_id, None)
        with self._lock:
            for key in [key for key in self._entries if key.project_id == project_id]:
                self._drop(key)

    def close(self) -> None:
        """Stop looking."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.threads.shutdown()


def _told(personal: Personal, now: datetime) -> _Told:
    return _Told(zstandard.compress(msgspec.json.encode(personal), 1), lasting(personal, now))


def lasting(personal: Personal, now: datetime) -> bytes:
    """Return a digest of what is known of a person without the numbers that change by themselves: the scores and
    confidences of inferred preferences, with their order, and the days since somebody registered. It changes with the
    day (in UTC), so that whoever keeps an answer has numbers of the same day.
    """
    likes, stage, intent = personal.preferences, personal.stage, personal.intent
    if likes:
        likes = [
            like if like.source == "explicit" else msgspec.structs.replace(like, score=0, confidence=0)
            for like in sorted(likes, key=lambda like: (like.key, like.value))
        ]
    still = msgspec.structs.replace(
        personal, preferences=likes, stage=_without_days(stage), intent=_without_days(intent)
    )
    return xxhash.xxh3_64_digest(f"{now.astimezone(UTC):%F} ".encode() + msgspec.json.encode(still))


def _without_days(decided: Decided | msgspec.UnsetType | None) -> Decided | msgspec.UnsetType | None:
    if not isinstance(decided, Decided):
        return decided
    because = [msgspec.structs.replace(met, value=0) if met.fact == "days" else met for met in decided.because]
    return msgspec.structs.replace(decided, because=because)


def _named(pairs: Iterable[tuple[int | None, str | int]]) -> dict[int, set[str]]:
    """Return the user ids by which each person was asked for."""
    named: dict[int, set[str]] = {}
    for person, who in pairs:
        if person is not None and isinstance(who, str):
            named.setdefault(person, set()).add(who)
    return named


def _question(project: Project) -> Question:
    return Question.of(project, Period(datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC)))
