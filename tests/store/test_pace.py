"""When a batch begins."""

import threading

import pytest

from trackway.store.pace import Pace

_LONG_S = 3600


def test_a_full_batch_begins_at_once() -> None:
    Pace(10, _LONG_S).wait(lambda: 10, threading.Event())


def test_a_batch_that_fills_meanwhile_begins() -> None:
    waiting = iter((1, 5, 10))
    Pace(10, _LONG_S).wait(lambda: next(waiting), threading.Event())
    assert next(waiting, None) is None


def test_the_end_of_the_loader_is_waited_for_no_longer() -> None:
    stopping = threading.Event()
    stopping.set()
    Pace(10, _LONG_S).wait(lambda: 1, stopping)


class Waits(threading.Event):
    """An event that nobody waits for: it notes for how long somebody would."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def test_the_loader_looks_for_messages_less_often_when_none_have_come_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = [1000.0]
    monkeypatch.setattr("trackway.store.pace.time.monotonic", lambda: at[0])
    pace, waits = Pace(1, 0), Waits()
    pace.wait(lambda: 1, waits)
    pace.rest(waits)
    at[0] += 3
    pace.rest(waits)
    pace.wait(lambda: 1, waits)
    pace.rest(waits)
    assert waits.seconds == [0.02, 0.1, 0.02]
