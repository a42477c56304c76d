"""What the customer sends back."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from raccordo.event import Contract, ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Identifier, Instant, LongText
from schemas.order import MAX_LINES, CustomerId, LineId, Note, OrderId
from schemas.party import Party
from schemas.product import Product
from schemas.quantity import Quantity


class ReturnReason(StrEnum):
    """Why goods come back."""

    DAMAGED = "damaged"
    DEFECTIVE = "defective"
    WRONG_ITEM = "wrong_item"
    WRONG_QUANTITY = "wrong_quantity"
    NOT_AS_DESCRIBED = "not_as_described"
    LATE = "late"
    ORDERED_BY_MISTAKE = "ordered_by_mistake"
    NO_LONGER_WANTED = "no_longer_wanted"
    RECALL = "recall"
    OTHER = "other"


class Remedy(StrEnum):
    """What the customer asks for."""

    REFUND = "refund"
    CREDIT = "credit"
    REPLACEMENT = "replacement"
    REPAIR = "repair"


class ReturnLine(ValueObject):
    """One product that comes back."""

    line_id: LineId
    """The position in this return; unique."""
    order_line_id: LineId | None = None
    """The line of the order that it was delivered for."""
    shipment_id: Identifier | None = None
    """The shipment that brought it."""
    product: Product
    """What comes back."""
    quantity: Quantity
    """How much of it."""
    reason: ReturnReason
    """Why."""
    reason_text: LongText | None = None
    """Why, in the customer's words."""
    remedy: Remedy | None = None
    """What the customer asks for."""
    opened: bool | None = None
    """True when the packing was opened."""
    batch: Identifier | None = None
    """The batch or lot."""
    serial_numbers: tuple[Identifier, ...] = Field(default=(), max_length=1000)
    """The serial numbers of the pieces."""


class ReturnOpened(
    Contract,
    topic="reso_aperto",
    key="customer_id",
    version=1,
    owner="customer-service",
    retention=timedelta(days=90),
    business_keys=("return_id", "order_id"),
    lanes=("order_id", "return_id"),
):
    """A customer announced goods that come back."""

    return_id: Identifier
    """The return's identity, often the RMA number that is written on the parcel."""
    customer_id: CustomerId
    """The seller's number of the sold-to customer."""
    order_id: OrderId
    """The order that the goods were delivered for."""
    opened_at: Instant
    """When the customer announced it."""
    lines: tuple[ReturnLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What comes back."""
    pick_up_at: Party | None = None
    """Where the goods can be fetched, and whom to ask."""
    notes: tuple[Note, ...] = Field(default=(), max_length=50)
    """Texts for the people who handle it."""
    attributes: Attributes = Field(default=NO_ATTRIBUTES, max_length=100)
    """Further facts by name."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise ValueError("two lines have the same line_id")
        return self
