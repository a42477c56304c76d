from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from raccordo.broker import Partition, Record
from raccordo.codec import Codec, encode
from raccordo.event import EventId, first_event
from real_orders import DOCUMENTS, PRESENT, WHY_ABSENT, Document, content, express, real_orders
from real_orders.document import View

pytestmark = pytest.mark.skipif(not PRESENT, reason=WHY_ABSENT)

# What each document says that OrderCreated has no field for. A path that is new here was lost by a change.
LOST: dict[str, list[str]] = {
    "shopify": ["applied_discount.value", "line_items.taxable", "shipping_line.custom", "tax_exempt"],
    "spryker-1": [
        "data.attributes.items.calculatedDiscounts.description",
        "data.attributes.items.calculatedDiscounts.quantity",
    ],
    "spryker-2": [],
    "bigcommerce": [
        "order.fees.id",
        "order.fees.source",
        "order.fees.tax_class_id",
        "order.gift_certificate_amount",
        "order.order_is_digital",
        "order.store_credit_amount",
        "products.applied_discounts.target",
        "products.depth",
        "products.height",
        "products.weight",
        "products.width",
    ],
    "orocommerce": ["included.attributes.content"],
    "peppol-example": [
        "AccountingCustomerParty.Party.PartyLegalEntity.RegistrationAddress.CityName",
        "AccountingCustomerParty.Party.PartyLegalEntity.RegistrationAddress.Country.IdentificationCode",
        "AdditionalDocumentReference.Attachment.EmbeddedDocumentBinaryObject",
        "AdditionalDocumentReference.Attachment.EmbeddedDocumentBinaryObject.@filename",
        "AdditionalDocumentReference.Attachment.EmbeddedDocumentBinaryObject.@mimeCode",
        "BuyerCustomerParty.Party.PartyLegalEntity.RegistrationAddress.CityName",
        "BuyerCustomerParty.Party.PartyLegalEntity.RegistrationAddress.Country.IdentificationCode",
        "Delivery.Despatch.RequestedDespatchTime",
        "Delivery.RequestedDeliveryPeriod.EndTime",
        "Delivery.RequestedDeliveryPeriod.StartTime",
        "Delivery.Shipment.ID",
        "OrderLine.LineItem.Delivery.RequestedDeliveryPeriod.EndTime",
        "OrderLine.LineItem.Delivery.RequestedDeliveryPeriod.StartTime",
        "OrderLine.LineItem.Item.AdditionalItemProperty.ValueQualifier",
        "OrderLine.LineItem.Item.AdditionalItemProperty.ValueQuantity",
        "OrderLine.LineItem.Item.AdditionalItemProperty.ValueQuantity.@unitCode",
        "SellerSupplierParty.Party.PartyLegalEntity.RegistrationAddress.CityName",
        "SellerSupplierParty.Party.PartyLegalEntity.RegistrationAddress.Country.IdentificationCode",
    ],
    "peppol-sc1": [],
    "peppol-uc1": [],
    "peppol-uc2": [],
    "peppol-uc3": [],
    "nso-supply": [],
    "nso-discount": [],
    "nso-gtin": [],
    # The purchaser's own organisation, exchange rate, material group and item category.
    "idoc-purchase": [
        "IDOC.E1EDK01.HWAER",
        "IDOC.E1EDK01.RECIPNT_NO",
        "IDOC.E1EDK01.WKURS",
        "IDOC.E1EDK14.ORGID",
        "IDOC.E1EDKA1.ORGTX",
        "IDOC.E1EDKA1.PAGRU",
        "IDOC.E1EDKA1.PAORG",
        "IDOC.E1EDP01.MATKL",
        "IDOC.E1EDP01.PSTYP",
    ],
    "idoc-small": ["IDOC.E1EDK01.BRGEW", "IDOC.E1EDK01.GEWEI"],
    "edifact-open-trans": [],
    "edifact-kramp": [],
    # Further dates (DTM 235, 364) and the number of pieces in a layer of a pallet (MEA).
    "edifact-d01b": [
        "DTM.1.2",
        "DTM.1.3",
        "LIN.DTM.1.2",
        "LIN.DTM.1.3",
        "LIN.MEA.1.1",
        "LIN.MEA.2.1",
        "LIN.MEA.3.1",
        "LIN.MEA.3.2",
        "NAD.CTA.2.1",
    ],
    "edifact-pydifact": [],
    "edifact-group": [
        "LIN.MEA.1.1",
        "LIN.MEA.2.1",
        "LIN.MEA.2.2",
        "LIN.MEA.3.1",
        "LIN.MEA.3.2",
        "LIN.PRI.1.3",
        "LIN.QTY.1.2",
    ],
    "edifact-books": ["FTX.3.2", "FTX.3.3"],
    "x12-aerospace": ["BEG.04", "PO1.IT8.07"],
    # How the goods are to be packed on pallets.
    "x12-retail": [
        "PO1.PO4.02",
        "PO1.PO4.04",
        "PO1.PO4.06",
        "PO1.PO4.07",
        "PO1.PO4.08",
        "PO1.PO4.09",
    ],
    "x12-snacks": [],
    "x12-small": ["CSH.01"],
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_real_order_is_expressed_and_what_had_no_place_is_known(document: Document) -> None:
    assert express(document).left == LOST[document.name]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_real_order_travels(document: Document) -> None:
    order = express(document).order
    event = first_event(
        order, tenant="acme", source=document.name, id=EventId(document.name), time=order.placed_at
    )
    sent = encode(event)
    record = Record(Partition(sent.topic, 0), 0, sent.key, sent.value, sent.headers, 0)
    assert Codec(type(order), frozenset({"acme"})).decode(record) == event


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_reason_to_ignore_a_path_is_used(document: Document) -> None:
    """A pattern that matches nothing in any document of its syntax says nothing and has to go."""
    paths = [
        path for other in DOCUMENTS if other.syntax is document.syntax for path in View(content(other)).left()
    ]
    for pattern in document.syntax.IGNORED:
        assert any(re.fullmatch(pattern, path) for path in paths), pattern


def test_there_are_orders_of_eight_kinds_and_no_two_are_the_same() -> None:
    orders = real_orders()
    assert len(orders) == len(DOCUMENTS) >= 14
    assert len({document.syntax for document in DOCUMENTS}) == 8
    assert len({(order.customer_id, order.order_id) for _, order in orders}) == len(orders)


def facts(name: str) -> Any:
    return dict(real_orders())[name]


def test_a_price_for_a_hundred_pieces_stays_one() -> None:
    line = facts("edifact-open-trans").lines[0]
    assert (line.price.amount, line.price.basis) == (Decimal("24.1"), 100)
    assert line.quantity.value == 3000
    assert line.net_amount == Decimal("723.12")


def test_metal_surcharges_of_a_line_are_carried() -> None:
    surcharge = facts("edifact-open-trans").lines[4].allowances_charges[0]
    assert surcharge.charge
    assert (surcharge.percent, surcharge.amount, surcharge.base_amount, surcharge.code) == (5, 155, 415, "MS")


def test_lines_of_one_order_go_to_different_addresses() -> None:
    first, second = facts("spryker-2").lines
    assert (first.ship_to.address.street, second.ship_to.address.street) == (
        "Julie-Wolfthorn-Straße 25",
        "Julie-Wolfthorn-Straße 1",
    )
    assert second.requested.deliver_from.isoformat() == "2021-09-29"


def test_a_kit_and_its_parts_are_lines_of_one_order() -> None:
    kit, part = facts("orocommerce").lines[1:]
    assert part.parent_line_id == kit.line_id
    assert part.quantity.unit == "MLT"


def test_an_order_in_words_has_no_product_number() -> None:
    product = facts("peppol-uc3").lines[0].product
    assert (product.sku, product.gtin, product.name) == (None, None, "Translation")


def test_the_weights_of_the_lines_of_an_x12_order_are_carried_in_pounds() -> None:
    line = facts("x12-snacks").lines[0]
    assert (line.quantity.unit, line.gross_weight.unit) == ("XCS", "LBR")
    assert line.gross_weight.value == Decimal("6059.52")
