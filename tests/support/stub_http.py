"""An HTTP server whose every byte the test decides: replies, silence, drips, cuts, and what it was asked."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came. Header names are in lower case; `connection` counts connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    writer: asyncio.StreamWriter = field(repr=False)

    async def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer with a correct length."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encoded(self, *, head: bool) -> bytes:
        """Return it as bytes."""
        lines = [f"HTTP/1.1 {self.status} Stub"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not any(name.lower() == "content-length" for name in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if head else self.body)


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """Return an answer in JSON; underscores in header names are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Content-Type": "application/json", **named}, json.dumps(body).encode())


class Stub:
    """A server on loopback. `answer` is called for each request; None closes the connection."""

    def __init__(self, answer: Callable[[Asked], Awaitable[Reply | None]]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until somebody closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while (asked := await _read(reader, writer, number)) is not None:
                self.asked.append(asked)
                reply = await self.answer(asked)
                if reply is None:
                    break
                await asked.raw(reply.encoded(head=asked.method == "HEAD"))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def drop_connections(self) -> None:
        """End what is still being served."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(
    answer: Callable[[Asked], Awaitable[Reply | None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stub]:
    """Serve on a free port of loopback."""
    stub = Stub(answer)
    # A client that keeps its connection open does not answer a TLS farewell: nobody waits for that.
    patience = 0.1 if tls else None
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, ssl=tls, ssl_shutdown_timeout=patience)
    port = server.sockets[0].getsockname()[1]
    stub.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield stub
    finally:
        server.close()
        await stub.drop_connections()
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body, number, writer)
