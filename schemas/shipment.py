"""What was sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from raccordo.event import Contract, ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Identifier, Instant
from schemas.delivery import DeliveryTerms, Package, RequestedDates, TrackedCarrier
from schemas.order import MAX_LINES, CustomerId, LineId, Note, OrderId
from schemas.party import Party
from schemas.product import Product
from schemas.quantity import Quantity


class ShippedLine(ValueObject):
    """How much of a product was sent."""

    line_id: LineId
    """The position in this shipment; unique."""
    order_line_id: LineId | None = None
    """The line of the order that it fills."""
    product: Product
    """What was sent, which may replace what was ordered."""
    quantity: Quantity
    """How much of it."""
    batch: Identifier | None = None
    """The batch or lot."""
    serial_numbers: tuple[Identifier, ...] = Field(default=(), max_length=1000)
    """The serial numbers of the pieces."""
    completes_line: bool | None = None
    """True when nothing more will follow for the order line."""


class ShipmentSent(
    Contract,
    topic="spedizione_inviata",
    key="customer_id",
    version=1,
    owner="logistics",
    retention=timedelta(days=30),
    business_keys=("shipment_id", "order_id", "delivery_note"),
    lanes=("order_id",),
):
    """Goods of one order left the warehouse. A truck with goods of several orders is one event per order."""

    shipment_id: Identifier
    """The shipment's identity in the system that sent it."""
    customer_id: CustomerId
    """The seller's number of the sold-to customer."""
    order_id: OrderId
    """The order that is delivered."""
    delivery_note: Identifier | None = None
    """The number of the delivery note or of the ERP's delivery."""
    shipped_at: Instant
    """When the goods left."""
    expected: RequestedDates | None = None
    """When they are expected to arrive."""
    carrier: TrackedCarrier | None = None
    """Who carries them."""
    delivery_terms: DeliveryTerms | None = None
    """Who carries cost and risk."""
    ship_from: Party | None = None
    """Where the goods left."""
    ship_to: Party | None = None
    """Where they go."""
    gross_weight: Quantity | None = None
    """The weight of all packages."""
    lines: tuple[ShippedLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What was sent."""
    packages: tuple[Package, ...] = Field(default=(), max_length=1000)
    """How it is packed."""
    completes_order: bool | None = None
    """True when nothing more will follow for the order."""
    notes: tuple[Note, ...] = Field(default=(), max_length=50)
    """Texts for the receiver."""
    attributes: Attributes = Field(default=NO_ATTRIBUTES, max_length=100)
    """Further facts by name."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        lines = {line.line_id for line in self.lines}
        if len(lines) != len(self.lines):
            raise ValueError("two lines have the same line_id")
        if len({package.package_id for package in self.packages}) != len(self.packages):
            raise ValueError("two packages have the same package_id")
        if any(content.line_id not in lines for package in self.packages for content in package.contents):
            raise ValueError("a package holds a line that the shipment does not have")
        return self
