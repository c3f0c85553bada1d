"""Signing in by a provider: OpenID Connect, authorization code with PKCE.

Libraries do what is easily done wrong: authlib draws and checks, joserfc verifies the signature; httpx asks.
"""

import ssl
import time
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType]
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from cloud.config import OidcConfig
from cloud.errors import SignInError, UnavailableError

SCOPE: Final = "openid profile"
TIMEOUT_S: Final = 10.0
KEPT_S: Final = 3600.0  # what the provider tells of itself
CLOCK_ERROR_S: Final = 60
_ALGORITHMS: Final = ["RS256", "ES256", "PS256", "EdDSA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What the browser keeps while its owner is at the provider."""

    state: str
    nonce: str
    verifier: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Who came back."""

    subject: str
    """Issuer and subject: nobody else has both."""
    name: str | None


class Provider:
    """One provider; what it tells of itself is asked for once an hour."""

    def __init__(self, config: OidcConfig, *, origin: str) -> None:
        self._config = config
        self._redirect_uri = f"{origin}/api/v1/oidc/callback"
        self._told: dict[str, Any] = {}
        self._told_s = -KEPT_S

    @property
    def label(self) -> str:
        return self._config.label

    async def begin(self, *, then: str) -> tuple[Errand, str]:
        """Make an errand and the address at the provider."""
        told = await self._describe()
        errand = Errand(state=generate_token(32), nonce=generate_token(32), verifier=generate_token(64), then=then)
        question = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": SCOPE,
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": cast("str", create_s256_code_challenge(errand.verifier)),
            "code_challenge_method": "S256",
        }
        return errand, f"{told['authorization_endpoint']}?{urlencode(question)}"

    async def finish(self, errand: Errand, *, code: str, issuer: str | None) -> Stranger:
        """Exchange the code and verify what comes.

        Raises:
            SignInError: it is not what was asked for.
            UnavailableError: the provider does not answer.
        """
        if issuer is not None and issuer != self._config.issuer:
            raise _refused("another provider answered")
        told = await self._describe()
        answer = await self._post(
            told["token_endpoint"],
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": errand.verifier,
            },
        )
        claims = await self._verify(answer.get("id_token", ""), told, nonce=errand.nonce)
        name = claims.get(self._config.name_claim)
        subject = f"{self._config.issuer}|{claims['sub']}"
        return Stranger(subject=subject, name=name if isinstance(name, str) else None)

    async def _verify(self, id_token: str, told: dict[str, Any], *, nonce: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(cast("KeySetSerialization", await self._get(told["jwks_uri"])))
        try:
            decoded = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self._config.issuer},
                "aud": {"essential": True, "value": self._config.client_id},
                "sub": {"essential": True},
            }
            parameters = {"nonce": nonce, "client_id": self._config.client_id}
            token = CodeIDToken(decoded.claims, decoded.header, options, parameters)
            token.validate(leeway=CLOCK_ERROR_S)  # pyright: ignore[reportUnknownMemberType]
        except (JoseError, ValueError) as error:
            raise _refused(f"the provider's token does not hold: {type(error).__name__}") from error
        return decoded.claims

    async def _describe(self) -> dict[str, Any]:
        if time.monotonic() - self._told_s >= KEPT_S:
            told = await self._get(f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
            if told.get("issuer") != self._config.issuer:
                raise _refused("the provider calls itself otherwise")
            self._told, self._told_s = told, time.monotonic()
        return self._told

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._client() as client:
            try:
                return (await client.get(url)).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise UnavailableError(f"the provider does not answer: {type(error).__name__}") from error

    async def _post(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        who = (self._config.client_id, self._config.read_client_secret())
        async with self._client() as client:
            try:
                answer = await client.post(url, data=form, auth=who)
                if answer.is_client_error:
                    raise _refused("the provider does not take the code")
                return answer.raise_for_status().json()
            except (httpx.HTTPError, ValueError) as error:
                raise UnavailableError(f"the provider does not answer: {type(error).__name__}") from error

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=TIMEOUT_S, verify=ssl.create_default_context(cafile=self._config.ca_file))


def _refused(why: str) -> SignInError:
    return SignInError("provider", why)
