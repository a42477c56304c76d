"""Every order placed in the shop becomes exactly one sales order in SAP."""

from __future__ import annotations

from connectors.sap import SapOrders
from raccordo.errors import Rejected
from raccordo.event import Event
from raccordo.flow import BLOCK_LANE, Backoff, flow
from schemas import OrderConfirmed, OrderCreated, OrderRejected


@flow("order-to-sap", lane="order_id", retry=Backoff(cap=30.0), on_dead_letter=BLOCK_LANE)
async def order_to_sap(event: Event[OrderCreated], sap: SapOrders) -> OrderConfirmed:
    """Every order placed in the shop becomes exactly one sales order in SAP."""
    booked = await sap.create_order(event.data, key=event.id)
    return OrderConfirmed.of(event.data, document=booked.document, system=sap.system)


@order_to_sap.rejected
def order_refused(event: Event[OrderCreated], refusal: Rejected) -> OrderRejected:
    """SAP's reason goes back to the shop in SAP's words."""
    return OrderRejected.of(
        event.data, code=refusal.reason_code, reason=refusal.sentence, system=refusal.system
    )
