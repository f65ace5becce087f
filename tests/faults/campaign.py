"""The campaign: random faults by a seed, and after each the question whether the promise held.

    python tests/faults/campaign.py --n 100 --seed 7 [--fault power_cut] [--aloud]

A message that was answered 202 is stored or a dead letter, once; every table agrees with the rows; what was saved is there; and
the doctor calls no broken directory fine. It stops at the first violation, with the seed, the story and the directory.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from disk import MOUNTS, Disk, NoDisk
from kinds import KINDS
from run import Run
from victim import Refused, Victim, Violation

LENGTH = 15
"""Faults on one directory."""


class Totals:
    """What a campaign came to."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.acknowledged = self.repeated = self.lost = self.doubled = self.letters = self.disagreements = 0
        self.saved = 0
        self.worst_recovery = self.slowest_stop = 0.0

    def add(self, run: Run) -> None:
        """Count a run in."""
        self.acknowledged += len(run.book.acknowledged)
        self.repeated += run.book.repeated
        self.saved += run.keeper.count
        self.lost += len(run.verdict.lost)
        self.doubled += len(run.verdict.doubled)
        self.letters += run.verdict.letters
        self.disagreements += len(run.verdict.disagreements)
        self.worst_recovery = max(self.worst_recovery, run.worst_recovery)
        self.slowest_stop = max(self.slowest_stop, run.slowest_stop)

    @property
    def result(self) -> str:
        """What must be nothing."""
        return f"lost {self.lost}, doubled {self.doubled}, disagreements {self.disagreements}"

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {name}" for name, count in self.faults.most_common())
        return (
            f"{sum(self.faults.values())} faults: {kinds}\n"
            f"acknowledged {self.acknowledged:,} messages ({self.repeated:,} delivered again) and {self.saved} saved things\n"
            f"{self.result}, dead letters {self.letters}\n"
            f"slowest recovery {self.worst_recovery:.1f} s, slowest end {self.slowest_stop:.1f} s"
        )


class Broken(Exception):
    """A violation with what is needed to understand it."""


def usable(names: list[str] | None = None) -> tuple[list[str], str]:
    """Which faults can be done here, and why others cannot (empty when all can)."""
    chosen = names or list(KINDS)
    try:
        Disk().close()
    except NoDisk as error:
        left = [name for name in chosen if not KINDS[name].disk]
        return left, f"without {', '.join(name for name in chosen if KINDS[name].disk)}: {error}"
    return chosen, ""


def campaign(
    n: int, seed: str, names: list[str] | None = None, kept: Path | None = None, aloud: bool = False,
    each: list[str] | None = None,
) -> Totals:  # fmt: skip
    """Do `n` faults of the kinds `names` (all when None), or those of `each` in order.

    Raises:
        Broken: the promise was broken; nothing more is done.
    """
    totals, rng, began = Totals(), random.Random(seed), time.monotonic()
    names, reason = usable(names)
    if reason:
        print(reason, flush=True)
    weights = [KINDS[name].weight for name in names]
    drawn = each or rng.choices(names, weights, k=n)
    drawn = [name for name in drawn if not (reason and KINDS[name].disk)]
    with tempfile.TemporaryDirectory(prefix="trackway-faults-") as folder:
        template = Path(folder) / "template"
        _make(template, Path(folder))
        for start in range(0, len(drawn), LENGTH):
            if start:
                minutes = (time.monotonic() - began) / 60
                print(f"{start} of {len(drawn)} faults, {totals.result} ({minutes:.1f} minutes)", flush=True)
            _run(
                f"{seed}/{start}",
                drawn[start : start + LENGTH],
                Path(folder),
                template,
                not reason,
                totals,
                kept,
                aloud,
            )
    return totals


def _make(template: Path, folder: Path) -> None:
    """A directory on which a server has been started: the first start makes the tables, which takes longest."""
    first = Victim(template, folder)
    try:
        first.start()
        first.stop()
    finally:
        first.kill()


def _run(
    seed: str, drawn: list[str], folder: Path, template: Path, disk: bool, totals: Totals, kept: Path | None, aloud: bool
) -> None:  # fmt: skip
    own = Path(tempfile.mkdtemp(dir=folder))
    broken = Disk(random.Random(seed).choice(MOUNTS)) if disk else None
    run = None
    try:
        beside = any(name.startswith("loader_") for name in drawn) or random.Random(f"{seed} loader").random() < 0.5
        run = Run(seed, own, template, broken, aloud, beside)
        run.begin()
        for name in drawn:
            run.load(run.rng.uniform(0.05, 0.8))
            run.story.tell(f"fault: {name}")
            KINDS[name].do(run)
            totals.faults[name] += 1
        run.end()
    except (Violation, Refused, httpx.HTTPError) as error:
        assert run
        run.story.tell(f"VIOLATION: {type(error).__name__}: {error}")
        run.close()
        place = (kept or Path(tempfile.gettempdir()) / "trackway-broken") / seed.replace("/", "-")
        run.keep(place)
        totals.add(run)
        raise Broken(f"{run.story}\n\n{totals}\n\nseed {seed}; kept in {place}") from error
    finally:
        if run:
            run.close()
        if broken:
            broken.close()
        shutil.rmtree(own, ignore_errors=True)
    totals.add(run)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 after a violation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=100, help="how many faults")
    parser.add_argument("--seed", default=str(int(time.time())), help="the same seed draws the same faults")
    parser.add_argument("--fault", action="append", choices=list(KINDS), help="only this kind; may be given again")
    parser.add_argument("--keep", type=Path, help="where a directory is kept in which the promise was broken")
    parser.add_argument("--aloud", action="store_true", help="tell the story while it happens")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    # The end of a campaign takes its disks and servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    began = time.monotonic()
    try:
        totals = campaign(given.n, given.seed, given.fault, given.keep, given.aloud)
    except Broken as error:
        print(f"\n{error}", flush=True)
        return 1
    print(f"{totals}\nin {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
