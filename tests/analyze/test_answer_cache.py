"""Answers that are kept: computed once, stopped when nobody waits, and never given to who came after."""

import asyncio

import pytest

from trackway.analyze.answers import Answers


def test_the_same_question_asked_at_once_is_computed_once() -> None:
    async def run() -> None:
        answers, started = Answers(), []

        async def compute() -> bytes:
            started.append(1)
            await asyncio.sleep(0.01)
            return b"one"

        found = await asyncio.gather(*(answers.make("q", (1,), compute, lambda: None) for _ in range(5)))
        assert ([one.body for one in found], len(started)) == ([b"one"] * 5, 1)
        assert answers.find("q", (1,)) == found[0]
        assert answers.find("q", (2,)) is None
        assert answers.find("q", (2,), max_age_s=60) == found[0]
        assert answers.find("q", (1,), max_age_s=-1) is None

    asyncio.run(run())


def test_a_question_nobody_waits_for_is_stopped_and_who_asks_next_gets_a_fresh_one() -> None:
    async def run() -> None:
        answers, stopped, gate = Answers(), [], asyncio.Event()

        async def slow() -> bytes:
            await gate.wait()
            raise RuntimeError("stopped")

        async def quick() -> bytes:
            return b"fresh"

        first, second = (
            asyncio.ensure_future(answers.make("q", (1,), slow, lambda: stopped.append(1))) for _ in range(2)
        )
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert not stopped, "somebody still waits"
        second.cancel()
        await asyncio.sleep(0.01)
        assert stopped == [1]
        again = await answers.make("q", (1,), quick, lambda: None)
        assert again.body == b"fresh"
        gate.set()
        await asyncio.sleep(0.01)
        assert answers.find("q", (1,)) == again

    asyncio.run(run())


def test_old_answers_make_room() -> None:
    async def run() -> None:
        answers = Answers(most_bytes=25)

        async def ten() -> bytes:
            return b"0123456789"

        for number in range(5):
            await answers.make(f"q{number}", (1,), ten, lambda: None)
        assert [answers.find(f"q{number}", (1,)) is not None for number in range(5)] == [
            False,
            False,
            False,
            True,
            True,
        ]

    asyncio.run(run())


def test_a_failure_is_the_askers_and_is_not_kept() -> None:
    async def run() -> None:
        answers = Answers()

        async def fail() -> bytes:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await answers.make("q", (1,), fail, lambda: None)
        assert answers.find("q", (1,)) is None

    asyncio.run(run())
