"""No exception of httpx reaches a connector as itself."""

from __future__ import annotations

import inspect

import httpx
import pytest

from raccordo.errors import Ambiguous, Defect, RaccordoError, Unauthorized, Unavailable
from raccordo.wire.http import Call
from raccordo.wire.http.failures import FOREIGN, NEVER_FOLLOWED, NOT_SENT, OURS, SENT, too_late, translate

READ = Call("sap", "get_order")
WRITE = Call("sap", "create_order", writes=True)

ABSTRACT = {
    httpx.HTTPError,
    httpx.RequestError,
    httpx.TransportError,
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.ProtocolError,
}
EXCEPTIONS = sorted(
    (kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)),
    key=lambda kind: kind.__name__,
)


def _made(kind: type[Exception]) -> Exception:
    error = kind.__new__(kind)
    error.args = ("canary",)
    return error


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_every_exception_class_of_httpx_is_in_the_table(kind: type[Exception]) -> None:
    """A new class in a newer httpx fails here, and is thought about."""
    listed = (*NOT_SENT, *SENT, *NEVER_FOLLOWED, *OURS)
    assert kind in ABSTRACT or any(kind is known or issubclass(kind, httpx.StreamError) for known in listed)
    assert issubclass(kind, FOREIGN)


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.parametrize("call", [READ, WRITE])
@pytest.mark.parametrize("left", [True, False])
def test_every_exception_is_translated(kind: type[Exception], call: Call, left: bool) -> None:
    """Whatever it is and whenever it comes, it becomes an error with a verdict, and shows nothing of the request."""
    error = translate(_made(kind), call, left=left)
    assert isinstance(error, RaccordoError)
    assert "canary" not in str(error)


@pytest.mark.parametrize("kind", [kind for kind in EXCEPTIONS if kind not in NEVER_FOLLOWED])
def test_a_write_of_which_bytes_have_left_is_in_doubt(kind: type[Exception]) -> None:
    """Whatever the class says: once a byte is out, the other end may have done it."""
    assert type(translate(_made(kind), WRITE, left=True)) is Ambiguous


@pytest.mark.parametrize("kind", NOT_SENT)
def test_what_never_left_may_be_sent_again(kind: type[Exception]) -> None:
    """Refused, not resolved, no pool slot: surely not done."""
    assert type(translate(_made(kind), WRITE, left=False)) is Unavailable


@pytest.mark.parametrize("kind", sorted({*SENT, *ABSTRACT}, key=str))
def test_a_class_that_says_nothing_counts_as_sent(kind: type[Exception]) -> None:
    """Doubt is the careful answer for a write; a read is asked again."""
    assert type(translate(_made(kind), WRITE, left=False)) is Ambiguous
    assert type(translate(_made(kind), READ, left=False)) is Unavailable


def test_our_own_mistakes_are_defects() -> None:
    """An address that cannot be written is a bug of ours, not an outage of theirs."""
    assert type(translate(httpx.InvalidURL("canary"), WRITE, left=False)) is Defect
    assert type(translate(httpx.TooManyRedirects("canary"), READ, left=False)) is Unauthorized


def test_a_deadline_is_a_doubt_only_after_sending() -> None:
    """Waiting for a connection is waiting; waiting for an answer is not knowing."""
    assert type(too_late(WRITE, 3, left=True)) is Ambiguous
    assert type(too_late(WRITE, 3, left=False)) is Unavailable
    assert type(too_late(READ, 3, left=True)) is Unavailable


def test_an_untrusted_certificate_is_named() -> None:
    """An operator reads the cause, which no retry mends."""
    error = translate(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] expired"), WRITE, left=False)
    assert isinstance(error, Unavailable)
    assert "certificate" in str(error)
