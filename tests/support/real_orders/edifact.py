"""EDIFACT: an ORDERS message of D.93A to D.03B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View

IGNORED = {
    r"LIN\.(PIA|IMD|PRI|QTY|SCC)\.1\.1|LIN\.ALC\.PCD\.1\.1|LIN\.2\.1|LIN\.IMD\.3\.[13]": "qualifiers",
    r"NAD\.(CTA|LOC)\.1\.1|NAD\.LOC\.2\.3|CUX\.1\.[13]|BGM\.1\.3|FTX\.2\.1": "qualifiers and code lists",
    r"BGM\.[34]\.1": "original, and whether an answer is wanted: the channel's business",
    r"RFF\.1\.2": "the order number again",
}
"""What an order does not need, by a pattern of its path, and why."""

_ROLES = {"BY": "sold_to", "DP": "ship_to", "ST": "ship_to", "IV": "bill_to", "SU": "seller"}
_PRODUCT = {
    "EN": "gtin",
    "UP": "gtin",
    "SRV": "gtin",
    "BP": "buyer_sku",
    "IN": "buyer_sku",
    "SA": "sku",
    "MF": "manufacturer_number",
}
_UNITS = {"PCE": "C62"}
_TOTALS = {"79": "lines", "86": "payable", "128": "payable"}
_CONTACT = {"TE": "phone", "FX": "fax", "EM": "email"}
DEFAULT_CURRENCY = "EUR"
"""What a partner profile says where the message names no currency."""


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated; the customer number stands for the buyer's GLN."""
    number = source.need("BGM.2.1")
    parties: dict[str, Any] = {}
    for party in source.each("NAD"):
        parties[_ROLES[party.need("1.1")]] = _party(party)
    dates = {date.need("1.1"): date for date in source.each("DTM")}
    return {
        "order_id": number,
        "buyer_reference": number,
        "customer_id": parties["sold_to"].get("gln") or parties["sold_to"]["id"],
        "placed_at": _instant(dates["137"]),
        "currency": source.text("CUX.1.2") or DEFAULT_CURRENCY,
        "order_type": source.text("BGM.1.1"),
        "requested": _requested(dates),
        **parties,
        "totals": {_TOTALS[total.need("1.1")]: total.text("1.2") for total in source.each("MOA")},
        "lines": [_line(line, source.need("decimal mark")) for line in source.each("LIN")],
        "references": [
            {"kind": ref.text("1.1"), "id": ref.text("1.2")}
            for ref in source.each("RFF")
            if ref.text("1.1") != "ON"
        ],
        "notes": [_note(text) for text in source.each("FTX")],
    }


def _line(source: View, mark: str) -> dict[str, Any]:
    product: dict[str, Any] = {"identifiers": {}}
    for found in source.each("PIA"):
        for at in ("2", "3", "4"):
            _identify(product, found.text(f"{at}.1"), found.text(f"{at}.2"))
    _identify(product, source.text("3.1"), source.text("3.2"))
    product["name"] = " ".join(
        part for text in source.each("IMD") for at in ("4", "5") if (part := text.text(f"3.{at}"))
    )
    dates = {date.need("1.1"): date for date in source.each("DTM")}
    ordered = next(amount for amount in source.each("QTY") if amount.text("1.1") in ("21", "1", "59"))
    unit = ordered.text("1.3") or "C62"
    price = source.at("PRI")
    return {
        "line_id": source.need("1.1"),
        "product": product,
        "quantity": {"value": _number(ordered.need("1.2"), mark), "unit": _UNITS.get(unit, unit)},
        "price": {
            "amount": _number(price.text("1.2"), mark),
            "basis": price.text("1.5"),
            "price_list": price.text("1.4") or price.text("1.3"),
        },
        "net_amount": next(
            (_number(m.text("1.2"), mark) for m in source.each("MOA") if m.text("1.1") == "203"), None
        ),
        "allowances_charges": [_allowance(found, mark) for found in source.each("ALC")],
        "requested": _requested(dates),
        "references": [{"kind": ref.text("1.1"), "id": ref.text("1.2")} for ref in source.each("RFF")],
        "notes": [_note(text) for text in source.each("FTX")],
    }


def _identify(product: dict[str, Any], number: str | None, kind: str | None) -> None:
    name = _PRODUCT.get(kind or "")
    if number is None:
        return
    if name is None or name in product or (name == "gtin" and not number.isdigit()):
        product["identifiers"][kind or "other"] = number
    else:
        product[name] = number


def _allowance(source: View, mark: str) -> dict[str, Any]:
    amounts = {amount.need("1.1"): _number(amount.text("1.2"), mark) for amount in source.each("MOA")}
    return {
        "charge": source.need("1.1") == "C",
        "percent": source.text("PCD.1.2"),
        "amount": amounts.get("8") or amounts.get("23") or amounts.get("204"),
        "base_amount": amounts.get("236") or amounts.get("25"),
        "code": source.text("5.1"),
    }


def _requested(dates: dict[str, View]) -> dict[str, Any]:
    first, last = dates.get("64") or dates.get("2"), dates.get("63") or dates.get("2")
    return {
        "deliver_from": _day(first),
        "deliver_until": _day(last),
        "cancel_after": _day(dates.get("61")),
    }


def _note(source: View) -> dict[str, Any]:
    text = " ".join(part for at in "12345" if (part := source.text(f"4.{at}")))
    return {"text": text or source.text("3.1"), "subject": source.text("1.1")}


def _party(source: View) -> dict[str, Any]:
    number, agency = source.need("2.1"), source.text("2.3") or source.text("2.2")
    is_gln = agency == "9" and len(number) == 13 and number.isdigit()
    contact = {
        _CONTACT[com.need("1.2")]: com.text("1.1")
        for com in source.each("COM")
        if com.text("1.2") in _CONTACT
    }
    return {
        "id": None if is_gln else number,
        "gln": number if is_gln else None,
        "identifiers": {"place": source.text("LOC.2.1")},
        "address": {
            "name": source.text("4.1") or source.text("3.1"),
            "street": source.text("5.1"),
            "city": source.text("6.1"),
            "postal_code": source.text("8.1"),
            "country": source.text("9.1"),
        },
        "contact": {"name": source.text("CTA.2.2") or source.text("CTA.2.1"), **contact},
    }


def _number(text: str | None, mark: str) -> str | None:
    return None if text is None else text.replace(mark, ".")


def _instant(source: View) -> str:
    text, form = source.need("1.2"), source.need("1.3")
    clock = f"{text[8:10]}:{text[10:12]}:00" if form == "203" else "00:00:00"
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{clock}Z"


def _day(source: View | None) -> str | None:
    return None if source is None else _instant(source)[:10]
