"""Retry-After, as systems really send it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from raccordo.wire.http.retry_after import LONGEST, retry_after

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("-5", 0),
        ("86400000", LONGEST),
        ("1e400", LONGEST),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        ("Sun, 22 Nov 2099 10:00:00 GMT", LONGEST),
        ("Sun, 22 Nov 2026 10:00:30 -0000", 30),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("Sun, 99 Nov 2026 10:00:00 GMT", None),
    ],
)
def test_it_is_read_and_kept_within_an_hour(value: str | None, seconds: float | None) -> None:
    """Seconds, dates, the past, the absurd, and nonsense."""
    assert retry_after(value, now=NOW) == seconds


def test_a_date_is_measured_from_the_answers_own_date() -> None:
    """Two clocks that differ by ten minutes do not change how long is waited."""
    value = "Sun, 22 Nov 2026 10:10:30 GMT"
    assert retry_after(value, date="Sun, 22 Nov 2026 10:10:00 GMT", now=NOW) == 30
