"""What all lanes share of a system: slots, rate, breaker, silence."""

from __future__ import annotations

import asyncio
from random import Random

from clocks import HandClock
from raccordo.connector import Connector, ConnectorConfig
from raccordo.errors import Locked, Rejected, Throttled, Unauthorized, Unavailable
from raccordo.systems import System


class Config(ConnectorConfig, name="desk"):
    """Settings of a system without a wire."""

    settle: float = 1.0


class Kit:
    """A kit that does nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class Desk(Connector[Config, Kit]):
    """A connector without operations."""


def system(clock: HandClock, *, slots: int = 2, rate: float = 0.0) -> System:
    return System(Desk.open(Config(max_in_flight=slots, rate=rate)), clock, Random(1))


class Callers:
    """Callers that take a slot and hold it until they are let go."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.entered: list[int] = []
        self.gate = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def call(self, count: int) -> None:
        for number in range(count):
            self.tasks.append(asyncio.create_task(self._call(number)))

    async def _call(self, number: int) -> None:
        async with self.system.slot():
            self.entered.append(number)
            await self.gate.wait()

    async def finish(self) -> None:
        self.gate.set()
        await asyncio.gather(*self.tasks)


async def test_no_more_calls_are_under_way_than_there_are_slots() -> None:
    clock = HandClock()
    callers = Callers(system(clock, slots=2))
    callers.call(5)
    await clock.advance(0)
    assert len(callers.entered) == 2
    await callers.finish()
    assert len(callers.entered) == 5


async def test_calls_keep_the_rate() -> None:
    clock = HandClock()
    callers = Callers(system(clock, slots=50, rate=10))
    callers.call(30)
    await clock.advance(1.0)
    assert len(callers.entered) == 11
    await clock.advance(5.0)
    await callers.finish()


async def test_nobody_calls_before_the_time_that_the_system_named() -> None:
    clock = HandClock()
    target = system(clock, slots=10)
    target.failed(Throttled("slow down", retry_after=7.0))
    callers = Callers(target)
    callers.call(5)
    await clock.advance(6.9)
    assert callers.entered == []
    await clock.advance(0.2)
    assert len(callers.entered) == 1, "after the silence one caller tries first"
    target.succeeded()
    await callers.finish()
    assert len(callers.entered) == 5


async def test_a_system_that_stays_away_is_asked_ever_more_rarely_and_by_one_at_a_time() -> None:
    clock = HandClock()
    target = system(clock, slots=5)
    waits = []
    for _ in range(8):
        target.failed(Unavailable("away"))
        waits.append((target.not_before - clock.now()) / 1000)
        target.failed(Unavailable("under way when the first one failed"))
        assert (target.not_before - clock.now()) / 1000 == waits[-1]
        await clock.advance(waits[-1])
    assert waits[0] <= 1.0
    assert waits[4] > waits[0]
    assert max(waits) <= 30.0


async def test_an_absurd_retry_after_is_capped() -> None:
    clock = HandClock()
    target = system(clock)
    target.failed(Throttled("slow down", retry_after=10**9))
    assert target.not_before - clock.now() == 3_600_000


async def test_a_refusal_or_a_locked_document_says_that_the_system_is_well() -> None:
    clock = HandClock()
    target = system(clock)
    for answer in (Rejected("no"), Locked("in use")):
        target.failed(Unavailable("away"))
        assert target.open
        target.failed(answer)
        assert not target.open


async def test_wrong_credentials_stop_all_calls_for_a_while() -> None:
    clock = HandClock()
    target = system(clock)
    target.failed(Unauthorized("401"))
    assert target.silent
    await clock.advance(30.0)
    assert not target.silent
    assert target.open
