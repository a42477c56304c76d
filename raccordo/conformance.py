"""The suite that every connector passes, run against a counterpart of its system with faults on.

One line in a test module is enough::

    TestSap = connector_contract(SapOrders, SapCounterpart)

The counterpart is a stand-in that somebody else wrote, or the system's own test instance; it is told what to do wrong
and asked for the effects in its own store, never through the connector.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from raccordo.errors import (
    Ambiguous,
    ConnectorError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Undecided,
)
from raccordo.event import EventId, derived_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from raccordo.connector import Connector, ConnectorConfig, DocumentRef, Operation

BATCH = 6
WAIT_SECONDS = 7
LATE_BY = 5.0
"""Tolerance for a date that was written a moment before it is read; dates count whole seconds."""


class Trouble(StrEnum):
    """What a counterpart can be told to do with the next request of its kind."""

    ANSWER_LOST = auto()
    """Execute the write and close the connection without an answer."""
    GARBLED = auto()
    """Execute the write and answer with a success whose body cannot be read."""
    THROTTLED = auto()
    """Refuse the write with 429; `detail` is the value of Retry-After."""
    REFUSED = auto()
    """Refuse the write as bad business; `detail` is the reason in words."""
    FORBIDDEN = auto()
    """Refuse the write because we may not (403)."""
    SIGN_IN_EXPIRED = auto()
    """Let what signs us in for writes end before its time: the token, the session."""
    SIGN_IN_REFUSED = auto()
    """Refuse our credentials from now on (401)."""
    REDIRECTED = auto()
    """Answer the write with a redirect to the address in `detail`."""
    SIGN_IN_PAGE = auto()
    """Answer the write with 200 and a page in HTML that asks for a password."""
    PAGES_IN_A_CIRCLE = auto()
    """Answer the look with a page that names itself as the next one."""


class Counterpart(Protocol):
    """A system to test against. `call(n)` gives the arguments of the write for a document that differs with `n`."""

    @property
    def config(self) -> ConnectorConfig:
        """The settings with which the connector reaches it."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """What must never be seen in an error, a log line or a `repr`."""
        ...

    def call(self, number: int) -> tuple[Any, ...]:
        """Return the arguments of the write, without its key."""
        ...

    def make(self, trouble: Trouble, detail: str = "") -> None:
        """Do it wrong at the next occasion."""

    def effects(self, number: int) -> int:
        """Count the documents of `call(number)` in the system's own store."""
        ...

    def writes(self) -> int:
        """Count the requests that came with the intent to change something."""
        ...

    def sign_ins(self) -> int:
        """Count how often a token or session for writes was asked for."""
        ...


