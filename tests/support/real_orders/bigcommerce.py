"""BigCommerce: an order of the V2 API together with the collection of its products."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View


IGNORED = {
    r".*_(inc_tax|ex_tax|exc_tax|tax|tax_class_id)": "the same amounts with or without tax",
    r".*base_(price|total|cost|cost_price|\w+_cost)": "the same amounts on another basis",
    r".*(refund|shipped|status|date_modified|return_id|_option_set_id|is_bundled_product)\w*": "state after the order",
    r".*\.(url|resource)|order\.(items_total|shipping_address_count)|products\.order\w*_id": "links and counts",
    r".*(default_currency|currency_id|exchange_rate|tax_provider)\w*": "the shop's own settings",
    r".*(ebay|is_email_opt_in|wrapping_id)\w*": "other features of the shop",
    r"order\.billing_address\.country": "the country again, by name",
    r".*display_\w+|.*name_(customer|merchant)": "names again",
    r".*product_options\.(?!display_name|display_value)\w+": "the options again",
    r"products\.(bin_picking_number|brand|type|option_set_id|fixed_shipping_cost)": "belongs to the product",
}
"""What an order does not need, by a pattern of its path, and why."""


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated."""
    head = source.at("order")
    currency = head.need("currency_code")
    including = head.text("is_tax_inclusive_pricing") == "True"
    return {
        "order_id": head.need("id"),
        "customer_id": head.need("customer_id"),
        "buyer_reference": head.text("external_order_id"),
        "placed_at": parsedate_to_datetime(head.need("date_created")).isoformat(),
        "currency": currency,
        "prices_include_tax": including,
        "sold_to": {"language": head.text("customer_locale")},
        "bill_to": _party(head.at("billing_address")),
        "sales_area": {"channel": head.text("channel_id"), "shop": head.text("order_source")},
        "payments": [
            {
                "method": head.text("payment_method"),
                "reference": head.text("payment_provider_id"),
                "state": {"authorized": "authorised"}.get(head.need("payment_status")),
            }
        ],
        "shipping": {
            "cost": head.text("shipping_cost_ex_tax"),
            "taxes": [{"amount": head.text("shipping_cost_tax")}],
        },
        "allowances_charges": [
            {"charge": False, "amount": head.text("discount_amount"), "code": "discount"},
            {"charge": False, "amount": head.text("coupon_discount"), "code": "coupon"},
            *(
                {
                    "charge": True,
                    "amount": fee.text("cost_ex_tax") or fee.text("cost_exc_tax"),
                    "reason": fee.text("display_name_customer"),
                    "code": fee.text("type"),
                    "taxes": [{"amount": fee.text("cost_tax")}],
                }
                for fee in head.each("fees")
            ),
        ],
        "totals": {
            "tax": head.text("total_tax"),
            "net": head.text("total_ex_tax"),
            "gross": head.text("total_inc_tax"),
        },
        "lines": [_line(product, including=including) for product in source.each("products")],
        "notes": [
            {"text": head.text("customer_message"), "subject": "customer_message"},
            {"text": head.text("staff_notes"), "subject": "staff_notes"},
        ],
        "references": [{"kind": "cart", "id": head.text("cart_id")}],
        "attributes": {
            field.need("name"): field.need("value") for field in head.each("billing_address.form_fields")
        },
    }


def _line(source: View, *, including: bool) -> dict[str, Any]:
    return {
        "line_id": source.need("id"),
        "product": {
            "sku": source.text("sku"),
            "gtin": source.text("upc"),
            "name": source.text("name"),
            "identifiers": {"product_id": source.text("product_id")},
            "properties": {
                option.need("display_name"): option.text("display_value")
                for option in source.each("product_options")
            },
        },
        "quantity": {"value": source.need("quantity")},
        "price": {"amount": source.text("price_inc_tax" if including else "price_ex_tax")},
        "net_amount": source.text("total_inc_tax" if including else "total_ex_tax"),
        "taxes": [{"amount": source.text("total_tax")}],
        "parent_line_id": source.text("parent_order_product_id"),
        "allowances_charges": [
            {
                "charge": False,
                "amount": found.text("amount"),
                "reason": found.text("name"),
                "code": found.text("code") or found.text("id"),
            }
            for found in source.each("applied_discounts")
        ],
    }


def _party(source: View) -> dict[str, Any]:
    name = " ".join(part for key in ("first_name", "last_name") if (part := source.text(key)))
    company = source.text("company")
    return {
        "address": {
            "name": company or name,
            "name_2": name if company else None,
            "street": source.text("street_1"),
            "street_2": source.text("street_2"),
            "postal_code": source.text("zip"),
            "city": source.text("city"),
            "region": source.text("state"),
            "country": source.text("country_iso2"),
        },
        "contact": {"phone": source.text("phone"), "email": source.text("email")},
    }
