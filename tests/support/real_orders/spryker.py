"""Spryker: an order of the Glue storefront API; its amounts are in cents."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View

IGNORED = {
    r".*(sum|unit)\w*(Aggregation|Price|Amount)": "sums and averages of what is carried",
    r".*(Aggregation|canceledAmount|refundableAmount|canceledTotal|remunerationTotal)": "as above, or later state",
    r".*(\.state|itemStates|isReturnable)": "state after the order",
    r".*(\.type|\.self|order-shipments.*|idSalesExpense|itemUuids|idShipment)|data\.type": "links inside the answer",
    r".*ddress\.country": "the country again, by name",
    r".*metadata\.image": "belongs to the product",
}
"""What an order does not need, by a pattern of its path, and why."""

CUSTOMER = "DE--35"
"""Glue leaves the customer out of the order: it is the one that is signed in."""


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated."""
    head = source.at("data.attributes")
    gross = head.need("priceMode") == "GROSS_MODE"
    shipments = {shipment.need("id"): shipment.at("attributes") for shipment in source.each("included")}
    return {
        "order_id": source.need("data.id"),
        "customer_id": CUSTOMER,
        "placed_at": head.need("createdAt").replace(" ", "T") + "Z",
        "currency": head.need("currencyIsoCode"),
        "prices_include_tax": gross,
        "bill_to": _party(head.at("billingAddress")),
        "ship_to": _party(head.at("shippingAddress")),
        "payments": [
            {
                "method": payment.need("paymentMethod"),
                "provider": payment.text("paymentProvider"),
                "amount": {"amount": _cents(payment, "amount"), "currency": head.need("currencyIsoCode")},
            }
            for payment in head.each("payments")
        ],
        "allowances_charges": [*_discounts(head), *_expenses(head, gross=gross)],
        "totals": {
            "lines": _cents(head, "totals.subtotal"),
            "allowances": _cents(head, "totals.discountTotal"),
            "charges": _cents(head, "totals.expenseTotal"),
            "tax": _cents(head, "totals.taxTotal"),
            "payable": _cents(head, "totals.grandTotal"),
        },
        "lines": [_line(item, shipments, gross=gross) for item in head.each("items")],
    }


def _line(source: View, shipments: dict[str, View], *, gross: bool) -> dict[str, Any]:
    shipment = shipments.get(source.text("idShipment") or "")
    unit, whole = ("unitGrossPrice", "sumGrossPrice") if gross else ("unitNetPrice", "sumNetPrice")
    line = {
        "line_id": source.need("uuid"),
        "product": {
            "sku": source.text("sku"),
            "name": source.text("name"),
            "properties": _properties(source),
        },
        "quantity": {"value": source.need("quantity")},
        "price": {"amount": _cents(source, unit)},
        "net_amount": _cents(source, whole),
        "taxes": [
            {"percent": source.text("taxRate"), "amount": _cents(source, "sumTaxAmountFullAggregation")}
        ],
        "allowances_charges": _discounts(source),
        "parent_line_id": source.text("relatedBundleItemIdentifier"),
    }
    if shipment is not None:
        day = shipment.text("requestedDeliveryDate")
        line["ship_to"] = _party(shipment.at("shippingAddress"))
        line["shipping"] = {"method": shipment.text("methodName"), "carrier": shipment.text("carrierName")}
        line["requested"] = {"deliver_from": day, "deliver_until": day}
    return line


def _properties(source: View) -> dict[str, str | None]:
    return {
        name: source.text(f"metadata.superAttributes.{name}") for name in ("color", "processor_frequency")
    }


def _discounts(source: View) -> list[dict[str, Any]]:
    return [
        {
            "charge": False,
            "amount": _cents(found, "sumAmount"),
            "reason": found.text("displayName"),
            "code": found.text("voucherCode"),
        }
        for found in source.each("calculatedDiscounts")
    ]


def _expenses(source: View, *, gross: bool) -> list[dict[str, Any]]:
    return [
        {
            "charge": True,
            "amount": _cents(found, "sumGrossPrice" if gross else "sumNetPrice"),
            "reason": found.text("name"),
            "code": found.text("type"),
            "taxes": [{"percent": found.text("taxRate"), "amount": _cents(found, "sumTaxAmount")}],
        }
        for found in source.each("expenses")
    ]


def _cents(source: View, path: str) -> str | None:
    cents = source.text(path)
    return None if cents is None else str(Decimal(cents) / 100)


def _party(source: View) -> dict[str, Any]:
    name = " ".join(part for key in ("salutation", "firstName", "lastName") if (part := source.text(key)))
    company = source.text("company")
    return {
        "address": {
            "name": company or name,
            "name_2": name if company else None,
            "street": " ".join(part for key in ("address1", "address2") if (part := source.text(key))),
            "street_2": source.text("address3"),
            "postal_code": source.text("zipCode"),
            "city": source.text("city"),
            "country": source.text("iso2Code"),
        },
        "contact": {"phone": source.text("phone"), "email": source.text("email")},
    }
