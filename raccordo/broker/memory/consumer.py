"""Reads the logs of one group member."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

from raccordo.broker.sentences import commit_refused, member_taken_over, missing_topics, out_of_range
from raccordo.errors import BrokerError, ConfigError, OutOfRange, OwnershipLost

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from raccordo.broker import Ownership, Partition, Position, Record
    from raccordo.broker.memory import MemoryBroker
    from raccordo.broker.memory.group import Group

_dynamic = itertools.count(1)


class MemoryConsumer:
    """One member of a group, which tells it of rebalances: `revoke` at once, `offer` for the next fetch."""

    def __init__(self, broker: MemoryBroker, topics: Sequence[str], group: Group, member: str) -> None:
        self.topics = frozenset(topics)
        self._broker = broker
        self._group = group
        self._static = member
        self._member = member or f"dynamic-{next(_dynamic)}"
        self._ownership: Ownership | None = None
        self._offered: set[Partition] | None = None
        self._next: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._lost = False
        self._fenced = False
        self._failure: Exception | None = None
        self._handover = asyncio.Lock()
        self._awake = asyncio.Event()

    async def start(self, ownership: Ownership) -> None:
        """Join the group and take the first partitions."""
        self._broker.require_up()
        missing = self.topics - self._broker.shapes.keys()
        if missing:
            raise ConfigError(missing_topics(missing))
        self._ownership = ownership
        await self._group.join(self._member, self, self._broker)
        await self._take_over()

    async def fetch(self, limit: int, timeout: float) -> Sequence[Record]:  # noqa: ASYNC109 - the port's word
        """Return records of owned, unpaused partitions, round robin."""
        await self._settle()
        if refused := self._broker.refusal("fetch"):
            raise refused
        self._awake.clear()
        records = self._read(limit)
        if records or timeout <= 0:
            await asyncio.sleep(0)
            return records
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._awake.wait()
        return self._read(limit)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing of these until `resume`."""
        self._paused.update(self._next.keys() & set(partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these again."""
        self._paused.difference_update(partitions)
        self.wake()

    async def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Store positions of owned partitions."""
        if refused := self._broker.refusal("commit"):
            raise refused
        self._broker.require_up()
        if self._lost or self._fenced or not positions.keys() <= self._next.keys():
            raise OwnershipLost(commit_refused(self._group.name, positions))
        self._group.positions.update(positions)

    def contact_age(self) -> float:
        """Seconds since the broker went down, 0 while it is up."""
        since = self._broker.down_since
        return 0.0 if since is None else self._broker.clock.monotonic() - since

    async def stop(self) -> None:
        """Let go; a dynamic member leaves, a static one keeps its place."""
        if self._ownership is None:
            return
        await self.revoke()
        self._ownership = None
        place = self._group.members.get(self._member)
        if place is not None and place.consumer is self:
            place.consumer = None
            if not self._static:
                await self._group.leave(self._member, self._broker)
        self._raise_failure()

    # What the group tells.

    async def revoke(self) -> None:
        """Let go of everything now."""
        async with self._handover:
            self._offered = None
            owned = list(self._next)
            if owned and self._ownership is not None:
                try:
                    await self._ownership.revoked(owned)
                except Exception as error:  # noqa: BLE001 - the owner gets it from fetch
                    self._failure = error
            self._next.clear()
            self._paused.clear()
            self.wake()

    def offer(self, partitions: Collection[Partition]) -> None:
        """Have the next fetch take these over."""
        self._offered = set(partitions)
        self.wake()

    def lose_session(self) -> None:
        """The group has dropped this member, which does not know it yet."""
        self._lost = True
        self.wake()

    def fence(self) -> None:
        """Another consumer has this member id now."""
        self._fenced = True
        self.wake()

    def wake(self) -> None:
        """Let a waiting fetch look again."""
        self._awake.set()

    async def _settle(self) -> None:
        """Catch up with what happened in the group."""
        if self._ownership is None:
            raise BrokerError("The consumer is not started.")
        if self._lost or self._fenced:
            await self.revoke()
        if self._fenced:
            raise ConfigError(member_taken_over(self._static, self._group.name))
        if self._lost:
            self._lost = False
            await self._group.join(self._member, self, self._broker)
        self._raise_failure()
        await self._take_over()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    async def _take_over(self) -> None:
        async with self._handover:
            if self._offered is None or self._ownership is None:
                return
            known = {partition: self._group.positions.get(partition) for partition in sorted(self._offered)}
            self._next = {
                partition: self._broker.logs[partition].begin if position is None else position.offset
                for partition, position in known.items()
            }
            if known:
                try:
                    await self._ownership.assigned(known)
                except BaseException:
                    self._next.clear()
                    self._paused.clear()
                    raise
            self._offered = None

    def _read(self, limit: int) -> Sequence[Record]:
        """Take from each partition in turn, so that none waits for another."""
        if self._broker.down_since is not None or self._lost or self._fenced:
            return []
        active = [partition for partition in self._next if partition not in self._paused]
        lost = self._gaps(active)
        active = [partition for partition in active if partition not in lost]
        records: list[Record] = []
        while len(records) < limit:
            before = len(records)
            share = max(1, (limit - before) // max(1, len(active)))
            for partition in active:
                log = self._broker.logs[partition]
                some = log.read(self._next[partition], min(share, limit - len(records)))
                self._next[partition] += len(some)
                records.extend(some)
            if len(records) == before:
                break
        if lost and not records:
            raise OutOfRange(out_of_range(self._group.name, lost))
        return records

    def _gaps(self, partitions: Collection[Partition]) -> dict[Partition, tuple[int, int, int]]:
        """Find the partitions whose log does not hold our position, with position and bounds."""
        found = {}
        for partition in partitions:
            log, position = self._broker.logs[partition], self._next[partition]
            if not log.begin <= position <= log.end:
                found[partition] = (position, log.begin, log.end)
        return found
