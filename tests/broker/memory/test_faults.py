"""What goes wrong in the memory broker goes wrong on demand."""

from __future__ import annotations

import asyncio

import pytest

from brokers import Owner, read, turn
from raccordo.broker import Outgoing, Partition, Position, Topic
from raccordo.broker.memory import MemoryBroker
from raccordo.errors import BrokerError, OwnershipLost

ORDERS = Topic("orders", 2)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker([ORDERS])


async def test_while_it_is_down_nothing_moves_and_afterwards_everything_does(broker: MemoryBroker) -> None:
    consumer, producer = broker.consumer(topics=["orders"], group="g", member="m"), broker.producer()
    await producer.start()
    await consumer.start(Owner())
    broker.go_down()

    first = producer.send(Outgoing("orders", b"k", b"1"))
    second = producer.send(Outgoing("orders", b"k", b"2"))
    assert await consumer.fetch(10, 0) == []
    with pytest.raises(BrokerError):
        await consumer.commit({Partition("orders", 0): Position(0)})
    with pytest.raises(BrokerError):
        await broker.consumer(topics=["orders"], group="h", member="m").start(Owner())
    with pytest.raises(BrokerError):
        await broker.admin().topics()
    assert not first.done()
    assert producer.unacked_age() > 0
    assert consumer.contact_age() > 0

    broker.come_up()
    await asyncio.gather(first, second)
    assert [record.value for record in await read(consumer, 2)] == [b"1", b"2"]
    assert producer.unacked_age() == consumer.contact_age() == 0.0


async def test_a_verb_is_refused_as_often_as_asked(broker: MemoryBroker) -> None:
    consumer, producer = broker.consumer(topics=["orders"], group="g", member="m"), broker.producer()
    await consumer.start(Owner())
    broker.refuse("publish", BrokerError("no"), times=2)
    broker.refuse("commit", OwnershipLost("gone"))
    broker.refuse("fetch", BrokerError("no"))

    for _ in range(2):
        with pytest.raises(BrokerError):
            await producer.send(Outgoing("orders", b"k", b"v"))
    await producer.send(Outgoing("orders", b"k", b"v"))
    with pytest.raises(OwnershipLost):
        await consumer.commit({Partition("orders", 0): Position(0)})
    await consumer.commit({Partition("orders", 0): Position(0)})
    with pytest.raises(BrokerError):
        await consumer.fetch(1, 0)
    assert len(await read(consumer, 1)) == 1


async def test_an_expired_member_learns_it_too_late_and_another_has_its_partitions(
    broker: MemoryBroker,
) -> None:
    first, second = Owner(), Owner()
    one = broker.consumer(topics=["orders"], group="g", member="one")
    two = broker.consumer(topics=["orders"], group="g", member="two")
    await one.start(first)
    await two.start(second)
    await turn(lambda: len(first.owned) == len(second.owned) == 1, one, two)

    await broker.expire("g", "one")
    await turn(lambda: len(second.owned) == 2, two)
    assert len(first.owned) == 1
    with pytest.raises(OwnershipLost):
        await one.commit({next(iter(first.owned)): Position(0)})

    await turn(lambda: len(first.owned) == len(second.owned) == 1, one, two)
    assert first.calls == ["assigned", "revoked", "assigned", "revoked", "assigned"]


async def test_added_partitions_are_shared_out_at_once(broker: MemoryBroker) -> None:
    owner = Owner()
    consumer = broker.consumer(topics=["orders"], group="g", member="")
    await consumer.start(owner)
    await broker.admin().add_partitions("orders", 3)
    await turn(lambda: owner.numbers == {0, 1, 2}, consumer)


async def test_what_waits_when_the_producer_stops_is_told_so(broker: MemoryBroker) -> None:
    producer = broker.producer()
    broker.go_down()
    sent = producer.send(Outgoing("orders", b"k", b"v"))
    await producer.stop()
    with pytest.raises(BrokerError, match="may be written or not"):
        await sent
