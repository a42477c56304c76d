"""One stay in a Kafka group: aiokafka's consumer with what it hides, and without its bad surprises.

All use of aiokafka's private parts for consuming is here and in `client`; tests/broker guards it against
upgrades. What aiokafka leaves to us: it retries a commit under a later generation (and so commits for
somebody else), hides the metadata of a commit, keeps the sticky assignor's memory in a class that all
consumers of a process share, waits without end when it is stopped while others rebalance, and lets a process
whose member id was taken take it back, for ever.
"""

# ruff: noqa: SLF001 - aiokafka offers no public way; tests/broker guards each use against upgrades

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka import errors as kafka
from aiokafka.client import CoordinationType
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.structs import OffsetAndMetadata

from raccordo.broker import Partition, Position
from raccordo.broker.kafka.client import Client, connection, milliseconds
from raccordo.broker.kafka.errors import OWNERSHIP_LOST, translated
from raccordo.broker.sentences import commit_refused, missing_topics
from raccordo.errors import ConfigError, OwnershipLost

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from raccordo.broker.settings import KafkaSettings

MEMBER_SUFFIX = re.compile(r"-[0-9A-Za-z_-]{22}(?:.{14})?")
"""What a coordinator appends to a static member's name: a dash and a UUID, in 36 characters or in 22."""


