"""The numbers of `/readyz` in the formats of Prometheus and OpenMetrics, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from trackway import __version__
from trackway.config import Settings
from trackway.store.connection import Store
from trackway.store.engine import Engine, EngineProcess
from trackway.store.loader_process import LentEngine
from trackway.store.refusals import QuestionFailed

_OF_INSTALLATION = {
    "dead_letters": ("trackway_dead_letters", "Messages that could not be stored and are kept with the reason."),
    "refused": ("trackway_refused_messages", "Messages refused, and parts of messages left out, in the last 7 days."),
    "unlogged_views": ("trackway_unlogged_views", "Views that counted and are being written to the log."),
}
_OF_LOADER: dict[str, tuple[type[CounterMetricFamily | GaugeMetricFamily], str, str]] = {
    "waiting": (
        GaugeMetricFamily, "trackway_log_lag_messages",
        "Messages of the log that are not stored yet; a record of Kafka that is not read yet counts as one.",
    ),
    "stored": (
        GaugeMetricFamily, "trackway_stored_offset",
        "The offset of the log below which every message is stored; it goes back a little when the engine dies.",
    ),
    "durable": (
        CounterMetricFamily, "trackway_durable_messages_total",
        "Messages that are stored and stay so whatever dies; the offset of the newest checkpoint.",
    ),
    "lost": (GaugeMetricFamily, "trackway_lost_messages", "Messages of the log that could not be read."),
}  # fmt: skip
"""By the name in the state: metrics with a label that says of which loader they are."""


_REFUSED = "SELECT count() FROM rejections"


def text(
    settings: Settings, status: tuple[bool, dict[str, Any]], store: Store | None, accept: str
) -> tuple[bytes, str]:
    """Return the metrics of a process, and their media type.

    Args:
        status: what `/readyz` answers: whether the process is ready, and its state.
        store: the store of the process, if it has one.
        accept: the header of the request, which chooses between the formats.
    """
    ready, state = status
    if ready and store is not None and settings.role == "all":
        with suppress(QuestionFailed):  # it has just gone away
            state = {**state, "refused": int(store.check(_REFUSED))}
    write, media_type = choose_encoder(accept)
    measured = [*_families(settings, ready, state), *_processes(store.engine if store else None)]
    return write(_Measured(measured)), media_type


class _Measured:
    """Metrics in the form that the library writes."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(settings: Settings, ready: bool, state: dict[str, Any]) -> Iterator[Metric]:
    of_process = {"version": __version__, "role": settings.role}
    yield InfoMetricFamily("trackway_build", "The version of Trackway, and the role of the process.", of_process)
    yield GaugeMetricFamily("trackway_ready", "1 when /readyz answers 200, otherwise 0.", float(ready))
    yield GaugeMetricFamily("trackway_warnings", "The number of warnings in /readyz.", len(state["warnings"]))
    for key, (name, meaning) in _OF_INSTALLATION.items():
        if key in state:
            yield GaugeMetricFamily(name, meaning, state[key])
    loaders = _by_loader(settings, state)
    for key, (kind, name, meaning) in _OF_LOADER.items():
        family = kind(name, meaning, labels=["loader"])
        for one in loaders:
            if key in one:
                family.add_metric([str(one["loader"])], one[key])
        if family.samples:
            yield family


def _by_loader(settings: Settings, state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of each loader. A state has the sums of all of them, and what the others are part of."""
    if "stored" not in state:
        return []
    others = state.get("loaders", [])
    own = {
        "loader": settings.loader,
        "waiting": state["logged"] - state["stored"] - sum(one["waiting"] for one in others),
        "stored": state["stored"],
        "durable": state["durable"],
        "lost": state["lost"] - sum(one["lost"] for one in others),
    }
    return [own, *others]


def _processes(engine: Engine | None) -> Iterator[Metric]:
    """Memory, CPU time and open files, where the system tells them (Linux)."""
    yield from ProcessCollector(registry=None).collect()
    if isinstance(engine, LentEngine):
        meaning = (
            "How often this process has started the loader process; more than 1 means that the loader process died."
        )
        yield CounterMetricFamily("trackway_loader_starts_total", meaning, engine.owner.lives)
        if of_loader := engine.owner.pid:
            yield from ProcessCollector("trackway_loader", lambda: of_loader, registry=None).collect()
    if not isinstance(engine, EngineProcess | LentEngine):
        return
    meaning = "How often the engine process was started; more than 1 means that the engine died."
    yield CounterMetricFamily("trackway_engine_starts_total", meaning, engine.starts)
    if pid := engine.pid:
        yield from ProcessCollector("trackway_engine", lambda: pid, registry=None).collect()
