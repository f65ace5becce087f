"""A run: one directory, one server, its senders, and some faults one after another; looked at after each."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from disk import Disk
from kept import Keeper
from oracle import Verdict, demand, when_stopped, while_running
from senders import Book, Sender
from story import Story
from victim import Refused, Victim, Violation

_BATCHES = ("0.02", "0.1", "0.5", "2")
_SEGMENTS = ("60000", "400000", "67108864")


class Run:
    """One directory that is broken again and again.

    Args:
        seed: decides everything that is drawn.
        folder: an empty directory for outputs and, without a disk, the data.
        template: a data directory on which a server has been started once.
        beside: whether the loader has a process of its own.
    """

    def __init__(
        self, seed: str, folder: Path, template: Path, disk: Disk | None, aloud: bool = False, beside: bool = False
    ) -> None:
        self.rng, self.story = random.Random(seed), Story(seed, aloud)
        self.folder, self.disk, self.book, self.seed = folder, disk, Book(), seed
        data = (disk.path if disk else folder) / "data"
        fresh = self.rng.random() < 0.15
        if not fresh:
            copy_tree(template, data)
            os.sync()
        settings = {
            "batch_seconds": self.rng.choice(_BATCHES),
            "segment_bytes": self.rng.choice(_SEGMENTS),
            "batch_messages": self.rng.choice(("50", "50000")),
            "small": str(not beside).lower(),
        }
        self.victim = Victim(data, folder, **settings)
        self.senders = [Sender(self.victim.url, self.book, seed, f"c{number}") for number in range(2)]
        self.keeper = Keeper(self.victim, self.book, seed)
        self.worst_recovery = self.slowest_stop = 0.0
        self.verdict = Verdict()
        for one in (*self.senders, self.keeper):
            one.start()
        made = "a new directory" if fresh else "a directory"
        self.story.tell(f"a server with {settings} on {made} in {disk.path if disk else folder}")

    def begin(self) -> None:
        """Start the server and send something."""
        self.victim.start()
        self.load(0.5)

    def load(self, seconds: float, keeping: bool = False) -> None:
        """Let senders (and who saves things) work, and come back after some seconds while they go on."""
        for one in self.senders:
            one.go()
        if keeping:
            self.keeper.go()
        time.sleep(seconds)

    def hold(self) -> None:
        """Nothing is under way when this comes back."""
        for one in (*self.senders, self.keeper):
            one.pause()
            if failure := getattr(one, "failure", ""):
                raise Violation(failure)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self.slowest_stop = max(self.slowest_stop, self.victim.stop())

    def recover(self, repair: bool = False) -> None:
        """Have a server again, all stored, and nothing wrong with it.

        Args:
            repair: the server may refuse to start and name what mends it.
        """
        began = time.monotonic()
        if not self.victim.alive:
            try:
                self.victim.start()
            except Refused as said:
                self._repair(str(said), repair)
        self.load(self.rng.uniform(0.05, 0.3))
        self.hold()
        status = self.victim.settle()
        took = time.monotonic() - began
        self.worst_recovery = max(self.worst_recovery, took)
        self.verdict = while_running(self.victim, self.book)
        demand(self.verdict, "on the running server")
        if absent := self.keeper.missing():
            raise Violation(f"{len(absent)} things that were saved are not there: {absent[:5]}")
        known = f"{len(self.book.acknowledged)} messages and {self.keeper.count} saved things"
        self.story.tell(f"all is well after {took:.1f} s: {known} are there; stored {status['stored']}")

    def _repair(self, said: str, allowed: bool) -> None:
        plainly(said)
        if not allowed:
            raise Violation(f"the server does not start:\n{said[-1500:]}")
        mend(self.victim, said)
        self.story.tell(f"start refused and mended as it says: {said.strip()[-400:]}")

    def end(self) -> None:
        """Stop the server and look at the directory."""
        self.hold()
        self.stop()
        self.verdict = when_stopped(self.victim, self.book)
        demand(self.verdict, "on the stopped directory")
        self.story.tell("the stopped directory is sound")

    def close(self) -> None:
        """End everything, however the run went."""
        for one in (*self.senders, self.keeper):
            one.end()
        if self.disk:
            with contextlib.suppress(OSError):
                self.disk.thaw()
        self.victim.kill()
        for one in (*self.senders, self.keeper):
            one.join(30)

    def keep(self, place: Path) -> None:
        """Keep directory, output and story for whoever has to understand a violation."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        subprocess.run(["cp", "-a", self.victim.data, place / "data"], check=False, capture_output=True)
        shutil.copy(self.victim.output, place / "server.out")
        (place / "story.txt").write_text(str(self.story) + "\n")


def copy_tree(source: Path, target: Path) -> None:
    """`cp -a`; files that vanish meanwhile are left out."""
    subprocess.run(["cp", "-a", source, target], check=False, capture_output=True)


def mend(victim: Victim, said: str) -> None:
    """Do what a refusal to start says, and start."""
    plainly(said)
    if not (named := re.search(r"`trackway ([^`]+)`", said)):
        raise Violation(f"a refusal that names no command:\n{said}")
    done = victim.command(*shlex.split(named[1]))
    plainly(done.stdout + done.stderr)
    try:
        victim.start()
    except Refused as again:
        raise Violation(
            f"it does not start after `trackway {named[1]}`:\n{again}\n{done.stdout}\n{done.stderr[-3000:]}"
        ) from None


def plainly(said: str) -> None:
    """A refusal is a sentence, not a traceback."""
    if "Traceback (most recent call last)" in said:
        raise Violation(f"a traceback instead of a sentence:\n{said[-3000:]}")
