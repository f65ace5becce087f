"""Sign-in with an OpenID Connect provider: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import time
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from trackway.config import Settings
from trackway.govern.identity.sign_ins import SignIns
from trackway.outgoing import Outgoing, Refused, Unreachable

logger = logging.getLogger("trackway.web")

_TIME = timedelta(minutes=10)
_ALGORITHMS = ["RS256", "ES256", "EdDSA", "PS256"]
_FRESH_S = 3600.0


class ProviderFailed(Exception):
    """The provider does not answer, or its answer is invalid; the text says which."""


class Said(NamedTuple):
    """The identity of a user, as the provider states it."""

    issuer: str
    subject: str
    email: str
    verified: bool


class Provider:
    """The OpenID Connect provider of the settings."""

    def __init__(self, settings: Settings, sign_ins: SignIns, outgoing: Outgoing) -> None:
        self._settings, self._sign_ins, self._outgoing = settings, sign_ins, outgoing
        self._found: tuple[float, dict[str, Any]] = (0.0, {})

    def begin(self, back: str) -> tuple[str, str]:
        """Start a sign-in. Returns the provider's address to send the browser to, and the state that comes back with
        it. The provider redirects the browser to `back`.
        """
        about = self._about()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        state = self._sign_ins.store_token("provider", "", {"verifier": verifier, "nonce": nonce, "back": back}, _TIME)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self._settings.oidc_client_id, "redirect_uri": back,
            "scope": "openid email", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{about['authorization_endpoint']}?{urlencode(asked)}", state

    def back(self, state: str, code: str) -> Said:
        """Finish a sign-in with the provider's code and return the user's identity. Raises ProviderFailed when the
        state is unknown or expired, or the provider's answer is invalid.
        """
        begun = self._sign_ins.redeem_token("provider", state)
        if begun is None or not code:
            raise ProviderFailed("this is not an answer to what was begun here, or too late; sign in again")
        about = self._about()
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": begun["back"],
            "code_verifier": begun["verifier"],
        }  # fmt: skip
        identity = base64.b64encode(f"{self._settings.oidc_client_id}:{self._settings.oidc_client_secret}".encode())
        headers = {
            "authorization": f"Basic {identity.decode()}", "content-type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        tokens = self._json("POST", str(about["token_endpoint"]), headers, urlencode(given).encode())
        keys = self._json("GET", str(about["jwks_uri"]))
        try:
            token = jwt.decode(str(tokens.get("id_token", "")), KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
            rules = jwt.JWTClaimsRegistry(
                leeway=60, iss={"essential": True, "value": self._settings.oidc_issuer}, sub={"essential": True},
                exp={"essential": True}, nonce={"essential": True, "value": begun["nonce"]},
            )  # fmt: skip
            rules.validate(token.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderFailed("what the provider says is not signed by it, or not for this sign-in") from error
        claims = token.claims
        audience = claims.get("aud")
        if self._settings.oidc_client_id not in (audience if isinstance(audience, list) else [audience]):
            raise ProviderFailed("what the provider says is for another application")
        if "email" not in claims and "userinfo_endpoint" in about:
            bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
            more = self._json("GET", str(about["userinfo_endpoint"]), bearer)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        verified = claims.get("email_verified") is True
        return Said(str(claims["iss"]), str(claims["sub"]), str(claims.get("email", "")), verified)

    def _about(self) -> dict[str, Any]:
        at, found = self._found
        if not found or time.monotonic() - at > _FRESH_S:
            issuer = self._settings.oidc_issuer
            found = self._json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise ProviderFailed(
                    f"the provider calls itself {found.get('issuer')!r}; `oidc_issuer` must be the same"
                )
            self._found = time.monotonic(), found
        return found

    def _json(
        self, method: str, address: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        """Request JSON from the provider: from the issuer's host, which the settings name, or from a public address."""
        own = urlsplit(self._settings.oidc_issuer).hostname or ""
        try:
            answer = self._outgoing.send(method, address, {"accept": "application/json", **(headers or {})}, body, own)
            found = msgspec.json.decode(answer.body) if answer.status == 200 else None
        except (Refused, Unreachable, msgspec.DecodeError) as error:
            logger.error("the OpenID Connect provider cannot be asked: %s", error)
            found = None
        if not isinstance(found, dict):
            raise ProviderFailed("the provider does not answer as it should")
        return found
