"""The faults. Each is done to a run under load; the run then recovers and is looked at."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from damage import harmful, harmless, hostile_messages
from disk import POWER_CUTS
from oracle import demand, while_running
from run import Run, copy_tree, mend, plainly
from senders import Book
from victim import Refused, Victim

_DAY = 86_400_000


def kill(run: Run) -> None:
    """SIGKILL of every process, at any moment."""
    run.victim.kill()
    run.recover()


def kill_starting(run: Run) -> None:
    """SIGKILL while the server starts, up to three times."""
    run.victim.kill()
    for _ in range(run.rng.randint(1, 3)):
        run.victim.launch()
        time.sleep(run.rng.uniform(0.2, 4))
        run.victim.kill()
    run.recover()


def kill_stopping(run: Run) -> None:
    """SIGKILL while the server ends."""
    run.victim.send(signal.SIGTERM)
    time.sleep(run.rng.uniform(0, 0.4))
    run.victim.kill()
    run.recover()


def terminate(run: Run) -> None:
    """SIGTERM under load."""
    run.stop()
    run.recover()


def pause(run: Run) -> None:
    """SIGSTOP for some seconds."""
    run.victim.send(signal.SIGSTOP)
    time.sleep(run.rng.uniform(0.3, 3))
    run.victim.send(signal.SIGCONT)
    run.recover()


def engine_killed(run: Run) -> None:
    """SIGKILL of the engine process alone, up to four times, also while it is being started again."""
    for _ in range(run.rng.randint(1, 4)):
        _to_engine(run, signal.SIGKILL)
        time.sleep(run.rng.choice((run.rng.uniform(0, 0.3), run.rng.uniform(0, 2))))
    run.recover()


def loader_killed(run: Run) -> None:
    """SIGKILL of the loader process, up to four times, also while it is being started again; sometimes of the engine
    process with it, or of the server alone.
    """
    for _ in range(run.rng.randint(1, 4)):
        if run.rng.random() < 0.3:
            _to_engine(run, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.victim.loader(), signal.SIGKILL)
        time.sleep(run.rng.choice((run.rng.uniform(0, 0.3), run.rng.uniform(0, 2))))
    if run.rng.random() < 0.3:
        run.story.tell("the server is killed alone")
        assert run.victim.process
        run.victim.process.kill()  # the others end by themselves
        run.victim.process.wait(60)
    run.recover()


def loader_hangs(run: Run) -> None:
    """SIGSTOP of the loader process for some seconds; sometimes the server is killed meanwhile, or told to end."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(run.victim.loader(), signal.SIGSTOP)
    time.sleep(run.rng.uniform(0.3, 3))
    how = run.rng.choice(("goes on", "killed", "server killed", "server ends"))
    run.story.tell(f"the loader process hangs: {how}")
    if how == "server killed":
        assert run.victim.process
        run.victim.process.kill()  # alone: the next start ends the loader process
        run.victim.process.wait(60)
    elif how == "server ends":
        run.stop()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.victim.loader(), signal.SIGCONT if how == "goes on" else signal.SIGKILL)
    run.recover()


def engine_hangs(run: Run) -> None:
    """SIGSTOP of the engine process for some seconds; sometimes the server is killed meanwhile, or told to end."""
    _to_engine(run, signal.SIGSTOP)
    time.sleep(run.rng.uniform(0.3, 3))
    how = run.rng.choice(("goes on", "goes on", "killed", "server killed", "server ends"))
    run.story.tell(f"the engine hangs: {how}")
    if how == "server killed":
        assert run.victim.process
        run.victim.process.kill()  # alone: the next start ends the engine
        run.victim.process.wait(60)
    elif how == "server ends":
        run.stop()
    else:
        _to_engine(run, signal.SIGCONT if how == "goes on" else signal.SIGKILL)
    run.recover()


def engine_in_need(run: Run) -> None:
    """The engine process may open hardly another file, or take hardly any more memory, for a while."""
    pid = run.victim.engine()
    if run.rng.random() < 0.5:
        _narrow(run, resource.RLIMIT_NOFILE, len(list(Path(f"/proc/{pid}/fd").iterdir())) + run.rng.randrange(8), pid)
    else:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        _narrow(run, resource.RLIMIT_AS, pages * resource.getpagesize() + run.rng.randrange(64 * 1024**2), pid)
    run.recover()


