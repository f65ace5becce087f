"""What happened in a run, in order, for whoever has to understand it."""

from __future__ import annotations

import threading
import time


class Story:
    """Sentences with the seconds at which they happened."""

    def __init__(self, seed: str, aloud: bool = False) -> None:
        self.seed, self.aloud = seed, aloud
        self._began, self._lines, self._lock = time.monotonic(), [f"seed {seed}"], threading.Lock()

    def tell(self, text: str) -> None:
        """Add a sentence."""
        line = f"{time.monotonic() - self._began:8.2f} s  {text}"
        with self._lock:
            self._lines.append(line)
        if self.aloud:
            print(line, flush=True)

    def __str__(self) -> str:
        with self._lock:
            return "\n".join(self._lines)
