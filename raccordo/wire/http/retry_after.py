"""`Retry-After` in seconds, whatever was written into it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0
"""Seconds that are believed at most: a mistyped date must not stop a flow for a year."""


def retry_after(value: str | None, *, date: str | None = None, now: datetime | None = None) -> float | None:
    """Return the seconds to wait, from 0 to an hour; None if the header is absent or says nothing.

    `value` is a number of seconds or an HTTP date (RFC 9110, 10.2.3). `date` is the answer's own
    ``Date``: a date is measured from it where it is given, so that two clocks that differ do no harm.
    """
    if value is None or not value.strip():
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _http_date(value)
        if until is None:
            return None
        seconds = (until - (_http_date(date) or now or datetime.now(UTC))).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST)


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
