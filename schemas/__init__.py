"""What is said: one file a business noun. `CONTRACTS` lists every fact that travels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.order import OrderCreated
from schemas.order_response import OrderConfirmed, OrderRejected
from schemas.payment import PaymentReceived
from schemas.returns import ReturnOpened
from schemas.shipment import ShipmentSent

if TYPE_CHECKING:
    from raccordo.event import Contract

CONTRACTS: tuple[type[Contract], ...] = (
    OrderCreated,
    OrderConfirmed,
    OrderRejected,
    PaymentReceived,
    ShipmentSent,
    ReturnOpened,
)

__all__ = [
    "CONTRACTS",
    "OrderConfirmed",
    "OrderCreated",
    "OrderRejected",
    "PaymentReceived",
    "ReturnOpened",
    "ShipmentSent",
]
