"""Sign-in at an OpenID Connect provider: authorization code with PKCE.

What the provider says is believed only as an ID token signed with its published keys, for us, for
this very sign-in, and not expired by our clock. How many factors it asks for is its own affair;
what needs a step-up here asks for ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from carbon.domain.errors import CarbonError
from carbon.ports import Clock

_SECONDS: Final = 10.0
_MAX_BYTES: Final = 1 << 20
#: Seconds that its clock and ours may differ.
_LEEWAY: Final = 60
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_ENDPOINTS: Final = {"authorization_endpoint", "token_endpoint", "jwks_uri"}
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Registration:
    """How we are registered at a provider; ``redirect``: where browsers come back to."""

    issuer: str
    client: str
    secret: str
    redirect: str


class OpenIdProvider:
    """Implements the port ``Provider``. Raises ``oidc.refused``."""

    def __init__(self, registration: Registration, clock: Clock) -> None:
        self._registration, self._clock = registration, clock
        parts = urlsplit(registration.issuer)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise CarbonError("oidc.refused", reason="https")

    @property
    def issuer(self) -> str:
        """Its name."""
        return self._registration.issuer

    @cached_property
    def _endpoints(self) -> Mapping[str, Any]:
        """What the provider publishes of itself."""
        found = _answer("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer or not found.keys() >= _ENDPOINTS:
            raise CarbonError("oidc.refused", reason="issuer")
        return found

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in there."""
        address: str = prepare_grant_uri(
            self._endpoints["authorization_endpoint"],
            self._registration.client,
            "code",
            self._registration.redirect,
            "openid",
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address

    def subject(self, code: str, nonce: str, verifier: str) -> str:
        """Who came back with a code."""
        own = self._registration
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": own.redirect,
            "code_verifier": verifier,
            "client_id": own.client,
        }
        basic = httpx.BasicAuth(own.client, own.secret) if own.secret else None
        told = _answer("POST", self._endpoints["token_endpoint"], data=given, auth=basic)
        return self._checked(str(told.get("id_token", "")), nonce)

    def _checked(self, token: str, nonce: str) -> str:
        """The subject of an ID token."""
        keys = KeySet.import_key_set(dict(_answer("GET", self._endpoints["jwks_uri"])))  # type: ignore[arg-type]  # checked as it is read
        own = self._registration
        options = {"iss": {"value": self.issuer}, "aud": {"value": own.client}}
        params = {"nonce": nonce, "client_id": own.client}
        try:
            read = jwt.decode(token, keys, algorithms=list(_ALGORITHMS))
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(now=int(self._clock.now().timestamp()), leeway=_LEEWAY)
        except (JoseError, ValueError) as error:
            raise CarbonError("oidc.refused", reason=type(error).__name__) from error
        return str(claims["sub"])


def _answer(method: str, url: str, **given: Any) -> Mapping[str, Any]:
    """A JSON object of the provider."""
    try:
        answer = httpx.request(method, url, timeout=_SECONDS, **given)
        answer.raise_for_status()
        told = answer.json() if len(answer.content) <= _MAX_BYTES else None
    except (httpx.HTTPError, ValueError) as error:
        raise CarbonError("oidc.refused", reason=type(error).__name__) from error
    if not isinstance(told, dict):
        raise CarbonError("oidc.refused", reason="answer")
    return told