class ConnectorContract:
    """What `connector_contract` makes a test class of: a fresh counterpart for every test."""

    connector_type: ClassVar[type[Connector[Any, Any]]]
    counterpart: ClassVar[staticmethod[[], AbstractContextManager[Counterpart]]]
    write_name: ClassVar[str]

    async def test_a_write_has_one_effect_and_is_found_by_its_look(self) -> None:
        """What a write gives back, its look gives back too."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                made = await self._write(connector, other, 1)
                assert made == await self._look(connector, other, 1)
                assert other.effects(1) == 1

    async def test_a_look_before_any_write_finds_nothing(self) -> None:
        """Not found is None and no error; somebody else's document is not ours."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                await self._write(connector, other, 1)
                assert await self._look(connector, other, 2) is None

    async def test_an_answer_lost_after_the_effect_leaves_a_doubt_that_the_look_settles(self) -> None:
        """A lost answer is neither a failure nor a success, and is not repeated by the kit."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.ANSWER_LOST)
                error = await self._failure(connector, other, 1)
                assert isinstance(error, Ambiguous), error
                assert other.effects(1) == 1
                assert await self._look(connector, other, 1) is not None

    async def test_a_success_that_cannot_be_read_leaves_a_doubt(self) -> None:
        """Half an answer is no answer."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.GARBLED)
                assert isinstance(await self._failure(connector, other, 1), Ambiguous)
                assert await self._look(connector, other, 1) is not None

    async def test_two_documents_for_one_write_go_to_a_person(self) -> None:
        """A look that finds two does not choose."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                await self._write(connector, other, 1, attempt="first")
                await self._write(connector, other, 1, attempt="second")
                if other.effects(1) == 1:
                    return  # the system itself keeps writes apart by what they say
                try:
                    found = await self._look(connector, other, 1)
                except Undecided:
                    return
                raise AssertionError(f"the look chose {found} of two")

    async def test_a_limit_is_kept_to_the_second(self) -> None:
        """429 with Retry-After in seconds or as a date: surely not done, and told when."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.THROTTLED, str(WAIT_SECONDS))
                error = await self._failure(connector, other, 1)
                assert isinstance(error, Throttled)
                assert error.retry_after == WAIT_SECONDS
                until = datetime.now(UTC) + timedelta(seconds=60)
                other.make(Trouble.THROTTLED, format_datetime(until, usegmt=True))
                error = await self._failure(connector, other, 1)
                assert isinstance(error, Throttled)
                assert error.retry_after is not None
                assert 60 - LATE_BY <= error.retry_after <= 60 + LATE_BY
                assert other.effects(1) == 0

    async def test_a_sign_in_that_ends_in_a_batch_is_renewed_once(self) -> None:
        """All writes of the batch succeed, and not every one of them asks for a new token."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                await self._write(connector, other, 0)
                before = other.sign_ins()
                other.make(Trouble.SIGN_IN_EXPIRED)
                await asyncio.gather(*(self._write(connector, other, number) for number in range(1, BATCH)))
                assert [other.effects(number) for number in range(BATCH)] == [1] * BATCH
                assert other.sign_ins() == before + 1

    async def test_refused_credentials_stop_everything(self) -> None:
        """401: every call would fail alike, nothing was done, and no user is locked by trying."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.SIGN_IN_REFUSED)
                assert isinstance(await self._failure(connector, other, 1), Unauthorized)
                assert other.effects(1) == 0

    async def test_missing_rights_stop_everything(self) -> None:
        """403: as for credentials."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.FORBIDDEN)
                assert isinstance(await self._failure(connector, other, 1), Unauthorized)
                assert other.effects(1) == 0

    async def test_a_refusal_keeps_the_reason_of_the_system(self) -> None:
        """400 is final at once, in the system's own words."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.REFUSED, "Customer 4711 is blocked")
                error = await self._failure(connector, other, 1)
                assert isinstance(error, Rejected)
                assert "Customer 4711 is blocked" in error.sentence
                assert error.reason_code
                assert other.effects(1) == 0

    async def test_nobody_sends_us_elsewhere(self) -> None:
        """Neither a redirect nor a page to sign in is followed or taken for an answer."""
        with self._counterpart() as other, self._counterpart() as elsewhere:
            async with self._open(other) as connector:
                other.make(Trouble.REDIRECTED, str(getattr(elsewhere.config, "url", "http://127.0.0.1:9/")))
                assert isinstance(await self._failure(connector, other, 1), Unauthorized)
                other.make(Trouble.SIGN_IN_PAGE)
                assert isinstance(await self._failure(connector, other, 1), Unauthorized)
                assert other.effects(1) == elsewhere.writes() == 0

    async def test_pages_that_run_in_a_circle_end(self) -> None:
        """A read that never ends is a failed read."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                other.make(Trouble.PAGES_IN_A_CIRCLE)
                started = time.monotonic()
                try:
                    await self._look(connector, other, 1)
                except Unavailable:
                    assert time.monotonic() - started < connector.config.timeout
                    return
                raise AssertionError("the circle was taken for a list")

    async def test_a_check_finds_all_well_and_writes_nothing(self) -> None:
        """A preflight may be run at any time, against any system."""
        with self._counterpart() as other:
            async with self._open(other) as connector:
                findings = await connector.check()
                assert findings
                assert [finding for finding in findings if not finding.ok] == []
                assert other.writes() == 0

    async def test_secrets_are_seen_nowhere(self, caplog: Any) -> None:
        """Not in an error, its causes, a log line, nor in how settings and connector show themselves."""
        caplog.set_level(logging.DEBUG)
        for trouble in Trouble:
            with self._counterpart() as other:
                async with self._open(other) as connector:
                    other.make(trouble, "1" if trouble is Trouble.THROTTLED else "http://127.0.0.1:9/")
                    shown = [
                        repr(connector.config),
                        str(connector.config),
                        repr(connector),
                        repr(connector.wire),
                    ]
                    shown.append(await self._told(connector, other))
                    for secret in other.secrets:
                        assert not any(secret in text for text in (*shown, caplog.text)), trouble

    def _tried(self) -> Operation[Any, Any, Any]:
        return self.connector_type.operations[self.write_name]

    def _counterpart(self) -> AbstractContextManager[Counterpart]:
        return type(self).counterpart()

    def _open(self, other: Counterpart) -> Connector[Any, Any]:
        return self.connector_type.open(other.config)

    async def _write(
        self, connector: Connector[Any, Any], other: Counterpart, number: int, *, attempt: str = ""
    ) -> DocumentRef:
        result: DocumentRef = await self._tried().function(
            connector, *other.call(number), key=_key(number, attempt)
        )
        return result

    async def _look(
        self, connector: Connector[Any, Any], other: Counterpart, number: int
    ) -> DocumentRef | None:
        look = self._tried().look_function
        assert look is not None
        found: DocumentRef | None = await look(connector, *other.call(number), key=_key(number))
        return found

    async def _failure(
        self, connector: Connector[Any, Any], other: Counterpart, number: int
    ) -> ConnectorError:
        """Return the error that a write ends with; it names its system."""
        try:
            made = await self._write(connector, other, number)
        except ConnectorError as error:
            failure = error
        else:
            raise AssertionError(f"the write went through: {made}")
        assert failure.system == connector.system
        return failure

    async def _told(self, connector: Connector[Any, Any], other: Counterpart) -> str:
        """Return everything that a failing write and look say, tracebacks with all causes included."""
        told = []
        for step in (self._write, self._look):
            try:
                told.append(repr(await step(connector, other, 1)))
            except ConnectorError as error:
                told += [str(error), repr(error), "".join(traceback.format_exception(error))]
        return "\n".join(told)


def connector_contract(
    connector_type: type[Connector[Any, Any]],
    counterpart: Callable[[], AbstractContextManager[Counterpart]],
    *,
    write: str | None = None,
) -> type[ConnectorContract]:
    """Make the test class of a connector. `counterpart` opens a fresh one; `write` names the operation to try.

    Without `write` the first operation that has a look is taken. Raises TypeError where there is none.
    """
    looked = [found for found in connector_type.operations.values() if found.once == "look"]
    chosen = connector_type.operations.get(write) if write else next(iter(looked), None)
    if chosen is None or chosen.look_function is None:
        message = f"{connector_type.__name__} has no write with a look to test"
        raise TypeError(message)
    members = {
        "connector_type": connector_type,
        "counterpart": staticmethod(counterpart),
        "write_name": chosen.name,
    }
    return type(f"Test{connector_type.__name__}", (ConnectorContract,), members)


def _key(number: int, attempt: str = "") -> EventId:
    return derived_id("conformance", str(number), attempt)
