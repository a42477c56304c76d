"""Headers as bytes and back, exactly: order, repeats, names and values as they came."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from raccordo.broker import Headers

LENGTHS: Final = struct.Struct(">II")


def pack(headers: Headers) -> bytes:
    """Write headers as (length of name, length of value, name in UTF-8, value) one after the other."""
    parts: list[bytes] = []
    for name, value in headers:
        raw = name.encode("utf-8", "surrogatepass")
        parts += (LENGTHS.pack(len(raw), len(value)), raw, value)
    return b"".join(parts)


def unpack(packed: bytes) -> Headers:
    """Read what `pack` wrote. Raises ValueError where it was cut."""
    headers: list[tuple[str, bytes]] = []
    at = 0
    while at < len(packed):
        try:
            name_length, value_length = LENGTHS.unpack_from(packed, at)
        except struct.error as error:
            raise ValueError("stored headers are cut off") from error
        middle = at + LENGTHS.size + name_length
        end = middle + value_length
        if end > len(packed):
            raise ValueError("stored headers are cut off")
        headers.append(
            (packed[at + LENGTHS.size : middle].decode("utf-8", "surrogatepass"), packed[middle:end])
        )
        at = end
    return tuple(headers)
