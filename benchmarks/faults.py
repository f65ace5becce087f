"""The campaign of faults (tests/faults/campaign.py): lost and doubled must be 0, whatever is broken.

`./run bench faults --n 1000 [--seed S] [--fault power_cut]`, or `--log kafka --n 100` with three brokers, two collectors and
a loader (tests/faults/kafka_campaign.py); not among the benchmarks that run without a name: it takes hours.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

import campaign
import kafka_campaign

if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:2] == ["--log", "kafka"]:
        sys.exit(kafka_campaign.main(given[2:]))
    sys.exit(campaign.main(given))
