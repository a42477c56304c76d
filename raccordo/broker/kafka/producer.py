"""Publishes to Kafka, idempotently and in call order, over aiokafka.

What aiokafka leaves to us: its `send` waits (for metadata, for room) and lets later calls overtake; a record that is
refused leaves a gap in the numbers of its partition, after which the broker refuses everything else; a topic that does
not exist is waited for, long.
"""

# ruff: noqa: SLF001 - aiokafka offers no public way; tests/broker guards each use against upgrades

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaProducer

from raccordo.broker.kafka.client import Client, connection, milliseconds
from raccordo.broker.kafka.errors import translated
from raccordo.broker.limits import refuse_impossible
from raccordo.broker.murmur2 import partition_for
from raccordo.broker.sentences import UNFLUSHED, missing_topic
from raccordo.errors import BrokerError, RaccordoError, TooLarge

if TYPE_CHECKING:
    from raccordo.broker import Outgoing
    from raccordo.broker.settings import KafkaSettings

BATCH_BYTES = 16_384
"""A larger record always travels alone, so that only such a one can be refused for its own size."""

MISSING_LOOKS = 5
LOOK_SECONDS = 0.2


class Waiting(NamedTuple):
    """A record between `send` and its acknowledgement."""

    record: Outgoing
    done: asyncio.Future[None]
    since: float


class KafkaProducer:
    """Hands records to aiokafka one after the other; replaces aiokafka's producer after a refusal."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._inner: Any = None
        self._client: Client | None = None
        self._gap = False
        self._queue: deque[Waiting] = deque()
        self._unacked: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect."""
        await self._open()
        self._pump = asyncio.create_task(self._hand_over_all(), name="kafka-producer")

    def send(self, record: Outgoing) -> asyncio.Future[None]:
        """Enqueue one record now."""
        waiting = Waiting(record, asyncio.get_running_loop().create_future(), time.monotonic())
        try:
            if self._pump is None:
                raise BrokerError("The producer is not started.")
            refuse_impossible(record, self._settings.max_record_bytes)
        except RaccordoError as error:
            _fail(waiting, error)
        else:
            self._prune()
            self._queue.append(waiting)
            self._unacked.append(waiting)
            self._arrived.set()
        return waiting.done

    def unacked_age(self) -> float:
        """Seconds that the oldest record waits."""
        self._prune()
        return time.monotonic() - self._unacked[0].since if self._unacked else 0.0

    async def stop(self) -> None:
        """Flush and disconnect within the stop deadline."""
        pump = self._pump
        if pump is None:
            return
        left = {waiting.done for waiting in self._unacked if not waiting.done.done()}
        if left:
            await asyncio.wait(left, timeout=self._settings.stop_deadline)
        self._pump = None
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump
        for waiting in self._unacked:
            _fail(waiting, BrokerError(UNFLUSHED))
        await self._close()

    def _prune(self) -> None:
        while self._unacked and self._unacked[0].done.done():
            self._unacked.popleft()

    async def _hand_over_all(self) -> None:
        """Give aiokafka one record after the other; whatever goes wrong is the answer to a record."""
        while True:
            self._arrived.clear()
            while self._queue:
                waiting = self._queue.popleft()
                if waiting.done.cancelled():
                    continue
                try:
                    if self._gap:
                        await self._renew()
                    await self._hand_over(waiting)
                except Exception as error:  # noqa: BLE001 - translated
                    _fail(waiting, translated(error, f"publish to {waiting.record.topic}"))
                    self._gap = self._gap or not isinstance(error, RaccordoError)
            await self._arrived.wait()

    async def _hand_over(self, waiting: Waiting) -> None:
        record = waiting.record
        count = await self._partitions(record.topic)
        number = random.randrange(count) if record.key is None else partition_for(record.key, count)  # noqa: S311
        written: asyncio.Future[Any] = await self._inner.send(
            record.topic, record.value, record.key, partition=number, headers=list(record.headers)
        )
        written.add_done_callback(lambda future: self._answered(waiting, future))

    def _answered(self, waiting: Waiting, written: asyncio.Future[Any]) -> None:
        error = BrokerError(UNFLUSHED) if written.cancelled() else written.exception()
        if error is None:
            if not waiting.done.done():
                waiting.done.set_result(None)
            return
        self._gap = True
        problem = translated(error, f"publish to {waiting.record.topic}")
        if isinstance(problem, TooLarge) and len(waiting.record.value or b"") < BATCH_BYTES:
            problem = BrokerError(
                f"Kafka refused a batch for {waiting.record.topic} by its size, not this record by its own: "
                f"max.message.bytes of the topic must be above {BATCH_BYTES}."
            )
        problem.__cause__ = error
        _fail(waiting, problem)

    async def _partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; waits while no broker answers. BrokerError if it is missing."""
        client = self._client
        assert client is not None
        looks = 0
        while not (known := client.cluster.partitions_for_topic(topic)):
            if looks == MISSING_LOOKS:
                client._topics.discard(topic)  # it would be asked for, and complained about, for ever
                raise BrokerError(missing_topic(topic))
            client.add_topic(topic)
            answered = await client.force_metadata_update()
            looks += bool(answered)
            if not client.cluster.partitions_for_topic(topic):
                await asyncio.sleep(LOOK_SECONDS)
        return len(known)

    # aiokafka's producer.

    async def _open(self) -> None:
        settings = self._settings
        client = Client(settings)
        inner = AIOKafkaProducer(
            **connection(settings),
            acks="all",
            enable_idempotence=True,
            compression_type=None if settings.compression == "none" else settings.compression,
            linger_ms=milliseconds(settings.linger),
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * settings.max_record_bytes,
        )
        # Its constructor takes no client, and has handed its own on already.
        inner.client = inner._sender.client = client
        inner._metadata = inner._message_accumulator._cluster = client.cluster
        self._client, self._inner, self._gap = client, inner, False
        try:
            async with asyncio.timeout(2 * settings.start_deadline):
                await inner.start()
        except TimeoutError:
            await self._close()
            raise BrokerError(f"Kafka at {settings.bootstrap} gave this producer no id in time.") from None
        except BaseException as error:
            await self._close()
            if isinstance(error, RaccordoError | asyncio.CancelledError):
                raise
            raise translated(error, "publish at all (IdempotentWrite)") from error

    async def _renew(self) -> None:
        """Replace aiokafka's producer, once all that it still holds is written or refused, so that order is kept."""
        await self._inner.flush()
        await self._close()
        while True:
            try:
                await self._open()
            except BrokerError:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def _close(self) -> None:
        """Disconnect; aiokafka's own stop waits for ever for what cannot be written."""
        inner, self._inner = self._inner, None
        client, self._client = self._client, None
        if inner is None or client is None:
            return
        sender = inner._sender.sender_task
        if sender is not None and any(not waiting.done.done() for waiting in self._unacked):
            sender.cancel()
        stopping = asyncio.create_task(inner.stop())
        await asyncio.wait({stopping}, timeout=1.0)
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait({stopping}, timeout=1.0)
        if not stopping.cancelled():
            stopping.exception()
        await client.close()


def _fail(waiting: Waiting, error: Exception) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(error)
        waiting.done.exception()  # whoever abandoned the awaitable is not reminded of it
