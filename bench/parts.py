"""Where the microseconds go: each room of the line measured alone, over the same orders."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from raccordo.broker import Partition, Record
from raccordo.codec import Codec, encode, event_key, fingerprint
from raccordo.event import derived_id, first_event
from raccordo.ledger import Claim, Conclusion, Effect, EffectState, Emission, Sending, State
from raccordo.ledger.sql import SqlLedger
from schemas import OrderConfirmed, OrderCreated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raccordo.broker import Outgoing
    from raccordo.event import Event

AT_ONCE = 500


async def measure(records: Sequence[Outgoing], ledger: str) -> list[tuple[str, float]]:
    """Return (room, microseconds of processor time for one event), for at least a few thousand orders."""
    codec = Codec(OrderCreated, frozenset({"default"}))
    fetched = [
        Record(Partition(one.topic, number % 12), number, one.key, one.value, one.headers, 0)
        for number, one in enumerate(records)
    ]
    events = [codec.decode(record) for record in fetched]
    answers = [
        first_event(
            OrderConfirmed.of(event.data, document="1", system="x"),
            tenant="default",
            source="bench",
            id=event.id,
        )
        for event in events
    ]
    figures = [
        ("decode and validate", _each(fetched, codec.decode)),
        ("fingerprint", _each(events, fingerprint)),
        (
            "derive ids",
            _each(events, lambda event: (event_key("default", "bench", event.id), derived_id(event.id))),
        ),
        ("encode the answer", _each(answers, encode)),
    ]
    store = SqlLedger(ledger)
    await store.start()
    figures += await _ledger(store, events, [encode(answer) for answer in answers])
    await store.stop()
    return figures


def _each(items: Sequence[Any], step: Callable[[Any], Any]) -> float:
    began = time.process_time()
    for item in items:
        step(item)
    return 1e6 * (time.process_time() - began) / len(items)


async def _ledger(
    store: SqlLedger, events: Sequence[Event[Any]], said: Sequence[Outgoing]
) -> list[tuple[str, float]]:
    """Measure the four durable steps of an event with many lanes ready at once."""
    (acquired,) = await store.acquire("bench", [Partition("ordini_creati", 0)], "bench", 0)
    grant = acquired.grant
    keys = [event_key("default", "bench", event.id) for event in events]
    effects = [
        Effect(derived_id("bench", event.id), 0, "instant", "create_order", EffectState.SENT, 1, 1)
        for event in events
    ]

    async def claim(at: int) -> None:
        event = events[at]
        await store.claim(
            Claim(
                grant,
                keys[at],
                event.id,
                "default",
                "OrderCreated",
                at,
                event.record_key,
                fingerprint(event),
                event.id,
                None,
                0,
                1,
                (("order_id", event.data.order_id),),
            )
        )

    async def send(at: int) -> None:
        await store.send(Sending(grant, keys[at], effects[at], 1))

    async def conclude(at: int) -> None:
        emission = Emission(derived_id("out", events[at].id), "OrderConfirmed", said[at])
        await store.conclude(
            Conclusion(grant, keys[at], events[at].record_key, at, State.CONFIRMED, 2, emissions=(emission,))
        )

    async def published(at: int) -> None:
        await store.published([derived_id("out", events[at].id)], 3)

    steps = (("claim", claim), ("sent", send), ("conclude", conclude), ("published", published))
    return [(f"ledger: {name}", await _together(step, len(events))) for name, step in steps]


async def _together(step: Callable[[int], Any], count: int) -> float:
    began = time.process_time()
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(step(at) for at in range(start, min(start + AT_ONCE, count))))
    return 1e6 * (time.process_time() - began) / count
