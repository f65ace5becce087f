"""Preparation of a batch: a range of the log becomes blocks of events, their sessions, persons and orders."""

from __future__ import annotations

import json
import logging
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trackway.enrich.columns import Columns, merged, of_events
from trackway.enrich.identity import Identities, Persons
from trackway.enrich.orders import Order, Orders, meaning
from trackway.enrich.ordinary_messages import Arrived, ordinary
from trackway.enrich.pipeline import enrich, message_key, session_hint
from trackway.enrich.sessionizer import Sessionizer
from trackway.enrich.visitor_sessions import Outcome
from trackway.event import Arrival, Event, Message, Violation, whole
from trackway.storable import LARGEST_AMOUNT, fits
from trackway.store import arrow_blocks
from trackway.store.batch import Prepared
from trackway.store.dead_letters import DeadLetter, letter
from trackway.store.message_ids import SeenMessages
from trackway.store.moved_events import moves
from trackway.store.reading import LogRange

logger = logging.getLogger("trackway.store.preparing")

_STRETCH = 28 * 86_400_000


class Derivers(NamedTuple):
    """The parts of the pipeline that remember earlier events."""

    sessions: Sessionizer
    identities: Identities
    orders: Orders


class Unstorable(ValueError):
    """A value that a column of the store cannot hold."""


def fresh_of(log_range: LogRange, seen: SeenMessages, under_way: set[bytes]) -> LogRange:
    """Return a range with only the messages whose id is new, both in this batch and in earlier ones.

    Args:
        under_way: the keys of the batch that is being stored.
    """
    known = seen.known([digest for _, _, digest in log_range.messages], log_range.earliest)
    seen_here = set(under_way)
    fresh = []
    for item, old in zip(log_range.messages, known, strict=True):
        if not old and item[2] not in seen_here:
            seen_here.add(item[2])
            fresh.append(item)
    return log_range._replace(messages=fresh)


def prepare(log_range: LogRange, derivers: Derivers, blamed: dict[bytes, str], plain: set[bytes]) -> Prepared:
    """Return the prepared batch of a range whose messages are fresh.

    A message that fails in enrichment becomes a dead letter, and so does each `blamed` one.

    Args:
        blamed: keys of the messages that must not go on, each with the reason.
        plain: keys of messages whose properties are kept as one text.
    """
    columns, taken, letters = described(log_range, blamed, plain)
    if columns is None:
        persons, outcome, orders = Persons([], [], [], [], []), Outcome([], []), list[Order]()
    else:
        persons = derivers.identities.assign(columns)
        derivers.sessions.separate(persons.separated)
        outcome = derivers.sessions.assign_columns(columns, log_range.last)
        orders = derivers.orders.assign(columns.events(orders_among(columns)), log_range.last)
    times = [] if columns is None else np.unique(columns.times // _STRETCH).tolist()
    return Prepared(
        log_range.first,
        log_range.last,
        log_range.received_at,
        arrow_blocks.events(columns) if columns else b"",
        arrow_blocks.sessions(outcome.rows) if outcome.rows else b"",
        arrow_blocks.rejections(log_range.rejected) if log_range.rejected else b"",
        moves(outcome.moved),
        b"".join(digest for _, _, digest in taken),
        arrow_blocks.claims(persons.claims) if persons.claims else b"",
        arrow_blocks.aliases(persons.aliases) if persons.aliases else b"",
        arrow_blocks.sign_outs(persons.sign_outs) if persons.sign_outs else b"",
        arrow_blocks.identities(persons.identities) if persons.identities else b"",
        [] if columns is None else list({project_id for project_id, _ in columns.groups["request"].values}),
        _violations(taken, log_range.broken),
        arrow_blocks.orders(orders) if orders else b"",
        _ordered(orders),
        arrow_blocks.dead_letters(letters) if letters else b"",
        len(letters),
        persons.separated,
        log_range.token,
        list(log_range.spans),
        len({*times, *(row.session.started_at // _STRETCH for row in outcome.rows)}) or 1,
    )


def described(
    log_range: LogRange, blamed: dict[bytes, str], plain: set[bytes]
) -> tuple[Columns | None, list[Arrived], list[DeadLetter]]:
    """Return the events of a range, the messages that they are of, and the letters of the others.

    Messages in the usual form go together; the others, and all if any of those fails, go one by one.
    """
    items = log_range.messages
    try:
        special = {place for place, (_, _, key) in enumerate(items) if key in blamed or key in plain}
        columns, places = ordinary(items, special)
    except Exception:
        logger.exception("the messages up to offset %d are read one by one", log_range.last)
        columns, places = None, list(range(len(items)))
    letters: list[DeadLetter] = []
    single: dict[int, tuple[Event, str]] = {}
    for place in places:
        packed, arrival, key = items[place]
        try:
            if key in blamed:
                letters.append(letter(arrival, packed, "store", blamed[key], log_range.last))
                continue
            message = whole(packed)
            event, hint = _event(message, arrival, key), session_hint(message)
            if key in plain:
                event.properties = json.dumps({"unparsed": event.properties.decode()}).encode()
        except Exception as error:
            letters.append(letter(arrival, packed, "enrich", error, log_range.last))
        else:
            single[place] = event, hint
    left_out = set(places) - single.keys()
    taken = [item for place, item in enumerate(items) if place not in left_out] if left_out else items
    if single:
        found = [event for event, _ in single.values()]
        others = of_events(found, [hint for _, hint in single.values()], [items[place][2] for place in single])
        rows = np.array(list(single)) - np.searchsorted(sorted(left_out), list(single))
        columns = others if columns is None else merged(columns, others, rows)
    return columns, taken, letters


def orders_among(columns: Columns) -> npt.NDArray[np.int64]:
    """Return the places of the events about orders and bookings."""
    return np.flatnonzero(
        columns.groups["kind"].holds(lambda kind: kind[0] == "track" and meaning(kind[1]) is not None)
    )


def _event(message: Message, arrival: Arrival, key: bytes) -> Event:
    """Return the event of a message. Raises Unstorable when a column cannot hold one of its values."""
    event = enrich(message, arrival, key)
    for name, at in (("timestamp", event.timestamp), ("receivedAt", event.received_at)):
        if not fits(at):
            raise Unstorable(f"{name} is {at} ms, which the store cannot hold")
    if abs(event.revenue) > LARGEST_AMOUNT:
        raise Unstorable(f"revenue is more than {LARGEST_AMOUNT}")
    return event


def _violations(fresh: list[Arrived], broken: list[tuple[Arrival, Violation]]) -> bytes:
    """Return the block of violations of messages that are stored now (not of their repetitions) or were rejected."""
    if not broken:
        return b""
    stored = {digest for _, _, digest in fresh}
    distinct = {
        (digest, violation.property, violation.problem): (arrival, violation)
        for arrival, violation in broken
        if (digest := message_key(arrival.project_id, violation.message_id)) in stored or violation.rejected
    }
    return arrow_blocks.violations(list(distinct.values())) if distinct else b""


def _ordered(orders: list[Order]) -> list[tuple[bytes, list[int]]]:
    by_project: dict[bytes, set[int]] = {}
    for order in orders:
        by_project.setdefault(order.project_id, set()).add(order.identity)
    return [(project_id, sorted(identities)) for project_id, identities in by_project.items()]
