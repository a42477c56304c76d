"""The flow that is measured: one write to a system that answers at once, and one event out."""

from __future__ import annotations

from raccordo.connector import Connector, ConnectorConfig, DocumentRef, operation
from raccordo.event import Event, EventId
from raccordo.flow import flow
from schemas import OrderConfirmed, OrderCreated


class InstantConfig(ConnectorConfig, name="instant"):
    """Settings of a system that takes no time."""

    settle: float = 0.0
    max_in_flight: int = 1000


class NoWire:
    """A wire of no length: what is measured is the line, not a system."""

    def __init__(self, config: InstantConfig) -> None:
        self.config = config

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""


class Instant(Connector[InstantConfig, NoWire]):
    """A system that books at once."""

    @operation
    async def create_order(self, order: OrderCreated, *, key: EventId) -> DocumentRef:  # noqa: ARG002 - a write's key
        """Book."""
        return DocumentRef(document=order.order_id)

    @create_order.look
    async def find_order(self, order: OrderCreated, *, key: EventId) -> DocumentRef | None:  # noqa: ARG002 - as above
        """Look."""
        return DocumentRef(document=order.order_id)


@flow("bench", lane="order_id")
async def bench(event: Event[OrderCreated], instant: Instant) -> OrderConfirmed:
    """Every order is booked once and confirmed."""
    booked = await instant.create_order(event.data, key=event.id)
    return OrderConfirmed.of(event.data, document=booked.document, system=instant.system)
