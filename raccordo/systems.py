"""What all lanes share when they talk to one system: its slots, its rate, its breaker and its wish for silence."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from raccordo.errors import ConnectorError, Locked, Throttled, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from raccordo.clock import Clock
    from raccordo.connector import Connector

FIRST_SILENCE: Final = 1.0
LONGEST_SILENCE: Final = 30.0
UNAUTHORIZED_SILENCE: Final = 30.0
LONGEST_RETRY_AFTER: Final = 3600.0


class System:
    """One connector as this process uses it. The breaker is open until `not_before`; then one call tries first.

    `trouble` is what the system last failed with (None while it is well), for health and for people.
    """

    def __init__(self, connector: Connector[Any, Any], clock: Clock, rng: Random) -> None:
        self.connector = connector
        self.name = connector.system
        self.trouble: ConnectorError | None = None
        self.not_before = 0
        self._clock = clock
        self._rng = rng
        self._slots = asyncio.Semaphore(connector.config.max_in_flight)
        self._interval = 1.0 / connector.config.rate if connector.config.rate else 0.0
        self._next_turn = 0.0
        self._failures = 0
        self._probe = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether the breaker is open: the system is in trouble."""
        return self.trouble is not None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for the breaker, the rate and a free slot, then hold it for one call.

        While the system is in trouble one caller at a time goes through, once the silence is over.
        """
        async with self._slots:
            while not self.open:
                await self._turn()
                if not self.open:
                    yield
                    return
            async with self._probe:
                await self._silence()
                await self._turn()
                yield

    @property
    def silent(self) -> bool:
        """Whether nothing may be sent right now."""
        return self.open and self._clock.now() < self.not_before

    async def _silence(self) -> None:
        while self.open and (wait := self.not_before - self._clock.now()) > 0:
            await self._clock.sleep(wait / 1000)

    async def _turn(self) -> None:
        if self._interval:
            start = max(self._next_turn, self._clock.monotonic())
            self._next_turn = start + self._interval
            await self._clock.sleep(max(0.0, start - self._clock.monotonic()))

    def succeeded(self) -> None:
        """Note an answer, of whatever kind: the system is there."""
        self.trouble = None
        self._failures = 0

    def failed(self, error: ConnectorError) -> int | None:
        """Note a failure. Returns the time (ms since the epoch) until which every worker must keep silent, if told."""
        if isinstance(error, Locked) or not isinstance(error, (Unavailable, Unauthorized)):
            self.succeeded()
            return None
        told = isinstance(error, Throttled) or error.retry_after is not None
        if self.silent and not told:
            return None  # under way when the breaker opened: says nothing new
        self._failures += 1
        self.trouble = error
        until = self._clock.now() + int(self._wait(error) * 1000)
        self.not_before = max(self.not_before, until) if told else until
        return self.not_before if told else None

    def hushed(self, not_before: int) -> None:
        """Keep silent until then because another worker was told so."""
        self.not_before = max(self.not_before, not_before)
        self.trouble = self.trouble or Throttled("another worker was asked to slow down", system=self.name)

    def _wait(self, error: ConnectorError) -> float:
        if error.retry_after is not None:
            return min(max(error.retry_after, 0.0), LONGEST_RETRY_AFTER)
        if isinstance(error, Unauthorized):
            return UNAUTHORIZED_SILENCE
        step = min(LONGEST_SILENCE, FIRST_SILENCE * 2.0 ** min(self._failures - 1, 30))
        return step * (0.5 + self._rng.random() / 2)
