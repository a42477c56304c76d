"""SAP: a purchase order as an ORDERS05 IDoc in XML."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_orders.document import View

IGNORED = {
    r".*@(SEGMENT|BEGIN)": "the frame of a segment",
    r".*(E1EDK01\.BELNR|IDTNR_LONG|\.SPRAS|TSSPRAS|SUNIT|WMENG)": "said elsewhere in the document",
    r".*E1EDK03\.(IDDAT|DATUM)": "the day of the document again",
    r".*(BMNG2|BPUMN|BPUMZ)": "the ratio of order unit and price unit, which is one",
    r".*(QUALP|ACTION|AMENG)": "qualifiers and counters",
}
"""What an order does not need, by a pattern of its path, and why."""

_ORGANISATION = {"006": "division", "007": "channel", "008": "organisation", "016": "office"}
_ROLES = {"AG": "sold_to", "WE": "ship_to", "RE": "bill_to", "RG": "payer"}
_MATERIAL = {"001": "buyer_sku", "002": "sku", "003": "gtin"}


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated."""
    idoc = source.at("IDOC")
    head = idoc.at("E1EDK01")
    number = next(ref.need("BELNR.#") for ref in idoc.each("E1EDK02") if ref.text("QUALF.#") == "001")
    date = next(ref for ref in idoc.each("E1EDK02") if ref.has("DATUM"))
    parties: dict[str, Any] = {}
    others: list[dict[str, Any]] = []
    for party in idoc.each("E1EDKA1"):
        role = party.need("PARVW.#")
        if role in _ROLES:
            parties[_ROLES[role]] = _party(party)
        else:
            others.append({"role": role, **_party(party)})
    return {
        "order_id": number,
        "buyer_reference": number,
        "customer_id": parties["sold_to"]["id"],
        "placed_at": _time(date),
        "currency": head.need("CURCY.#"),
        "order_type": head.text("BSART.#"),
        "payment_terms": {"code": head.text("ZTERM.#")},
        "shipping": {
            "method": head.text("VSART_BEZ.#"),
            "method_code": head.text("VSART.#"),
            "unloading_point": head.text("ABLAD.#"),
        },
        "sales_area": {
            _ORGANISATION[code]: unit.text("ORGID.#")
            for unit in idoc.each("E1EDK14")
            if (code := unit.need("QUALF.#")) in _ORGANISATION
        },
        **parties,
        "parties": others,
        "totals": {
            "lines": next(
                (total.text("SUMME.#") for total in idoc.each("E1EDS01") if total.text("SUMID.#") == "002"),
                None,
            )
        },
        "lines": [_line(line) for line in idoc.each("E1EDP01")],
    }


def _line(source: View) -> dict[str, Any]:
    found: dict[str, Any] = {
        _MATERIAL[code]: number.text("IDTNR.#")
        for number in source.each("E1EDP19")
        if (code := number.need("QUALF.#")) in _MATERIAL
    }
    if not (found.get("gtin") or "0").isdigit():
        found["identifiers"] = {"EAN": found.pop("gtin")}
    day = _day(source.text("E1EDP20.EDATU.#"))
    unit = source.text("MENEE.#")
    return {
        "line_id": source.need("POSEX.#"),
        "product": {**found, "name": source.text("E1EDP19.KTEXT.#")},
        "quantity": {"value": source.need("MENGE.#"), "unit": unit},
        "price": {
            "amount": source.text("VPREI.#"),
            "basis": source.text("PEINH.#"),
            "basis_unit": source.text("PMENE.#"),
        },
        "net_amount": source.text("NETWR.#"),
        "requested": {"deliver_from": day, "deliver_until": day},
        "net_weight": {"value": source.text("NTGEW.#"), "unit": source.text("GEWEI.#")},
        "gross_weight": {"value": source.text("BRGEW.#"), "unit": source.text("GEWEI.#")},
        "plant": source.text("WERKS.#"),
        "ship_to": next(
            (_party(party) for party in source.each("E1EDPA1") if party.text("PARVW.#") == "WE"), None
        ),
        "notes": [
            {
                "text": " ".join(
                    line.need("TDLINE.#") for line in text.each("E1EDPT2") if line.has("TDLINE")
                ),
                "subject": text.text("TDID.#"),
                "language": (text.text("TSSPRAS_ISO.#") or "").lower(),
            }
            for text in source.each("E1EDPT1")
        ],
    }


def _party(source: View) -> dict[str, Any]:
    return {
        "id": source.text("PARTN.#"),
        "identifiers": {"LIFNR": source.text("LIFNR.#"), "EDI": source.text("E1EDKA3.STDPN.#")},
        "buyer_id": source.text("IHREZ.#"),
        "language": (source.text("SPRAS_ISO.#") or "").lower(),
        "address": {
            "name": source.text("NAME1.#"),
            "street": source.text("STRAS.#"),
            "postal_code": source.text("PSTLZ.#"),
            "city": source.text("ORT01.#"),
            "region": source.text("REGIO.#"),
            "country": source.text("LAND1.#"),
        },
        "contact": {
            "name": source.text("BNAME.#"),
            "phone": source.text("TELF1.#"),
            "fax": source.text("TELFX.#"),
        },
    }


def _time(source: View) -> str:
    text = source.need("DATUM.#") + (source.text("UZEIT.#") or "000000")
    return datetime.strptime(text, "%Y%m%d%H%M%S").strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - SAP's own zone


def _day(text: str | None) -> str | None:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if text else None
