"""Who takes part in a document, and where they are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from raccordo.event import ValueObject
from raccordo.scalars import NO_ATTRIBUTES, Attributes, Identifier, Text

CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$")]
"""A code of ISO 3166-1 alpha-2, or a user-assigned one in common use (XI, XK)."""
LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Z]{2})?$")]
"""A language of ISO 639 with or without a country: ``it``, ``de-AT``."""
Gln = Annotated[str, Field(pattern="^[0-9]{13}$")]
"""A Global Location Number of GS1: 13 digits."""


class Contact(ValueObject):
    """How to reach a person or a desk."""

    name: Text | None = None
    """The person or department."""
    phone: Text | None = None
    """A telephone number as it was given."""
    mobile: Text | None = None
    """A mobile number as it was given."""
    fax: Text | None = None
    """A fax number as it was given."""
    email: Text | None = None
    """An e-mail address as it was given."""


class Address(ValueObject):
    """A postal address."""

    name: Text | None = None
    """The company or person on the first line."""
    name_2: Text | None = None
    """A second line of the name: the person at the company, a department."""
    street: Text | None = None
    """Street and house number."""
    street_2: Text | None = None
    """A second line of the street: building, floor, dock."""
    street_3: Text | None = None
    """A third line of the street."""
    po_box: Text | None = None
    """The post office box."""
    postal_code: Text | None = None
    """The postal code with its leading zeros."""
    city: Text | None = None
    """The town."""
    region: Text | None = None
    """State, province or county; by its code where the sender has one."""
    country: CountryCode | None = None
    """The country by ISO 3166-1 alpha-2."""


class Party(ValueObject):
    """One company or person in one role."""

    id: Identifier | None = None
    """The number under which the seller's systems know the party, with its leading zeros."""
    buyer_id: Identifier | None = None
    """The number under which the buyer's systems know the party."""
    gln: Gln | None = None
    """Its Global Location Number."""
    vat_id: Identifier | None = None
    """Its VAT number with the country prefix."""
    identifiers: Attributes = Field(default=NO_ATTRIBUTES, max_length=20)
    """Further numbers by scheme: ``DUNS``, ``EORI``, ``0211``, ``codice fiscale``."""
    legal_name: Text | None = None
    """The name in the company register, where the address has another."""
    address: Address | None = None
    """Where it is."""
    contact: Contact | None = None
    """Whom to ask."""
    language: LanguageCode | None = None
    """The language to write to the party in."""


class PartyInRole(Party):
    """A party in a role that has no field of its own in the document."""

    role: Identifier
    """The role: a qualifier of UNCL 3035 (CA carrier, UC ultimate consignee) or of the sending system."""
