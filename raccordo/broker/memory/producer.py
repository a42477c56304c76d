"""Publishes into the logs of the memory broker."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from typing import TYPE_CHECKING

from raccordo.broker import Partition
from raccordo.broker.limits import refuse_impossible
from raccordo.broker.murmur2 import partition_for
from raccordo.broker.sentences import UNFLUSHED, missing_topic
from raccordo.errors import BrokerError, RaccordoError

if TYPE_CHECKING:
    from raccordo.broker import Outgoing
    from raccordo.broker.memory import MemoryBroker


class MemoryProducer:
    """Writes at once while the broker is up, in order when it is up again."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._waiting: deque[tuple[Outgoing, asyncio.Future[None], float]] = deque()
        self._keyless = itertools.count()

    async def start(self) -> None:
        """Connect."""
        self._broker.require_up()

    def send(self, record: Outgoing) -> asyncio.Future[None]:
        """Enqueue one record now."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done, self._broker.clock.monotonic()))
        if self._broker.down_since is None:
            self.flush()
        return done

    def unacked_age(self) -> float:
        """Seconds that the oldest record waits."""
        return self._broker.clock.monotonic() - self._waiting[0][2] if self._waiting else 0.0

    def flush(self) -> None:
        """Write what waits."""
        while self._waiting:
            record, done, _ = self._waiting.popleft()
            try:
                self._write(record)
            except RaccordoError as error:
                _fail(done, error)
            else:
                if not done.done():
                    done.set_result(None)
        self._broker.wake()

    async def stop(self) -> None:
        """Fail what could not be written."""
        while self._waiting:
            _fail(
                self._waiting.popleft()[1],
                BrokerError(UNFLUSHED),
            )

    def _write(self, record: Outgoing) -> None:
        refuse_impossible(record, self._broker.max_record_bytes)
        shape = self._broker.shapes.get(record.topic)
        if shape is None:
            raise BrokerError(missing_topic(record.topic))
        if refused := self._broker.refusal("publish"):
            raise refused
        number = (
            next(self._keyless) % shape.partitions
            if record.key is None
            else partition_for(record.key, shape.partitions)
        )
        partition = Partition(record.topic, number)
        self._broker.logs[partition].append(partition, record, self._broker.clock.now())


def _fail(done: asyncio.Future[None], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()  # whoever abandoned the awaitable is not reminded of it
