"""What money is: exact amounts, currencies, prices, taxes, allowances and charges.

An amount inside a document is in the document's currency, as in UBL, EDIFACT and SAP, so that no document can
contradict itself. `Money` names its currency, for what may differ from a document: a payment, an
authorisation, a fee.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from raccordo.event import ValueObject
from raccordo.scalars import Day, Exact, Identifier, Positive, Text, Unsigned
from schemas.quantity import UnitCode

# ISO 4217 as of 2026-01, in circulation; BGN, withdrawn that month, is still refunded and credited.
_ISO_4217 = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW "
    "KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED "
    "VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_ISO_4217.split())


def _in_iso_4217(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("is no currency of ISO 4217")
    return code


Currency = Annotated[str, Field(pattern="^[A-Z]{3}$"), AfterValidator(_in_iso_4217)]
"""An alphabetic code of ISO 4217."""


class Money(ValueObject):
    """An amount with its own currency."""

    amount: Exact
    """In units of the currency, not in cents: ``"12.5"`` EUR is twelve and a half euros."""
    currency: Currency
    """The alphabetic code of ISO 4217."""


class Price(ValueObject):
    """What a quantity of a product costs, in the currency of the document."""

    amount: Unsigned
    """For `basis` units, after the discounts that the seller has already worked into the price."""
    basis: Positive = Decimal(1)
    """How many units the amount is for: 100 in "24.10 per 100 pieces"."""
    basis_unit: UnitCode | None = None
    """The unit of `basis` where it is not the ordered one (kilograms for pieces)."""
    list_amount: Unsigned | None = None
    """The price before those discounts, for `basis` units."""
    price_list: Identifier | None = None
    """The price list or price type that the amount was taken from."""


class Tax(ValueObject):
    """One tax on a line or, summed, on the whole document."""

    scheme: Identifier = "VAT"
    """The kind of tax: VAT, GST, or the name of a sales tax."""
    category: Identifier | None = None
    """The category of UNCL 5305: S standard, Z zero, E exempt, AE reverse charge, G export."""
    percent: Unsigned | None = None
    """The rate in percent: ``"22"``, not ``"0.22"``."""
    taxable_amount: Exact | None = None
    """What the tax is computed on."""
    amount: Exact | None = None
    """The tax itself."""
    exemption: Text | None = None
    """Why no tax is due."""


class AllowanceCharge(ValueObject):
    """A discount or surcharge on a line or on the whole document."""

    charge: bool
    """True for a surcharge, false for a discount."""
    amount: Unsigned | None = None
    """The sum that is added or taken off."""
    percent: Unsigned | None = None
    """The rate in percent of `base_amount`, or of the line or document where that is absent."""
    base_amount: Unsigned | None = None
    """What the rate is applied to."""
    code: Identifier | None = None
    """Why, as a code: UNCL 5189 (discounts), UNCL 7161 (charges), a condition type, or a coupon."""
    reason: Text | None = None
    """Why, in words."""
    taxes: tuple[Tax, ...] = Field(default=(), max_length=20)
    """The taxes on it."""


class Totals(ValueObject):
    """What the sender computed for the document; the ERP computes its own, with its own rounding."""

    lines: Exact | None = None
    """The sum of the lines' `net_amount`."""
    allowances: Unsigned | None = None
    """The sum of the discounts on the document."""
    charges: Unsigned | None = None
    """The sum of the surcharges on the document, without shipping."""
    shipping: Unsigned | None = None
    """What shipping costs, as far as it is not among the charges."""
    net: Exact | None = None
    """The whole document without taxes."""
    tax: Exact | None = None
    """All taxes."""
    gross: Exact | None = None
    """The whole document with taxes."""
    prepaid: Unsigned | None = None
    """What has been paid before."""
    rounding: Exact | None = None
    """What is added to make a round sum."""
    payable: Exact | None = None
    """What is to be paid in the end."""


class PaymentTerms(ValueObject):
    """When and how an invoice for this document is to be paid."""

    code: Identifier | None = None
    """The key of the terms in the seller's system, such as ``"0004"``."""
    text: Text | None = None
    """The terms in words."""
    net_days: int | None = Field(default=None, ge=0, le=9999)
    """Days from the invoice until the whole sum is due."""
    discount_days: int | None = Field(default=None, ge=0, le=9999)
    """Days from the invoice in which the discount may be taken."""
    discount_percent: Unsigned | None = None
    """The discount for early payment, in percent."""
    due_on: Day | None = None
    """The day on which the sum is due, where a day was agreed instead of a period."""
