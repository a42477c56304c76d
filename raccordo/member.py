"""One flow's membership in its consumer group: fetch, feed the lanes, commit behind the watermark."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from raccordo.broker import Partition, Position
from raccordo.errors import BrokerError, LedgerError, OutOfRange
from raccordo.failpoints import failpoint
from raccordo.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from raccordo.broker import Consumer, Record
    from raccordo.codec import Codec
    from raccordo.flow import Flow
    from raccordo.ledger import Acquired
    from raccordo.line import Line
    from raccordo.settings import Settings

FETCH_WAIT: Final = 0.25
HALT_SECONDS: Final = 30.0
REJOIN_SECONDS: Final = 0.5
CONTACT_SECONDS: Final = 10.0
"""Without an answer from a broker for so long we are not ready."""
DEFECTS_THAT_HALT: Final = 10
REVIVED_AT_ONCE: Final = 200


class Member:
    """Consumes one flow's topic in this process. Told by the broker what it owns; stops when asked.

    `halted` is a sentence while the flow may not go on by itself, "" otherwise.
    """

    def __init__(
        self,
        flow: Flow[..., Any],
        codec: Codec,
        line: Line,
        consumers: Callable[[], Consumer],
        settings: Settings,
        owner: str,
    ) -> None:
        self.flow = flow
        self.halted = ""
        self.joined = False
        self.lanes: dict[Partition, Lanes] = {}
        self._codec = codec
        self._line = line
        self._consumers = consumers
        self._consumer = consumers()
        self._settings = settings
        self._owner = owner
        self._owned: set[Partition] = set()
        self._committed: dict[Partition, int] = {}
        self._held_back = False
        self._resting = False
        self._stopping = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether every partition that the group gave us is being worked on."""
        in_contact = self._consumer.contact_age() < CONTACT_SECONDS
        return self.joined and in_contact and not self.halted and self._owned <= self.lanes.keys()

    @property
    def in_flight(self) -> int:
        """Records that are delivered and not done."""
        return sum(len(lanes.watermark) for lanes in list(self.lanes.values()))

    async def run(self) -> None:
        """Join the group and work until `stop`. Raises ConfigError for what no waiting can mend."""
        await self._join()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(self._settings.commit_interval, self.commit))
            tasks.create_task(self._every(self._settings.poll_interval, self._revive))
            tasks.create_task(self._fetch())

    async def _join(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._consumer.start(self)
            except (LedgerError, BrokerError) as error:
                await self._line.stalled(error)
            else:
                self.joined = True
                return

    async def _rejoin(self) -> None:
        """Begin anew at the committed offsets, because a partition was taken from us or had to be dropped."""
        self._line.log.warning("rejoining", flow=self.flow.name)
        await self.leave()
        await self._line.clock.sleep(REJOIN_SECONDS)
        self._consumer = self._consumers()
        await self._join()

    def stop(self) -> None:
        """Ask for the end: no further fetch; `leave` finishes what is in flight."""
        self._stopping.set()

    async def leave(self) -> None:
        """Drain, commit and leave the group."""
        with suppress(BrokerError):
            await self._consumer.stop()
        await self.revoked(list(self._owned))
        self.joined = False

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        """Take partitions over: acquire them, publish what their last owner left in the outbox, open their lanes.

        Raises LedgerError or BrokerError; the broker then asks again.
        """
        self._owned = set(partitions)
        ledger, line = self._line.ledger, self._line
        acquired = await ledger.acquire(self.flow.name, list(partitions), self._owner, line.clock.now())
        known = [one for one in acquired if self._knows(one, partitions[one.grant.partition])]
        await line.publish(await ledger.outbox([one.grant for one in known]))
        self.lanes = {one.grant.partition: Lanes(self.flow, self._codec, line, one) for one in known}
        unknown = self._owned - set(self.lanes)
        self._consumer.pause(self._owned if self._held_back else unknown)

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Let partitions go: finish what is in flight within the drain time, commit, cancel the rest."""
        self._owned.difference_update(partitions)
        leaving = [self.lanes[partition] for partition in partitions if partition in self.lanes]
        for lanes in leaving:
            lanes.close()
        await asyncio.gather(*(lanes.settle(self._settings.drain_timeout) for lanes in leaving))
        await self.commit()
        for lanes in leaving:
            del self.lanes[lanes.grant.partition]
            self._committed.pop(lanes.grant.partition, None)
            await lanes.drop()
        self._line.unpublished = None  # whoever still holds something says so again

    async def commit(self) -> None:
        """Commit every partition's watermark with the ledger's position beside it."""
        positions = {}
        for partition, lanes in self.lanes.items():
            offset = lanes.watermark.committable
            if offset is not None and not lanes.fenced and self._committed.get(partition) != offset:
                positions[partition] = Position(offset, self._line.ledger.position(lanes.grant))
        if not positions:
            return
        failpoint("before_commit")
        try:
            await self._consumer.commit(positions)
        except BrokerError as error:
            self._line.log.warning(
                "commit_refused", flow=self.flow.name, error_class=error.code, reason=str(error)
            )
            return
        failpoint("after_commit")
        self._committed.update({partition: position.offset for partition, position in positions.items()})

    def _knows(self, acquired: Acquired, position: Position | None) -> bool:
        """Whether the ledger remembers all that was committed; an older one would let events happen twice."""
        if position is None or not position.metadata or self._settings.adopt_ledger:
            return True
        ledger_id, _, sequence = position.metadata.partition(":")
        if ledger_id == acquired.ledger_id and sequence.isdigit() and int(sequence) <= acquired.sequence:
            return True
        self._halted(
            f"the ledger does not know what flow {self.flow.name!r} has committed for {acquired.grant.partition} "
            f"(group: ledger {ledger_id} at {sequence}; here: ledger {acquired.ledger_id} at {acquired.sequence}). "
            "It is another ledger, or an older copy. Restore the right one; or, if you accept that events after that "
            "point may take effect twice, start once with --adopt-ledger"
        )
        return False

    def _halted(self, sentence: str) -> None:
        """Say, once, why a part of the flow may not go on by itself."""
        if self.halted != sentence:
            self.halted = sentence
            self._line.log.error("halted", flow=self.flow.name, reason=sentence)

    async def _fetch(self) -> None:
        while not self._stopping.is_set():
            if any(lanes.fenced for lanes in self.lanes.values()):
                await self._rejoin()
            self._hold_back()
            try:
                records = await self._consumer.fetch(self._settings.fetch_limit, FETCH_WAIT)
            except OutOfRange as error:
                self._halted(str(error))
                await self._line.clock.sleep(REJOIN_SECONDS)
                continue
            except (BrokerError, LedgerError) as error:
                await self._line.stalled(error)
                continue
            if isinstance(self._line.trouble, BrokerError) and self._line.unpublished is None:
                self._line.moved()
            self._feed(records)
            if self._line.defects_in_a_row >= DEFECTS_THAT_HALT:
                await self._halt()

    def _feed(self, records: Sequence[Record]) -> None:
        for record in records:
            lanes = self.lanes.get(record.partition)
            if lanes is not None and not lanes.fenced:
                lanes.feed(record)

    def _hold_back(self) -> None:
        """Stop fetching while too much is in memory; the broker is still asked, so that we count as alive."""
        size = sum(lanes.watermark.bytes for lanes in self.lanes.values())
        room = self._settings.max_in_flight
        if not self._held_back and (self.in_flight >= room or size >= self._settings.max_bytes_in_flight):
            self._held_back = True
            self._consumer.pause(self.lanes)
        elif (
            self._held_back
            and self.in_flight <= room // 2
            and size <= self._settings.max_bytes_in_flight // 2
        ):
            self._held_back = False
            self._consumer.resume(self.lanes)

    async def _halt(self) -> None:
        """Our own code fails for one event after the other: stop for a while instead of burying everything."""
        before = self.halted
        self._resting = True
        self._halted(
            f"{DEFECTS_THAT_HALT} defects in a row; the flow pauses for {HALT_SECONDS:g} s, see the log"
        )
        self._consumer.pause(self.lanes)
        end = self._line.clock.monotonic() + HALT_SECONDS
        while not self._stopping.is_set() and self._line.clock.monotonic() < end:
            with suppress(BrokerError, LedgerError):
                self._feed(await self._consumer.fetch(self._settings.fetch_limit, FETCH_WAIT))
        self._line.defects_in_a_row = DEFECTS_THAT_HALT - 1
        self.halted = before
        self._resting = False
        if not self._held_back:
            self._consumer.resume(self.lanes)

    async def _revive(self) -> None:
        """Start parked lanes whose time has come."""
        grants = {
            lanes.grant: lanes for lanes in self.lanes.values() if not lanes.fenced and not lanes.closed
        }
        if not grants or self._resting:
            return
        busy = sum(lanes.draining for lanes in grants.values())
        for lane in await self._line.ledger.due(list(grants), self._line.clock.now(), REVIVED_AT_ONCE + busy):
            lanes = grants[lane.grant]
            if not lanes.closed:
                lanes.revive(lane.lane)

    async def _every(self, seconds: float, step: Any) -> None:
        while not self._stopping.is_set():
            try:
                await step()
            except (LedgerError, BrokerError) as error:
                await self._line.stalled(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
