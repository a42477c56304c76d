"""What became of an order: the ERP took it, or refused it."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field

from raccordo.event import Contract, ValueObject
from raccordo.scalars import Day, Identifier, LongText, Unsigned
from schemas.delivery import RequestedDates
from schemas.order import OWNER, RETENTION, CustomerId, LineId, OrderCreated, OrderId
from schemas.quantity import UnitCode

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MAX_CODE = 100
_MAX_REASON = 5000


class ConfirmedLine(ValueObject):
    """What the ERP made of one line."""

    line_id: LineId
    """The line of the order."""
    state: Literal["accepted", "changed", "rejected"]
    """Accepted as ordered, accepted with changes, or not accepted."""
    quantity: Unsigned | None = None
    """How much will be delivered; 0 for a rejected line."""
    unit: UnitCode | None = None
    """The unit of `quantity`, where it differs from the order's."""
    price: Unsigned | None = None
    """The price that will be charged, for one unit."""
    promised: RequestedDates | None = None
    """When it will be delivered."""
    document_line: Identifier | None = None
    """The item number in the ERP's document."""
    reason: LongText | None = None
    """Why the line was changed or rejected."""


class OrderConfirmed(
    Contract,
    topic="ordini_confermati",
    key="customer_id",
    version=1,
    owner=OWNER,
    retention=RETENTION,
    business_keys=("order_id", "order_number", "buyer_reference", "document"),
    lanes=("order_id",),
):
    """An order stands in the ERP under a document number."""

    order_id: OrderId
    """The order's identity in the system that took it."""
    customer_id: CustomerId
    """The seller's number of the sold-to customer."""
    order_number: OrderId | None = None
    """The number that the shop shows to people."""
    buyer_reference: Identifier | None = None
    """The buyer's own purchase order number."""
    document: Identifier
    """The number of the sales order in the ERP, with its leading zeros."""
    system: Identifier
    """The ERP that holds the document, by the name of its connector."""
    document_date: Day | None = None
    """The day on the document."""
    lines: tuple[ConfirmedLine, ...] = Field(default=(), max_length=9999)
    """The lines that the ERP spoke of; empty when it took the order as it was."""

    @classmethod
    def of(cls, order: OrderCreated, *, document: str, system: str) -> Self:
        """Say that `order` stands in `system` under the number `document`."""
        return cls(
            order_id=order.order_id,
            customer_id=order.customer_id,
            order_number=order.order_number,
            buyer_reference=order.buyer_reference,
            document=document,
            system=system,
        )


class OrderRejected(
    Contract,
    topic="ordini_rifiutati",
    key="customer_id",
    version=1,
    owner=OWNER,
    retention=RETENTION,
    business_keys=("order_id", "order_number", "buyer_reference"),
    lanes=("order_id",),
):
    """An order was refused for good; a person has to correct it or to tell the buyer."""

    order_id: OrderId
    """The order's identity in the system that took it."""
    customer_id: CustomerId
    """The seller's number of the sold-to customer."""
    order_number: OrderId | None = None
    """The number that the shop shows to people."""
    buyer_reference: Identifier | None = None
    """The buyer's own purchase order number."""
    code: Identifier
    """The reason as the refusing system's code: ``V1/302``."""
    reason: LongText
    """The reason in that system's words."""
    system: Identifier
    """The system that refused, by the name of its connector."""

    @classmethod
    def of(cls, order: OrderCreated, *, code: str, reason: str, system: str) -> Self:
        """Say that `system` refused `order`.

        Code and reason come from a foreign system: what a contract cannot carry is taken out, and an empty
        one is named as such, so that every refusal can be told.
        """
        return cls(
            order_id=order.order_id,
            customer_id=order.customer_id,
            order_number=order.order_number,
            buyer_reference=order.buyer_reference,
            code=" ".join(_CONTROL.sub(" ", code).split())[:_MAX_CODE].strip() or "unknown",
            reason=_CONTROL.sub(" ", reason).strip()[:_MAX_REASON] or "no reason given",
            system=system,
        )
