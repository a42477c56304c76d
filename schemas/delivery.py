"""How goods are asked for and how they travel: days, terms, carrier, service, packages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from raccordo.event import ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Day, Exact, Identifier, Instant, Text
from schemas.money import Tax
from schemas.quantity import Quantity

Incoterm = Annotated[str, Field(pattern="^[A-Z]{3}$")]
"""A three-letter code of Incoterms; older editions (DAF, DDU) are still agreed."""


class RequestedDates(ValueObject):
    """The days that the buyer asks for, in the calendar of the place of delivery. All are optional."""

    deliver_from: Day | None = None
    """The first day on which delivery is wanted; equal to `deliver_until` for one day."""
    deliver_until: Day | None = None
    """The last day on which delivery is wanted."""
    ship_from: Day | None = None
    """Not to be shipped before this day."""
    ship_until: Day | None = None
    """Not to be shipped after this day."""
    cancel_after: Day | None = None
    """What was not delivered by then is not wanted any more."""

    @model_validator(mode="after")
    def _in_order(self) -> RequestedDates:
        for first, last in ((self.deliver_from, self.deliver_until), (self.ship_from, self.ship_until)):
            if first and last and last < first:
                raise ValueError("a period ends before it begins")
        return self


class DeliveryTerms(ValueObject):
    """Who carries cost and risk up to where."""

    incoterm: Incoterm | None = None
    """The rule of Incoterms: DAP, EXW, FCA."""
    place: Text | None = None
    """The place that the rule names."""
    text: Text | None = None
    """The terms in words, or in the code of another list."""


class Shipping(ValueObject):
    """How the goods are to travel, and what that costs the buyer."""

    method: Text | None = None
    """The service that was chosen: ``Express``."""
    method_code: Identifier | None = None
    """The service by its code in the sending system."""
    carrier: Text | None = None
    """The carrier that was chosen."""
    cost: Exact | None = None
    """What the buyer pays for shipping, in the currency of the document."""
    taxes: tuple[Tax, ...] = Field(default=(), max_length=20)
    """The taxes on the shipping cost."""
    complete: bool | None = None
    """True when everything has to come in one delivery."""
    unloading_point: Text | None = None
    """Dock, gate or desk at the ship-to address."""


class PackageContent(ValueObject):
    """How much of one line is in a package."""

    line_id: Identifier
    """The line of this document."""
    quantity: Quantity
    """How much of it."""


class Package(ValueObject):
    """One parcel or pallet."""

    package_id: Identifier
    """Its number, unique in the shipment: the SSCC where there is one."""
    tracking_number: Identifier | None = None
    """The number under which the carrier follows it."""
    tracking_url: Annotated[str, Field(max_length=1000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")] | None = (
        None
    )
    """Where its way can be looked at."""
    type: Identifier | None = None
    """The kind of package by UN/ECE Recommendation 21: ``BX`` box, ``PX`` pallet."""
    weight: Quantity | None = None
    """Its gross weight."""
    length: Quantity | None = None
    """Its length."""
    width: Quantity | None = None
    """Its width."""
    height: Quantity | None = None
    """Its height."""
    contents: tuple[PackageContent, ...] = Field(default=(), max_length=1000)
    """What is in it; empty when the sender does not say."""


class TrackedCarrier(ValueObject):
    """Who carries a shipment that is under way."""

    name: Text | None = None
    """The carrier."""
    code: Identifier | None = None
    """The carrier by its SCAC or by its code in the sending system."""
    service: Text | None = None
    """The service: ``Express``."""
    tracking_number: Identifier | None = None
    """The number of the whole shipment."""
    picked_up_at: Instant | None = None
    """When the carrier took it."""
    identifiers: Attributes = Field(default=NO_ATTRIBUTES, max_length=20)
    """Further numbers by name: waybill, pro number, container."""
