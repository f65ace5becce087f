"""Preparation of a batch row by row, as it was before columns: the way that the columns are compared with."""

from __future__ import annotations

from trackway.enrich.identity import _MOST_REMEMBERED, SIGN_OUTS, Identities, Merge, Persons, _previous
from trackway.enrich.pipeline import NO_SESSION, session_hint
from trackway.enrich.session import NO_SESSION_VALUES
from trackway.enrich.visitor_sessions import Row
from trackway.event import Event, whole
from trackway.store import arrow_blocks
from trackway.store.arrow_blocks import EVENT_COLUMNS, _stream, astuple
from trackway.store.dead_letters import DeadLetter, letter
from trackway.store.moved_events import Moved, moves
from trackway.store.preparing import Derivers, _event
from trackway.store.reading import LogRange


class RowIdentities(Identities):
    """The identities of events one by one."""

    def assign_rows(self, events: list[Event]) -> Persons:
        persons = Persons([], [], [], [], [])
        self._history.separate([])
        leaving = [event for event in events if event.type == "track" and event.name.lower() in SIGN_OUTS]
        if leaving or self._any:
            self._any = True
            previous = [(event.project_id, _previous(event)) for event in events if event.type == "alias"]
            self._look_up([*((event.project_id, event.visitor_id) for event in events), *previous])
            self._sign_out(leaving, persons)
            for event in events:
                if not event.user_id:
                    event.identity = self._token((event.project_id, event.visitor_id), event.timestamp)
        claims: dict[tuple[int, int], Merge] = {}
        for event in events:
            if event.user_id:
                if not event.visitor_id.startswith("user:"):
                    self._claim((event.project_id, event.visitor_id), event.user_id, event.timestamp, claims)
                if event.type == "alias":
                    self._alias(event, claims, persons)
        if len(self._claimed) > _MOST_REMEMBERED:
            self._claimed.clear()
        persons.claims.extend(claims.values())
        merges = (*persons.claims, *persons.aliases)
        tokens = {event.identity for event in events}
        self._numbers.learn(tokens.union(*((merge.identity, merge.person) for merge in merges)))
        of = self._numbers.of
        for event in events:
            event.identity = of(event.identity)
        for merge in merges:
            merge.identity, merge.person = of(merge.identity), of(merge.person)
        persons.identities.extend(self._numbers.fresh())
        return persons


class Rows:
    """A prepared batch: its blocks by table, the moved events and what else the loader keeps."""

    def __init__(self, log_range: LogRange, derivers: Derivers) -> None:
        batch: list[tuple[Event, str]] = []
        letters: list[DeadLetter] = []
        self.keys: list[bytes] = []
        for packed, arrival, key in log_range.messages:
            message = whole(packed)
            try:
                event, hint = _event(message, arrival, key), session_hint(message)
            except Exception as error:
                letters.append(letter(arrival, message, "enrich", error, log_range.last))
            else:
                batch.append((event, hint))
                self.keys.append(key)
        events = [event for event, _ in batch]
        assert isinstance(derivers.identities, RowIdentities)
        persons = derivers.identities.assign_rows(events)
        derivers.sessions.separate(persons.separated)
        outcome = derivers.sessions.assign([item for item in batch if item[1] != NO_SESSION], log_range.last)
        for event, hint in batch:
            if hint == NO_SESSION:
                event.session_id, (event.channel, event.source, event.medium, event.campaign, event.term, event.content) = (
                    NO_SESSION_VALUES[0], NO_SESSION_VALUES[1:],
                )  # fmt: skip
        orders = derivers.orders.assign(events, log_range.last)
        self.rows: list[Row] = outcome.rows
        self.moved: list[Moved] = moves(outcome.moved)
        self.separated = persons.separated
        self.blocks = {
            "events": _stream(EVENT_COLUMNS, map(astuple, events)) if events else b"",
            "sessions": arrow_blocks.sessions(outcome.rows) if outcome.rows else b"",
            "claims": arrow_blocks.claims(persons.claims) if persons.claims else b"",
            "aliases": arrow_blocks.aliases(persons.aliases) if persons.aliases else b"",
            "sign_outs": arrow_blocks.sign_outs(persons.sign_outs) if persons.sign_outs else b"",
            "identities": arrow_blocks.identities(persons.identities) if persons.identities else b"",
            "orders": arrow_blocks.orders(orders) if orders else b"",
            "dead_letters": arrow_blocks.dead_letters(letters) if letters else b"",
        }
