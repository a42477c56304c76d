"""Peppol BIS Ordering and the Italian NSO: a UBL 2.1 order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from real_orders.document import View

IGNORED = {
    r".*@currencyID|.*@listID|.*@unitCodeListID|.*@listVersionID": "an order has one currency, and lists are fixed",
    r".*ClassifiedTaxCategory\.ID\.@schemeID|.*CompanyID\.@schemeID|.*DeliveryLocation\.ID\.@schemeID": "as above",
    r"CustomizationID|ProfileID": "which rules the file keeps",
    r".*PartyTaxScheme\.TaxScheme\.ID": "always VAT",
    r".*Price\.AllowanceCharge\.(Amount|ChargeIndicator)": "list price less price",
}
"""What an order does not need, by a pattern of its path, and why."""

_REFERENCES = {
    "QuotationDocumentReference": "quotation",
    "OrderDocumentReference": "order",
    "OriginatorDocumentReference": "originator",
    "CatalogueReference": "catalogue",
    "AdditionalDocumentReference": "document",
    "Contract": "contract",
    "ProjectReference": "project",
}


def order(source: View) -> dict[str, Any]:
    """Express one order as the JSON of OrderCreated; the customer number stands for the buyer's identification."""
    buyer = source.at("BuyerCustomerParty.Party")
    time = source.text("IssueTime.#") or "00:00:00"
    return {
        "order_id": source.need("ID.#"),
        "buyer_reference": source.need("ID.#"),
        "customer_id": buyer.text("PartyIdentification.ID.#") or buyer.need("EndpointID.#"),
        "placed_at": f"{source.need('IssueDate.#')}T{time}Z",
        "currency": source.need("DocumentCurrencyCode.#"),
        "order_type": source.text("OrderTypeCode.#"),
        "valid_until": source.text("ValidityPeriod.EndDate.#"),
        "cost_center": source.text("AccountingCost.#"),
        "sold_to": _party(buyer),
        "seller": _party(source.at("SellerSupplierParty.Party")),
        "bill_to": _party(source.at("AccountingCustomerParty.Party")),
        "parties": [
            {"role": "originator", **_party(party)} for party in source.each("OriginatorCustomerParty.Party")
        ],
        "ship_to": _ship_to(source.at("Delivery")),
        "requested": _requested(source.at("Delivery")),
        "shipping": {"method_code": source.text("Delivery.Shipment.ShippingPriorityLevelCode.#")},
        "delivery_terms": {
            **_incoterm(source.text("DeliveryTerms.ID.#")),
            "place": source.text("DeliveryTerms.DeliveryLocation.ID.#"),
        },
        "payment_terms": {"text": source.text("PaymentTerms.Note.#")},
        "allowances_charges": [_allowance(found) for found in source.each("AllowanceCharge")],
        "totals": {
            "tax": source.text("TaxTotal.TaxAmount.#"),
            **_totals(source.at("AnticipatedMonetaryTotal")),
        },
        "lines": [_line(line) for line in source.each("OrderLine")],
        "references": [*_references(source)],
        "notes": [
            *({"text": note.text("#")} for note in source.each("Note")),
            {"text": source.text("DeliveryTerms.SpecialTerms.#"), "subject": "delivery terms"},
            {"text": source.text("CustomerReference.#"), "subject": "customer reference"},
        ],
    }


def _references(source: View) -> Iterator[dict[str, Any]]:
    for tag, kind in _REFERENCES.items():
        for found in source.each(tag):
            yield {
                "kind": kind,
                "id": found.text("ID.#"),
                "name": found.text("DocumentType.#"),
                "url": found.text("Attachment.ExternalReference.URI.#"),
            }
    yield {"kind": "sales order", "id": source.text("SalesOrderID.#")}


def _totals(source: View) -> dict[str, Any]:
    return {
        "lines": source.text("LineExtensionAmount.#"),
        "allowances": source.text("AllowanceTotalAmount.#"),
        "charges": source.text("ChargeTotalAmount.#"),
        "net": source.text("TaxExclusiveAmount.#"),
        "gross": source.text("TaxInclusiveAmount.#"),
        "prepaid": source.text("PrepaidAmount.#"),
        "rounding": source.text("PayableRoundingAmount.#"),
        "payable": source.text("PayableAmount.#"),
    }


def _line(wrapped: View) -> dict[str, Any]:
    source = wrapped.at("LineItem")
    item = source.at("Item")
    return {
        "line_id": source.need("ID.#"),
        "product": _product(item),
        "quantity": {"value": source.need("Quantity.#"), "unit": source.text("Quantity.@unitCode")},
        "price": {
            "amount": source.text("Price.PriceAmount.#"),
            "basis": source.text("Price.BaseQuantity.#"),
            "basis_unit": source.text("Price.BaseQuantity.@unitCode"),
            "list_amount": source.text("Price.AllowanceCharge.BaseAmount.#"),
        },
        "net_amount": source.text("LineExtensionAmount.#"),
        "allowances_charges": [_allowance(found) for found in source.each("AllowanceCharge")],
        "taxes": [_tax(tax) for tax in item.each("ClassifiedTaxCategory")],
        "requested": _requested(source.at("Delivery")),
        "cost_center": source.text("AccountingCost.#"),
        "partial_delivery": _flag(source.text("PartialDeliveryIndicator.#")),
        "parties": [{"role": "originator", **_party(party)} for party in source.each("OriginatorParty")],
        "references": [
            {"kind": "specification", "id": found.text("ID.#")}
            for found in item.each("ItemSpecificationDocumentReference")
        ],
        "notes": [{"text": note.text("#")} for note in wrapped.each("Note")],
    }


