"""Recommendations on public data, by the protocol of the papers: for each person one interaction is hidden, and ranked
among 99 entities that the person did not interact with.

    ./run bench recommend_quality DIRECTORY

DIRECTORY has the files of DeepCF (Deng and others, AAAI 2019): NAME.train.rating, NAME.test.rating and
NAME.test.negative, possibly compressed (.zst), for lastfm, AMusic and AToy; sets that are not there are left out.
The parameters are chosen as a training does it, without looking at the test: one more interaction of each person is
hidden from the rest, and the model whose lists of ten find it best is fitted to all of them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zstandard
from scipy import sparse

from machinery import machine
from trackway.personalize.recommend.models import MOST_OF_EASE, SEARCHED, History, Model, Popularity
from trackway.personalize.recommend.proof import measure

PUBLISHED = {
    "lastfm": "ItemPop .6628 / .3862, eALS .8265 / .5162, CFNet .8995 / .6186",
    "AMusic": "ItemPop .2483 / .1304, eALS .3711 / .2352, CFNet .4116 / .2601",
    "AToy": "ItemPop .2840 / .1518, eALS .3717 / .2434, CFNet .4150 / .2513",
}


class Set(NamedTuple):
    """Interactions, and for each person the hidden entity followed by the 99 others."""

    history: History
    ranked: Any


def main() -> None:
    """Measure each set and print."""
    if len(sys.argv) < 2:
        sys.exit("name the directory with the files of DeepCF, such as DIRECTORY/lastfm.train.rating.zst")
    folder = Path(sys.argv[1])
    print(f"\nHR@10 / NDCG@10 with 99 negatives, on {machine()}\n")
    print("| set | model | HR@10 / NDCG@10 | CPU of choosing and fitting |\n|---|---|---|---|")
    for name, published in PUBLISHED.items():
        if not list(folder.glob(f"{name}.train.rating*")):
            print(f"| {name} | not in {folder.name} | | |")
            continue
        data = _read(folder, name)
        print(f"| {name} | popularity | {_measured(Popularity.fit(data.history, {}), data)} | |", flush=True)
        for kind in ("ease", "als"):
            if kind == "ease" and data.history.shape[1] > MOST_OF_EASE:
                continue
            started = time.process_time()
            parameters = _chosen(kind, data.history)
            model = SEARCHED[kind][0].fit(data.history, parameters)
            took = time.process_time() - started
            print(f"| {name} | {kind} {parameters} | {_measured(model, data)} | {took:.0f} s |", flush=True)
        print(f"| {name} | published | {published} | |", flush=True)


def _read(folder: Path, name: str) -> Set:
    rows = [line.split("\t") for line in _lines(folder, f"{name}.train.rating")]
    tests = [line.split("\t") for line in _lines(folder, f"{name}.test.rating")]
    others = [line.split("\t")[1:] for line in _lines(folder, f"{name}.test.negative")]
    ranked = np.array([[row[1], *negative] for row, negative in zip(tests, others, strict=True)], int)
    people, entities = (np.array([row[n] for row in rows], int) for n in (0, 1))
    size = (len(tests), max(entities.max(), ranked.max()) + 1)
    return Set(sparse.csr_matrix((np.ones(len(rows), np.float32), (people, entities)), size), ranked)


def _lines(folder: Path, name: str) -> list[str]:
    plain = folder / name
    if plain.exists():
        return plain.read_text().splitlines()
    packed = (folder / f"{name}.zst").read_bytes()
    return zstandard.ZstdDecompressor().stream_reader(packed).read().decode().splitlines()


def _chosen(kind: str, history: History) -> dict[str, float]:
    """Return the parameters whose lists find one more interaction of each person best."""
    rng = np.random.default_rng(1)
    starts, counts = history.indptr[:-1], np.diff(history.indptr)
    several = np.flatnonzero(counts > 1)
    hidden_at = starts[several] + rng.integers(0, counts[several])
    kept = np.ones(history.nnz, bool)
    kept[hidden_at] = False
    whole = history.tocoo()
    earlier, hidden = (
        sparse.csr_matrix((whole.data[some], (whole.row[some], whole.col[some])), history.shape)
        for some in (kept, ~kept)
    )
    fitted, parameters = SEARCHED[kind]

    def found(one: dict[str, float]) -> float:
        measured, _ = measure(fitted.fit(earlier, one), earlier, hidden)
        return measured.ndcg if measured else 0.0

    return max(parameters, key=found)


def _measured(model: Model, data: Set) -> str:
    hits, gains = [], []
    for start in range(0, data.history.shape[0], 500):
        rows = data.history[start : start + 500]
        scores = np.take_along_axis(model.scores(rows), data.ranked[start : start + rows.shape[0]], axis=1)
        # Of equal scores, half are taken to be before.
        place = (scores[:, 1:] > scores[:, :1]).sum(axis=1) + (scores[:, 1:] == scores[:, :1]).sum(axis=1) / 2
        hits += list(place < 10)
        gains += list(np.where(place < 10, 1 / np.log2(place + 2), 0))
    return f"{np.mean(hits):.4f} / {np.mean(gains):.4f}"


if __name__ == "__main__":
    main()
