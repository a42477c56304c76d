"""The order-to-sap flow in lanes of the customer: the order at SAP is the order of publishing."""

from __future__ import annotations

from connectors.sap import SapOrders
from raccordo.event import Event
from raccordo.flow import BLOCK_LANE, Backoff, flow
from schemas import OrderConfirmed, OrderCreated


@flow("by-customer", retry=Backoff(first=0.5, cap=5.0), on_dead_letter=BLOCK_LANE)
async def by_customer(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed:
    """A customer's orders are booked one after another."""
    booked = await sap.create_order(event.data, key=event.id)
    return OrderConfirmed.of(event.data, document=booked.document, system=sap.system)


FLOWS = (by_customer,)
