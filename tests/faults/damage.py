"""Damage to files: what a crash may leave, which costs nothing, and what must be reported by name."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from victim import Victim, Violation

CORPUS = Path(__file__).parent / "corpus"
SHARED = Path(__file__).parents[3] / "shared" / "cases"


# What costs nothing: nothing that was acknowledged is in it, or it can be had again from what is there


def harmless(data: Path, rng: random.Random) -> str:
    """Damage a killed server's directory as a crash may; what was done."""
    ways = (_torn_tail, _zeroed_tail, _leftovers, _zeroed_state, _emptied_state, _garbage_state, _no_state)
    return rng.choices(ways, (4, 4, 3, 3, 3, 2, 1))[0](data, rng)


def _segments(data: Path) -> list[Path]:
    return sorted(one for one in (data / "log").glob("*.log") if one.stat().st_size)


def _torn_tail(data: Path, rng: random.Random) -> str:
    if not (segments := _segments(data)):
        return "there is no log to be torn"
    whole = segments[-1].read_bytes()
    part = rng.choice((rng.randbytes(rng.randrange(1, 400)), whole[: rng.randrange(1, min(400, len(whole)) + 1)]))
    with segments[-1].open("ab") as file:
        file.write(part)
    return f"{len(part)} bytes of a frame that was never acknowledged are at the end of the log"


def _zeroed_tail(data: Path, rng: random.Random) -> str:
    if not (segments := _segments(data)):
        return "there is no log to be torn"
    with segments[-1].open("ab") as file:
        file.write(bytes(count := rng.choice((1, 100, 4096, 100_000))))
    return f"{count} zeros are at the end of the log"


def _state(data: Path) -> list[Path]:
    return sorted(one for one in (data / "loader").rglob("*") if one.is_file())


def _leftovers(data: Path, rng: random.Random) -> str:
    for file in _state(data):
        file.with_name(file.name + ".tmp").write_bytes(rng.choice((b"", bytes(100), rng.randbytes(50))))
    (data / "log" / "0.tmp").write_bytes(bytes(10))
    return "temporary files are left beside every file of the loader's"


def _zeroed_state(data: Path, rng: random.Random) -> str:
    return _overwrite(data, rng, "zeroed", bytes)


def _emptied_state(data: Path, rng: random.Random) -> str:
    return _overwrite(data, rng, "emptied", lambda _: b"")


def _garbage_state(data: Path, rng: random.Random) -> str:
    return _overwrite(data, rng, "garbage", rng.randbytes)


def _overwrite(data: Path, rng: random.Random, how: str, content: Callable[[int], bytes]) -> str:
    if not (files := _state(data)):
        return "the loader has no files"
    file = rng.choice(files)
    file.write_bytes(content(file.stat().st_size))
    return f"{file.relative_to(data)} is {how}"


def _no_state(data: Path, rng: random.Random) -> str:
    shutil.rmtree(data / "loader")
    return "the directory of the loader is gone"


# What must be reported


def harmful(victim: Victim, place: Path, rng: random.Random) -> str:
    """Damage a copy of a stopped server's directory; what was done. Raises Violation when the doctor says nothing."""
    ways = (
        _part_flipped,
        _part_cut,
        _part_gone,
        _frame_flipped,
        _segment_cut,
        _segment_gone,
        _accounts_gone,
        _accounts_cut,
    )
    done = rng.choice(ways)(place, rng)
    if done is None:
        return "there was nothing to be damaged"
    answer = victim.command("doctor", "--json", data=place)
    if "Traceback" in answer.stderr:
        raise Violation(f"{done}: the doctor ends with a traceback:\n{answer.stderr[-2000:]}")
    try:
        findings: list[dict[str, Any]] = json.loads(answer.stdout)
    except ValueError:
        raise Violation(
            f"{done}: the doctor's answer is no JSON: {answer.stdout[-500:]} {answer.stderr[-500:]}"
        ) from None
    bad = [one["text"] for one in findings if one["state"] == "bad"]
    if not bad or answer.returncode == 0:
        raise Violation(f"{done}, and the doctor calls that fine: {[one['text'] for one in findings]}")
    return f"{done}; the doctor says: {bad[0][:200]}"


