"""What every adapter has to do alike: one suite over the memory broker and a real Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from brokers import DEADLINE, Owner, read, turn
from raccordo.broker import Outgoing, Partition, Position, Topic
from raccordo.broker.kafka import KafkaBroker
from raccordo.broker.memory import MemoryBroker
from raccordo.broker.settings import KafkaSettings
from raccordo.errors import BrokerError, ConfigError, Defect, LedgerError, OutOfRange, OwnershipLost, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from raccordo.broker import Admin, Broker, Consumer, Producer, Record

PARTITIONS = 4


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "memory":
        return MemoryBroker()
    return KafkaBroker(
        KafkaSettings(
            bootstrap=request.getfixturevalue("kafka").bootstrap,
            session_timeout=6.0,
            heartbeat=0.3,
            start_deadline=10.0,
        )
    )


@pytest.fixture
async def admin(broker: Broker) -> AsyncIterator[Admin]:
    admin = broker.admin()
    yield admin
    await admin.stop()


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[Producer]:
    producer = broker.producer()
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def topic(admin: Admin, unique: str) -> str:
    name = f"orders-{unique}"
    await admin.create([Topic(name, PARTITIONS)])
    return name


def keys_by_partition(broker: Broker) -> dict[int, bytes]:
    """One key for each partition."""
    return {broker.partition_for(key, PARTITIONS): key for key in (b"k%d" % number for number in range(50))}


async def test_records_arrive_as_published_in_order_per_key(
    broker: Broker, producer: Producer, topic: str
) -> None:
    sent = [Outgoing(topic, b"customer-%d" % (number % 7), b"%d" % number) for number in range(300)]
    await asyncio.gather(*[producer.send(record) for record in sent])
    consumer = broker.consumer(topics=[topic], group=f"{topic}-order", member="")
    await consumer.start(Owner())

    records = await read(consumer, len(sent))
    await consumer.stop()

    by_key = defaultdict(list)
    offsets = defaultdict(list)
    for record in records:
        assert record.key is not None
        assert record.partition == Partition(topic, broker.partition_for(record.key, PARTITIONS))
        by_key[record.key].append(record.value)
        offsets[record.partition].append(record.offset)
    assert by_key == {
        key: [each.value for each in sent if each.key == key] for key in {each.key for each in sent} if key
    }
    assert all(numbers == list(range(len(numbers))) for numbers in offsets.values())


async def test_headers_keep_their_bytes_order_and_repeats(
    broker: Broker, producer: Producer, topic: str
) -> None:
    headers = (("ce_id", b"1"), ("x", b"\xff\x00"), ("x", b""), ("ce_id", "è".encode()))
    await producer.send(Outgoing(topic, b"k", b"v", headers))
    consumer = broker.consumer(topics=[topic], group=f"{topic}-headers", member="")
    await consumer.start(Owner())

    (record,) = await read(consumer, 1)
    await consumer.stop()

    assert record.headers == headers
    assert record.timestamp > 0


async def test_a_record_may_lack_its_key_or_its_value(broker: Broker, producer: Producer, topic: str) -> None:
    await producer.send(Outgoing(topic, None, b"no key"))
    await producer.send(Outgoing(topic, b"tombstone", None))
    with pytest.raises(Defect):
        await producer.send(Outgoing(topic, None, None))
    consumer = broker.consumer(topics=[topic], group=f"{topic}-none", member="")
    await consumer.start(Owner())

    records = await read(consumer, 2)
    await consumer.stop()

    assert {(record.key, record.value) for record in records} == {(None, b"no key"), (b"tombstone", None)}


async def test_a_record_that_is_too_large_fails_alone(broker: Broker, producer: Producer, topic: str) -> None:
    large = producer.send(Outgoing(topic, b"k", bytes(2_000_000)))
    after = producer.send(Outgoing(topic, b"k", b"small"))

    with pytest.raises(TooLarge, match="2000"):
        await large
    await after
    assert producer.unacked_age() == 0.0


async def test_two_members_share_the_partitions_and_one_takes_over(
    broker: Broker, producer: Producer, topic: str
) -> None:
    group = f"{topic}-share"
    first, second = Owner(), Owner()
    one = broker.consumer(topics=[topic], group=group, member="")
    two = broker.consumer(topics=[topic], group=group, member="")
    await one.start(first)
    assert first.numbers == set(range(PARTITIONS))

    joining = asyncio.create_task(two.start(second))
    await turn(joining.done, one)
    await joining
    await turn(lambda: len(first.numbers) == len(second.numbers) == PARTITIONS // 2, one, two)
    assert first.numbers | second.numbers == set(range(PARTITIONS))

    await two.stop()
    assert not second.owned
    await turn(lambda: first.numbers == set(range(PARTITIONS)), one)
    await producer.send(Outgoing(topic, b"k", b"v"))
    assert len(await read(one, 1)) == 1
    await one.stop()
    assert first.calls.count("assigned") == first.calls.count("revoked")


async def test_the_owner_can_commit_while_it_lets_go(broker: Broker, admin: Admin, topic: str) -> None:
    group = f"{topic}-letting-go"

    async def commit_all(partitions: Collection[Partition]) -> None:
        await one.commit({partition: Position(0, "last words") for partition in partitions})

    one = broker.consumer(topics=[topic], group=group, member="")
    two = broker.consumer(topics=[topic], group=group, member="")
    await one.start(Owner(commit_all))
    second = Owner()
    joining = asyncio.create_task(two.start(second))
    await turn(joining.done, one)
    await joining

    committed = await admin.committed(group, topic)
    await two.stop()
    with pytest.raises(OwnershipLost):
        await one.commit({next(iter(second.owned or committed)): Position(9)})
    await one.stop()

    assert committed == {Partition(topic, number): Position(0, "last words") for number in range(PARTITIONS)}


async def test_a_restart_goes_on_at_the_committed_position_with_its_metadata(
    broker: Broker, producer: Producer, admin: Admin, topic: str
) -> None:
    group, key = f"{topic}-restart", b"k"
    partition = Partition(topic, broker.partition_for(key, PARTITIONS))
    for number in range(5):
        await producer.send(Outgoing(topic, key, b"%d" % number))
    consumer = broker.consumer(topics=[topic], group=group, member="")
    await consumer.start(Owner())
    await read(consumer, 5)
    await consumer.commit({partition: Position(3, "ledger:17")})
    await consumer.stop()
    await consumer.stop()

    owner = Owner()
    again = broker.consumer(topics=[topic], group=group, member="")
    await again.start(owner)
    records = await read(again, 2)
    await again.stop()

    assert [record.offset for record in records] == [3, 4]
    assert await admin.committed(group, topic) == {partition: Position(3, "ledger:17")}
    assert (await admin.begin_offsets(topic))[partition] == 0
    assert (await admin.end_offsets(topic))[partition] == 5


async def test_the_owner_is_told_the_committed_positions(broker: Broker, admin: Admin, topic: str) -> None:
    group = f"{topic}-told"
    await admin.seek(group, {Partition(topic, 1): Position(0, "here")})
    owner = Owner()
    consumer = broker.consumer(topics=[topic], group=group, member="")
    await consumer.start(owner)
    told = dict(owner.owned)
    with pytest.raises(BrokerError, match="has members"):
        await admin.seek(group, {Partition(topic, 1): Position(1)})
    await consumer.stop()

    assert told == {
        Partition(topic, number): Position(0, "here") if number == 1 else None for number in range(PARTITIONS)
    }


async def test_a_paused_partition_is_kept_back_until_it_is_resumed(
    broker: Broker, producer: Producer, topic: str
) -> None:
    keys = keys_by_partition(broker)
    consumer = broker.consumer(topics=[topic], group=f"{topic}-pause", member="")
    await consumer.start(Owner())
    for number in (0, 1):
        await producer.send(Outgoing(topic, keys[number], b"before"))
    await read(consumer, 2)

    consumer.pause([Partition(topic, 0)])
    for number in (0, 1):
        await producer.send(Outgoing(topic, keys[number], b"after"))
    first = await read(consumer, 1)
    for _ in range(5):
        first += await consumer.fetch(100, 0.05)
    assert [record.partition.number for record in first] == [1]

    consumer.pause([Partition(topic, number) for number in range(PARTITIONS)])
    assert await consumer.fetch(100, 0.05) == []
    consumer.resume([Partition(topic, number) for number in range(PARTITIONS)])
    (record,) = await read(consumer, 1)
    assert (record.partition.number, record.offset, record.value) == (0, 1, b"after")
    await consumer.stop()


async def test_an_owner_may_take_a_partition_over_paused(
    broker: Broker, producer: Producer, topic: str
) -> None:
    class Cautious(Owner):
        async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
            await super().assigned(partitions)
            consumer.pause(list(partitions))

    await producer.send(Outgoing(topic, b"k", b"v"))
    consumer = broker.consumer(topics=[topic], group=f"{topic}-cautious", member="")
    owner = Cautious()
    await consumer.start(owner)
    for _ in range(3):
        assert await consumer.fetch(10, 0.1) == []

    consumer.resume(list(owner.owned))
    assert len(await read(consumer, 1)) == 1
    await consumer.stop()


async def test_resuming_ends_a_waiting_fetch(broker: Broker, topic: str) -> None:
    consumer = broker.consumer(topics=[topic], group=f"{topic}-wake", member="")
    owner = Owner()
    await consumer.start(owner)
    consumer.pause(list(owner.owned))

    waiting = asyncio.create_task(consumer.fetch(10, DEADLINE * 2))
    await asyncio.sleep(0.01)
    consumer.resume(list(owner.owned))
    async with asyncio.timeout(DEADLINE):
        assert await waiting == []
    await consumer.stop()


async def test_each_fetch_takes_from_every_partition(broker: Broker, producer: Producer, topic: str) -> None:
    keys = keys_by_partition(broker)
    sent = [Outgoing(topic, key, b"v") for key in keys.values() for _ in range(100)]
    await asyncio.gather(*[producer.send(record) for record in sent])
    consumer = broker.consumer(topics=[topic], group=f"{topic}-fair", member="")
    await consumer.start(Owner())
    await turn_until_buffered(consumer)

    records = await consumer.fetch(40, 0.2)
    await consumer.stop()

    assert len(records) == 40
    assert {record.partition.number for record in records} == set(range(PARTITIONS))


async def turn_until_buffered(consumer: Consumer) -> None:
    """Read one record: what a broker has ready for all partitions comes in the same answer."""
    async with asyncio.timeout(DEADLINE):
        while not await consumer.fetch(1, 0.2):
            pass


async def test_a_cancelled_fetch_loses_no_record(broker: Broker, producer: Producer, topic: str) -> None:
    consumer = broker.consumer(topics=[topic], group=f"{topic}-cancel", member="")
    await consumer.start(Owner())
    records: list[Record] = []
    for number in range(20):
        waiting = asyncio.create_task(consumer.fetch(100, DEADLINE))
        await asyncio.sleep(0)
        await producer.send(Outgoing(topic, b"k", b"%d" % number))
        waiting.cancel()
        try:
            records += await waiting
        except asyncio.CancelledError:
            records += await consumer.fetch(100, 0)
    records += await read(consumer, 20 - len(records))
    await consumer.stop()

    assert [record.value for record in records] == [b"%d" % number for number in range(20)]


async def test_a_static_member_restarts_without_disturbing_anybody(broker: Broker, topic: str) -> None:
    group = f"{topic}-static"
    first, second, third = Owner(), Owner(), Owner()
    one = broker.consumer(topics=[topic], group=group, member=f"{group}-1")
    two = broker.consumer(topics=[topic], group=group, member=f"{group}-2")
    await one.start(first)
    joining = asyncio.create_task(two.start(second))
    await turn(joining.done, one)
    await joining
    await turn(lambda: len(first.numbers) == len(second.numbers) == PARTITIONS // 2, one, two)
    kept = second.numbers
    calls = list(first.calls)

    await two.stop()
    again = broker.consumer(topics=[topic], group=group, member=f"{group}-2")
    async with asyncio.timeout(3.0):  # below the session timeout
        await again.start(third)
    await turn(lambda: bool(third.owned), one, again)

    assert third.numbers == kept
    assert first.calls == calls
    await again.stop()
    await one.stop()


async def test_a_static_member_that_is_removed_leaves_its_partitions_to_the_others(
    broker: Broker, admin: Admin, topic: str
) -> None:
    group = f"{topic}-removed"
    first, second = Owner(), Owner()
    one = broker.consumer(topics=[topic], group=group, member=f"{group}-1")
    two = broker.consumer(topics=[topic], group=group, member=f"{group}-2")
    await one.start(first)
    joining = asyncio.create_task(two.start(second))
    await turn(joining.done, one)
    await joining
    await two.stop()

    await admin.remove_member(group, f"{group}-2")
    await admin.remove_member(group, f"{group}-2")
    async with asyncio.timeout(5.0):  # below the session timeout
        await turn(lambda: first.numbers == set(range(PARTITIONS)), one)
    await one.stop()


async def test_a_member_that_lost_its_session_commits_nothing_and_comes_back(
    broker: Broker, admin: Admin, topic: str
) -> None:
    group = f"{topic}-lost"
    refusals: list[BrokerError] = []

    async def try_to_commit(partitions: Collection[Partition]) -> None:
        with pytest.raises(OwnershipLost) as refused:
            await consumer.commit({partition: Position(0) for partition in partitions})
        refusals.append(refused.value)

    consumer = broker.consumer(topics=[topic], group=group, member=f"{group}-1")
    owner = Owner(try_to_commit)
    await consumer.start(owner)

    await admin.remove_member(
        group, f"{group}-1"
    )  # as the group does when it hears nothing for a session timeout
    with pytest.raises(OwnershipLost):
        await consumer.commit({Partition(topic, 0): Position(0)})
    await turn(lambda: owner.calls == ["assigned", "revoked", "assigned"], consumer)

    assert len(refusals) == 1
    assert await admin.committed(group, topic) == {}
    owner._letting_go = None
    await consumer.commit({Partition(topic, 0): Position(0)})
    await consumer.stop()


async def test_of_two_processes_with_one_member_id_the_older_ends(broker: Broker, topic: str) -> None:
    group = f"{topic}-twice"
    first, second = Owner(), Owner()
    one = broker.consumer(topics=[topic], group=group, member=f"{group}-1")
    two = broker.consumer(topics=[topic], group=group, member=f"{group}-1")
    await one.start(first)
    await two.start(second)

    with pytest.raises(ConfigError, match="Another process has joined group"):
        await turn(lambda: False, one)
    with pytest.raises(ConfigError, match="Another process has joined group"):
        await one.fetch(1, 0)
    with pytest.raises(OwnershipLost):
        await one.commit({Partition(topic, 0): Position(0)})
    assert not first.owned
    await one.stop()

    await turn(lambda: second.numbers == set(range(PARTITIONS)), two)
    await two.commit({Partition(topic, 0): Position(0)})
    assert second.calls == ["assigned"]
    await two.stop()


async def test_a_missing_topic_is_named_and_not_created(
    broker: Broker, producer: Producer, admin: Admin, unique: str
) -> None:
    name = f"missing-{unique}"
    consumer = broker.consumer(topics=[name], group=f"{name}-group", member="")

    with pytest.raises(ConfigError, match=f"{name} does not exist.*raccordo topics apply"):
        await consumer.start(Owner())
    with pytest.raises(BrokerError, match=f"{name} does not exist.*raccordo topics apply"):
        await producer.send(Outgoing(name, b"k", b"v"))
    with pytest.raises(BrokerError, match=name):
        await admin.end_offsets(name)
    assert name not in await admin.topics()

    await admin.create([Topic(name, 1)])
    await producer.send(Outgoing(name, b"k", b"v"))


async def test_what_the_owner_raises_comes_out_of_the_next_call_and_is_asked_again(
    broker: Broker, topic: str
) -> None:
    owner = Owner()
    consumer = broker.consumer(topics=[topic], group=f"{topic}-raises", member="")
    owner.error = LedgerError("the ledger is away")
    with pytest.raises(LedgerError):
        await consumer.start(owner)

    again = broker.consumer(topics=[topic], group=f"{topic}-raises-2", member=f"{topic}-1")
    await again.start(owner)
    other = broker.consumer(topics=[topic], group=f"{topic}-raises-2", member=f"{topic}-2")
    owner.error = LedgerError("the ledger is away again")
    joining = asyncio.create_task(other.start(Owner()))
    with pytest.raises(LedgerError, match="again"):
        await turn(lambda: False, again)
    await turn(lambda: joining.done() and bool(owner.owned), again)
    await joining
    await other.stop()
    await again.stop()


async def test_records_deleted_before_they_were_read_stop_the_reading(
    broker: Broker, producer: Producer, admin: Admin, topic: str
) -> None:
    """Other partitions lose nothing by it."""
    group, keys = f"{topic}-overtaken", keys_by_partition(broker)
    other, partition = Partition(topic, 0), Partition(topic, 3)
    for number in range(10):
        await producer.send(Outgoing(topic, keys[partition.number], b"%d" % number))
        await producer.send(Outgoing(topic, keys[other.number], b"%d" % number))
    await admin.seek(group, {partition: Position(2)})
    await delete_records(broker, admin, partition, 6)

    consumer = broker.consumer(topics=[topic], group=group, member="")
    await consumer.start(Owner())
    records: list[Record] = []
    refusals: list[str] = []
    async with asyncio.timeout(DEADLINE):
        while len(refusals) < 3 or len(records) < 10:
            try:
                records += await consumer.fetch(100, 0.2)
            except OutOfRange as error:
                refusals.append(str(error))
    await consumer.stop()
    assert all(f"4 records of {partition} were deleted before group {group}" in each for each in refusals)
    assert [(record.partition, record.offset) for record in records] == [
        (other, number) for number in range(10)
    ]

    await admin.seek(group, {partition: Position(6), other: Position(10)})
    again = broker.consumer(topics=[topic], group=group, member="")
    await again.start(Owner())
    assert [record.offset for record in await read(again, 4)] == [6, 7, 8, 9]
    await again.stop()


async def delete_records(broker: Broker, admin: Admin, partition: Partition, before: int) -> None:
    """Do what retention does."""
    if isinstance(broker, MemoryBroker):
        broker.delete_records(partition, before)
    else:
        kafka = admin._inner  # type: ignore[attr-defined]
        await kafka.delete_records({TopicPartition(*partition): RecordsToDelete(before)})


async def test_topics_are_created_once_and_changed_in_place(admin: Admin, unique: str) -> None:
    week, name = timedelta(days=7), f"changing-{unique}"
    await admin.create(
        [Topic(name, 2, 1, week, {"cleanup.policy": "delete", "max.message.bytes": "2000000"})]
    )
    await admin.create([Topic(name, 2)])
    with pytest.raises(ConfigError, match="2 partitions, not 3"):
        await admin.create([Topic(name, 3)])

    await admin.configure(Topic(name, 2, 1, None, {"cleanup.policy": "compact"}))
    await admin.add_partitions(name, 5)
    with pytest.raises(BrokerError):
        await admin.add_partitions(name, 4)

    topic = (await admin.topics())[name]
    assert (topic.partitions, topic.replication, topic.retention) == (5, 1, None)
    assert topic.config == {"cleanup.policy": "compact", "max.message.bytes": "2000000"}


async def test_a_consumer_in_use_was_answered_lately(broker: Broker, topic: str) -> None:
    consumer = broker.consumer(topics=[topic], group=f"{topic}-age", member="")
    await consumer.start(Owner())
    await consumer.fetch(1, 0.1)
    assert consumer.contact_age() < 3.0
    await consumer.stop()
    with pytest.raises(BrokerError, match="not started"):
        await consumer.fetch(1, 0)
