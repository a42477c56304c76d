"""Several installations on one cluster: a prefix before every topic and group, which nobody else ever sees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raccordo.broker import Partition

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence

    from raccordo.broker import (
        Admin,
        Broker,
        Consumer,
        Outgoing,
        Ownership,
        Position,
        Producer,
        Record,
        Topic,
    )


class NamespacedBroker:
    """A broker as it looks from inside one namespace. Member ids are prefixed with their group by their makers."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._broker = broker
        self._prefix = prefix

    def consumer(self, *, topics: Sequence[str], group: str, member: str) -> Consumer:
        """Make a consumer of prefixed topics in a prefixed group."""
        outside = self._broker.consumer(
            topics=[self._prefix + topic for topic in topics], group=self._prefix + group, member=member
        )
        return _Consumer(outside, self._prefix)

    def producer(self) -> Producer:
        """Make a producer to prefixed topics."""
        return _Producer(self._broker.producer(), self._prefix)

    def admin(self) -> Admin:
        """Make an admin that sees the namespace's topics only."""
        return _Admin(self._broker.admin(), self._prefix)

    def partition_for(self, key: bytes, partitions: int) -> int:
        """Say which partition a key goes to; a prefix changes nothing."""
        return self._broker.partition_for(key, partitions)


class _Names:
    """Writes and reads the prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def out(self, partition: Partition) -> Partition:
        return Partition(self._prefix + partition.topic, partition.number)

    def inside(self, partition: Partition) -> Partition:
        return Partition(partition.topic.removeprefix(self._prefix), partition.number)


class _Consumer(_Names):
    def __init__(self, consumer: Consumer, prefix: str) -> None:
        super().__init__(prefix)
        self._consumer = consumer

    async def start(self, ownership: Ownership) -> None:
        await self._consumer.start(_Ownership(ownership, self._prefix))

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - the port's word
        records = await self._consumer.fetch(limit, timeout)
        return [replace(record, partition=self.inside(record.partition)) for record in records]

    def pause(self, partitions: Collection[Partition]) -> None:
        self._consumer.pause([self.out(partition) for partition in partitions])

    def resume(self, partitions: Collection[Partition]) -> None:
        self._consumer.resume([self.out(partition) for partition in partitions])

    async def commit(self, positions: Mapping[Partition, Position]) -> None:
        await self._consumer.commit({self.out(partition): one for partition, one in positions.items()})

    def contact_age(self) -> float:
        return self._consumer.contact_age()

    async def stop(self) -> None:
        await self._consumer.stop()


class _Ownership(_Names):
    def __init__(self, ownership: Ownership, prefix: str) -> None:
        super().__init__(prefix)
        self._ownership = ownership

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        await self._ownership.assigned({self.inside(each): one for each, one in partitions.items()})

    async def revoked(self, partitions: Collection[Partition]) -> None:
        await self._ownership.revoked([self.inside(partition) for partition in partitions])


class _Producer:
    def __init__(self, producer: Producer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix

    async def start(self) -> None:
        await self._producer.start()

    def send(self, record: Outgoing) -> Awaitable[None]:
        return self._producer.send(replace(record, topic=self._prefix + record.topic))

    def unacked_age(self) -> float:
        return self._producer.unacked_age()

    async def stop(self) -> None:
        await self._producer.stop()


class _Admin(_Names):
    def __init__(self, admin: Admin, prefix: str) -> None:
        super().__init__(prefix)
        self._admin = admin

    async def topics(self) -> Mapping[str, Topic]:
        everything = await self._admin.topics()
        own = (topic for name, topic in everything.items() if name.startswith(self._prefix))
        inside = (replace(topic, name=topic.name.removeprefix(self._prefix)) for topic in own)
        return {topic.name: topic for topic in inside}

    async def create(self, topics: Sequence[Topic]) -> None:
        await self._admin.create([self._named(topic) for topic in topics])

    async def add_partitions(self, name: str, total: int) -> None:
        await self._admin.add_partitions(self._prefix + name, total)

    async def configure(self, topic: Topic) -> None:
        await self._admin.configure(self._named(topic))

    async def end_offsets(self, topic: str) -> Mapping[Partition, int]:
        return self._inside(await self._admin.end_offsets(self._prefix + topic))

    async def begin_offsets(self, topic: str) -> Mapping[Partition, int]:
        return self._inside(await self._admin.begin_offsets(self._prefix + topic))

    async def committed(self, group: str, topic: str) -> Mapping[Partition, Position]:
        found = await self._admin.committed(self._prefix + group, self._prefix + topic)
        return {self.inside(partition): position for partition, position in found.items()}

    async def seek(self, group: str, positions: Mapping[Partition, Position]) -> None:
        await self._admin.seek(self._prefix + group, {self.out(each): one for each, one in positions.items()})

    async def remove_member(self, group: str, member: str) -> None:
        await self._admin.remove_member(self._prefix + group, member)

    async def stop(self) -> None:
        await self._admin.stop()

    def _named(self, topic: Topic) -> Topic:
        return replace(topic, name=self._prefix + topic.name)

    def _inside(self, offsets: Mapping[Partition, int]) -> Mapping[Partition, int]:
        return {self.inside(partition): offset for partition, offset in offsets.items()}
