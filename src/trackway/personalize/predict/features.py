"""Inputs of predictions: what is known of each person at a time, each with its SQL.

They are read from events that happened and had arrived by then, and from nothing else: other tables have what came
later mixed in. `refuse_leaks` holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trackway.analyze.language.question import Question, ask, compiler, moment
from trackway.govern.metric_packs import Pack
from trackway.store import cluster
from trackway.store.connection import Store
from trackway.store.policy import OF_NOBODY, literal

MOST_CHANNELS, MOST_NAMES = 8, 12
_WINDOWS = (7, 30, 90)
IMPORTED_DAYS = 7
"""An event that arrived later than so many days after it happened was imported, unless a browser sent it: it counts as
known from its own time."""


class Leak(Exception):
    """An input has what came after its time; the text names it."""


class Feature(NamedTuple):
    """An input: its name, and its SQL over the rows of a person in features.sql (NULL if it is unknown)."""

    name: str
    sql: str


def _windows(name: str, sql: str, windows: Sequence[int] = _WINDOWS) -> list[Feature]:
    """Return a count a month since the person was first there, and the counts in the last days; `{in}` is the condition
    in `sql`. The count over all time is no input: it grows with the age of the project, so that what was learned last
    month would not hold today.
    """
    return [
        Feature(f"{name}_a_month", f"({sql.replace('{in}', '1')}) * 30 / greatest(30, maxIf(age, active))"),
        *(Feature(f"{name}_{days}", sql.replace("{in}", f"age < {days}")) for days in windows),
    ]


_BETWEEN = "(maxIf(age, {is}) - minIf(age, {is})) / nullIf(uniqExactIf(day, {is}) - 1, 0)"


def _rhythm(name: str, condition: str) -> list[Feature]:
    """Return the days since the last and the first time, the mean days between, and how many of these have passed."""
    between = _BETWEEN.replace("{is}", condition)
    last = f"minOrNullIf(age, {condition})"
    return [
        Feature(f"days_since_{name}", last),
        Feature(f"days_since_first_{name}", f"maxOrNullIf(age, {condition})"),
        Feature(f"days_between_{name}s", f"nullIf({between}, 0)"),
        Feature(f"overdue_{name}", f"{last} / nullIf({between}, 0)"),
    ]


LAST_ACTION = "days_since_action"
FEATURES: tuple[Feature, ...] = (
    *_rhythm("action", "active"),
    *_windows("actions", "countIf(acts AND {in})"),
    *_windows("active_days", "uniqExactIf(day, active AND {in})"),
    *_windows("sessions", "uniqIf(session_id, of_session AND {in})"),
    *_windows("entities", "uniqIf((entity_type, entity_id), entity_id != '' AND {in})", (30,)),
    Feature("days_known_by_id", "maxOrNullIf(age, named)"),
    Feature("share_mobile", "countIf(device = 'mobile' AND of_session) / nullIf(countIf(of_session), 0)"),
    *_rhythm("order", "ordered"),
    *_windows("orders", "uniqExactIf(order_id, ordered AND {in})"),
    *_windows("revenue", "arraySum(mapValues(maxMapIf(map(order_id, revenue), ordered AND {in})))"),
    Feature("refunds", "-sumIf(revenue, refunded)"),
    Feature("mean_order", "arrayAvg(mapValues(maxMapIf(map(order_id, revenue), ordered)))"),
)
"""The inputs that every project has; those of its own events, channels and counts are added."""


def features_of(
    pack: Pack, names: Sequence[str], channels: Sequence[str], bind: Callable[[object, str], str]
) -> list[Feature]:
    """Return all inputs of a project: those of everybody, and how often people did the events `names`, came by
    `channels`, and did what the pack counts for its stages.
    """
    found = list(FEATURES)
    for name in names:
        found += _windows(f"did:{name}", f"countIf(acts AND name = {bind(name, 'String')} AND {{in}})", (30,))
    for channel in channels:
        condition = f"of_session AND channel = {bind(channel, 'String')}"
        found.append(Feature(f"channel:{channel}", f"uniqIf(session_id, {condition})"))
    for count, what in pack.journey.counts.items():
        condition = f"acts AND name IN {bind(list(what.names), 'Array(String)')}"
        if what.entity_types:
            condition += f" AND entity_type IN {bind(list(what.entity_types), 'Array(String)')}"
        found += _windows(f"count:{count}", f"countIf({condition} AND {{in}})", (30,))
    return found


class Reader:
    """Reads the inputs of a project's people.

    Args:
        until: names of events and channels are chosen by what was known at this time.
        left_out: persons of whom nothing may be learned or said.
        features: replaces the inputs; for tests.
    """

    def __init__(
        self, store: Store, question: Question, pack: Pack, currency: str, until: datetime,
        left_out: Sequence[int] = (), features: Sequence[Feature] | None = None,
    ) -> None:  # fmt: skip
        self._store, self._question, self._left_out = store, question, list(left_out)
        self._currency = currency
        chosen = ask(
            store, "personalize/predict/names.sql", question, {"known": KNOWN}, cutoff=moment(until),
            imported=IMPORTED_DAYS, names=MOST_NAMES, channels=MOST_CHANNELS,
        ).rows()  # fmt: skip
        self._conditions = compiler(store, question)
        events, channels = ([row["value"] for row in chosen if row["kind"] == kind] for kind in ("name", "channel"))
        own = features_of(pack, events, channels, self._conditions.values.bind)
        self.features = own if features is None else list(features)

    @property
    def names(self) -> list[str]:
        """The names of the inputs, in the order of their columns."""
        return [feature.name for feature in self.features]

    def at(self, cutoff: datetime, every: int = 1, settings: str = "") -> pa.Table:
        """Return `person` and the inputs (float32 columns, NaN if unknown) at a time.

        Args:
            every: of so many people, one is read, chosen by their number.
        """
        return ask(
            self._store, "personalize/predict/features.sql", self._question,
            {"known": KNOWN, "features": [feature.sql for feature in self.features]}, self._conditions, settings,
            cutoff=moment(cutoff), imported=IMPORTED_DAYS, every=every, currency=self._currency,
            left_out=self._left_out,
        ).table  # fmt: skip

    def refuse_leaks(self, cutoff: datetime, every: int = 1) -> None:
        """Compare the inputs at a time with those that a store would give that had no later rows.

        Raises:
            Leak: they differ.
        """
        whole, earlier = self.at(cutoff, every), self.at(cutoff, every, self._hiding(cutoff))
        if not np.array_equal(whole["person"].to_numpy(), earlier["person"].to_numpy()):
            raise Leak(f"the people known at {cutoff:%Y-%m-%d} depend on what came later")
        for number, feature in enumerate(self.features):
            one, other = (table[f"f{number}"].to_numpy() for table in (whole, earlier))
            if not np.array_equal(one, other, equal_nan=True):
                raise Leak(f"the input {feature.name!r} at {cutoff:%Y-%m-%d} depends on what came later")

    def _hiding(self, cutoff: datetime) -> str:
        """Return the setting that hides all rows of people after a time from a statement. Tables whose rows have what
        came later mixed in are hidden whole.
        """
        at = literal(moment(cutoff))
        known = KNOWN.replace("{cutoff:DateTime64(3,'UTC')}", f"toDateTime64({at}, 3, 'UTC')")
        known = known.replace("{imported:UInt32}", str(IMPORTED_DAYS))
        hidden = ", ".join(
            f"{literal(database + table)}: {literal(known if table == 'events' else '0')}"
            for table in sorted(self._store.tables - OF_NOBODY)
            for database in cluster.databases(self._store)
        )
        return f"additional_table_filters = {{{hidden}}}"


_LATE = "received_at - toIntervalDay({imported:UInt32}) > timestamp AND NOT startsWith(library, '@trackway/browser')"
KNOWN = (
    "timestamp < {cutoff:DateTime64(3,'UTC')}"
    f" AND (received_at < {{cutoff:DateTime64(3,'UTC')}} OR {_LATE})"
)  # fmt: skip
"""The condition that an event was known at a time: it had happened, and had arrived or was imported later."""
