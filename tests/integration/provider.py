"""A small real OpenID provider: discovery, authorization, code with PKCE, signed tokens, keys."""

import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlencode

import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType]
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey

from busense.local.processes import free_port
from tests.waiting import wait_until

CLIENT: Final = "busense"
SECRET: Final = "secret of the client"  # noqa: S105


@dataclass(kw_only=True)
class Provider:
    """Who sits at the provider, and how the next token is spoilt."""

    issuer: str
    person: dict[str, str] = field(default_factory=lambda: {"sub": "4711", "preferred_username": "liu@county"})
    spoil: dict[str, Any] = field(default_factory=dict[str, Any])
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signing_key: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def app(self) -> FastAPI:
        """Make its pages."""
        app = FastAPI()
        app.add_api_route("/.well-known/openid-configuration", self.describe)
        app.add_api_route("/authorize", self.authorize)
        app.add_api_route("/token", self.token, methods=["POST"])
        app.add_api_route("/keys", lambda: {"keys": [self.key.as_dict(private=False)]})
        return app

    def describe(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def authorize(self, request: Request) -> Response:
        """Let the person in without a question, and send them back with a code."""
        asked = dict(request.query_params)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def token(self, request: Request) -> Response:
        """Exchange a code once, for the client that proves itself and knows the verifier."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        client = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        asked = self.codes.pop(form["code"], None)
        challenge = cast("str", create_s256_code_challenge(form["code_verifier"]))
        is_right = (
            asked is not None
            and client == f"{CLIENT}:{SECRET}"
            and challenge == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )
        if asked is None or not is_right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        header = {"alg": "RS256", "kid": "k1"}
        token = jwt.encode(header, claims | self.person | self.spoil, self.signing_key or self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})


@contextmanager
def running_provider() -> Generator[Provider]:
    """Run one on loopback."""
    port = free_port()
    provider = Provider(issuer=f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(provider.app(), port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield provider
    server.should_exit = True
    thread.join()
