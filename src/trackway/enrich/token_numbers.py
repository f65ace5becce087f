"""Numbers for tokens: 1, 2, 3, …, so that the engine finds the person of an identity by index, not by hashing.

A look-up in an array takes a fifth of the time of a look-up in a hash table. This makes counting merged persons nearly
free (docs/decisions/0005-persons.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_MOST_REMEMBERED = 200_000


class TokenNumbers:
    """Gives each token a number that never changes.

    Args:
        look_up: returns the numbers of those tokens that are stored.
        next_number: returns a number that no token has.
    """

    def __init__(self, look_up: Callable[[list[int]], dict[int, int]], next_number: Callable[[], int]) -> None:
        self._look_up, self._next_number = look_up, next_number
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._fresh: list[tuple[int, int]] = []

    def learn(self, tokens: Iterable[int]) -> None:
        """Make sure that all of these tokens have numbers; new ones have to be stored (`fresh`)."""
        wanted = set(tokens)
        # New tokens of the current batch are not stored yet; the old generation still remembers them.
        if len(self._young) > _MOST_REMEMBERED:
            self._old, self._young = self._young, {}
        for token in wanted & self._old.keys():
            self._young[token] = self._old[token]
        unknown = sorted(wanted - self._young.keys())
        if not unknown:
            return
        self._young.update(self._look_up(unknown))
        for token in unknown:
            if token not in self._young:
                number = self._young[token] = self._next_number()
                self._fresh.append((token, number))

    def of(self, token: int) -> int:
        """Return the number of a token that was passed to `learn`."""
        return self._young[token]

    def fresh(self) -> list[tuple[int, int]]:
        """Return the tokens and numbers that have to be stored, each once."""
        fresh, self._fresh = self._fresh, []
        return fresh
