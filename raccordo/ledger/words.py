"""Texts from outside as the databases can store them, exactly where identity hangs on them.

PostgreSQL stores no NUL, no database stores lone surrogates, and PostgreSQL indexes at most some 2,700 bytes. A text
that breaks one of these would fail the whole transaction that it shares with others.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from raccordo.errors import ContractError

LONGEST_NAME: Final = 1024
"""Bytes that an identity (event id, tenant, lane, correlation id) may have."""

LONGEST_VALUE: Final = 256
"""Bytes of a business key that are searched as they are; longer ones are found by their digest."""

LONGEST_TEXT: Final = 4000
"""Characters that are kept of an error's reason."""

ESCAPE: Final = "\x1b"
UNSTORABLE: Final = re.compile("[\x00\x1b\ud800-\udfff]")
ESCAPED: Final = re.compile("\x1b([0-9a-f]{4})")


def exact(text: str) -> str:
    """Write what cannot be stored as an escape; `original` undoes it. Ordinary texts pass as they are."""
    if text.isprintable():
        return text
    return UNSTORABLE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04x}", text)


def original(stored: str) -> str:
    """Undo `exact`."""
    if ESCAPE not in stored:
        return stored
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), stored)


def check_length(identity: str, path: str) -> None:
    """Raise ContractError, naming `path`, for an identity that no index can hold."""
    if len(identity) > LONGEST_NAME // 4 and len(exact(identity).encode()) > LONGEST_NAME:
        message = f"is longer than the {LONGEST_NAME} bytes that an identity may have"
        raise ContractError(message, path=path)


def value(text: str) -> str:
    """Make a business key storable and searchable: a long one becomes its beginning and its digest."""
    stored = exact(text)
    if len(stored) > LONGEST_VALUE // 4:
        raw = stored.encode()
        if len(raw) > LONGEST_VALUE:
            return f"{stored[: LONGEST_VALUE // 8]}…{hashlib.blake2b(raw, digest_size=16).hexdigest()}"
    return stored


def remark(text: str) -> str:
    """Make a text for people storable; what cannot be stored is replaced, and what is too long is cut."""
    text = text[:LONGEST_TEXT]
    return text if text.isprintable() else UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
