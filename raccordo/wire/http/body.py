"""Reading a body without letting its sender decide how much memory that takes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

GZIP_OR_ZLIB = 47
"""zlib's window bits for: find out whether it is gzip or zlib."""


class UnreadableBody(Exception):
    """The body is too large, inflates to too much, or is compressed in a way that was not asked for."""


async def read_body(chunks: AsyncIterable[bytes], *, encoding: str, limit: int) -> bytes:
    """Collect a body of at most `limit` bytes, inflated; a bomb stops at the limit.

    Raises:
        UnreadableBody: larger than the limit, damaged, or in an encoding other than gzip.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return await _plain(chunks, limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return await _inflated(chunks, limit)
    raise UnreadableBody(f"its content encoding {encoding[:20]!r} was not asked for")


async def _plain(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise UnreadableBody(f"it is larger than {limit} bytes")
    return bytes(body)


async def _inflated(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=GZIP_OR_ZLIB)
    body = bytearray()
    try:
        async for chunk in chunks:
            body += inflater.decompress(chunk, limit + 1 - len(body))
            if len(body) > limit:
                raise UnreadableBody(f"it inflates to more than {limit} bytes")
    except zlib.error as error:
        raise UnreadableBody("its compression is damaged") from error
    if not inflater.eof:
        raise UnreadableBody("its compression ends too early")
    return bytes(body)
