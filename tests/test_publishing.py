from __future__ import annotations

from typing import Any

import pytest

from hostile import encoded, order
from raccordo.broker import Partition, Topic
from raccordo.broker.memory import MemoryBroker
from raccordo.errors import BrokerError, ConfigError
from raccordo.event import Event, EventId, first_event
from raccordo.publishing import WINDOW, Unfinished, publish, require_topic
from schemas import OrderCreated

TOPIC = "ordini_creati"


def events(count: int) -> list[Event[Any]]:
    data = OrderCreated.model_validate_json(encoded(order()))
    return [first_event(data, tenant="acme", source="desk", id=EventId(f"evt-{n}")) for n in range(count)]


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker([Topic(TOPIC, 1)])


def written(broker: MemoryBroker) -> list[bytes]:
    return [dict(record.headers)["ce_id"] for record in broker.logs[Partition(TOPIC, 0)].read(0, 10_000)]


async def test_every_event_is_acknowledged_in_order(broker: MemoryBroker) -> None:
    """More than fit into the window at once are all written, each once, in the order given."""
    told: list[str] = []
    count = 2 * WINDOW + 7
    done = await publish(
        events(count), broker.producer(), patience=1.0, acknowledged=lambda event: told.append(event.id)
    )
    assert done == count
    assert told == [f"evt-{n}" for n in range(count)]
    assert [name.decode() for name in written(broker)] == told


async def test_a_refusal_in_the_middle_says_how_far_it_came(broker: MemoryBroker) -> None:
    """What was acknowledged before counts; the caller may publish all of it again."""
    producer = broker.producer()
    told: list[str] = []

    def tell(event: Event[Any]) -> None:
        told.append(event.id)

    batch = events(WINDOW + 3)
    sent = iter(batch)

    def refusing() -> Any:
        for number, event in enumerate(sent):
            if number == 2:
                broker.refuse("publish", BrokerError("no rights"))
            yield event

    with pytest.raises(Unfinished) as caught:
        await publish(refusing(), producer, patience=1.0, acknowledged=tell)
    assert caught.value.acknowledged == 2
    assert told == ["evt-0", "evt-1"]


async def test_a_broker_that_stays_silent_ends_it(broker: MemoryBroker) -> None:
    """Nobody waits for ever."""
    broker.go_down()
    with pytest.raises(Unfinished, match="acknowledged nothing") as caught:
        await publish(events(1), broker.producer(), patience=0.01, acknowledged=lambda _event: None)
    assert caught.value.acknowledged == 0


async def test_a_missing_topic_is_told_with_the_command_that_makes_it(broker: MemoryBroker) -> None:
    """Topics are never made by accident."""
    await require_topic(broker.admin(), TOPIC)
    with pytest.raises(ConfigError, match="raccordo topics apply"):
        await require_topic(broker.admin(), "pagamento_ricevuto")