def _product(item: View) -> dict[str, Any]:
    standard = item.text("StandardItemIdentification.ID.#")
    is_gtin = item.text("StandardItemIdentification.ID.@schemeID") == "0160" and len(standard or "") in (
        8,
        12,
        13,
        14,
    )
    return {
        "sku": item.text("SellersItemIdentification.ID.#"),
        "buyer_sku": item.text("BuyersItemIdentification.ID.#"),
        "manufacturer_number": item.text("ManufacturersItemIdentification.ID.#"),
        "gtin": standard if is_gtin else None,
        "identifiers": {
            "standard": None if is_gtin else standard,
            "lot": item.text("ItemInstance.LotIdentification.LotNumberID.#"),
            "serial": item.text("ItemInstance.SerialID.#"),
            **{
                f"class {code.text('ItemClassificationCode.@listID')}": code.text("ItemClassificationCode.#")
                for code in item.each("CommodityClassification")
            },
        },
        "name": item.text("Name.#"),
        "description": item.text("Description.#"),
        "properties": {
            found.need("Name.#"): found.text("Value.#") for found in item.each("AdditionalItemProperty")
        },
    }


def _allowance(source: View) -> dict[str, Any]:
    return {
        "charge": _flag(source.text("ChargeIndicator.#")),
        "amount": source.text("Amount.#"),
        "percent": source.text("MultiplierFactorNumeric.#"),
        "base_amount": source.text("BaseAmount.#"),
        "code": source.text("AllowanceChargeReasonCode.#"),
        "reason": source.text("AllowanceChargeReason.#"),
        "taxes": [_tax(tax) for tax in source.each("TaxCategory")],
    }


def _tax(source: View) -> dict[str, Any]:
    return {
        "scheme": source.text("TaxScheme.ID.#"),
        "category": source.text("ID.#"),
        "percent": source.text("Percent.#"),
    }


def _requested(source: View) -> dict[str, Any]:
    return {
        "deliver_from": source.text("RequestedDeliveryPeriod.StartDate.#"),
        "deliver_until": source.text("RequestedDeliveryPeriod.EndDate.#"),
        "ship_until": source.text("Despatch.RequestedDespatchDate.#"),
    }


def _ship_to(source: View) -> dict[str, Any]:
    party = source.at("DeliveryParty")
    return {
        **_party(party),
        "id": source.text("DeliveryLocation.ID.#"),
        "legal_name": source.text("DeliveryLocation.Name.#"),
        "address": {
            **_address(source.at("DeliveryLocation.Address")),
            "name": party.text("PartyName.Name.#"),
        },
    }


def _party(source: View) -> dict[str, Any]:
    scheme, number = source.text("PartyIdentification.ID.@schemeID"), source.text("PartyIdentification.ID.#")
    is_gln = scheme == "0088"
    endpoint = source.text("EndpointID.@schemeID")
    place = "PostalAddress" if source.has("PostalAddress") else "PartyLegalEntity.RegistrationAddress"
    return {
        "gln": number if is_gln else None,
        "vat_id": source.text("PartyTaxScheme.CompanyID.#"),
        "legal_name": source.text("PartyLegalEntity.RegistrationName.#"),
        "identifiers": {
            **({f"endpoint {endpoint}": source.text("EndpointID.#")} if endpoint else {}),
            scheme or "party": None if is_gln else number,
            "company": source.text("PartyLegalEntity.CompanyID.#"),
        },
        "address": {**_address(source.at(place)), "name": source.text("PartyName.Name.#")},
        "contact": {
            "name": source.text("Contact.Name.#"),
            "phone": source.text("Contact.Telephone.#"),
            "email": source.text("Contact.ElectronicMail.#"),
        },
    }


def _address(source: View) -> dict[str, Any]:
    return {
        "street": source.text("StreetName.#"),
        "street_2": source.text("AdditionalStreetName.#"),
        "street_3": source.text("AddressLine.Line.#"),
        "postal_code": source.text("PostalZone.#"),
        "city": source.text("CityName.#"),
        "region": source.text("CountrySubentity.#"),
        "country": source.text("Country.IdentificationCode.#"),
    }


def _incoterm(code: str | None) -> dict[str, Any]:
    return {"incoterm": code} if code and len(code) == 3 and code.isupper() else {"text": code}


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "true"
