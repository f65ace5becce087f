"""When a batch begins."""

import threading

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
