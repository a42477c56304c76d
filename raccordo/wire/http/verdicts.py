"""Every HTTP status to what happens next: the only table of its kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from raccordo.errors import (
    Ambiguous,
    ConnectorError,
    Locked,
    Missing,
    Rejected,
    Stale,
    Throttled,
    Unauthorized,
    Unavailable,
)
from raccordo.wire.http.failures import lost
from raccordo.wire.http.retry_after import retry_after

if TYPE_CHECKING:
    from raccordo.wire.http.exchange import Answer, Call

Kind = type[ConnectorError]

TABLE: dict[int, tuple[Kind, Kind]] = {
    # status: (after a write, after a read)
    401: (Unauthorized, Unauthorized),
    403: (Unauthorized, Unauthorized),
    404: (Missing, Missing),
    407: (Unauthorized, Unauthorized),
    408: (Ambiguous, Unavailable),
    409: (Ambiguous, Rejected),  # after a write it may be our own success
    410: (Missing, Missing),
    412: (Stale, Stale),
    423: (Locked, Locked),
    425: (Locked, Locked),
    428: (Stale, Stale),
    429: (Throttled, Throttled),
    501: (Rejected, Rejected),
    505: (Rejected, Rejected),
    511: (Unauthorized, Unauthorized),
}
"""What is not the rule of its class: 3xx HALT; 4xx refused; 5xx LOOK after a write, RETRY after a read."""

LONGEST_SENTENCE = 400
SIGN_IN = re.compile(rb"type=[\"']?password|log[ -]?[io]n|sign[ -]?in|saml", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a system refused, in its own words: codes for machines, `message` and `details` for people."""

    code: str = ""
    message: str = ""
    details: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return all of it on one line of bounded length, without control characters."""
        parts = dict.fromkeys(part for part in (self.message, *self.details) if part)
        return CONTROL.sub(" ", "; ".join(parts)).strip()[:LONGEST_SENTENCE]


NO_REASON = Reason()


def refusal(answer: Answer, call: Call, reason: Reason = NO_REASON) -> ConnectorError | None:
    """Return the error that an answer's status stands for; None for success (2xx).

    `reason` is what the protocol kit has read from the body. A sign-in page is told apart by `sign_in_page`.
    """
    if answer.ok:
        return None
    wait = retry_after(answer.headers.get("retry-after"), date=answer.headers.get("date"))
    return _kind(answer.status, call, promised=wait is not None)(
        reason.sentence() or _phrase(answer),
        system=call.system,
        operation=call.operation,
        status=answer.status,
        code=reason.code,
        retry_after=wait,
    )


def unreadable(answer: Answer, call: Call, why: str) -> ConnectorError:
    """Return the error for a success whose body cannot be read: perhaps done. `why` completes "its body"."""
    if sign_in_page(answer):
        return Unauthorized(
            "it answered with a sign-in page",
            system=call.system,
            operation=call.operation,
            status=answer.status,
        )
    return lost(call, f"its body {why}", status=answer.status)


def sign_in_page(answer: Answer) -> bool:
    """Tell whether a person would see a form to sign in: nothing was executed, and nothing will be."""
    return answer.media_type in HTML and SIGN_IN.search(answer.body[:65536]) is not None


def _kind(status: int, call: Call, *, promised: bool) -> Kind:
    if status in TABLE:
        after_write, after_read = TABLE[status]
        return after_write if call.writes else after_read
    if status < HTTPStatus.BAD_REQUEST:
        return Unauthorized
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Rejected
    if status == HTTPStatus.SERVICE_UNAVAILABLE and promised:
        return Unavailable
    return Ambiguous if call.writes else Unavailable


def _phrase(answer: Answer) -> str:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "unknown status"
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return f"{phrase}: it sent us elsewhere, which is never followed; check the address and the sign-in"
    return phrase
