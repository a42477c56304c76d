"""Who reads what: the membership and the committed positions of one group."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raccordo.broker import Partition, Position
    from raccordo.broker.memory import MemoryBroker
    from raccordo.broker.memory.consumer import MemoryConsumer


@dataclass(slots=True)
class Membership:
    """One place in the group. `consumer` is None while a static member is away; it keeps its partitions."""

    topics: frozenset[str]
    consumer: MemoryConsumer | None
    partitions: set[Partition] = field(default_factory=set)


class Group:
    """Members in the order they joined, by id, and the positions committed for the group."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Membership] = {}
        self.positions: dict[Partition, Position] = {}
        self._rebalancing = asyncio.Lock()

    async def join(self, member: str, consumer: MemoryConsumer, broker: MemoryBroker) -> None:
        """Take a place. A static member that was here before gets its partitions back and disturbs nobody."""
        place = self.members.get(member)
        if place is not None and place.topics == consumer.topics:
            if place.consumer is not None and place.consumer is not consumer:
                place.consumer.fence()
            place.consumer = consumer
            consumer.offer(place.partitions)
            return
        self.members[member] = Membership(consumer.topics, consumer)
        await self.rebalance(broker)

    async def leave(self, member: str, broker: MemoryBroker) -> None:
        """Give a place up; the others share its partitions."""
        if self.members.pop(member, None) is not None:
            await self.rebalance(broker)

    async def expire(self, member: str, broker: MemoryBroker) -> None:
        """Drop a member that was not heard of, without asking it."""
        place = self.members.pop(member, None)
        if place is None:
            return
        if place.consumer is not None:
            place.consumer.lose_session()
        await self.rebalance(broker)

    async def rebalance(self, broker: MemoryBroker) -> None:
        """Take all partitions from all members, after they have let go, and share them out anew."""
        async with self._rebalancing:
            for place in list(self.members.values()):
                if place.consumer is not None:
                    await place.consumer.revoke()
            topics = frozenset[str]().union(*(place.topics for place in self.members.values()))
            share_out(self.members, broker.partitions(topics))
            for place in self.members.values():
                if place.consumer is not None:
                    place.consumer.offer(place.partitions)

    def wake(self) -> None:
        """Let waiting fetches look again."""
        for place in self.members.values():
            if place.consumer is not None:
                place.consumer.wake()


def share_out(members: Mapping[str, Membership], wanted: Sequence[Partition]) -> None:
    """Give each member about as many partitions as the others, and its old ones as far as that allows."""
    quota = math.ceil(len(wanted) / len(members)) if members else 0
    left = set(wanted)
    for place in members.values():
        kept = [partition for partition in wanted if partition in left & place.partitions][:quota]
        place.partitions = set(kept)
        left.difference_update(kept)
    for partition in wanted:
        if partition in left:
            subscribed = [place for place in members.values() if partition.topic in place.topics]
            min(subscribed, key=lambda place: len(place.partitions)).partitions.add(partition)
