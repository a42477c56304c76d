"""What is bought, shipped or returned."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from raccordo.event import ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Identifier, LongText, Text

Gtin = Annotated[str, Field(pattern="^([0-9]{8}|[0-9]{12,14})$")]
"""A Global Trade Item Number of 8, 12, 13 or 14 digits; the check digit is the receiver's."""


class Product(ValueObject):
    """A product by the numbers that the parties know it by, or in words where there is no number."""

    sku: Identifier | None = None
    """The seller's number."""
    buyer_sku: Identifier | None = None
    """The buyer's article number."""
    gtin: Gtin | None = None
    """The Global Trade Item Number."""
    manufacturer_number: Identifier | None = None
    """The manufacturer's part number."""
    identifiers: Attributes = Field(default=NO_ATTRIBUTES, max_length=20)
    """Further numbers by scheme: ``ISBN``, ``UNSPSC``, the shop's product id."""
    name: Text | None = None
    """What the sender calls it."""
    description: LongText | None = None
    """More about it, in words."""
    properties: Attributes = Field(default=NO_ATTRIBUTES, max_length=100)
    """What sets it apart by name: colour, size, engraving, chosen options."""

    @model_validator(mode="after")
    def _is_named(self) -> Product:
        if not (
            self.sku
            or self.gtin
            or self.name
            or self.buyer_sku
            or self.manufacturer_number
            or self.identifiers
        ):
            raise ValueError("names the product neither by a number nor in words")
        return self
