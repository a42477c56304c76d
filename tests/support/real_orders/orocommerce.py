"""OroCommerce: an order of the JSON:API with its lines and the parts of its kits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View

IGNORED = {
    r".*\.type": "kinds of links inside the request",
    r"data\.relationships\.(lineItems|documents)\..*": "links inside the request",
    r".*(updatedAt|createdBy.*|status\.data\.id)": "state and authorship in the shop",
    r"included\.attributes\.(currency|optional|sortOrder|mimeType)": "said by the order or of no effect",
    r"included\.relationships\.(productUnit|kitItem)\.data\.id": "the unit again; the definition of the kit",
}
"""What an order does not need, by a pattern of its path, and why."""

_UNITS = {"bottle": "XBO", "milliliter": "MLT"}


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated."""
    head, links = source.at("data.attributes"), source.at("data.relationships")
    included = list(source.each("included"))
    lines = [line for line in included if line.text("type") == "orderlineitems"]
    parts = {
        part.need("id"): part for part in included if part.text("type") == "orderproductkititemlineitems"
    }
    return {
        "order_id": head.need("identifier"),
        "customer_id": links.need("customer.data.id"),
        "buyer_reference": head.text("poNumber"),
        "placed_at": head.need("createdAt"),
        "currency": head.need("currency"),
        "requested": {"ship_until": head.text("shipUntil")},
        "sold_to": {"identifiers": {"customer user": links.text("customerUser.data.id")}},
        "sales_area": {"organisation": links.text("organization.data.id")},
        "references": [
            {"kind": "document", "id": file.need("id"), "name": file.text("attributes.originalFilename")}
            for file in included
            if file.text("type") == "files"
        ],
        "lines": [line for each in lines for line in _lines(each, parts)],
    }


def _lines(source: View, parts: dict[str, View]) -> list[dict[str, Any]]:
    head, links, line_id = source.at("attributes"), source.at("relationships"), source.need("id")
    line = {
        "line_id": line_id,
        "product": {"identifiers": {"product": links.text("product.data.id")}},
        "quantity": _quantity(head, links.need("productUnit.data.id")),
        "price": {"amount": head.text("value")},
    }
    return [line, *(_part(parts[link.need("id")], line_id) for link in links.each("kitItemLineItems.data"))]


def _part(source: View, parent: str) -> dict[str, Any]:
    head = source.at("attributes")
    return {
        "line_id": source.need("id"),
        "parent_line_id": parent,
        "product": {
            "sku": head.text("productSku"),
            "name": head.text("productName"),
            "description": head.text("kitItemLabel"),
            "identifiers": {"product": source.text("relationships.product.data.id")},
        },
        "quantity": _quantity(head, head.need("productUnitCode")),
        "price": {"amount": head.text("value")},
    }


def _quantity(head: View, unit: str) -> dict[str, Any]:
    word = unit.partition("product_unit.")[2].partition("->")[0] or unit
    return {"value": head.need("quantity"), "unit": _UNITS[word]}
