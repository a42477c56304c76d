"""A flow that does what a flow must not: it blocks the event loop."""

from __future__ import annotations

import time

from connectors.sap import SapOrders
from raccordo.event import Event
from raccordo.flow import flow
from schemas import OrderConfirmed, OrderCreated

BLOCKED_SECONDS = 4.0


@flow("blocking", lane="order_id")
async def blocking(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed:
    """Sleeps in the loop for an order that says so, then books it."""
    if event.data.order_id.endswith("-BLOCK"):
        time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - the mistake itself
    booked = await sap.create_order(event.data, key=event.id)
    return OrderConfirmed.of(event.data, document=booked.document, system=sap.system)


FLOWS = (blocking,)
