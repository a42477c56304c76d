"""In and out: what the line needs of a broker. `kafka` and `memory` pass one suite; others can follow.

A broker hands out one `Consumer` per flow and one `Producer` per process. All methods are called from one event loop.
Keys, values and header values are bytes; header names are strings; headers keep order and repeats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence
    from datetime import timedelta

Headers = tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        """Write ``topic/number``."""
        return f"{self.topic}/{self.number}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was fetched. `timestamp` is in milliseconds since the epoch, as the broker stored it."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish. The partition is chosen by murmur2 over `key`, as the Java client does."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Position:
    """A committed offset: the next one to read, with a short text that the group stores beside it."""

    offset: int
    metadata: str = ""


class Ownership(Protocol):
    """Told by a consumer what it owns. Both calls are awaited inside the rebalance, before fetching goes on."""

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        """These partitions are ours from now on, with the position last committed (None: never)."""

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """These partitions go to somebody else: finish what is in flight, commit, let go.

        Commits made inside this call are still accepted. After a lost session they fail with `BrokerError`.
        """


class Consumer(Protocol):
    """Reads the topics of one flow as a member of its group. Never commits by itself."""

    async def start(self, ownership: Ownership) -> None:
        """Join the group. Raises ConfigError for a missing topic, a second process with the same member id, bad
        credentials; BrokerError when no broker answers before the deadline.
        """

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:
        """Return at most `limit` records of owned, unpaused partitions, in offset order per partition.

        Waits up to `timeout` seconds for the first. Has to be called again and again, also while everything is
        paused, for the group to count this member as alive. Raises BrokerError.
        """

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing of these until `resume`; a paused partition stays paused while it is owned."""

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these again."""

    async def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Store positions of owned partitions. Raises BrokerError when the group refuses them: ownership is lost."""

    async def stop(self) -> None:
        """Leave cleanly; calls `Ownership.revoked` for what is still owned. Safe to call twice."""


class Producer(Protocol):
    """Publishes with acks=all and idempotence. Order per key is kept."""

    async def start(self) -> None:
        """Connect. Raises ConfigError or BrokerError as `Consumer.start` does."""

    def send(self, record: Outgoing) -> Awaitable[None]:
        """Enqueue one record now, in call order; the awaitable ends when all in-sync replicas have it.

        Raises BrokerError; TooLarge where the record can never be accepted.
        """

    async def stop(self) -> None:
        """Flush and disconnect. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be or as it is. `retention` None means for ever; `config` holds further broker settings."""

    name: str
    partitions: int
    replication: int = 1
    retention: timedelta | None = None
    config: Mapping[str, str] = field(default_factory=dict)


class Admin(Protocol):
    """Looks at and changes topics and groups."""

    async def topics(self) -> Mapping[str, Topic]:
        """All topics that are not internal, by name, with the settings that differ from the broker's defaults."""

    async def create(self, topics: Sequence[Topic]) -> None:
        """Create topics; one that exists already with the same shape is no error."""

    async def add_partitions(self, name: str, total: int) -> None:
        """Raise the number of partitions to `total`."""

    async def configure(self, topic: Topic) -> None:
        """Set the retention and the config of an existing topic."""

    async def end_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The next offset to be written, per partition; 0 where nothing was ever written."""

    async def begin_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The first offset still held, per partition."""

    async def committed(self, group: str, topic: str) -> Mapping[Partition, Position]:
        """What a group has committed for a topic."""

    async def remove_member(self, group: str, member: str) -> None:
        """Take a static member out of its group now instead of after its session timeout; unknown is no error."""

    async def stop(self) -> None:
        """Disconnect. Safe to call twice."""


class Broker(Protocol):
    """Where consumers, producers and admins come from."""

    def consumer(self, *, topics: Sequence[str], group: str, member: str) -> Consumer:
        """Make a consumer. `member` is its static member id (group.instance.id), "" for a dynamic member."""

    def producer(self) -> Producer:
        """Make a producer."""

    def admin(self) -> Admin:
        """Make an admin; it connects at its first call."""

    def partition_for(self, key: bytes, partitions: int) -> int:
        """Say which partition a key goes to."""


