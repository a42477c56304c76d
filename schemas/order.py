"""What was ordered: the order as the buyer placed it, before any ERP has seen it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from raccordo.event import Contract, ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Day, Exact, Identifier, Instant, LongText, Text
from schemas.delivery import DeliveryTerms, RequestedDates, Shipping
from schemas.money import AllowanceCharge, Currency, Money, PaymentTerms, Price, Tax, Totals
from schemas.party import LanguageCode, Party, PartyInRole
from schemas.product import Product
from schemas.quantity import Quantity

OWNER = "order-to-cash"
RETENTION = timedelta(days=30)
MAX_LINES = 9999
"""As many as an item number of SAP and a line number of EDI can count in use; the body limit comes first."""

OrderId = Annotated[Identifier, Field(max_length=64)]
CustomerId = Annotated[Identifier, Field(max_length=64)]
LineId = Annotated[Identifier, Field(max_length=36)]


class Note(ValueObject):
    """A text that a person wrote for a person."""

    text: LongText
    """The text; it may have several lines."""
    subject: Identifier | None = None
    """What it is about, as a code: UNCL 4451 (DEL, AAI), or a text id of the sender (F03)."""
    language: LanguageCode | None = None
    """The language it is written in."""


class Reference(ValueObject):
    """Another document that this one points to."""

    kind: Identifier
    """What it is: ``contract``, ``quotation``, ``project``, ``CIG``, or a qualifier of UNCL 1153."""
    id: Identifier
    """Its number."""
    line_id: Identifier | None = None
    """The line in it."""
    issued_on: Day | None = None
    """The day on its face."""
    name: Text | None = None
    """What it is called."""
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")] | None = None
    """Where it can be fetched."""


class ScheduleLine(ValueObject):
    """A part of a line that is wanted at its own time."""

    quantity: Quantity
    """How much of the line."""
    requested: RequestedDates
    """When."""


class OrderLine(ValueObject):
    """One position of an order."""

    line_id: LineId
    """The number of the position in this order, as the seller's side counts it; unique."""
    product: Product
    """What is ordered."""
    quantity: Quantity
    """How much of it."""
    price: Price | None = None
    """At what price; absent where the ERP is to find it."""
    net_amount: Exact | None = None
    """What the line costs after its allowances and charges, in the order's currency."""
    allowances_charges: tuple[AllowanceCharge, ...] = Field(default=(), max_length=50)
    """Discounts and surcharges on this line that are not in the price."""
    taxes: tuple[Tax, ...] = Field(default=(), max_length=20)
    """The taxes on this line."""
    buyer_line_id: LineId | None = None
    """The number of the position in the buyer's own order, where it differs from `line_id`."""
    parent_line_id: LineId | None = None
    """The line of the kit or bundle that this line is a part of."""
    requested: RequestedDates | None = None
    """When the line is wanted, where it differs from the order."""
    schedule: tuple[ScheduleLine, ...] = Field(default=(), max_length=500)
    """The line in parts, where they are wanted at different times."""
    ship_to: Party | None = None
    """Where the line is to go, where it differs from the order."""
    shipping: Shipping | None = None
    """How the line is to travel, where it differs from the order."""
    plant: Identifier | None = None
    """The seller's plant or warehouse that is to deliver."""
    net_weight: Quantity | None = None
    """The weight of the whole line without packing."""
    gross_weight: Quantity | None = None
    """The weight of the whole line with packing."""
    pack_size: Quantity | None = None
    """How much of the product is in one package."""
    cost_center: Identifier | None = None
    """The buyer's account or cost centre for this line."""
    partial_delivery: bool | None = None
    """False when the line has to come at once."""
    free_of_charge: bool = False
    """True for a sample or free goods."""
    references: tuple[Reference, ...] = Field(default=(), max_length=50)
    """Documents that this line points to."""
    notes: tuple[Note, ...] = Field(default=(), max_length=50)
    """Texts for this line."""
    parties: tuple[PartyInRole, ...] = Field(default=(), max_length=20)
    """Parties of this line: who asked for it, who is to get it in the end."""
    attributes: Attributes = Field(default=NO_ATTRIBUTES, max_length=100)
    """Further facts by name."""


class SalesArea(ValueObject):
    """Where in the seller's organisation the order belongs, as far as the sender knows."""

    organisation: Identifier | None = None
    """The sales organisation: SAP's VKORG."""
    channel: Identifier | None = None
    """The distribution channel: SAP's VTWEG, or the shop's own name for it."""
    division: Identifier | None = None
    """The division: SAP's SPART."""
    office: Identifier | None = None
    """The sales office."""
    group: Identifier | None = None
    """The sales group or representative."""
    shop: Identifier | None = None
    """The shop, store view or marketplace the order came through."""


