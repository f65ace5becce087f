"""A plan for a number of events a day, from costs that other benchmarks measured, and a simulation of its assumption.

    ./run bench scale [EVENTS_A_DAY]

The plan adds up cores and bytes. It assumes that visitors' events spread evenly when a hash of the visitor chooses the
partition and the shard. The simulation draws visitors whose activity is very unequal and prints the busiest shard's share.
"""

from __future__ import annotations

import sys

import numpy

PEAK = 3.0
"""The busiest second's rate over the day's mean; a day in which people sleep has about 2 to 3."""
BUSY = 0.6
"""The share of a core that is planned with; the rest is for peaks, merges and a lost neighbour."""
COLLECT_US = {"single": 80.0, "in batches": 15.0}
"""CPU for an event until 202, µs (`./run bench collect`, one core at 7,800 and 66,000 events/s, machine A)."""
STORE_US = {"loader": 40.0, "engine": 33.0}
"""CPU for an event from log to all tables, µs (`./run bench cluster`: the loader with its collector; three shards)."""
BYTES = {"log": 45.0, "store": 300.0}
"""Bytes of an event on disk, compressed, with all derived tables (the demo's site)."""
DAYS_OF_LOG, DAYS_OF_STORE, REPLICAS = 7, 365, 2


def plan(events_a_day: float) -> list[tuple[str, float, str]]:
    """Return the parts, how many cores or terabytes they need at the peak, and why."""
    peak = events_a_day / 86_400 * PEAK
    cores = {name: peak * us / 1e6 / BUSY for name, us in {**COLLECT_US, **STORE_US}.items()}
    return [
        ("events/s at the peak", peak, f"{PEAK:g} times the mean"),
        ("cores of collectors, events in batches", cores["in batches"], "15 µs an event"),
        ("cores of collectors, an event each", cores["single"], "80 µs an event"),
        ("cores of loaders", cores["loader"], "40 µs an event; one process uses one core: so many partitions at least"),
        (
            "cores of the store's servers, for storing",
            cores["engine"] * REPLICAS,
            f"33 µs an event, {REPLICAS} replicas",
        ),
        ("TB of the log", events_a_day * DAYS_OF_LOG * BYTES["log"] * 3 / 1e12, f"{DAYS_OF_LOG} days, 3 copies"),
        (
            "TB of the store",
            events_a_day * DAYS_OF_STORE * BYTES["store"] * REPLICAS / 1e12,
            f"a year, {REPLICAS} copies",
        ),
    ]


def busiest(shards: int, visitors: int, exponent: float = 1.2, seed: int = 7) -> float:
    """Return the busiest shard's events over the mean, when the n-th visitor has n^-exponent of the first one's."""
    rng = numpy.random.default_rng(seed)
    weights = numpy.arange(1, visitors + 1) ** -exponent
    share = numpy.bincount(rng.integers(0, shards, visitors), weights, shards)
    return float(share.max() / share.mean())


def main() -> None:
    """Print the plan and the simulation."""
    events = float(sys.argv[1]) if len(sys.argv) > 1 else 1e9
    print(f"\n{events:,.0f} events a day\n\n| part | needs | because |\n|---|---|---|")
    for name, number, why in plan(events):
        print(f"| {name} | {number:,.1f} | {why} |")
    print(
        "\n| shards | busiest over mean, equal visitors | the most active visitor has 0.5 % of all | has 7 % |\n|---|---|---|---|"
    )
    for shards in (3, 12, 48):
        print(
            f"| {shards} | {' | '.join(f'{busiest(shards, 1_000_000, exponent):.2f}' for exponent in (0.0, 0.7, 1.0))} |"
        )


if __name__ == "__main__":
    main()
