"""The secrets of a first start."""

from __future__ import annotations

from typing import NamedTuple


class FirstStart(NamedTuple):
    """The credentials that the first start created; an empty field was not created. `preset` names the fields that the
    operator had set. They are shown once.
    """

    email: str
    password: str
    write_key: str
    secret_key: str
    preset: tuple[str, ...] = ()

    def printable(self) -> dict[str, str]:
        """Return the credentials to print: generated ones as values, preset ones as "as set"."""
        credentials = {"email": self.email, "password": self.password, "write_key": self.write_key,
                       "secret_key": self.secret_key}  # fmt: skip
        return {name: "as set" if name in self.preset else value for name, value in credentials.items() if value}
