"""One HTTP exchange under one deadline: nothing followed, nothing repeated but a sign-in, nothing logged."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import httpx
from httpcore import LocalProtocolError

from raccordo.errors import ConfigError
from raccordo.wire.http import failures
from raccordo.wire.http.auth import Auth
from raccordo.wire.http.body import UnreadableBody, read_body
from raccordo.wire.http.exchange import Answer, Request
from raccordo.wire.http.tls import Tls, Version

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

UNAUTHORIZED = 401

READS_REUSE_SECONDS = 15.0
WRITES_REUSE_SECONDS = 1.0
"""How long an idle connection may be used again. A write rather takes a new one than one that may be dead:
a stale one looks well until no answer comes, and then nobody knows whether the write was done."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How one system is talked to. `timeout`: seconds for a whole exchange, to the last byte."""

    system: str
    timeout: float = 30.0
    max_connections: int = 8
    largest_answer: int = 32 * 1024 * 1024
    tls: Tls = field(default_factory=Tls)


class HttpClient:
    """The connections to one system: its cookies, its sign-in, its certificates. Shared by all lanes."""

    def __init__(self, settings: HttpSettings, auth: Auth | None = None) -> None:
        self.settings = settings
        self.auth = auth or Auth()
        self._cookies = CookieJar()
        self._pools: _Pools | None = None
        self._retired: set[_Pools] = set()

    async def start(self) -> None:
        """Make the connection pools; no byte is sent. Raises ConfigError for unusable certificate files."""
        for name in ("httpx", "httpcore"):  # they log addresses with their queries, which hold business data
            logging.getLogger(name).setLevel(logging.WARNING)
        self._pools = self._pools or _Pools(self.settings, self._cookies)

    async def stop(self) -> None:
        """Close all connections. Safe to call twice."""
        pools, self._pools = self._pools, None
        for old in (pools, *self._retired):
            if old is not None:
                await old.close()
        self._retired.clear()

    async def exchange(self, request: Request) -> Answer:
        """Send a request, signed in, and return the complete answer of whatever status.

        A 401 is answered once with renewed credentials, where there are any: nothing was executed.

        Raises:
            Unavailable: surely not sent, or a read whose answer was lost.
            Ambiguous: a write whose answer was lost, was cut, or did not come in time.
            Unauthorized: the sign-in failed for good.
        """
        signed = await self.auth.headers()
        answer = await self.send(request, signed)
        if answer.status == UNAUTHORIZED and await self.auth.renew(signed):
            answer = await self.send(request, await self.auth.headers())
        return answer

    async def send(self, request: Request, extra: Mapping[str, str] | None = None) -> Answer:
        """Send a request exactly once, as it is; errors as for `exchange`."""
        pools = await self._current()
        sending = _Sending()
        headers = {**request.headers, **(extra or {})}
        pools.users += 1
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await self._send(pools.of(request), request, headers, sending)
        except TimeoutError as error:
            raise failures.too_late(request.call, self.settings.timeout, left=sending.left) from error
        except UnreadableBody as error:
            raise failures.lost(request.call, f"the answer cannot be read: {error}") from error
        except failures.FOREIGN as error:
            raise failures.translate(error, request.call, left=sending.left) from error
        finally:
            pools.users -= 1

    async def _send(
        self, client: httpx.AsyncClient, request: Request, headers: Mapping[str, str], sending: _Sending
    ) -> Answer:
        built = client.build_request(
            request.method,
            request.url,
            headers=headers,
            content=request.body,
            extensions={"trace": sending.trace},
        )
        response = await client.send(built, stream=True, follow_redirects=False)
        try:
            body = await read_body(
                response.aiter_raw(),
                encoding=response.headers.get("content-encoding", ""),
                limit=self.settings.largest_answer,
            )
        finally:
            await response.aclose()
        return Answer(
            response.status_code, {name.lower(): value for name, value in response.headers.items()}, body
        )

    async def _current(self) -> _Pools:
        """Return the pools, made anew where a certificate file has changed, unless the new file is broken."""
        await self.start()
        assert self._pools is not None
        if self.settings.tls.version() != self._pools.version:
            try:
                newer = _Pools(self.settings, self._cookies)
            except ConfigError:
                return self._pools  # half written: the next request looks again
            self._retired.add(self._pools)
            self._pools = newer
        for old in [old for old in self._retired if old.users == 0]:
            self._retired.discard(old)
            await old.close()
        return self._pools


class _Pools:
    """One set of certificates with its two pools: idle connections live longer for reads than for writes."""

    def __init__(self, settings: HttpSettings, cookies: CookieJar) -> None:
        self.version: Version = settings.tls.version()
        self.users = 0
        context = _context(settings.tls, self.version)

        def pool(keepalive: float) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                verify=context,
                http2=False,
                trust_env=False,
                follow_redirects=False,
                cookies=cookies,
                timeout=settings.timeout,
                headers={"Accept-Encoding": "gzip", "User-Agent": "raccordo"},
                limits=httpx.Limits(max_connections=settings.max_connections, keepalive_expiry=keepalive),
            )

        self.reads = pool(READS_REUSE_SECONDS)
        self.writes = pool(WRITES_REUSE_SECONDS)

    def of(self, request: Request) -> httpx.AsyncClient:
        return self.writes if request.call.writes else self.reads

    async def close(self) -> None:
        await self.reads.aclose()
        await self.writes.aclose()


@lru_cache(maxsize=16)
def _context(tls: Tls, _version: Version) -> ssl.SSLContext:
    """Reading the public authorities takes longer than a request: systems without files of their own share them."""
    return tls.context()


class _Sending:
    """Watches through httpcore's trace whether the first byte of the request was handed to the connection."""

    def __init__(self) -> None:
        self.left = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.left = True
        elif event.endswith("send_request_headers.failed") and isinstance(
            info.get("exception"), LocalProtocolError
        ):
            self.left = False  # the head could not even be put together
