"""Predictions of churn and value on real shops, on days that the models had not seen, beside BG/NBD and Gamma-Gamma.

    ./run bench predict DIRECTORY [cdnow | online_retail]

DIRECTORY has `cdnow/CDNOW_master.txt.zst` and `online_retail/online_retail.csv.zst`. Orders are loaded as messages,
and the job of each night runs as of the end of the data: its own measurement, on the last 30 or 90 days, is printed.
"""

from __future__ import annotations

import csv
import io
import resource
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import zstandard

from machinery import machine
from trackway.analyze.customers.value import History, foresee, numbers
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question, ask, moment
from trackway.event import Arrival, Location, Message, now
from trackway.govern.database import GovernDatabase
from trackway.operate.prediction_training import train_predictions
from trackway.personalize.predict.answer import PredictionQuality, prediction_quality
from trackway.personalize.predict.quality import Reliability, measure
from trackway.store.connection import Store
from trackway.store.loader import Loader
from trackway.store.recovery import open_log

ENDS = {"cdnow": datetime(1998, 7, 1, tzinfo=UTC), "online_retail": datetime(2011, 12, 10, tzinfo=UTC)}
_BATCH = 20_000


def main() -> None:
    """Train on each shop and print."""
    directory, only = Path(sys.argv[1]), sys.argv[2:]
    print(f"\nPredictions on {machine()}\n", flush=True)
    for name in only or ENDS:
        orders = list(_cdnow(directory) if name == "cdnow" else _online_retail(directory))
        with tempfile.TemporaryDirectory() as data:
            _measure(name, orders, Path(data))


def _measure(name: str, orders: list[Message], data: Path) -> None:
    log, _ = open_log(data, data / "store")
    store = Store(f"local://{data / 'store'}", clients=2)
    store.migrate()
    loader = Loader(log, store, data / "loader", local=data / "store")
    accounts = GovernDatabase(f"sqlite:///{data / 'trackway.db'}")
    project = accounts.add_project(name)[0]
    for at in range(0, len(orders), _BATCH):
        some = orders[at : at + _BATCH]
        arrival = Arrival(now(), UUID(project.id).bytes, "", Location(), "", "", False, None, some)
        log.write([msgspec.msgpack.encode(arrival)], len(some))
        loader.drain()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    project.goals, project.currency = [], "GBP" if name == "online_retail" else "USD"
    for said in train_predictions(
        store, project, accounts.saved.preferences, data / "models", threading.Event(), ENDS[name]
    ):
        print(f"{name}: {said}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    question = Question.of(project, Period(datetime(1990, 1, 1, tzinfo=UTC), ENDS[name]))
    for model in prediction_quality(store, question, PredictionQuality())[1]:
        if model.measured is not None:
            _print(f"{name}, {model.target}", model.measured)
    _print(f"{name}, value_90 by BG/NBD and Gamma-Gamma", _bg_nbd(store, question, project.currency))
    print(f"CPU of the training: {after.ru_utime - before.ru_utime:.0f} s\n", flush=True)
    loader.stop()
    store.close()
    log.close()
    accounts.close()


def _bg_nbd(store: Store, question: Question, currency: str) -> Reliability:
    """Measure the models of orders on the same last 90 days, of all who had ordered within the year before."""
    end = question.period.end
    cutoff = end - timedelta(days=90)
    earlier = msgspec.structs.replace(question, period=Period(question.period.start, cutoff))
    table = ask(
        store, "customers/value.sql", earlier, orders=[], kinds=["order"], currency=currency
    ).table  # fmt: skip
    forecast = foresee(History.of(table), 90 / 7)
    recent = numbers(table, "age_days") - numbers(table, "recency_days") < 365
    label = ask(
        store, "personalize/predict/labels.sql", question, {"kind": "value"}, currency=currency,
        since=moment(cutoff), until=moment(end),
    ).table  # fmt: skip
    spent = dict(zip(label["person"].to_pylist(), label["label"].to_pylist(), strict=True))
    actual = np.array([max(0.0, spent.get(person, 0.0)) for person in table["person"].to_pylist()])
    predicted = np.nan_to_num(forecast.value)
    return measure(predicted[recent], actual[recent], float(actual[recent].mean()), amounts=True)


def _print(title: str, measured: Reliability) -> None:
    """Print a row: losses beside the base rate, and the greatest and the mean distance of a decile, in points (for
    amounts, of the share of the whole that the decile has).
    """
    whole = sum(one.actual * one.people for one in measured.deciles) if measured.brier is None else 0
    apart = [
        100 * abs(one.predicted - one.actual) * (one.people / whole if whole else 1) for one in measured.deciles
    ]  # fmt: skip
    print(
        f"| {title} | {measured.people:,} | {measured.base:.3g} | {measured.predicted:.3g} | {measured.loss:.4g} | "
        f"{measured.loss_base:.4g} | {measured.auc or 0:.3f} | {max(apart):.1f} | {np.mean(apart):.1f} |",
        flush=True,
    )


def _order(number: str, customer: str, at: datetime, amount: float, currency: str, refund: bool = False) -> Message:
    properties = {"order_id": number, "revenue": abs(amount), "currency": currency}
    return Message(
        type="track", event="Order Refunded" if refund else "Order Completed", message_id=f"m-{number}",
        anonymous_id=f"v-{customer}", user_id=customer, context={"sessionId": False}, properties=properties,
        timestamp=int(at.timestamp() * 1000),
    )  # fmt: skip


def _cdnow(directory: Path) -> Iterator[Message]:
    for number, line in enumerate(_text(directory / "cdnow" / "CDNOW_master.txt.zst").splitlines()):
        parts = line.split()
        if parts and parts[0].isdigit():
            at = datetime.strptime(parts[1], "%Y%m%d").replace(hour=12, tzinfo=UTC)
            yield _order(str(number), parts[0], at, float(parts[3]), "USD")


def _online_retail(directory: Path) -> Iterator[Message]:
    invoices: dict[str, list[Any]] = {}
    for row in csv.DictReader(io.StringIO(_text(directory / "online_retail" / "online_retail.csv.zst"))):
        if row["CustomerID"]:
            of = invoices.setdefault(row["InvoiceNo"], [row["CustomerID"], row["InvoiceDate"], 0.0])
            of[2] += float(row["Quantity"]) * float(row["UnitPrice"])
    for number, (customer, at, amount) in invoices.items():
        moment_ = datetime.fromisoformat(at).replace(tzinfo=UTC)
        yield _order(number, customer.partition(".")[0], moment_, amount, "GBP", amount < 0 or number.startswith("C"))


def _text(file: Path) -> str:
    return zstandard.ZstdDecompressor().stream_reader(file.open("rb")).read().decode("utf-8-sig", "replace")


if __name__ == "__main__":
    main()
