"""A broker inside the process: for unit tests and `raccordo flows test`, with no Kafka anywhere near.

It behaves as Kafka does where the line can notice it: partitions by murmur2, groups that rebalance, static
members that keep their place, commits that are refused after a lost session. It has no threads and no timers
of its own, so the same calls in the same order give the same history. What goes wrong goes wrong on demand.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from raccordo.broker import Partition, Topic
from raccordo.broker.limits import MAX_RECORD_BYTES
from raccordo.broker.memory.admin import MemoryAdmin
from raccordo.broker.memory.consumer import MemoryConsumer
from raccordo.broker.memory.group import Group
from raccordo.broker.memory.log import Log
from raccordo.broker.memory.producer import MemoryProducer
from raccordo.broker.murmur2 import partition_for
from raccordo.clock import Clock, SystemClock
from raccordo.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Verb = Literal["fetch", "publish", "commit"]


class MemoryBroker:
    """Topics, groups and their faults. `clock` stamps records and measures absence."""

    def __init__(
        self,
        topics: Iterable[Topic] = (),
        *,
        clock: Clock | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self.clock = clock or SystemClock()
        self.max_record_bytes = max_record_bytes
        self.shapes: dict[str, Topic] = {}
        self.logs: dict[Partition, Log] = {}
        self.groups: dict[str, Group] = {}
        self.down_since: float | None = None
        self._refusals: dict[Verb, deque[BrokerError]] = {}
        self._producers: list[MemoryProducer] = []
        for topic in topics:
            self.shape(topic)

    def consumer(self, *, topics: Sequence[str], group: str, member: str) -> MemoryConsumer:
        """Make a consumer; `member` "" makes a dynamic member."""
        return MemoryConsumer(self, topics, self.group(group), member)

    def producer(self) -> MemoryProducer:
        """Make a producer."""
        made = MemoryProducer(self)
        self._producers.append(made)
        return made

    def admin(self) -> MemoryAdmin:
        """Make an admin."""
        return MemoryAdmin(self)

    def partition_for(self, key: bytes, partitions: int) -> int:
        """Say which partition a key goes to."""
        return partition_for(key, partitions)

    # What goes wrong, on demand.

    def go_down(self) -> None:
        """Answer nobody until `come_up`: fetches are empty, publishes wait, commits fail, starts fail."""
        if self.down_since is None:
            self.down_since = self.clock.monotonic()

    def come_up(self) -> None:
        """Answer again; what was published meanwhile is written now, in order."""
        self.down_since = None
        for producer in self._producers:
            producer.flush()
        self.wake()

    def refuse(self, verb: Verb, error: BrokerError, *, times: int = 1) -> None:
        """Answer the next `times` calls of `verb` with `error`, after what was refused before."""
        self._refusals.setdefault(verb, deque()).extend([error] * times)

    async def expire(self, group: str, member: str) -> None:
        """Let the session of a member time out: its partitions go to the others without asking it.

        The member finds out as with Kafka: commits are refused, and its next fetch revokes and joins again.
        """
        await self.groups[group].expire(member, self)

    def delete_records(self, partition: Partition, before: int) -> None:
        """Delete the records of a partition below an offset, as retention does."""
        self.logs[partition].delete(before)

    # What consumers, producers and admins share.

    def shape(self, topic: Topic) -> None:
        """Give a topic its shape: new, or with more partitions."""
        self.shapes[topic.name] = topic
        for number in range(topic.partitions):
            self.logs.setdefault(Partition(topic.name, number), Log())

    def group(self, name: str) -> Group:
        """The group of that name, made at its first mention."""
        return self.groups.setdefault(name, Group(name))

    def partitions(self, topics: Collection[str]) -> list[Partition]:
        """All partitions of these topics, sorted."""
        return [
            Partition(name, number)
            for name in sorted(topics)
            if name in self.shapes
            for number in range(self.shapes[name].partitions)
        ]

    def refusal(self, verb: Verb) -> BrokerError | None:
        """The error that this call has to end with, if any."""
        waiting = self._refusals.get(verb)
        return waiting.popleft() if waiting else None

    def require_up(self) -> None:
        """Raise BrokerError while down."""
        if self.down_since is not None:
            raise BrokerError("The memory broker is down.")

    def wake(self) -> None:
        """Let waiting fetches look again."""
        for group in self.groups.values():
            group.wake()
