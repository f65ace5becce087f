"""What must be read again is sealed: AES-128-CBC with HMAC-SHA256 (Fernet), under keys that rotate without downtime."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from trackway.private import KeyUnusable, kept


class CannotUnseal(Exception):
    """No key opens what is sealed; the text says what to do."""


class Sealer:
    """Seals under the newest key and opens what any of them sealed.

    Args:
        keys: Fernet keys, the newest first; `Sealer.of` makes one when there is none.

    Raises:
        ValueError: a key is not 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: list[str]) -> None:
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self.several = len(keys) > 1
        """An old key is there besides the newest."""

    @staticmethod
    def of(directory: Path, given: str) -> Sealer:
        """Under the keys that a setting gives (separated by commas), or the installation's own, made at first use and
        readable by its owner only.

        Raises:
            KeyUnusable: the file cannot be read, or what is given is no key.
        """
        keys = [key.strip() for key in given.split(",") if key.strip()]
        if not keys:
            path = directory / "secret.key"
            keys = kept(path, lambda: Fernet.generate_key() + b"\n").decode(errors="replace").split()
            fix = f"{path} is no key to seal with; put it back from a backup, or remove it and lose what it sealed"
        else:
            fix = "`secrets` has something that is no key: 32 bytes in URL-safe base64, several separated by commas"
        try:
            return Sealer(keys)
        except ValueError as error:
            raise KeyUnusable(fix) from error

    def seal(self, text: str) -> str:
        """A text, sealed."""
        return self._keys.encrypt(text.encode()).decode()

    def again(self, sealed: str) -> str:
        """What was sealed under any of the keys, sealed under the newest. Raises CannotUnseal when no key fits."""
        return self.seal(self.open(sealed))

    def open(self, sealed: str) -> str:
        """What was sealed. Raises CannotUnseal when no key fits."""
        try:
            return self._keys.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise CannotUnseal(
                "what is sealed opens with none of the keys; give the old one in `secrets` too"
            ) from error
