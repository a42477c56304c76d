"""Shopify: a draft order of the REST Admin API."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View


IGNORED = {
    r"(billing|shipping)_address\.(first_name|last_name|country|province|latitude|longitude)": "the address again",
    r"customer\.(?!id|first_name|last_name).*": "the customer's record, which is not the order",
    r"updated_at|status|invoice_url": "state after the order",
    r"line_items\.(title|variant_title)": "the name again",
    r"line_items\.(custom|fulfillment_service|gift_card|grams|requires_shipping)": "belongs to the product",
    r".*applied_discount\.value_type": "steers how the value is read",
}
"""What an order does not need, by a pattern of its path, and why."""


def order(source: View) -> dict[str, Any]:
    """Express one draft order as the JSON of OrderCreated; its lines have no number but their place."""
    return {
        "order_id": source.need("id"),
        "order_number": source.text("name"),
        "customer_id": source.need("customer.id"),
        "placed_at": source.need("created_at"),
        "currency": source.need("currency"),
        "prices_include_tax": source.text("taxes_included") == "True",
        "sold_to": {
            "contact": {
                "name": f"{source.need('customer.first_name')} {source.need('customer.last_name')}",
                "email": source.text("email"),
            },
        },
        "ship_to": _party(source.at("shipping_address")),
        "bill_to": _party(source.at("billing_address")),
        "shipping": {
            "method": source.text("shipping_line.title"),
            "method_code": source.text("shipping_line.handle"),
            "cost": source.text("shipping_line.price"),
        },
        "allowances_charges": _discount(source.at("applied_discount")),
        "totals": {
            "net": source.text("subtotal_price"),
            "tax": source.text("total_tax"),
            "payable": source.text("total_price"),
        },
        "lines": [_line(line, str(at)) for at, line in enumerate(source.each("line_items"), 1)],
        "notes": [{"text": source.text("note")}],
    }


def _line(source: View, number: str) -> dict[str, Any]:
    return {
        "line_id": number,
        "product": {
            "sku": source.text("sku"),
            "name": source.text("name"),
            "identifiers": {kind: source.text(kind) for kind in ("product_id", "variant_id")},
            "properties": {found.need("name"): found.need("value") for found in source.each("properties")},
        },
        "quantity": {"value": source.need("quantity")},
        "price": {"amount": source.need("price")},
        "allowances_charges": _discount(source.at("applied_discount")),
        "taxes": [_tax(tax) for tax in source.each("tax_lines")],
        "gross_weight": {"value": (source.text("grams") or "").lstrip("0"), "unit": "GRM"},
    }


def _discount(source: View) -> list[dict[str, Any]]:
    percent = source.text("value_type") == "percentage"
    return [
        {
            "charge": False,
            "amount": source.text("amount"),
            "percent": source.text("value") if percent else None,
            "code": source.text("title"),
            "reason": source.text("description"),
        }
    ]


def _tax(source: View) -> dict[str, Any]:
    return {
        "scheme": source.text("title"),
        "percent": str(Decimal(source.need("rate")) * 100),
        "amount": source.text("price"),
    }


def _party(source: View) -> dict[str, Any]:
    return {
        "address": {
            "name": source.text("company") or source.text("name"),
            "name_2": source.text("name") if source.has("company") else None,
            "street": source.text("address1"),
            "street_2": source.text("address2"),
            "postal_code": source.text("zip"),
            "city": source.text("city"),
            "region": source.text("province_code"),
            "country": source.text("country_code"),
        },
        "contact": {"phone": source.text("phone")},
    }
