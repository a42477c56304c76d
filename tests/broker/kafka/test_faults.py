"""A Kafka that is away, killed, frozen or not ours: what the adapter does with a broker process of its own."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from brokers import DEADLINE, Owner, publish, read, turn
from raccordo.broker import Outgoing, Partition, Position, Topic
from raccordo.broker.kafka import KafkaBroker
from raccordo.broker.settings import KafkaSettings
from raccordo.dev.kafka import KafkaProcess
from raccordo.errors import BrokerError, ConfigError, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaProcess]:
    """A broker that creates topics for everybody who names them, as many do."""
    folder = tmp_path_factory.mktemp("kafka")
    with KafkaProcess(folder, properties={"auto.create.topics.enable": "true"}) as process:
        yield process


@pytest.fixture
def settings(process: KafkaProcess) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=process.bootstrap,
        session_timeout=6.0,
        heartbeat=0.3,
        rebalance_timeout=8.0,
        request_timeout=9.0,
        start_deadline=5.0,
        stop_deadline=2.0,
    )


@pytest.fixture
def broker(settings: KafkaSettings) -> KafkaBroker:
    return KafkaBroker(settings)


async def topic_of(broker: KafkaBroker, name: str, **config: str) -> str:
    admin = broker.admin()
    await admin.create([Topic(name, 2, config=config)])
    await admin.stop()
    return name


async def test_topics_are_not_created_by_naming_them(broker: KafkaBroker, unique: str) -> None:
    producer, admin = broker.producer(), broker.admin()
    await producer.start()
    with pytest.raises(BrokerError, match="raccordo topics apply"):
        await producer.send(Outgoing(f"typo-{unique}", b"k", b"v"))
    with pytest.raises(ConfigError, match="raccordo topics apply"):
        await broker.consumer(topics=[f"typo-{unique}"], group=unique, member="").start(Owner())
    with pytest.raises(BrokerError, match="raccordo topics apply"):
        await admin.end_offsets(f"typo-{unique}")

    assert f"typo-{unique}" not in await admin.topics()
    await producer.stop()
    await admin.stop()


async def test_a_killed_broker_gets_every_record_once_and_in_order(
    broker: KafkaBroker, process: KafkaProcess, unique: str
) -> None:
    topic = await topic_of(broker, f"killed-{unique}")
    producer, consumer, owner = (
        broker.producer(),
        broker.consumer(topics=[topic], group=unique, member=unique),
        Owner(),
    )
    await producer.start()
    await consumer.start(owner)
    sent, seen, ages = [], [], []

    async def publish_on() -> None:
        for number in range(400):
            sent.append(producer.send(Outgoing(topic, b"k", b"%d" % number)))
            await asyncio.sleep(0.01)

    publishing = asyncio.create_task(publish_on())
    seen += await turn(lambda: len(sent) > 50, consumer)
    await asyncio.to_thread(process.kill)
    for _ in range(15):
        seen += await consumer.fetch(100, 0.1)
        ages.append((producer.unacked_age(), consumer.contact_age()))
    await asyncio.to_thread(process.start)
    async with asyncio.timeout(DEADLINE):
        seen += await turn(publishing.done, consumer)
        await asyncio.gather(*sent)
        seen += await read(consumer, 400 - len(seen))
    await consumer.commit({record.partition: Position(record.offset + 1) for record in seen[-1:]})

    assert [record.value for record in seen] == [b"%d" % number for number in range(400)]
    assert ages[-1][0] > ages[5][0] > 0
    assert ages[-1][1] > ages[5][1]
    assert producer.unacked_age() == 0.0
    assert consumer.contact_age() < 3.0
    assert owner.calls == ["assigned"]
    await consumer.stop()
    await producer.stop()


async def test_a_frozen_broker_is_noticed_and_goes_on(
    broker: KafkaBroker, process: KafkaProcess, unique: str
) -> None:
    topic = await topic_of(broker, f"frozen-{unique}")
    producer, consumer = broker.producer(), broker.consumer(topics=[topic], group=unique, member=unique)
    await producer.start()
    await consumer.start(Owner())
    await producer.send(Outgoing(topic, b"k", b"before"))
    await read(consumer, 1)

    process.suspend()
    waiting = producer.send(Outgoing(topic, b"k", b"after"))
    for _ in range(10):
        assert await consumer.fetch(100, 0.3) == []
    assert consumer.contact_age() > 2.0
    assert producer.unacked_age() > 2.0
    process.resume()

    async with asyncio.timeout(DEADLINE):
        await waiting
        assert [record.value for record in await read(consumer, 1)] == [b"after"]
    await consumer.stop()
    await producer.stop()


async def test_stopping_without_a_broker_keeps_its_deadline(
    broker: KafkaBroker, process: KafkaProcess, unique: str
) -> None:
    topic = await topic_of(broker, f"alone-{unique}")
    producer, consumer = broker.producer(), broker.consumer(topics=[topic], group=unique, member="")
    await producer.start()
    await consumer.start(Owner())
    await asyncio.to_thread(process.kill)
    unsent = producer.send(Outgoing(topic, b"k", b"v"))

    async with asyncio.timeout(12.0):
        await consumer.stop()
        await producer.stop()
    with pytest.raises(BrokerError, match="may be written or not"):
        await unsent
    await asyncio.to_thread(process.start)


async def test_no_broker_is_said_with_its_address_within_the_deadline(settings: KafkaSettings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        broker = KafkaBroker(settings.model_copy(update={"bootstrap": nobody, "start_deadline": 0.5}))
        for start in (
            broker.consumer(topics=["orders"], group="g", member="").start(Owner()),
            broker.producer().start(),
            broker.admin().topics(),
        ):
            with pytest.raises(
                BrokerError, match=f"No Kafka broker answers at {nobody} within 0.5 s.*raccordo dev up"
            ):
                await start


async def test_refused_credentials_are_a_matter_of_settings(settings: KafkaSettings) -> None:
    sign_in = {"security_protocol": "SASL_PLAINTEXT", "user": "shop", "password": SecretStr("s3cret")}
    broker = KafkaBroker(settings.model_copy(update=sign_in))
    with pytest.raises(ConfigError, match="RACCORDO_KAFKA_") as refused:
        await broker.producer().start()
    assert "s3cret" not in str(refused.value)


async def test_a_record_refused_by_the_topic_does_not_stop_the_producer(
    broker: KafkaBroker, unique: str
) -> None:
    """The library leaves a gap in its numbering after a refusal, and Kafka takes nothing behind a gap."""
    topic = await topic_of(
        broker, f"limit-{unique}", **{"max.message.bytes": "40000", "compression.type": "producer"}
    )
    producer = broker.producer()
    await producer.start()
    await producer.send(Outgoing(topic, b"k", b"first"))
    noise = b"".join(number.to_bytes(4, "big") for number in range(25_000))

    with pytest.raises(TooLarge, match=r"max\.message\.bytes"):
        await producer.send(Outgoing(topic, b"k", noise))
    async with asyncio.timeout(DEADLINE):
        await producer.send(Outgoing(topic, b"k", b"second"))
    await producer.stop()

    consumer = broker.consumer(topics=[topic], group=unique, member="")
    await consumer.start(Owner())
    assert [record.value for record in await read(consumer, 2)] == [b"first", b"second"]
    await consumer.stop()


async def test_a_consumer_whose_library_has_died_joins_again(broker: KafkaBroker, unique: str) -> None:
    topic = await topic_of(broker, f"died-{unique}")
    owner = Owner()
    consumer = broker.consumer(topics=[topic], group=unique, member="")
    await consumer.start(owner)
    await publish(broker, Outgoing(topic, b"k", b"1"))
    await read(consumer, 1)
    assert consumer._membership is not None
    consumer._membership._inner._fetcher.error_future.cancel()
    await asyncio.sleep(0)

    await publish(broker, Outgoing(topic, b"k", b"2"))
    assert [record.value for record in await read(consumer, 2)] == [b"1", b"2"]
    assert owner.calls == ["assigned", "revoked", "assigned"]
    await consumer.stop()


async def test_a_commit_is_not_repeated_under_a_later_generation(broker: KafkaBroker, unique: str) -> None:
    """The library's own commit would be taken by the group although the partitions have moved."""
    topic = await topic_of(broker, f"later-{unique}")
    consumer, admin = broker.consumer(topics=[topic], group=unique, member=""), broker.admin()
    await consumer.start(Owner())
    assert consumer._membership is not None
    generation, member = consumer._membership._session
    consumer._membership._session = (
        generation - 1,
        member,
    )  # the group has moved on since the partitions were given

    with pytest.raises(BrokerError, match="refused the commit"):
        await consumer.commit({Partition(topic, 0): Position(0)})
    assert await admin.committed(unique, topic) == {}
    await consumer.stop()
    await admin.stop()


async def test_topics_are_made_as_soon_as_a_starting_cluster_has_a_controller(
    broker: KafkaBroker, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that was just restarted answers before it knows the controller: that passes, and is no crash."""
    admin = broker.admin()
    await admin.topics()
    client = admin._client_or_fail()
    update = client.force_metadata_update
    asked = 0

    async def without_controller_at_first() -> Any:
        nonlocal asked
        asked += 1
        answer = await update()
        if asked < 3:
            client.cluster.controller = None
        return answer

    monkeypatch.setattr(client, "force_metadata_update", without_controller_at_first)
    client.cluster.controller = None
    await admin.create([Topic(f"elected-{unique}", 1)])
    assert asked == 3
    assert f"elected-{unique}" in await admin.topics()
    await admin.stop()
