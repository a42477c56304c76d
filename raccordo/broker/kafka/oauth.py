"""Tokens for SASL/OAUTHBEARER by the client credentials grant (RFC 6749 §4.4)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
from aiokafka.abc import AbstractTokenProvider

if TYPE_CHECKING:
    from raccordo.broker.settings import KafkaSettings

RENEW_BEFORE = 30.0
"""Seconds before its end from which a token is not used for a new connection."""

DEFAULT_LIFETIME = 300.0
"""Seconds, for an answer that does not say how long its token lives."""


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """Fetches a token when a connection needs one, and uses it again while it lives."""

    def __init__(self, settings: KafkaSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport
        self._token = ""
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a token that lives for a while. Raises OSError when there is none to be had."""
        async with self._asking:
            if time.monotonic() >= self._good_until:
                await self._ask()
            return self._token

    async def _ask(self) -> None:
        settings = self._settings
        form = {"grant_type": "client_credentials"}
        if settings.token_scope:
            form["scope"] = settings.token_scope
        user = httpx.BasicAuth(settings.user, settings.password.get_secret_value())
        try:
            async with httpx.AsyncClient(
                transport=self._transport, timeout=settings.start_deadline
            ) as client:
                answer = (
                    (await client.post(settings.token_url, data=form, auth=user)).raise_for_status().json()
                )
            self._token = str(answer["access_token"])
            self._good_until = (
                time.monotonic() + float(answer.get("expires_in", DEFAULT_LIFETIME)) - RENEW_BEFORE
            )
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            # aiokafka counts OSError as a connection that failed, and tries again.
            raise OSError(f"{settings.token_url} gave no token ({type(error).__name__})") from error