class Payment(ValueObject):
    """How the buyer pays or has paid; card and account numbers never travel."""

    method: Identifier
    """How: ``invoice``, ``card``, ``bank transfer``, ``paypal``, or a code of UNCL 4461."""
    provider: Identifier | None = None
    """The payment provider."""
    reference: Identifier | None = None
    """The provider's number for the payment."""
    amount: Money | None = None
    """How much of the order is paid this way."""
    state: Literal["pending", "authorised", "paid", "partially_refunded", "refunded", "failed"] | None = None
    """How far the payment had come when the order was placed."""


class OrderCreated(
    Contract,
    topic="ordini_creati",
    key="customer_id",
    version=1,
    owner=OWNER,
    retention=RETENTION,
    business_keys=("order_id", "order_number", "buyer_reference"),
    lanes=("order_id",),
):
    """An order was placed. It becomes one sales order in the ERP, or is refused with a reason."""

    order_id: OrderId
    """The order's identity in the system that took it; never used twice for one customer."""
    customer_id: CustomerId
    """The seller's number of the sold-to customer, with its leading zeros."""
    order_number: OrderId | None = None
    """The number that the shop shows to people, where it differs from `order_id`: ``#1001``."""
    buyer_reference: Identifier | None = None
    """The buyer's own purchase order number."""
    placed_at: Instant
    """When the buyer placed it."""
    currency: Currency
    """The currency of all amounts in the order that name none."""
    prices_include_tax: bool = False
    """True when prices and amounts of the lines include the taxes (B2C shops)."""
    order_type: Identifier | None = None
    """The kind of order: a code of UNCL 1001 (220 order, 224 rush) or the sender's own."""
    valid_until: Day | None = None
    """The last day on which the seller may accept it."""
    sold_to: Party = Party()
    """Who orders."""
    ship_to: Party | None = None
    """Where the goods go; the sold-to where absent."""
    bill_to: Party | None = None
    """Who gets the invoice; the sold-to where absent."""
    payer: Party | None = None
    """Who pays; the bill-to where absent."""
    seller: Party | None = None
    """To whom the order is addressed."""
    parties: tuple[PartyInRole, ...] = Field(default=(), max_length=50)
    """Parties in other roles."""
    requested: RequestedDates | None = None
    """When delivery is wanted."""
    delivery_terms: DeliveryTerms | None = None
    """Who carries cost and risk."""
    shipping: Shipping | None = None
    """How the goods travel and what it costs."""
    payment_terms: PaymentTerms | None = None
    """When the invoice is due."""
    payments: tuple[Payment, ...] = Field(default=(), max_length=50)
    """How it is paid."""
    sales_area: SalesArea | None = None
    """Where it belongs in the seller's organisation."""
    cost_center: Identifier | None = None
    """The buyer's account or cost centre."""
    allowances_charges: tuple[AllowanceCharge, ...] = Field(default=(), max_length=100)
    """Discounts and surcharges on the whole order."""
    taxes: tuple[Tax, ...] = Field(default=(), max_length=50)
    """The taxes of the whole order by rate."""
    totals: Totals | None = None
    """What the sender computed."""
    lines: tuple[OrderLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What is ordered."""
    references: tuple[Reference, ...] = Field(default=(), max_length=100)
    """Documents that the order points to."""
    notes: tuple[Note, ...] = Field(default=(), max_length=100)
    """Texts for the whole order."""
    attributes: Attributes = Field(default=NO_ATTRIBUTES, max_length=200)
    """Further facts by name."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> OrderCreated:
        known = {line.line_id for line in self.lines}
        if len(known) != len(self.lines):
            raise ValueError("two lines have the same line_id")
        for line in self.lines:
            if line.parent_line_id is not None and (
                line.parent_line_id not in known or line.parent_line_id == line.line_id
            ):
                raise ValueError("a line names a parent_line_id that no other line has")
        if self.totals is not None and self.totals.lines is not None:
            self._check_sum(self.totals.lines)
        return self

    def _check_sum(self, stated: Exact) -> None:
        """Compare the stated sum of the lines where all state their amount; parts of kits do not count.

        Nothing else is checked: senders round prices, taxes and discounts by rules of their own, and real
        orders differ by cents in each of them. A plain sum has nothing to round.
        """
        amounts = [line.net_amount for line in self.lines if line.parent_line_id is None]
        if None not in amounts and sum(amount for amount in amounts if amount is not None) != stated:
            raise ValueError("totals.lines is not the sum of the lines' net_amount")
