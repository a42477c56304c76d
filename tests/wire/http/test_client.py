"""One exchange under one deadline, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc
import zlib
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from raccordo.errors import Ambiguous, Defect, Unauthorized, Unavailable
from raccordo.wire.http import Call, HttpClient, HttpSettings, Request, refusal
from raccordo.wire.http import client as client_module
from stub_http import Asked, Reply, Stub, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

READ = Call("sap", "get_order")
WRITE = Call("sap", "create_order", writes=True)
FOREVER = 3600.0


@asynccontextmanager
async def talking(
    answer: Callable[[Asked], Awaitable[Reply | None]], **settings: float
) -> AsyncIterator[tuple[HttpClient, Stub]]:
    client = HttpClient(HttpSettings("sap", **{"timeout": 5.0, **settings}))  # type: ignore[arg-type]
    async with serving(answer) as stub:
        await client.start()
        try:
            yield client, stub
        finally:
            await client.stop()


def post(stub: Stub) -> Request:
    return Request(WRITE, "POST", f"{stub.url}/orders", {}, b"{}")


def get(stub: Stub) -> Request:
    return Request(READ, "GET", f"{stub.url}/orders")


async def test_a_refused_connection_was_surely_not_sent() -> None:
    """Nothing listens: the write may be made again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
    client = HttpClient(HttpSettings("sap", timeout=5))
    with pytest.raises(Unavailable):
        await client.exchange(Request(WRITE, "POST", address, {}, b"{}"))
    await client.stop()


async def test_a_name_that_does_not_resolve_was_surely_not_sent() -> None:
    """DNS comes before the first byte."""
    client = HttpClient(HttpSettings("sap", timeout=10))
    with pytest.raises(Unavailable):
        await client.exchange(Request(WRITE, "POST", "http://no-such-host.invalid/", {}, b"{}"))
    await client.stop()


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_silence_ends_at_the_deadline(call: Call) -> None:
    """A write without an answer is in doubt; a read may be asked again."""

    async def silent(_: Asked) -> Reply | None:
        await asyncio.sleep(FOREVER)
        return None

    async with talking(silent, timeout=0.2) as (client, stub):
        with pytest.raises(Ambiguous if call.writes else Unavailable, match=r"within 0\.2 s"):
            await client.exchange(Request(call, "POST" if call.writes else "GET", stub.url))


async def test_a_body_that_drips_ends_at_the_deadline() -> None:
    """Every byte resets a read timeout; the deadline is for the whole exchange."""

    async def dripping(asked: Asked) -> Reply | None:
        await asked.raw(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            await asked.raw(b"x")
            await asyncio.sleep(0.02)
        return None

    async with talking(dripping, timeout=0.4) as (client, stub):
        started = time.monotonic()
        with pytest.raises(Ambiguous):
            await client.exchange(post(stub))
        assert time.monotonic() - started < 2


async def test_no_free_connection_was_surely_not_sent() -> None:
    """Waiting for a slot is not sending."""
    release, arrived = asyncio.Event(), asyncio.Event()

    async def waiting(_: Asked) -> Reply | None:
        arrived.set()
        await release.wait()
        return Reply(201)

    async with talking(waiting, max_connections=1) as (client, stub):
        first = asyncio.create_task(client.exchange(post(stub)))
        await arrived.wait()
        client.settings = replace(client.settings, timeout=0.2)
        with pytest.raises(Unavailable):
            await client.exchange(post(stub))
        release.set()
        assert (await first).status == 201


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"HTTP/1.1 201 Cre",
        b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nhalf",
        b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\nContent-Encoding: br\r\n\r\nhalf",
        b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    ],
)
async def test_a_damaged_answer_is_never_a_success(damage: bytes) -> None:
    """Cut, reset, lied about, compressed in a way nobody asked for: the write is in doubt."""

    async def damaged(asked: Asked) -> Reply | None:
        await asked.raw(damage)
        return None

    async with talking(damaged) as (client, stub):
        with pytest.raises(Ambiguous):
            await client.exchange(post(stub))
        with pytest.raises(Unavailable):
            await client.exchange(get(stub))