def power_cut(run: Run) -> None:
    """The power goes while messages arrive, are loaded, and somebody saves things; sometimes while the server starts."""
    assert run.disk
    run.load(run.rng.uniform(0.1, 1.5), keeping=True)
    if run.rng.random() < 0.2:
        run.victim.kill()
        run.victim.launch()
        time.sleep(run.rng.uniform(0.5, 4))
    how = run.rng.choices(list(POWER_CUTS), (8, 1, 1))[0]
    run.story.tell(f"the power goes: {how}")
    # A sync that meets the cut may still come back well; with a real cut nobody would hear of it.
    run.book.dark = True
    run.disk.cut(how)
    time.sleep(run.rng.uniform(0, 0.2))
    run.victim.kill()
    run.disk.back()
    run.book.dark = False
    run.recover()


def disk_full(run: Run) -> None:
    """The disk runs full, and later there is room again; sometimes the server starts in between."""
    assert run.disk
    run.disk.fill(run.rng.choice((0, 0, 20_000, 300_000, 3_000_000)))
    try:
        time.sleep(run.rng.uniform(0.5, 2.5))
        if run.rng.random() < 0.4:
            run.victim.kill()
            run.disk.fill(0)
            _start_in_need(run)
    finally:
        run.disk.free()
    run.recover()


def slow_disk(run: Run) -> None:
    """The disk hangs for some seconds, once or a few times."""
    assert run.disk
    for _ in range(run.rng.randint(1, 3)):
        run.disk.freeze()
        try:
            time.sleep(run.rng.uniform(0.3, 2))
        finally:
            run.disk.thaw()
        time.sleep(0.05)
    run.recover()


def clock(run: Run) -> None:
    """The server's clock jumps forward and comes back; what was acknowledged at either time is sent again."""
    run.hold()
    days = run.rng.choice((run.rng.uniform(0.01, 6), run.rng.uniform(8, 60)))
    # Over seven days on, a repeat is another event by the rule; so is one that straddles the jump.
    run.book.repeating = days < 6.5
    run.story.tell(f"the clock jumps {days:.2f} days forward")
    run.victim.move_clock(int(days * _DAY))
    if run.rng.random() < 0.5:
        run.stop()
        run.victim.start()
    run.load(run.rng.uniform(0.5, 1.5))
    run.hold()
    run.victim.settle()
    run.victim.move_clock(0)
    run.book.repeating = True
    if run.rng.random() < 0.5:
        run.victim.kill()
        run.victim.start()
    repeats(run)


def repeats(run: Run) -> None:
    """Hundreds of acknowledged messages are delivered again."""
    for _ in range(3):
        batch = run.book.some(run.rng, 150)
        if batch:
            run.book.write(batch, run.victim.post("batch", {"batch": batch}))
    run.recover()


def few_files(run: Run) -> None:
    """The process may open hardly another file for a while."""
    _narrow(run, resource.RLIMIT_NOFILE, len(list(Path(f"/proc/{_pid(run)}/fd").iterdir())) + run.rng.randrange(8))
    run.recover()


def few_files_starting(run: Run) -> None:
    """The server starts under a low `ulimit -n`: it runs, or says in a sentence why not."""
    run.victim.kill()
    most = run.rng.randint(20, 300)
    run.story.tell(f"a start with {most} file descriptors")
    _start_in_need(run, {resource.RLIMIT_NOFILE: most})
    run.recover()


def little_memory(run: Run) -> None:
    """The process may take hardly any more memory for a while."""
    pages = int(Path(f"/proc/{_pid(run)}/statm").read_text().split()[0])
    _narrow(run, resource.RLIMIT_AS, pages * resource.getpagesize() + run.rng.randrange(64 * 1024**2))
    run.recover()


