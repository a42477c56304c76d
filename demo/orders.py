"""The orders of the demonstration, with what goes wrong around them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from raccordo.broker import Outgoing
from raccordo.codec import encode
from raccordo.event import EventId, first_event
from schemas import OrderCreated
from schemas.money import Price
from schemas.order import OrderLine
from schemas.product import Product
from schemas.quantity import Quantity

if TYPE_CHECKING:
    from random import Random

TENANT: Final = "default"
SKUS: Final = {
    "TG11": "Trading good 11, regular stock",
    "TG12": "Trading good 12, in batches",
    "TG13": "Trading good 13, with serial numbers",
    "TG14": "Trading good 14, third party",
    "TG21": "Trading good 21, reorder point",
    "TG22": "Trading good 22, planned by forecast",
}
CUSTOMERS: Final = tuple(f"{number:07}" for number in range(1000001, 1000009))
BLOCKED: Final = "1000099"
"""A customer that SAP refuses in the demonstration."""

LOST, LATE = "LOST", "LATE"
"""Marks in an order id: SAP commits such an order without an answer, at once or only after the client gave up."""


def order(order_id: str, customer: str, lines: int = 2, *, placed_at: datetime | None = None) -> OrderCreated:
    """Make an order of `lines` lines for a customer."""
    return OrderCreated(
        order_id=order_id,
        customer_id=customer,
        placed_at=placed_at or datetime.now(UTC),
        currency="EUR",
        lines=tuple(
            OrderLine(
                line_id=str(10 * (number + 1)),
                product=Product(sku=sku, name=SKUS[sku]),
                quantity=Quantity(value=Decimal(number + 1)),
                price=Price(amount=Decimal("12.50")),
            )
            for number, sku in enumerate(itertools.islice(itertools.cycle(SKUS), lines))
        ),
    )


def record(placed: OrderCreated, event_id: str | None = None) -> Outgoing:
    """Write an order as the shop publishes it; the event id is the order id unless given."""
    event = first_event(
        placed, tenant=TENANT, source="demo/shop", id=EventId(event_id or f"order-{placed.order_id}")
    )
    return encode(event)


@dataclass(slots=True)
class Cast:
    """Everything that is published in one run, and what has to become of it.

    `booked`, `refused` are order ids; `undecodable` are records that are no orders; `repeats` counts publishes that
    repeat an event. `lost` and `late` are among `booked`.
    """

    records: list[Outgoing] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    repeats: int = 0
    undecodable: list[Outgoing] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Orders that were published and are orders."""
        return len(self.booked) + len(self.refused)


def cast(run: str, count: int, rng: Random) -> Cast:
    """Make `count` orders and the trouble around them, in the order of publishing.

    One in forty is refused by SAP, one in fifty loses its answer, one in a hundred is committed late; one in twenty
    is published twice; eight records are no orders at all. Customers come in runs, so that several orders of one
    customer stand in a row.
    """
    made = Cast()
    customer = CUSTOMERS[0]
    for number in range(count):
        if number % 3 == 0:
            customer = rng.choice(CUSTOMERS)
        mark = f"-{LATE}" if number % 100 == 50 else f"-{LOST}" if number % 50 == 20 else ""  # noqa: PLR2004 - every n-th
        refused = number % 40 == 7  # noqa: PLR2004 - every n-th
        order_id = f"{run}-{number:04}{mark}"
        placed = record(order(order_id, BLOCKED if refused else customer, lines=1 + number % 4))
        made.records.append(placed)
        (made.refused if refused else made.booked).append(order_id)
        (made.late if mark.endswith(LATE) else made.lost if mark else []).append(order_id)
        if number % 20 == 5:  # noqa: PLR2004 - every n-th
            made.records.append(placed)
            made.repeats += 1
        if number % 60 == 30:  # noqa: PLR2004 - every n-th
            bad = spoilt(placed, len(made.undecodable))
            made.records.append(bad)
            made.undecodable.append(bad)
    return made


def spoilt(placed: Outgoing, kind: int) -> Outgoing:
    """Turn an order into a record that is none, in one of several ways."""
    value = placed.value or b""
    bodies = (
        b"",
        value[: len(value) // 2],
        value.replace(b'"EUR"', b"NaN"),
        b"\xef\xbb\xbf" + value,
        value.replace(b'"currency"', b'"currency":"EUR","currency"'),
        b"[" * 100_000,
        b"\xff\xfe\x00",
    )
    if kind % (len(bodies) + 1) == len(bodies):
        return Outgoing(placed.topic, placed.key, value, ())
    return Outgoing(placed.topic, placed.key, bodies[kind % (len(bodies) + 1)], placed.headers)