_PART = re.compile(r"^(?!patch-)([^_]+)_(\d+)_(\d+)_(\d+)(?:_(\d+))?$")
"""A part's name: partition, first and last block, level, and the mutation that made it if one did. Not patches: parts
may have them in themselves already, and then theirs is nobody's loss."""


def _range(part: re.Match[str]) -> tuple[str, int, int, tuple[int, int]]:
    month, first, last, level, mutation = part.groups()
    return month, int(first), int(last), (int(level), int(mutation or 0))


def _parts(place: Path) -> list[tuple[str, Path]]:
    """Parts in use of the project's tables; one that a merge has replaced is nobody's loss."""
    found = []
    for link in sorted((place / "store" / "data" / "default").iterdir()):
        table = place / "store" / "store" / link.resolve().parent.name / link.resolve().name
        ranges = {
            part: _range(match) for part in table.iterdir() if (match := _PART.match(part.name)) and part.is_dir()
        }
        for part, (month, first, last, version) in ranges.items():
            covering = [
                other for other, (theirs, since, until, newer) in ranges.items()
                if other != part and theirs == month and since <= first and until >= last and newer > version
            ]  # fmt: skip
            if not covering and link.name not in _NOT_COMPARED:
                found.append((link.name, part))
    return found


_NOT_COMPARED = (
    "migrations",
    "user_persons",
    "lists",
    "customer_scores",
    "watch_members",
    "view_archive",
    "rates",
    "costs",
)
"""Tables that every start fills again, or that are empty here."""


def _part_flipped(place: Path, rng: random.Random) -> str | None:
    table, part = rng.choice(_parts(place))
    file = max((one for one in part.iterdir() if one.suffix == ".bin"), key=lambda one: one.stat().st_size)
    _flip(file, rng)
    return f"a byte of {table}/{part.name}/{file.name} is another"


def _part_cut(place: Path, rng: random.Random) -> str | None:
    table, part = rng.choice(_parts(place))
    file = rng.choice([one for one in part.iterdir() if one.suffix == ".bin" and one.stat().st_size])
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    return f"half of {table}/{part.name}/{file.name} is missing"


def _part_gone(place: Path, rng: random.Random) -> str | None:
    table, part = rng.choice(_parts(place))
    shutil.rmtree(part)
    return f"the part {table}/{part.name} is gone"


def _frame_flipped(place: Path, rng: random.Random) -> str | None:
    if not (segments := _segments(place)):
        return None
    file = rng.choice(segments)
    _flip(file, rng)
    return f"a byte of the log's {file.name} is another"


def _segment_cut(place: Path, rng: random.Random) -> str | None:
    if not (segments := _segments(place)):
        return None
    file = rng.choice(segments)
    with file.open("r+b") as opened:
        opened.truncate(rng.randrange(file.stat().st_size))
    return f"the end of the log's {file.name} is missing"


def _segment_gone(place: Path, rng: random.Random) -> str | None:
    if not (segments := _segments(place)):
        return None
    # The oldest may have been removed because its messages are stored.
    if len(segments) > 1:
        segments = segments[1:]
    file = rng.choice(segments)
    file.unlink()
    return f"the log's {file.name} is missing"


def _accounts_gone(place: Path, rng: random.Random) -> str | None:
    for file in place.glob("accounts.db*"):
        file.unlink()
    return "the accounts are missing"


def _accounts_cut(place: Path, rng: random.Random) -> str | None:
    file = place / "accounts.db"
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    return "half of the accounts is missing"


def _flip(file: Path, rng: random.Random) -> None:
    with file.open("r+b") as opened:
        place = rng.randrange(file.stat().st_size)
        opened.seek(place)
        old = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([old ^ rng.randrange(1, 256)]))


# Messages that stopped the loader once


def hostile_messages(prefix: str) -> list[dict[str, Any]]:
    """The messages of the corpus, and of ../shared/cases where that is, with ids of their own."""
    found: list[dict[str, Any]] = []
    for file in sorted([*CORPUS.glob("*.ndjson"), *SHARED.glob("poison*.ndjson")]):
        found += [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    for file in sorted(SHARED.glob("poison*.json")):
        found += json.loads(file.read_text())["batch"]
    for number, message in enumerate(found):
        message["messageId"] = f"hostile-{prefix}-{number}"
        message.setdefault("type", "track")
    return found
