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


class ProviderIdentity(NamedTuple):
    """The identity of a user, as the provider states it."""

    issuer: str
    subject: str
    email: str
    verified: bool


class Provider:
    """The OpenID Connect provider of the settings."""

    def __init__(self, settings: Settings, sign_ins: SignIns, outgoing: Outgoing) -> None:
        self._settings, self._sign_ins, self._outgoing = settings, sign_ins, outgoing
        self._discovered: tuple[float, dict[str, Any]] = (0.0, {})

    def begin(self, back: str) -> tuple[str, str]:
        """Start a sign-in. Returns the provider's URL to send the browser to, and the state that comes back with
        it. The provider redirects the browser to `back`.
        """
        configuration = self._discover()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        state = self._sign_ins.store_token("provider", "", {"verifier": verifier, "nonce": nonce, "back": back}, _TIME)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code", "client_id": self._settings.oidc_client_id, "redirect_uri": back,
            "scope": "openid email", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{configuration['authorization_endpoint']}?{urlencode(parameters)}", state

    def finish(self, state: str, code: str) -> ProviderIdentity:
        """Finish a sign-in with the provider's code and return the user's identity. Raises ProviderFailed when the
        state is unknown or expired, or the provider's answer is invalid.
        """
        request = self._sign_ins.redeem_token("provider", state)
        if request is None or not code:
            raise ProviderFailed("this sign-in has expired, or was not started here; sign in again")
        configuration = self._discover()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": request["back"],
            "code_verifier": request["verifier"],
        }  # fmt: skip
        identity = base64.b64encode(f"{self._settings.oidc_client_id}:{self._settings.oidc_client_secret}".encode())
        headers = {
            "authorization": f"Basic {identity.decode()}", "content-type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        tokens = self._json("POST", str(configuration["token_endpoint"]), headers, urlencode(form).encode())
        keys = self._json("GET", str(configuration["jwks_uri"]))
        try:
            token = jwt.decode(str(tokens.get("id_token", "")), KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
            rules = jwt.JWTClaimsRegistry(
                leeway=60, iss={"essential": True, "value": self._settings.oidc_issuer}, sub={"essential": True},
                exp={"essential": True}, nonce={"essential": True, "value": request["nonce"]},
            )  # fmt: skip
            rules.validate(token.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderFailed(
                "the provider's token is not signed by the provider, or is not for this sign-in"
            ) from error
        claims = token.claims
        audience = claims.get("aud")
        if self._settings.oidc_client_id not in (audience if isinstance(audience, list) else [audience]):
            raise ProviderFailed("the provider's token is for another application")
        if "email" not in claims and "userinfo_endpoint" in configuration:
            bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
            more = self._json("GET", str(configuration["userinfo_endpoint"]), bearer)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        verified = claims.get("email_verified") is True
        return ProviderIdentity(str(claims["iss"]), str(claims["sub"]), str(claims.get("email", "")), verified)

    def _discover(self) -> dict[str, Any]:
        at, configuration = self._discovered
        if not configuration or time.monotonic() - at > _FRESH_S:
            issuer = self._settings.oidc_issuer
            configuration = self._json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if configuration.get("issuer") != issuer:
                raise ProviderFailed(
                    f"the provider's issuer is {configuration.get('issuer')!r}; set `oidc_issuer` to the same text"
                )
            self._discovered = time.monotonic(), configuration
        return configuration

    def _json(
        self, method: str, address: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        """Request JSON from the provider: from the issuer's host, which the settings name, or from a public host."""
        issuer_host = urlsplit(self._settings.oidc_issuer).hostname or ""
        try:
            answer = self._outgoing.send(
                method, address, {"accept": "application/json", **(headers or {})}, body, issuer_host
            )
            content = msgspec.json.decode(answer.body) if answer.status == 200 else None
        except (Refused, Unreachable, msgspec.DecodeError) as error:
            logger.error("the OpenID Connect provider cannot be reached: %s", error)
            content = None
        if not isinstance(content, dict):
            raise ProviderFailed("the provider's answer is not valid")
        return content
