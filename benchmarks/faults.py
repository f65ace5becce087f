"""The campaign of faults (tests/faults/campaign.py): lost and doubled must be 0, whatever is broken.

`./run bench faults --n 1000 [--seed S] [--fault power_cut]`; not among the benchmarks that run without a name: it takes hours.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from campaign import main

if __name__ == "__main__":
    sys.exit(main())
