from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from raccordo.dev.choice import Broker


@pytest.mark.kafka
async def test_the_shared_broker_takes_idempotent_writes(kafka: Broker, unique: str) -> None:
    """A producer with all safety on gets its record acknowledged by the shared broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(unique, num_partitions=2, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    written = await producer.send_and_wait(unique, b"value", key=b"key")
    await producer.stop()
    assert written.offset == 0


@pytest.mark.postgres
async def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    """The database of a test holds no tables and is on PostgreSQL 18."""
    engine = create_async_engine(postgres_url)
    async with engine.connect() as connection:
        tables = await connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
        version = await connection.scalar(text("show server_version"))
    await engine.dispose()
    assert tables == 0
    assert str(version).startswith("18.")