class Membership:
    """Joins, reads, commits and leaves once; made anew for each try.

    `session` is what the group knows us by, taken when partitions were assigned: a commit under any other is
    refused.
    """

    def __init__(self, settings: KafkaSettings, topics: frozenset[str], group: str, member: str) -> None:
        self._settings = settings
        self._topics = topics
        self._group = group
        self._member = member
        self._client = Client(settings)
        self._session: tuple[int, str] = (-1, "")
        # The assignor keeps its memory in its class: each member needs its own.
        self._assignor: Any = type("Sticky", (StickyPartitionAssignor,), {})
        self._inner: Any = AIOKafkaConsumer(
            **connection(settings),
            group_id=group,
            group_instance_id=member or None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=(self._assignor,),
            session_timeout_ms=milliseconds(settings.session_timeout),
            heartbeat_interval_ms=milliseconds(settings.heartbeat),
            rebalance_timeout_ms=milliseconds(settings.rebalance_timeout),
            max_poll_interval_ms=milliseconds(settings.poll_timeout),
            max_partition_fetch_bytes=settings.fetch_bytes,
            fetch_max_bytes=16 * settings.fetch_bytes,
        )
        self._inner._client = self._client  # its constructor takes none

    @property
    def contact_age(self) -> float:
        """Seconds since a broker last answered."""
        return self._client.contact_age

    @property
    def dead(self) -> bool:
        """Whether a background task of aiokafka has ended; none of them comes back by itself."""
        coordinator, fetcher = self._inner._coordinator, self._inner._fetcher
        return coordinator is None or coordinator._coordination_task.done() or fetcher.error_future.done()

    @property
    def rebalancing(self) -> bool:
        """Whether the group is sharing out anew; reading would wait for the end of it."""
        return bool(self._inner._subscription.reassignment_in_progress)

    async def join(self, listener: ConsumerRebalanceListener) -> None:
        """Begin to join; `listener` is told of the outcome.

        Raises ConfigError for a missing topic or refused credentials, BrokerError when nobody answers in
        time.
        """
        await self._client.bootstrap()
        missing = await self._client.missing(self._topics)
        if missing:
            raise ConfigError(missing_topics(missing))
        await self._inner.start()
        self._inner.subscribe(topics=sorted(self._topics), listener=listener)

    def check(self) -> None:
        """Raise what aiokafka's coordination has met (a KafkaError), if anything."""
        self._inner._coordinator.check_errors()

    def enter_session(self) -> None:
        """Remember what the group knows us by, now that it has given us partitions."""
        coordinator = self._inner._coordinator
        self._session = (coordinator.generation, coordinator.member_id)
        self._assignor.on_generation_assignment(coordinator.generation)

    async def taken_over(self) -> bool:
        """Whether the session was lost because another process joined with our member id.

        The coordinator tells a displaced static member only that it is unknown, as it does after a lost
        session.
        """
        if not self._member or self._inner._coordinator.member_id or not self._session[1]:
            return False
        try:
            node = await self._client.coordinator_lookup(CoordinationType.GROUP, self._group)
            answer = await self._client.send(node, DescribeGroupsRequest([self._group]))
        except kafka.KafkaError:
            return False
        return any(
            member != self._session[1]
            and member.startswith(self._member)
            and MEMBER_SUFFIX.fullmatch(member, len(self._member))
            for _, _, _, _, _, members, *_ in answer.groups
            for member, *_ in members
        )

    async def positions(
        self, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, Position | None]:
        """Take position at the group's committed offsets, else at the beginning; return what was committed."""
        stored = await self._inner._coordinator.fetch_committed_offsets(sorted(partitions))
        begins = await self._inner.beginning_offsets(sorted(partitions - stored.keys()))
        known: dict[TopicPartition, Position | None] = {}
        for partition in sorted(partitions):
            entry = stored.get(partition)
            known[partition] = None if entry is None else Position(entry.offset, entry.metadata)
            self._inner.seek(partition, begins[partition] if entry is None else entry.offset)
        return known

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The first offset held and the next one written, per partition."""
        begins = await self._inner.beginning_offsets(list(partitions))
        ends = await self._inner.end_offsets(list(partitions))
        return {partition: (begins[partition], ends[partition]) for partition in partitions}

    async def read(self, *partitions: TopicPartition, limit: int, seconds: float = 0.0) -> Any:
        """Take fetched records, by partition; with `seconds` of 0 without ever waiting, unless rebalancing."""
        return await self._inner.getmany(*partitions, timeout_ms=milliseconds(seconds), max_records=limit)

    def pause(self, partition: TopicPartition) -> None:
        """Fetch no more of a partition."""
        if partition in self._inner.assignment():
            self._inner.pause(partition)

    def resume(self, partition: TopicPartition) -> None:
        """Fetch it again."""
        if partition in self._inner.assignment():
            self._inner.resume(partition)

    async def commit(self, positions: Mapping[Partition, Position]) -> bool:
        """Try to commit once; False if it is worth trying again. Raises OwnershipLost, BrokerError."""
        coordinator = self._inner._coordinator
        if coordinator.coordinator_id is None:
            await coordinator.ensure_coordinator_known()
        if (coordinator.generation, coordinator.member_id) != self._session:
            raise OwnershipLost(commit_refused(self._group, positions))
        offsets = {
            TopicPartition(*partition): OffsetAndMetadata(position.offset, position.metadata)
            for partition, position in positions.items()
        }
        assignment = self._inner._subscription.subscription.assignment
        try:
            # aiokafka's own commit would retry by itself, under the generation of that later moment.
            await asyncio.shield(coordinator._do_commit_offsets(assignment, offsets))
        except OWNERSHIP_LOST as error:
            raise OwnershipLost(commit_refused(self._group, positions)) from error
        except kafka.KafkaError as error:
            if not error.retriable:
                raise translated(error, f"commit for group {self._group}") from error
            return False
        return True

    async def close(self) -> None:
        """Disconnect within the stop deadline, also in the middle of a rebalance; a dynamic member leaves."""
        coordinator, fetcher = self._inner._coordinator, self._inner._fetcher
        stopping = asyncio.create_task(self._inner.stop())
        await asyncio.wait({stopping}, timeout=self._settings.stop_deadline)
        if not stopping.done():
            for task in (coordinator._coordination_task, coordinator._heartbeat_task, stopping):
                if task is not None:
                    task.cancel()
            await asyncio.wait({stopping}, timeout=1.0)
            await fetcher.close()
        if not stopping.cancelled() and stopping.exception() is not None:
            await self._client.close()
