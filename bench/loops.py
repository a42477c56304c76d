"""The loops that are measured: each takes the same records off the same topic and publishes one event for each."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata

from bench.flow import Instant, InstantConfig, NoWire, bench
from raccordo.broker.kafka import connect
from raccordo.clock import SystemClock
from raccordo.codec import Codec
from raccordo.ledger.sql import SqlLedger
from raccordo.line import Line
from raccordo.member import Member
from raccordo.settings import Settings
from raccordo.systems import System
from raccordo.telemetry import configure
from schemas import OrderConfirmed, OrderCreated

if TYPE_CHECKING:
    from raccordo.broker.settings import KafkaSettings

TENANTS = frozenset({"default"})
BATCH = 500


@dataclass(frozen=True, slots=True)
class Figure:
    """One loop's result: events, seconds of wall time, seconds of processor time of this process."""

    name: str
    events: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Events in a second of wall time."""
        return self.events / self.wall

    @property
    def cpu_each(self) -> float:
        """Processor time of one event, in microseconds."""
        return 1e6 * self.cpu / self.events


async def raw(kafka: KafkaSettings, count: int, group: str) -> Figure:
    """Validate, build the answer, publish it, commit: nothing remembered, nothing safe."""
    topic, out = (kafka.namespace + name for name in ("ordini_creati", "ordini_confermati"))
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=kafka.namespace + group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True, compression_type="lz4"
    )
    await producer.start()
    await consumer.start()
    wall, cpu = time.perf_counter(), time.process_time()
    done = 0
    while done < count:
        batches = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        sent = []
        for records in batches.values():
            for record in records:
                order = OrderCreated.model_validate_json(record.value)
                said = OrderConfirmed.of(order, document=order.order_id, system="raw")
                value = said.model_dump_json(exclude_defaults=True).encode()
                sent.append(await producer.send(out, value, key=record.key, headers=list(record.headers)))
                done += 1
        if not batches:
            continue
        await asyncio.gather(*sent)
        await consumer.commit(
            {
                partition: OffsetAndMetadata(records[-1].offset + 1, "")
                for partition, records in batches.items()
            }
        )
    figure = Figure("raw aiokafka loop", done, time.perf_counter() - wall, time.process_time() - cpu)
    await consumer.stop()
    await producer.stop()
    return figure


async def whole_line(kafka: KafkaSettings, count: int, ledger: str, group: str) -> Figure:
    """The line with every safety on: claim, sent, confirmed, outbox, watermark commit."""
    config = InstantConfig()
    connector = Instant(config, NoWire(config))
    broker, store, clock, rng = connect(kafka), SqlLedger(ledger), SystemClock(), Random(0)  # noqa: S311 - jitter
    settings = Settings(max_in_flight=4000, fetch_limit=1000)
    await store.start()
    line = Line(
        ledger=store,
        producer=broker.producer(),
        systems={connector.system: System(connector, clock, rng)},
        clock=clock,
        rng=rng,
        log=configure("error", io.StringIO()),
    )
    await line.producer.start()
    member = Member(
        bench,
        Codec(OrderCreated, TENANTS),
        line,
        lambda: broker.consumer(topics=["ordini_creati"], group=group, member=""),
        settings,
        "bench",
    )
    wall, cpu = time.perf_counter(), time.process_time()
    running = asyncio.create_task(member.run())
    while _done(member) < count:
        if running.done():
            await running
        await asyncio.sleep(0.02)
    figure = Figure("Raccordo, all safety on", count, time.perf_counter() - wall, time.process_time() - cpu)
    member.stop()
    await asyncio.wait([running], timeout=2)
    await member.leave()
    await line.producer.stop()
    await store.stop()
    return figure


def _done(member: Member) -> int:
    """Count the records below the watermarks, each partition from its beginning."""
    return sum(lanes.watermark.committable or 0 for lanes in member.lanes.values())