async def test_an_answer_larger_than_the_limit_is_not_read_to_its_end() -> None:
    """Memory is bounded by us, not by the sender."""
    reply = Reply(200, body=b"x" * 300_000)

    async with talking(lambda _: _soon(reply), largest_answer=100_000) as (client, stub):
        with pytest.raises(Unavailable, match="larger than 100000"):
            await client.exchange(get(stub))


async def test_a_compression_bomb_stops_at_the_limit() -> None:
    """A hundred megabytes in a hundred kilobytes are inflated to the limit and no further."""
    press = zlib.compressobj(wbits=31)
    bomb = b"".join(press.compress(bytes(1 << 20)) for _ in range(100)) + press.flush()
    reply = Reply(200, {"Content-Encoding": "gzip"}, bomb)

    async with talking(lambda _: _soon(reply), largest_answer=1_000_000) as (client, stub):
        tracemalloc.start()
        with pytest.raises(Unavailable, match="inflates"):
            await client.exchange(get(stub))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10_000_000


async def test_a_compressed_answer_is_read() -> None:
    """Gzip is asked for and inflated; the header is read without regard to case."""
    reply = Reply(200, {"CONTENT-ENCODING": "GZIP", "X-Token": "t"}, gzip.compress(b"plain"))

    async with talking(lambda _: _soon(reply)) as (client, stub):
        answer = await client.exchange(get(stub))
    assert (answer.body, answer.headers["x-token"]) == (b"plain", "t")


async def test_a_redirect_is_an_answer_and_never_followed() -> None:
    """The other host is not called, so that it gets neither order nor credentials."""
    async with serving(lambda _: _soon(Reply(200))) as elsewhere:
        reply = Reply(307, {"Location": f"{elsewhere.url}/"})
        async with talking(lambda _: _soon(reply)) as (client, stub):
            answer = await client.exchange(post(stub))
        assert isinstance(refusal(answer, WRITE), Unauthorized)
        assert elsewhere.asked == []


async def test_an_idle_connection_is_not_used_again_for_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer may be gone without a word; a new connection shows that before anything is sent."""
    monkeypatch.setattr(client_module, "WRITES_REUSE_SECONDS", 0.05)
    async with talking(lambda _: _soon(Reply(201))) as (client, stub):
        await client.exchange(post(stub))
        await client.exchange(post(stub))
        assert stub.connections == 1
        await asyncio.sleep(0.1)
        await client.exchange(post(stub))
        assert stub.connections == 2
        await client.exchange(get(stub))
        await asyncio.sleep(0.1)
        await client.exchange(get(stub))
        assert stub.connections == 3


async def test_cookies_are_kept_for_the_system() -> None:
    """A session that one answer opens is in the next request, read or write."""
    reply = Reply(200, {"Set-Cookie": "SAP_SESSIONID_MCK_100=abc; path=/"})
    async with talking(lambda _: _soon(reply)) as (client, stub):
        await client.exchange(get(stub))
        await client.exchange(post(stub))
        assert stub.asked[1].headers["cookie"] == "SAP_SESSIONID_MCK_100=abc"


async def test_stopping_twice_is_no_error() -> None:
    """A line that fails at start stops what it has."""
    client = HttpClient(HttpSettings("sap"))
    await client.stop()
    await client.start()
    await client.stop()
    await client.stop()


async def test_an_illegal_header_is_our_defect_and_nothing_is_sent() -> None:
    """A value with a line break cannot smuggle a second header."""
    async with talking(lambda _: _soon(Reply(200))) as (client, stub):
        request = Request(WRITE, "POST", stub.url, {"X-A": "b\r\nX-C: d"}, b"")
        with pytest.raises(Defect, match="cannot be written"):
            await client.exchange(request)
        assert stub.asked == []


async def _soon(reply: Reply) -> Reply:
    return reply
