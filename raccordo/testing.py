"""Test a flow in three lines, without Kafka: the memory broker drives the very same `carry`.

async with line(order_to_sap, sap) as running:
    await running.publish(order)
    assert running.published(OrderConfirmed)
"""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from raccordo.broker.memory import MemoryBroker
from raccordo.clock import SystemClock
from raccordo.codec import Codec, encode
from raccordo.deadletter import dead_topic
from raccordo.event import EventId, derived_id, first_event
from raccordo.ledger.sql import SqlLedger
from raccordo.line import Line
from raccordo.member import Member
from raccordo.settings import Settings
from raccordo.systems import System
from raccordo.telemetry import configure
from raccordo.topics import desired

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from raccordo.broker import Record
    from raccordo.clock import Clock
    from raccordo.connector import Connector
    from raccordo.event import Contract, Event
    from raccordo.flow import Flow

C = TypeVar("C", bound="Contract")

TENANT = "default"


class RunningLine:
    """A line under test: publish events, wait until they have ended or wait, and read what came out."""

    def __init__(self, broker: MemoryBroker, flow: Flow[..., Any], members: list[Member], line: Line) -> None:
        self.broker = broker
        self.ledger = line.ledger
        self.line = line
        self._flow = flow
        self._members = members

    async def publish(
        self, *data: Contract, ids: tuple[str, ...] = (), tenant: str = TENANT, settle: bool = True
    ) -> list[EventId]:
        """Publish contracts as first causes and wait until nothing of them is in flight.

        Ids are derived from the content and its place in the call, unless given. Returns them.
        """
        made = [
            EventId(ids[number])
            if number < len(ids)
            else derived_id("test", contract.model_dump_json(), str(number))
            for number, contract in enumerate(data)
        ]
        for event_id, contract in zip(made, data, strict=True):
            event = first_event(contract, tenant=tenant, source="test", id=event_id)
            await self.line.producer.send(encode(event))
        if settle:
            await self.settled()
        return made

    async def settled(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - a test says how long it waits
        """Wait until every published record is fetched and done: ended, or parked in the ledger."""
        async with asyncio.timeout(timeout):
            while not await self._idle():
                await asyncio.sleep(0.005)

    async def emptied(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - a test says how long it waits
        """Wait until, besides, no lane is parked any more."""
        async with asyncio.timeout(timeout):
            while not await self._idle() or any(
                lanes.parked for member in self._members for lanes in member.lanes.values()
            ):
                await asyncio.sleep(0.005)

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        return [
            record
            for partition, log in sorted(self.broker.logs.items())
            if partition.topic == topic
            for record in log.read(log.begin, log.end - log.begin)
        ]

    def published(self, contract: type[C]) -> list[Event[C]]:
        """The events of a contract that are on its topic."""
        codec = Codec(contract, frozenset({TENANT}))
        return [codec.decode(record) for record in self.records(contract.info.topic)]

    def dead(self) -> list[Record]:
        """The copies in the flow's dead letter channel."""
        return self.records(dead_topic(self._flow.contract.info.topic))

    async def _idle(self) -> bool:
        topic = self._flow.contract.info.topic
        ends = await self.broker.admin().end_offsets(topic)
        begins = await self.broker.admin().begin_offsets(topic)
        done: dict[Any, int | None] = {}
        for member in self._members:
            done.update({partition: lanes.watermark.committable for partition, lanes in member.lanes.items()})
        return all(
            ends[partition] == begins[partition] or done.get(partition) == ends[partition]
            for partition in ends
        )


@asynccontextmanager
async def line(
    flow: Flow[..., Any],
    *connectors: Connector[Any, Any],
    clock: Clock | None = None,
    seed: int = 0,
    ledger: str = "sqlite://",
    settings: Settings | None = None,
    contracts: tuple[type[Contract], ...] = (),
) -> AsyncIterator[RunningLine]:
    """Run a flow in this process over the memory broker, with given connectors and a ledger in memory.

    `contracts` are further topics that the test needs; those of the flow are made anyway.
    """
    settings = settings or Settings(poll_interval=0.01, commit_interval=0.05, drain_timeout=2.0)
    clock, rng = clock or SystemClock(), Random(seed)  # noqa: S311 - jitter, no secret
    broker = MemoryBroker()
    known = (flow.contract, *flow.wiring.emits, *contracts)
    await broker.admin().create(desired(tuple(dict.fromkeys(known))))
    store = SqlLedger(ledger)
    await store.start()
    running = Line(
        ledger=store,
        producer=broker.producer(),
        systems={connector.system: System(connector, clock, rng) for connector in connectors},
        clock=clock,
        rng=rng,
        log=configure("error", io.StringIO()),
        give_up_after=settings.give_up_after,
    )
    await running.producer.start()
    topics, group = [flow.contract.info.topic], flow.name
    member = Member(
        flow,
        Codec(flow.contract, settings.tenants),
        running,
        lambda: broker.consumer(topics=topics, group=group, member=""),
        settings,
        "test",
    )
    for connector in connectors:
        await connector.wire.start()
    task = asyncio.create_task(member.run())
    try:
        while not member.ready and not task.done():
            await asyncio.sleep(0.001)
        if task.done():
            await task
        yield RunningLine(broker, flow, [member], running)
    finally:
        member.stop()
        await member.leave()
        await asyncio.gather(task, return_exceptions=True)
        for connector in connectors:
            await connector.wire.stop()
        await running.producer.stop()
        await store.stop()
