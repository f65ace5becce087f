"""Encryption of secrets that must be read again: Fernet (AES-128-CBC with HMAC-SHA256), with keys that can
be rotated without downtime.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from trackway.private import KeyUnusable, read_or_create


class CannotDecrypt(Exception):
    """None of the keys decrypts the secret; the text says what to do."""


class SecretCipher:
    """Encrypts with the newest key and decrypts with any of the keys.

    Args:
        keys: Fernet keys, the newest first; `SecretCipher.of` creates one when there is none.

    Raises:
        ValueError: a key is not 32 bytes in URL-safe base64.
    """

    def __init__(self, keys: list[str]) -> None:
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self.has_old_keys = len(keys) > 1
        """Whether there are older keys besides the newest one."""

    @staticmethod
    def of(directory: Path, setting: str) -> SecretCipher:
        """Return a cipher with the keys of a setting (separated by commas). When the setting is empty, use the
        installation's own key file, which is created at first use and is readable by its owner only.

        Raises:
            KeyUnusable: the file cannot be read, or one of the keys is not a Fernet key.
        """
        keys = [key.strip() for key in setting.split(",") if key.strip()]
        if not keys:
            path = directory / "secret.key"
            keys = read_or_create(path, lambda: Fernet.generate_key() + b"\n").decode(errors="replace").split()
            fix = f"{path} is not an encryption key; restore it from a backup, or remove it and lose what it encrypted"
        else:
            fix = "`secrets` has an invalid key; a key is 32 bytes in URL-safe base64, and commas separate keys"
        try:
            return SecretCipher(keys)
        except ValueError as error:
            raise KeyUnusable(fix) from error

    def encrypt(self, text: str) -> str:
        """Encrypt a text with the newest key."""
        return self._keys.encrypt(text.encode()).decode()

    def reencrypt(self, encrypted: str) -> str:
        """Encrypt a secret again, with the newest key. Raises CannotDecrypt when no key decrypts it."""
        return self.encrypt(self.decrypt(encrypted))

    def decrypt(self, encrypted: str) -> str:
        """Decrypt a secret. Raises CannotDecrypt when no key decrypts it."""
        try:
            return self._keys.decrypt(encrypted.encode()).decode()
        except InvalidToken as error:
            raise CannotDecrypt("none of the keys decrypts the stored secrets; add the old key to `secrets`") from error