def copied(run: Run) -> None:
    """A file-system copy of the running server is started elsewhere: it has what was acknowledged before."""
    before = Book()
    with run.book.lock:
        before.acknowledged, before.hostile = dict(run.book.acknowledged), set(run.book.hostile)
    place = run.folder / "copy"
    copy_tree(run.victim.data, place)
    run.hold()
    before.sent = dict(run.book.sent)
    other = Victim(place, run.folder)
    try:
        try:
            other.start()
        except Refused as said:
            run.story.tell(f"the copy refuses and is mended: {str(said).strip()[-300:]}")
            mend(other, str(said))
        other.settle()
        demand(while_running(other, before), "in a copy of the running server's directory")
    finally:
        other.kill()
        shutil.rmtree(place, ignore_errors=True)
    run.recover()


def hostile(run: Run) -> None:
    """Messages that stopped the loader once, among good ones; half the time the server is killed over them."""
    rng = run.rng
    for message in rng.sample(found := hostile_messages(run.seed), min(6, len(found))):
        batch = [*run.book.some(rng, 3), message]
        run.book.announce(batch)
        answer = run.victim.post("batch", {"batch": batch})
        if answer.status_code >= 500:
            run.story.tell(f"{answer.status_code} for {str(message)[:300]}")
            run.senders[0].failure = f"a batch with a hostile message was answered {answer.status_code}"
        run.book.write([message], answer, hostile=True) if "rejected" not in answer.text else None
        run.book.write(batch, answer)
    if rng.random() < 0.5:
        run.victim.kill()
    run.recover()


def torn(run: Run) -> None:
    """What a crash leaves: a torn tail, leftover temporary files, an emptied or zeroed file of the loader's."""
    run.victim.kill()
    run.story.tell(harmless(run.victim.data, run.rng))
    run.recover(repair=True)


def damaged(run: Run) -> None:
    """What was acknowledged is damaged, on a copy of the stopped directory: the doctor does not call it fine."""
    run.hold()
    run.victim.settle()
    run.stop()
    place = run.folder / "damaged"
    copy_tree(run.victim.data, place)
    try:
        run.story.tell(harmful(run.victim, place, run.rng))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    run.recover()


def _pid(run: Run) -> int:
    assert run.victim.process
    return run.victim.process.pid


def _to_engine(run: Run, how: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may be between two lives
        os.kill(run.victim.engine(), how)


def _narrow(run: Run, which: int, most: int, pid: int = 0) -> None:
    pid = pid or _pid(run)
    before = resource.prlimit(pid, which)
    run.story.tell(f"at most {most} of limit {which}")
    resource.prlimit(pid, which, (most, before[1]))
    time.sleep(run.rng.uniform(0.5, 2))
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, which, before)
        time.sleep(0.3)


def _start_in_need(run: Run, limits: dict[int, int] | None = None) -> None:
    run.victim.launch(limits)
    try:
        run.victim.started()
        time.sleep(run.rng.uniform(0.2, 1))
    except Refused as said:
        plainly(str(said))
        run.story.tell(f"refused: {str(said).strip()[-200:]}")
    run.victim.kill()


class Kind(NamedTuple):
    """A fault, how often it is drawn, and whether it needs a disk of its own."""

    do: Callable[[Run], None]
    weight: int
    disk: bool = False


KINDS = {
    "kill": Kind(kill, 16), "kill_starting": Kind(kill_starting, 5), "kill_stopping": Kind(kill_stopping, 6),
    "terminate": Kind(terminate, 5), "pause": Kind(pause, 5), "power_cut": Kind(power_cut, 14, True),
    "disk_full": Kind(disk_full, 7, True), "slow_disk": Kind(slow_disk, 5, True), "clock": Kind(clock, 5),
    "repeats": Kind(repeats, 4), "few_files": Kind(few_files, 4), "few_files_starting": Kind(few_files_starting, 3),
    "engine_killed": Kind(engine_killed, 10), "engine_hangs": Kind(engine_hangs, 6), "loader_killed": Kind(loader_killed, 10), "loader_hangs": Kind(loader_hangs, 4),
    "engine_in_need": Kind(engine_in_need, 5), "little_memory": Kind(little_memory, 3), "copied": Kind(copied, 4),
    "hostile": Kind(hostile, 6), "torn": Kind(torn, 8), "damaged": Kind(damaged, 6),
}  # fmt: skip
