"""X12: an 850 purchase order of release 4010."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View

IGNORED = {
    r"BEG\.0[178]|AMT\.01|ITD\.02|PKG\.01|PO1\.PID\.01|TD5\.02": "qualifiers and purposes",
}
"""What an order does not need, by a pattern of its path, and why."""

_ROLES = {"BY": "sold_to", "ST": "ship_to", "BT": "bill_to", "SE": "seller", "VN": "seller"}
_PRODUCT = {
    "VN": "sku",
    "VP": "sku",
    "VC": "sku",
    "MG": "manufacturer_number",
    "CB": "buyer_sku",
    "BP": "buyer_sku",
}
# X12 has unit codes of its own: CA is a case there.
_UNITS = {"EA": "EA", "CA": "XCS", "LB": "LBR"}
_PER_HUNDRED = {"HP": "100", "TP": "1000"}
DEFAULT_CURRENCY = "USD"
"""What a partner profile says where the document names no currency."""


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated; the customer number stands for the sender's id in GS02."""
    number = source.need("BEG.03")
    dates = {date.need("01"): _day(date.need("02")) for date in source.each("DTM")}
    parties: dict[str, Any] = {}
    for party in source.each("N1"):
        parties[_ROLES[party.need("01")]] = _party(party)
    return {
        "order_id": number,
        "buyer_reference": number,
        "customer_id": source.need("GS.02"),
        "placed_at": f"{_day(source.need('BEG.05'))}T00:00:00Z",
        "currency": source.text("CUR.02") or DEFAULT_CURRENCY,
        "order_type": source.text("BEG.02"),
        **parties,
        "requested": {
            "deliver_from": dates.get("002"),
            "deliver_until": dates.get("002"),
            "ship_from": dates.get("037"),
            "ship_until": dates.get("038") or dates.get("010"),
            "cancel_after": dates.get("001"),
        },
        "shipping": {
            "carrier": source.text("TD5.03"),
            "method": source.text("TD5.05"),
            "method_code": source.text("TD5.01"),
        },
        "payment_terms": {
            "code": source.text("ITD.01"),
            "discount_percent": source.text("ITD.03"),
            "discount_days": _days(source.text("ITD.05")),
            "net_days": _days(source.text("ITD.07")),
        },
        "totals": {"payable": source.text("AMT.02")},
        "lines": [_line(line, at) for at, line in enumerate(source.each("PO1"), 1)],
        "references": [
            {"kind": "contract", "id": source.text("BEG.06")},
            *({"kind": ref.text("01"), "id": ref.text("02")} for ref in source.each("REF")),
        ],
        "notes": [
            {"text": note.text("05") or note.text("04"), "subject": note.text("02")}
            for note in source.each("PKG")
        ],
    }


def _line(source: View, at: int) -> dict[str, Any]:
    product: dict[str, Any] = {"identifiers": {}}
    for position in range(6, 25, 2):
        kind, number = source.text(f"{position:02}"), source.text(f"{position + 1:02}")
        if kind and number:
            name = _PRODUCT.get(kind)
            product.__setitem__(name, number) if name else product["identifiers"].__setitem__(kind, number)
    product["name"] = " ".join(text for found in source.each("PID") if (text := found.text("05")))
    code = source.text("05")
    return {
        "line_id": source.text("01") or str(at),
        "product": product,
        "quantity": {"value": source.need("02"), "unit": _UNITS[source.need("03")]},
        "price": {
            "amount": source.text("04"),
            "basis": _PER_HUNDRED.get(code or ""),
            "price_list": code,
        },
        "pack_size": {"value": source.text("PO4.01"), "unit": "EA"},
        "gross_weight": _weight(source),
    }


def _weight(source: View) -> dict[str, Any] | None:
    """PO4 states the size of one pack; where its unit is a weight the line weighs as many of them."""
    if source.text("PO4.03") != "LB":
        return None
    packs, size = source.need("02"), source.need("PO4.02")
    return {"value": str(Decimal(packs) * Decimal(size) * Decimal(source.need("PO4.01"))), "unit": "LBR"}


def _party(source: View) -> dict[str, Any]:
    kind, number = source.text("03"), source.text("04")
    return {
        "id": number if kind == "91" else None,
        "buyer_id": number if kind == "92" else None,
        "identifiers": {{"1": "DUNS", "9": "DUNS+4", "UL": "GLN"}.get(kind, kind): number} if kind else {},
        "address": {
            "name": source.text("02"),
            "street": source.text("N3.01"),
            "street_2": source.text("N3.02"),
            "city": source.text("N4.01"),
            "region": source.text("N4.02"),
            "postal_code": source.text("N4.03"),
            "country": source.text("N4.04"),
        },
    }


def _days(text: str | None) -> int | None:
    return None if text is None else int(text)


def _day(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
