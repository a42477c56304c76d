"""Every exception of httpx, translated once: surely not sent, or perhaps done.

Only one question matters: can the request have left? The client watches that itself (`left`); where it saw
nothing, the class of the exception answers, and a class that says nothing counts as "it can".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from raccordo.errors import Ambiguous, ConnectorError, Defect, RaccordoError, Unauthorized, Unavailable

if TYPE_CHECKING:
    from raccordo.wire.http.exchange import Call

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)
"""Raised before the first byte of the request: refused, DNS, TLS, no pool slot."""

SENT = (
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
)
"""Raised when bytes of the request may have arrived: the other end may have done what it says."""

NEVER_FOLLOWED = (httpx.TooManyRedirects,)

OURS = (
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.StreamError,
    httpx.HTTPStatusError,
)
"""A request that could not even be written: our own bug, unless something had left already."""

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError)
"""What to catch around httpx. Operating system errors are among it for what the library lets through."""


def translate(error: Exception, call: Call, *, left: bool) -> RaccordoError:
    """Return the error of ours for an exception of httpx. `left`: bytes of the request were seen to leave."""
    if isinstance(error, NEVER_FOLLOWED):
        return _about(Unauthorized, call, "it sent us to another address")
    if left or not isinstance(error, (*NOT_SENT, *OURS)):
        return lost(call, f"the answer was lost ({type(error).__name__})")
    if isinstance(error, OURS):
        return Defect(
            f"{call.system}.{call.operation}: the request cannot be written ({type(error).__name__})"
        )
    return _about(Unavailable, call, f"cannot be reached ({type(error).__name__}{_certificate(error)})")


def too_late(call: Call, seconds: float, *, left: bool) -> ConnectorError:
    """Return the error for an exchange that did not end within its deadline of `seconds`."""
    if left:
        return lost(call, f"no complete answer within {seconds:g} s")
    return _about(Unavailable, call, f"no connection within {seconds:g} s")


def lost(call: Call, sentence: str, *, status: int | None = None) -> ConnectorError:
    """Return the error for an answer that cannot be known: look after a write, ask again after a read."""
    return _about(Ambiguous if call.writes else Unavailable, call, sentence, status=status)


def _about(
    kind: type[ConnectorError], call: Call, sentence: str, *, status: int | None = None
) -> ConnectorError:
    return kind(sentence, system=call.system, operation=call.operation, status=status)


def _certificate(error: Exception) -> str:
    """Say that a certificate is the cause, which no retry but only a person mends."""
    return ": its certificate is not trusted" if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
