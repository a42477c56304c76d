"""What was paid."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from raccordo.event import Contract, ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Day, Identifier, Instant, LongText
from schemas.money import Money
from schemas.order import CustomerId, OrderId
from schemas.party import Party


class Allocation(ValueObject):
    """How much of a payment settles one document."""

    kind: Literal["order", "invoice", "credit_note", "on_account"]
    """What is settled."""
    document: Identifier | None = None
    """Its number; absent only for a payment on account."""
    amount: Money
    """How much of the payment goes there, in the currency of the payment."""
    discount: Money | None = None
    """The discount for early payment that the payer took."""

    @model_validator(mode="after")
    def _names_its_document(self) -> Self:
        if self.document is None and self.kind != "on_account":
            raise ValueError("names no document")
        return self


class PaymentReceived(
    Contract,
    topic="pagamento_ricevuto",
    key="customer_id",
    version=1,
    owner="accounts-receivable",
    retention=timedelta(days=90),
    business_keys=("payment_id", "order_id", "reference"),
    lanes=("payment_id",),
):
    """Money from a customer arrived: a capture by a payment provider, a bank transfer, a direct debit."""

    payment_id: Identifier
    """The payment's identity in the system that saw it."""
    customer_id: CustomerId
    """The seller's number of the customer whose account it goes to."""
    order_id: OrderId | None = None
    """The order it was made for, where it was made for one."""
    amount: Money
    """How much arrived; what the provider keeps is in `fee`."""
    fee: Money | None = None
    """What the payment provider keeps of it."""
    received_at: Instant
    """When it arrived."""
    value_date: Day | None = None
    """The day on which the bank counts it."""
    method: Identifier
    """How: ``card``, ``bank transfer``, ``paypal``, or a code of UNCL 4461."""
    provider: Identifier | None = None
    """The bank or payment provider."""
    reference: Identifier | None = None
    """The provider's number for the transaction."""
    payer: Party | None = None
    """Who paid, where it was not the customer."""
    remittance: LongText | None = None
    """What the payer wrote on the payment."""
    allocations: tuple[Allocation, ...] = Field(default=(), max_length=1000)
    """What it settles, as far as that is known."""
    attributes: Attributes = Field(default=NO_ATTRIBUTES, max_length=100)
    """Further facts by name."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.amount.amount <= 0:
            raise ValueError("amount must be more than zero; money paid back is another fact")
        if any(part.amount.currency != self.amount.currency for part in self.allocations):
            raise ValueError("an allocation is in another currency than the payment")
        if sum(part.amount.amount for part in self.allocations) > self.amount.amount:
            raise ValueError("the allocations are more than the payment")
        return self
