"""The table of verdicts, row by row."""

from __future__ import annotations

import pytest

from raccordo.errors import Ambiguous, Locked, Missing, Rejected, Stale, Throttled, Unauthorized, Unavailable
from raccordo.wire.http import Answer, Call, Reason, refusal, unreadable
from raccordo.wire.http.verdicts import LONGEST_SENTENCE

READ = Call("sap", "get_order")
WRITE = Call("sap", "create_order", writes=True)

ROWS = [
    # status, headers, after a write, after a read
    (429, {}, Throttled, Throttled),
    (429, {"retry-after": "3"}, Throttled, Throttled),
    (503, {"retry-after": "30"}, Unavailable, Unavailable),
    (503, {}, Ambiguous, Unavailable),
    (503, {"retry-after": "soon"}, Ambiguous, Unavailable),
    (423, {}, Locked, Locked),
    (425, {}, Locked, Locked),
    (500, {}, Ambiguous, Unavailable),
    (502, {}, Ambiguous, Unavailable),
    (504, {}, Ambiguous, Unavailable),
    (599, {}, Ambiguous, Unavailable),
    (408, {}, Ambiguous, Unavailable),
    (409, {}, Ambiguous, Rejected),
    (412, {}, Stale, Stale),
    (428, {}, Stale, Stale),
    (400, {}, Rejected, Rejected),
    (405, {}, Rejected, Rejected),
    (413, {}, Rejected, Rejected),
    (415, {}, Rejected, Rejected),
    (422, {}, Rejected, Rejected),
    (501, {}, Rejected, Rejected),
    (404, {}, Missing, Missing),
    (410, {}, Missing, Missing),
    (401, {}, Unauthorized, Unauthorized),
    (403, {}, Unauthorized, Unauthorized),
    (407, {}, Unauthorized, Unauthorized),
    (301, {"location": "http://evil/"}, Unauthorized, Unauthorized),
    (304, {}, Unauthorized, Unauthorized),
    (307, {}, Unauthorized, Unauthorized),
]


@pytest.mark.parametrize(("status", "headers", "after_write", "after_read"), ROWS)
def test_a_status_has_its_verdict(
    status: int, headers: dict[str, str], after_write: type, after_read: type
) -> None:
    """The class of the error is what happens next; status, system and operation are kept."""
    for call, expected in ((WRITE, after_write), (READ, after_read)):
        error = refusal(Answer(status, headers, b""), call)
        assert type(error) is expected
        assert error is not None
        assert (error.status, error.system, error.operation) == (status, "sap", call.operation)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_no_refusal(status: int) -> None:
    """2xx is for the protocol kit to read."""
    assert refusal(Answer(status, {}, b""), WRITE) is None


def test_a_wait_is_kept() -> None:
    """What the system asked for reaches the line in seconds."""
    error = refusal(Answer(429, {"retry-after": "7"}, b""), WRITE)
    assert error is not None
    assert error.retry_after == 7


def test_a_reason_is_one_bounded_line_without_tricks() -> None:
    """A foreign sentence cannot forge log lines or flood them."""
    reason = Reason("V1/302", "first\r\nlevel=critical forged\x1b[31m", ("x" * 9000,))
    error = refusal(Answer(400, {}, b""), WRITE, reason)
    assert error is not None
    assert error.reason_code == "V1/302"
    assert "\n" not in error.sentence
    assert "\x1b" not in error.sentence
    assert len(error.sentence) <= LONGEST_SENTENCE


def test_half_a_success_is_a_doubt_after_a_write() -> None:
    """What cannot be read may have been done."""
    answer = Answer(201, {"content-type": "application/json"}, b'{"d": {"Sal')
    assert type(unreadable(answer, WRITE, "is cut")) is Ambiguous
    assert type(unreadable(answer, READ, "is cut")) is Unavailable


@pytest.mark.parametrize("page", [b"<input type='password'>", b"<title>SAP Logon</title>", b"SAMLRequest"])
def test_a_page_to_sign_in_stops_everything(page: bytes) -> None:
    """A proxy or identity provider answered in the system's place: nothing was executed."""
    answer = Answer(200, {"content-type": "text/html; charset=utf-8"}, page)
    assert type(unreadable(answer, WRITE, "")) is Unauthorized


def test_another_page_is_only_unreadable() -> None:
    """A proxy may have replaced the answer to what was done."""
    answer = Answer(200, {"content-type": "text/html"}, b"<h1>It works</h1>")
    assert type(unreadable(answer, WRITE, "")) is Ambiguous
