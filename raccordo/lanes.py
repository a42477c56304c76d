"""Ordered lanes: what shares a lane runs one after another, all else side by side.

A lane is a queue in memory while all goes well. When its head must wait, the lane is parked: the ledger holds its
head and, behind it, every later record, and the source offset moves on. When its time comes the head runs again, and
then the lane drains from the ledger in order until nothing is left, and becomes a queue in memory again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from raccordo.errors import BrokerError, ContractError, Fenced, LedgerError
from raccordo.pipeline import bury, carry
from raccordo.turn import Outcome, Turn
from raccordo.watermark import Watermark

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import TypeVar

    from raccordo.broker import Record
    from raccordo.codec import Codec
    from raccordo.event import Event
    from raccordo.flow import Flow
    from raccordo.ledger import Acquired
    from raccordo.line import Line

    T = TypeVar("T")


class Lanes:
    """The lanes of one partition for one flow, from its assignment to its revocation.

    `fenced` turns true when another worker has taken the partition over: then nothing of it is touched any more.
    `closed` turns true when the partition is on its way to another worker: then nothing new is begun.
    """

    def __init__(self, flow: Flow[..., Any], codec: Codec, line: Line, acquired: Acquired) -> None:
        self.grant = acquired.grant
        self.watermark = Watermark()
        self.fenced = False
        self.closed = False
        self._flow = flow
        self._codec = codec
        self._line = line
        self._parked = set(acquired.parked)
        self._queues: dict[str, deque[tuple[Record, Event[Any]]]] = {}
        self._draining: set[str] = set()
        self._appending: dict[str, deque[Record]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def parked(self) -> int:
        """How many lanes wait."""
        return len(self._parked)

    @property
    def draining(self) -> int:
        """How many parked lanes are under way."""
        return len(self._draining)

    def feed(self, record: Record) -> None:
        """Take one fetched record in; it is done when its offset may be committed."""
        if self.closed or self.fenced:
            return
        self.watermark.delivered(record.offset, len(record.value or b""))
        try:
            event = self._codec.decode(record)
        except ContractError as error:
            self._spawn(self._bury_fetched(record, error))
            return
        lane = self._flow.lane_of(event)
        if lane in self._parked:
            self._append(lane, record)
        elif lane in self._queues:
            self._queues[lane].append((record, event))
        else:
            self._queues[lane] = deque([(record, event)])
            self._spawn(self._run(lane))

    def revive(self, lane: str) -> None:
        """Run a parked lane whose time has come, unless it runs already."""
        if lane in self._draining:
            return
        self._parked.add(lane)
        if lane not in self._queues:
            self._draining.add(lane)
            self._spawn(self._drain(lane))

    def close(self) -> None:
        """Begin nothing new: what waits in memory behind a head stays with the source, which has not moved."""
        self.closed = True

    async def settle(self, deadline: float) -> bool:
        """Wait for what is in flight, at most `deadline` seconds; True when nothing is left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline)
        return not self._tasks

    async def drop(self) -> None:
        """Cancel what is in flight: the ledger knows what was sent, and the next owner goes on from there."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, lane: str) -> None:
        """Carry what is queued in memory, head first, until the queue is empty or the lane is parked."""
        queue = self._queues[lane]
        while queue and lane not in self._parked and not self.closed:
            record, event = queue[0]
            outcome = await self._carry(record, event, lane)
            queue.popleft()
            self.watermark.done(record.offset)
            if outcome in (Outcome.PARKED, Outcome.BLOCKED):
                self._parked.add(lane)
        del self._queues[lane]
        if lane in self._parked and not self.closed:
            for record, _ in queue:
                self._append(lane, record)

    async def _drain(self, lane: str) -> None:
        """Carry what the ledger holds of a parked lane, head first, until it is empty or must wait again."""
        try:
            while not self.closed:
                record = await self._insist(lambda: self._line.ledger.head(self.grant, lane))
                if record is None:
                    if await self._insist(
                        lambda: self._line.ledger.unpark(self.grant, lane)
                    ) and self._is_quiet(lane):
                        self._parked.discard(lane)
                        return
                    await asyncio.sleep(0)
                elif not await self._carry_held(record, lane):
                    return
        finally:
            self._draining.discard(lane)

    async def _carry_held(self, record: Record, lane: str) -> bool:
        """Carry a record out of the ledger; False when its lane must wait behind it."""
        try:
            event = self._codec.decode(record)
        except ContractError as error:
            await self._bury(record, error)
            return True
        home = self._flow.lane_of(event)
        if home != lane:
            self._parked.add(home)
            await self._insist(
                lambda: self._line.ledger.queue(self.grant, home, record, self._line.clock.now())
            )
            return True
        return await self._carry(record, event, lane) not in (Outcome.PARKED, Outcome.BLOCKED)

    async def _carry(self, record: Record, event: Event[Any], lane: str) -> Outcome:
        turn = Turn(self.grant, record, event, lane)
        return await self._insist(lambda: carry(turn, self._flow, self._line))

    async def _bury(self, record: Record, error: ContractError) -> None:
        await self._insist(lambda: bury(self.grant, record, error, self._line))

    async def _bury_fetched(self, record: Record, error: ContractError) -> None:
        await self._bury(record, error)
        self.watermark.done(record.offset)

    def _append(self, lane: str, record: Record) -> None:
        """Queue a later record of a parked lane in the ledger; its offset is done once it is durable."""
        if lane in self._appending:
            self._appending[lane].append(record)
        else:
            self._appending[lane] = deque([record])
            self._spawn(self._queue(lane))

    async def _queue(self, lane: str) -> None:
        """Append one after another: a later record durable before an earlier one would be drained before it."""
        waiting = self._appending[lane]
        while waiting:
            record = waiting[0]
            await self._insist(
                partial(self._line.ledger.queue, self.grant, lane, record, self._line.clock.now())
            )
            waiting.popleft()
            self.watermark.done(record.offset)
        del self._appending[lane]

    def _is_quiet(self, lane: str) -> bool:
        """Whether nothing of the lane is on its way into the ledger."""
        return lane not in self._appending

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step until the ledger and the broker take it; only losing the partition ends it."""
        while True:
            try:
                return await step()
            except Fenced:
                raise
            except (LedgerError, BrokerError) as error:
                await self._line.stalled(error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not self.fenced:
            self.fenced = True
            self._line.log.error(
                "partition_dropped",
                flow=self._flow.name,
                topic=self.grant.partition.topic,
                partition=self.grant.partition.number,
                error_class=type(error).__name__,
                reason=str(error) if isinstance(error, Fenced) else "",
                exc_info=None if isinstance(error, Fenced) else error,
            )
