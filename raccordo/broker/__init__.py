"""In and out: what the line needs of a broker. `kafka` and `memory` pass one suite; others can follow.

A broker hands out one `Consumer` per flow and one `Producer` per process. All methods are called from one
event loop. Keys, values and header values are bytes; header names are strings; headers keep order and
repeats.
"""

# The methods of these protocols have their contract for a body.
# pyright: reportReturnType=false

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
    """One record as it was fetched. `timestamp` is in milliseconds since the epoch, from the broker."""

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
    """Told by a consumer what it owns.

    A group may take everything from all members and give most of it back (eager rebalancing), so `revoked`
    and `assigned` often name the same partitions in a row. The two calls never overlap.
    """

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        """These partitions are ours from now on, with the position last committed (None: never).

        Awaited inside `Consumer.start` or `Consumer.fetch`, before any of their records is returned. What it
        raises comes out of that call, the partitions are not owned, and the next `fetch` asks again.
        """

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """These partitions go to somebody else: finish what is in flight, commit, let go.

        Awaited inside the rebalance, which may run beside a `fetch` and waits for this call at most as long
        as the group's rebalance timeout. Commits made inside it are still accepted, unless the session was
        lost: then they fail with `OwnershipLost`. What it raises comes out of the next `fetch` or `stop`.
        """


class Consumer(Protocol):
    """Reads the topics of one flow as a member of its group. Never commits by itself."""

    async def start(self, ownership: Ownership) -> None:
        """Join the group and take the first partitions.

        Raises ConfigError for a missing topic or bad credentials; BrokerError when no broker answers before
        the deadline; what `Ownership.assigned` raises.
        """

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - a poll waits
        """Return at most `limit` records of owned, unpaused partitions, in offset order per partition.

        Waits up to `timeout` seconds for the first; returns early and empty when something was resumed. Has
        to be called again and again, also while everything is paused, for the group to count this member as
        alive. A call that is cancelled loses no record.

        While the broker is away it returns nothing and goes on by itself afterwards: see `contact_age`.
        Raises ConfigError when another process took this member id over (this one has to end); OutOfRange
        when records vanished before they were read; BrokerError otherwise. Calling again after an error is
        always allowed.
        """

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing of these until `resume`; a paused partition stays paused while it is owned."""

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these again."""

    async def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Store positions of owned partitions.

        Raises OwnershipLost when the group refuses them, or when a partition is not owned (any more): drop
        what was being done for these partitions. Raises BrokerError when nobody answers: they may be stored
        or not, try again.
        """

    def contact_age(self) -> float:
        """Seconds since a broker last answered this consumer.

        A few at most when all is well. No progress is possible while it is larger than the heartbeat interval
        by far.
        """

    async def stop(self) -> None:
        """Stop reading; calls `Ownership.revoked` for what is still owned. Safe to call twice.

        A dynamic member leaves the group. A static member stays in it, so that its next process gets the same
        partitions at once; `Admin.remove_member` takes it out for good.
        """


class Producer(Protocol):
    """Publishes with acks=all and idempotence. Order per key is kept.

    A record that was refused takes the records enqueued after it along where the broker would leave a gap:
    all of them fail, none is written out of order, and the producer goes on with what is sent next.
    """

    async def start(self) -> None:
        """Connect. Raises ConfigError or BrokerError as `Consumer.start` does."""

    def send(self, record: Outgoing) -> Awaitable[None]:
        """Enqueue one record now, in call order; the awaitable ends when all in-sync replicas have it.

        While the broker is away the awaitable waits and the record is tried until it is written, once: giving
        up and sending again would double it. Whoever cannot wait sets a deadline of its own and has to count
        the record as perhaps written. Abandoning the awaitable does not take the record back.

        Raises BrokerError, TooLarge where the record can never be accepted, Defect for a record without key
        and value.
        """

    def unacked_age(self) -> float:
        """Seconds that the oldest record waits for its acknowledgement; 0 when nothing waits."""

    async def stop(self) -> None:
        """Flush and disconnect; what cannot be flushed in time fails with BrokerError. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be or as it is.

    `retention` None means for ever; `config` holds further broker settings. Read from a broker, `config` has
    what differs from the broker's defaults, without the retention.
    """

    name: str
    partitions: int
    replication: int = 1
    retention: timedelta | None = None
    config: Mapping[str, str] = field(default_factory=dict)


class Admin(Protocol):
    """Looks at and changes topics and groups."""

    async def topics(self) -> Mapping[str, Topic]:
        """All topics that are not internal, by name."""

    async def create(self, topics: Sequence[Topic]) -> None:
        """Create topics and return when they can be used.

        One that exists already with as many partitions is no error. Raises ConfigError for a topic that
        cannot be made as asked.
        """

    async def add_partitions(self, name: str, total: int) -> None:
        """Raise the number of partitions to `total`."""

    async def configure(self, topic: Topic) -> None:
        """Set the retention and the config of an existing topic; settings that `topic` does not name stay."""

    async def end_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The next offset to be written, per partition; 0 where nothing was ever written."""

    async def begin_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The first offset still held, per partition."""

    async def committed(self, group: str, topic: str) -> Mapping[Partition, Position]:
        """What a group has committed for a topic."""

    async def seek(self, group: str, positions: Mapping[Partition, Position]) -> None:
        """Move a group that has no members. Raises BrokerError while it has some."""

    async def remove_member(self, group: str, member: str) -> None:
        """Take a static member out of its group now, not after its session timeout; unknown is no error."""

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
        """Say which partition a key goes to: murmur2, the same for every adapter."""
