"""Embed tokens: short-lived JWTs (RFC 7519) by which the host application signs an account in. A project's `embed` key
signs them with HMAC-SHA256.

The header names the key (`kid`). The claims are `aud` (the project), `sub` (the account), `iat`, `exp` (at most one
hour later) and, if the token covers only some of the account's entities, `entities`.
"""

from __future__ import annotations

import math
import time
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from trackway.govern.access.accounts import MOST_OWN, OwnedEntity
from trackway.govern.identity.encryption import CannotDecrypt, SecretCipher
from trackway.govern.tables import Account, Key, Project

LONGEST_S = 3600
MOST_BYTES = 8000
_SKEW_S = 30
_ALGORITHM = "HS256"
_EPOCH = datetime(1970, 1, 1)


class BadToken(Exception):
    """A refused token; the text says why, and nothing that would help to forge one."""


class _Header(msgspec.Struct):
    kid: Annotated[str, msgspec.Meta(max_length=100)]
    alg: str
    crit: list[str] | None = None


class _Claims(msgspec.Struct):
    aud: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    iat: float
    exp: float
    nbf: float = 0.0
    entities: Annotated[list[OwnedEntity], msgspec.Meta(max_length=MOST_OWN)] | None = None


class TokenAccess(NamedTuple):
    """The access that a token gives: an account of a project, and the entities it is limited to (None: no limit)."""

    project: Project
    account: Account
    entities: tuple[tuple[str, str], ...] | None


class Tokens:
    """Verifies embed tokens."""

    def __init__(self, sessions: sessionmaker[Session], cipher: SecretCipher) -> None:
        self._sessions, self._cipher = sessions, cipher

    def read(self, token: str) -> TokenAccess:
        """Verify a token and return the access that it gives.

        Raises:
            BadToken: the token is too long, is signed with another algorithm or without a key in force, is for another
                project, is not yet valid, has expired, is valid for more than an hour or is revoked; or its account
                does not exist or is suspended.
        """
        if len(token) > MOST_BYTES:
            raise BadToken(f"the token is longer than {MOST_BYTES} bytes")
        header = self._header(token)
        with self._sessions() as session:
            row = session.execute(
                select(Key, Project)
                .join(Project, Project.id == Key.project_id)
                .where(Key.id == header.kid, Key.kind == "embed", Key.revoked_at.is_(None))
            ).first()
            if row is None:
                raise BadToken("the token's `kid` names no active key; an administrator creates one in Settings")
            key, project = row
            claims = self._claims(token, key)
            if claims.aud != key.project_id:
                raise BadToken("the token's `aud` is not the project of its key")
            account = session.get(Account, (key.project_id, claims.sub))
        _check_times(claims, time.time())
        if account is None:
            raise BadToken("there is no account with the token's `sub`; the host creates one with PUT …/accounts/ID")
        if account.suspended:
            raise BadToken("the account is suspended")
        if account.tokens_since is not None and claims.iat <= (account.tokens_since - _EPOCH).total_seconds():
            raise BadToken("the token was revoked")
        entities = None if claims.entities is None else tuple((entity.type, entity.id) for entity in claims.entities)
        return TokenAccess(project, account, entities)

    @staticmethod
    def _header(token: str) -> _Header:
        try:
            header = msgspec.convert(jws.extract_compact(token.encode()).headers(), _Header)
        except (JoseError, msgspec.ValidationError, ValueError, TypeError, KeyError) as error:
            raise BadToken("this is neither a secret key nor a token with `kid` and `alg`") from error
        if header.alg != _ALGORITHM or header.crit:
            raise BadToken(f"the token is not signed with {_ALGORITHM}")
        return header

    def _claims(self, token: str, key: Key) -> _Claims:
        try:
            secret = OctKey.import_key(self._cipher.decrypt(key.value))
            payload = jws.deserialize_compact(token, secret, algorithms=[_ALGORITHM]).payload
        except (JoseError, ValueError) as error:
            raise BadToken("the token's signature is wrong") from error
        except CannotDecrypt as error:
            raise BadToken("the token's key cannot be decrypted; create another") from error
        try:
            return msgspec.json.decode(payload, type=_Claims)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadToken(f"the token's claims are wrong: {error}") from error


def sign(
    project_id: UUID | str,
    kid: str,
    secret: str,
    account_id: str,
    entities: list[OwnedEntity] | None = None,
    seconds: int = 600,
) -> str:
    """Create a token as a host does with any JWT library; for tests and benchmarks."""
    now = math.floor(time.time())
    claims: dict[str, object] = {"aud": str(project_id), "sub": account_id, "iat": now, "exp": now + seconds}
    if entities is not None:
        claims["entities"] = msgspec.to_builtins(entities)
    header = {"alg": _ALGORITHM, "kid": kid, "typ": "JWT"}
    return jws.serialize_compact(header, msgspec.json.encode(claims), OctKey.import_key(secret))


def _check_times(claims: _Claims, now: float) -> None:
    if not all(math.isfinite(at) for at in (claims.iat, claims.exp, claims.nbf)):
        raise BadToken("the token's times are not finite numbers")
    if claims.exp <= now:
        raise BadToken("the token has expired; ask the host application for another")
    if claims.iat > now + _SKEW_S or claims.nbf > now + _SKEW_S:
        raise BadToken("the token is not yet valid: its times are ahead of this server's clock")
    if claims.exp - claims.iat > LONGEST_S:
        raise BadToken(f"the token is valid for longer than {LONGEST_S} seconds")
