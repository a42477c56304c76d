"""What every broker test needs: an owner that remembers, and loops that read until something is true."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from raccordo.broker import Broker, Consumer, Outgoing, Partition, Position, Record

DEADLINE = 30.0


class Owner:
    """An `Ownership` that remembers what it was told; `letting_go` is awaited inside each revocation."""

    def __init__(self, letting_go: Callable[[Collection[Partition]], Awaitable[None]] | None = None) -> None:
        self.owned: dict[Partition, Position | None] = {}
        self.calls: list[str] = []
        self.error: Exception | None = None
        self._letting_go = letting_go

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        """Remember; raise `error` once if it is set."""
        self.calls.append("assigned")
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.owned.update(partitions)

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Let go."""
        self.calls.append("revoked")
        if self._letting_go is not None:
            await self._letting_go(partitions)
        for partition in partitions:
            del self.owned[partition]

    @property
    def numbers(self) -> set[int]:
        """The numbers of the owned partitions."""
        return {partition.number for partition in self.owned}


async def read(consumer: Consumer, count: int) -> list[Record]:
    """Fetch until `count` records have come."""
    records: list[Record] = []
    async with asyncio.timeout(DEADLINE):
        while len(records) < count:
            records.extend(await consumer.fetch(100, 0.2))
    return records


async def turn(true: Callable[[], bool], *consumers: Consumer) -> list[Record]:
    """Fetch with all consumers until something is true; return what they read."""
    records: list[Record] = []
    async with asyncio.timeout(DEADLINE):
        while not true():
            for some in await asyncio.gather(*(consumer.fetch(100, 0.05) for consumer in consumers)):
                records.extend(some)
    return records


async def publish(broker: Broker, *records: Outgoing) -> None:
    """Publish with a producer of one's own."""
    producer = broker.producer()
    await producer.start()
    try:
        await asyncio.gather(*[producer.send(record) for record in records])
    finally:
        await producer.stop()
