"""Several members of one flow's group in this process, each with a line of its own, as separate workers have."""

from __future__ import annotations

import asyncio
import io
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from desk import Config, Desk, Wire
from raccordo.broker.memory import MemoryBroker
from raccordo.clock import SystemClock
from raccordo.codec import Codec, encode
from raccordo.errors import LedgerError
from raccordo.event import EventId, first_event
from raccordo.ledger.sql import SqlLedger
from raccordo.line import Line
from raccordo.member import Member
from raccordo.settings import Settings
from raccordo.systems import System
from raccordo.telemetry import configure
from raccordo.topics import desired

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from desk import Placed
    from raccordo.flow import Flow
    from raccordo.ledger.database import Database

    T = TypeVar("T")

TENANT = "default"


class Outage:
    """A database in front of the real one that refuses to write while `on`."""

    def __init__(self, database: Database) -> None:
        self.where, self.serial = database.where, database.serial
        self.on = False
        self._database = database

    async def open(self) -> None:
        await self._database.open()

    async def write(self, work: Callable[[Connection], T]) -> T:
        await asyncio.sleep(0)
        if self.on:
            message = "the disk is full"
            raise LedgerError(message)
        return await self._database.write(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()


class Hand:
    """One member with its line, its ledger connection and the text of its log."""

    def __init__(
        self, member: Member, line: Line, ledger: SqlLedger, outage: Outage, log: io.StringIO
    ) -> None:
        self.member = member
        self.line = line
        self.ledger = ledger
        self.outage = outage
        self.log = log
        self.task = asyncio.create_task(member.run())

    async def leave(self) -> None:
        """Stop as a worker does."""
        self.member.stop()
        await self.member.leave()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.line.producer.stop()
        await self.ledger.stop()


class Crew:
    """A broker, a ledger file and a desk that all members share; `wire` is the desk's ledger of effects."""

    def __init__(self, flow: Flow[..., Any], folder: Path, settle: float = 0.3) -> None:
        self.flow = flow
        self.broker = MemoryBroker()
        self.config = Config(settle=settle)
        self.wire = Wire(self.config)
        self.hands: list[Hand] = []
        self._url = f"sqlite:///{folder / 'ledger.db'}"
        self._settings = Settings(poll_interval=0.01, commit_interval=0.03, drain_timeout=2.0)

    async def join(self, **settings: Any) -> Hand:
        """Add a member and wait until it is ready."""
        flow, clock = self.flow, SystemClock()
        if not self.hands:
            await self.broker.admin().create(desired((flow.contract, *flow.wiring.emits)))
        ledger = SqlLedger(self._url)
        await ledger.start()
        outage = ledger._committer._database = Outage(ledger.database)
        rng = Random(len(self.hands))
        log = io.StringIO()
        line = Line(
            ledger=ledger,
            producer=self.broker.producer(),
            systems={"desk": System(Desk(self.config, self.wire), clock, rng)},
            clock=clock,
            rng=rng,
            log=configure("info", log),
        )
        await line.producer.start()
        topics, group, name = [flow.contract.info.topic], flow.name, f"m{len(self.hands)}"
        member = Member(
            flow,
            Codec(flow.contract, frozenset({TENANT})),
            line,
            lambda: self.broker.consumer(topics=topics, group=group, member=""),
            self._settings.model_copy(update=settings),
            name,
        )
        hand = Hand(member, line, ledger, outage, log)
        self.hands.append(hand)
        async with asyncio.timeout(20):
            while not member.ready:
                await asyncio.sleep(0.002)
        return hand

    async def publish(self, *orders: Placed) -> None:
        """Publish orders, each under the id ``number-seq``."""
        producer = self.broker.producer()
        await producer.start()
        for order in orders:
            event_id = EventId(f"{order.number}-{order.seq}")
            await producer.send(encode(first_event(order, tenant=TENANT, source="test", id=event_id)))
        await producer.stop()

    async def booked(self, count: int, within: float = 20.0) -> None:
        """Wait until the desk has as many bookings."""
        async with asyncio.timeout(within):
            while len(self.wire.booked) < count:
                await asyncio.sleep(0.01)

    def sequences(self) -> dict[str, list[int]]:
        """The order of bookings for each number."""
        found: dict[str, list[int]] = {}
        for number, seq, _ in self.wire.booked:
            found.setdefault(number, []).append(seq)
        return found

    async def leave(self) -> None:
        """Stop all members."""
        for hand in self.hands:
            await hand.leave()
