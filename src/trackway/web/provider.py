"""Signing in with an OpenID Connect provider: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from trackway.config import Settings
from trackway.govern.sign_ins import SignIns

_TIME = timedelta(minutes=10)
_ALGORITHMS = ["RS256", "ES256", "EdDSA", "PS256"]
_FRESH_S = 3600.0


class ProviderFailed(Exception):
    """The provider cannot be asked, or what it says is not good; the text says which."""


class Said(NamedTuple):
    """Who a provider says that somebody is."""

    issuer: str
    subject: str
    email: str
    verified: bool


class Provider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings, sign_ins: SignIns) -> None:
        self._settings, self._sign_ins = settings, sign_ins
        self._found: tuple[float, dict[str, Any]] = (0.0, {})

    def begin(self, back: str) -> tuple[str, str]:
        """Where to send a browser, which the provider sends `back`, and the word that it comes back with."""
        about = self._about()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        state = self._sign_ins.keep("provider", "", {"verifier": verifier, "nonce": nonce, "back": back}, _TIME)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code", "client_id": self._settings.oidc_client_id, "redirect_uri": back,
            "scope": "openid email", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{about['authorization_endpoint']}?{urlencode(asked)}", state

    def back(self, state: str, code: str) -> Said:
        """Who came back with a code. Raises ProviderFailed when it is not an answer to what was begun."""
        begun = self._sign_ins.take("provider", state)
        if begun is None or not code:
            raise ProviderFailed("this is not an answer to what was begun here, or too late; sign in again")
        about = self._about()
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": begun["back"],
            "code_verifier": begun["verifier"],
        }  # fmt: skip
        identity = (self._settings.oidc_client_id, self._settings.oidc_client_secret)
        tokens = _json("post", about["token_endpoint"], data=given, auth=identity)
        keys = _json("get", about["jwks_uri"])
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
            more = _json("get", about["userinfo_endpoint"], headers=bearer)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        verified = claims.get("email_verified") is True
        return Said(str(claims["iss"]), str(claims["sub"]), str(claims.get("email", "")), verified)

    def _about(self) -> dict[str, Any]:
        at, found = self._found
        if not found or time.monotonic() - at > _FRESH_S:
            issuer = self._settings.oidc_issuer
            found = _json("get", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise ProviderFailed(
                    f"the provider calls itself {found.get('issuer')!r}; `oidc_issuer` must be the same"
                )
            self._found = time.monotonic(), found
        return found


def _json(method: str, address: str, **options: Any) -> dict[str, Any]:
    try:
        answer = httpx.request(method, address, timeout=10, **options)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderFailed(f"the provider does not answer as it should: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ProviderFailed("the provider does not answer as it should")
    return found
