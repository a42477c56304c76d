"""How a request says who sends it: basic, or a bearer token fetched and renewed by one task at a time."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

from raccordo.errors import ConnectorError, Unauthorized, Unavailable
from raccordo.wire.http.exchange import NO_HEADERS, Answer, Call, Request
from raccordo.wire.http.flight import SingleFlight
from raccordo.wire.http.verdicts import Reason, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import SecretStr

EARLY_SECONDS = 60.0
"""A token is renewed this long before it ends, so that none ends on its way; at half its life if shorter."""

UNSTATED_LIFE = 300.0
"""Seconds that a token is used whose answer names no life (RFC 6749 only recommends `expires_in`)."""

LONGEST_TOKEN = 32768


class Auth:
    """No sign-in, or one by client certificate alone; and what every way to sign in can be asked for."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that sign a request in."""
        return NO_HEADERS

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - for those that can
        """Get new credentials after a 401 to `refused` headers; tell whether a second try makes sense."""
        return False


class Basic(Auth):
    """User and password, sent unasked; never renewed, because tries with a refused one lock the user."""

    def __init__(self, user: str, password: SecretStr) -> None:
        self._user = user
        self._password = password

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header, in UTF-8 (RFC 7617)."""
        return {"Authorization": basic(self._user, self._password.get_secret_value())}


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where and as whom a token is fetched with OAuth 2 client credentials."""

    url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""


class ClientCredentials(Auth):
    """OAuth 2 client credentials (RFC 6749, 4.4). `send` sends one request; `now` is in monotonic seconds."""

    def __init__(
        self,
        system: str,
        endpoint: TokenEndpoint,
        send: Callable[[Request], Awaitable[Answer]],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call = Call(system, "sign_in")
        self._endpoint = endpoint
        self._send = send
        self._now = now
        self._flight = SingleFlight()
        self._token = ""
        self._until = 0.0

    async def headers(self) -> Mapping[str, str]:
        """Return the bearer token, fetched or renewed first where needed. Raises ConnectorError."""
        await self._flight.run(lambda: not self._token or self._now() >= self._until, self._fetch)
        return self._bearer()

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Fetch another token, unless another task has done so since the refused one was read."""
        await self._flight.run(lambda: not self._token or self._bearer() == refused, self._fetch)
        return True

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _fetch(self) -> None:
        self._token = ""
        answer = await self._send(self._request())
        fields = _json_object(answer)
        if (error := self._refusal(answer, fields)) is not None:
            raise error
        token, life = fields.get("access_token"), fields.get("expires_in", UNSTATED_LIFE)
        if not _is_token(token) or str(fields.get("token_type", "bearer")).lower() != "bearer":
            raise Unavailable("the token endpoint gave no bearer token", system=self._call.system)
        self._token = str(token)
        seconds = _seconds(life)
        self._until = self._now() + seconds - min(EARLY_SECONDS, seconds / 2)

    def _request(self) -> Request:
        endpoint = self._endpoint
        form = {"grant_type": "client_credentials"} | ({"scope": endpoint.scope} if endpoint.scope else {})
        # RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
        identity = (quote_plus(endpoint.client_id), quote_plus(endpoint.client_secret.get_secret_value()))
        headers = {
            "Authorization": basic(*identity),
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return Request(self._call, "POST", endpoint.url, headers, urlencode(form).encode())

    def _refusal(self, answer: Answer, fields: Mapping[str, object]) -> ConnectorError | None:
        """An endpoint that refuses us (4xx) refuses every call alike; one that is unwell is asked again."""
        code = str(fields.get("error") or "")[:80]
        error = refusal(answer, self._call, Reason(code, code))
        if error is None or isinstance(error, Unavailable):
            return error
        return Unauthorized(
            f"the token endpoint refused us: {error.sentence}",
            system=error.system,
            operation=error.operation,
            status=error.status,
            code=error.reason_code,
        )


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header for user and password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _is_token(token: object) -> bool:
    return (
        isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable()
    )


def _seconds(life: object) -> float:
    try:
        return max(float(str(life)), 0.0)
    except ValueError:
        return UNSTATED_LIFE


def _json_object(answer: Answer) -> dict[str, object]:
    try:
        fields = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
