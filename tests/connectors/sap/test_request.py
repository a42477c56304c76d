"""An order as SAP's deep insert: placed, refused where it does not fit, never cut."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.sap.request import REFUSED, sales_order
from raccordo.errors import Rejected
from sap_counterpart import FULL, an_order, sap_config


def body(order: dict[str, Any], **members: Any) -> dict[str, Any]:
    return sales_order(an_order(**order), sap_config(**members))


def test_the_published_v2_request() -> None:
    """Every value under the name that SAP has published for it."""
    settings = {
        "order_types": {"224": "ZRU"},
        "text_ids": {"DEL": "TX07"},
        "shipping_conditions": {"Express": "02"},
    }
    assert body(FULL, **settings) == {
        "SalesOrderType": "ZRU",
        "SalesOrganization": "1000",
        "DistributionChannel": "10",  # the shop's own name is no key of SAP's
        "OrganizationDivision": "00",
        "SalesOffice": "0001",
        "SoldToParty": "1000001",
        "PurchaseOrderByCustomer": "O-1",
        "PurchaseOrderByShipToParty": "4500012345",
        "CustomerPurchaseOrderDate": date(2026, 11, 22),
        "TransactionCurrency": "EUR",
        "RequestedDeliveryDate": date(2026, 12, 1),
        "CompleteDeliveryIsDefined": True,
        "ShippingCondition": "02",
        "IncotermsClassification": "DAP",
        "IncotermsLocation1": "Milano",
        "CustomerPaymentTerms": "0004",
        "to_Partner": [{"PartnerFunction": "SH", "Customer": "1000002"}],
        "to_Text": [
            {
                "Language": "EN",
                "LongTextID": "TX01",
                "LongText": "Ring twice\nBill-to address: ACME, Via Roma 1, 00100 Roma",
            },
            {"Language": "EN", "LongTextID": "TX07", "LongText": "Gate 4"},
        ],
        "to_Item": [
            {
                "Material": "TG11",
                "MaterialByCustomer": "A-1",
                "RequestedQuantity": Decimal("2.5"),
                "RequestedQuantityUnit": "KG",
                "ProductionPlant": "1710",
                "SalesOrderItemCategory": "TANN",
                "to_Text": [{"Language": "EN", "LongTextID": "TX01", "LongText": "Blue"}],
            }
        ],
    }


def test_the_published_v4_request_differs_in_names_and_units() -> None:
    """_Item, Product, the UN/ECE unit, dates of single lines, the GTIN."""
    request = body(FULL, preset="v4")
    item = request["_Item"][0]
    assert item["Product"] == "TG11"
    assert item["InternationalArticleNumber"] == "4012345678901"
    assert item["RequestedQuantityISOUnit"] == "KGM"
    assert item["RequestedDeliveryDate"] == date(2026, 12, 24)
    assert item["Plant"] == "1710"
    assert request["_Partner"] == [{"PartnerFunction": "SH", "Customer": "1000002"}]
    assert {"to_Item", "Material", "RequestedQuantityUnit"}.isdisjoint({*request, *item})


def test_net_amounts_are_not_sent_and_prices_only_as_conditions() -> None:
    """SAP prices; a condition type in the settings lets the agreed price win."""
    assert "60.25" not in str(body(FULL))
    assert "24.1" not in str(body(FULL))
    price = body(FULL, price_condition="PMP0")["to_Item"][0]["to_PricingElement"]
    assert price == [
        {
            "ConditionType": "PMP0",
            "ConditionRateValue": Decimal("24.1"),
            "ConditionCurrency": "EUR",
            "ConditionQuantity": Decimal(100),
            "ConditionQuantityUnit": "KG",
        }
    ]
    with_tax = body(FULL | {"prices_include_tax": True}, price_condition="PMP0")
    assert "to_PricingElement" not in with_tax["to_Item"][0]


def test_the_buyers_number_goes_into_a_text_where_there_is_no_second_field() -> None:
    """It repeats across customers and amendments, so it is never the identity."""
    request = body({"buyer_reference": "4500012345"}, fields={"buyer_reference": ""})
    assert request["PurchaseOrderByCustomer"] == "O-1"
    assert "4500012345" in request["to_Text"][0]["LongText"]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"order_id": "O" * 36}, "order_id has 36 characters, PurchaseOrderByCustomer takes 35"),
        ({"customer_id": "12345678901"}, "sold_to has 11 characters, SoldToParty takes 10"),
        ({"buyer_reference": "B" * 36}, "PurchaseOrderByShipToParty takes 35"),
        ({"payment_terms": {"code": "NET 30 DAYS"}}, "CustomerPaymentTerms takes 4"),
        ({"ship_to": {"id": "12345678901"}}, "ship_to.id has 11"),
        ({"delivery_terms": {"place": "x" * 71}}, "IncotermsLocation1 takes 70"),
    ],
)
def test_what_is_too_long_is_refused_and_not_cut(order: dict[str, Any], sentence: str) -> None:
    """A cut reference would be found for two orders, or for none."""
    with pytest.raises(Rejected) as caught:
        body(order)
    assert sentence in str(caught.value)
    assert (caught.value.reason_code, caught.value.status) == (REFUSED, None)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"product": {"sku": "M" * 41}}, "line 1 material has 41 characters"),
        ({"product": {"manufacturer_number": "X"}}, "line 1 names no product number"),
        ({"quantity": {"value": "1.2345"}}, "line 1 quantity has more digits"),
        ({"quantity": {"value": "1234567890123"}}, "line 1 quantity has more digits"),
        ({"plant": "PLANT-1"}, "line 1 plant has 7 characters"),
    ],
)
def test_a_line_that_does_not_fit_is_named(line: dict[str, Any], sentence: str) -> None:
    """With its number in the order, so that a person finds it."""
    whole = {"line_id": "1", "product": {"sku": "TG11"}, "quantity": {"value": "1"}} | line
    with pytest.raises(Rejected, match=sentence):
        body({"lines": [whole]})


def test_every_reason_is_told_at_once() -> None:
    """A person corrects the order once, not once for each mistake."""
    with pytest.raises(Rejected) as caught:
        body({"order_id": "O" * 36, "customer_id": "1" * 11})
    assert "order_id" in caught.value.sentence
    assert "sold_to" in caught.value.sentence


@pytest.mark.parametrize("value", ["999999999999.999", "0.001", "100"])
def test_quantities_up_to_the_published_digits_fit(value: str) -> None:
    """Fifteen digits, three of them behind the point."""
    line = {"line_id": "1", "product": {"sku": "TG11"}, "quantity": {"value": value}}
    assert body({"lines": [line]})["to_Item"][0]["RequestedQuantity"] == Decimal(value)


def test_a_unit_that_nobody_has_mapped_is_left_to_sap() -> None:
    """A setting translates it; otherwise SAP says that it does not know it."""
    line = {"line_id": "1", "product": {"sku": "TG11"}, "quantity": {"value": "1", "unit": "ZZ"}}
    assert body({"lines": [line]})["to_Item"][0]["RequestedQuantityUnit"] == "ZZ"
    assert body({"lines": [line]}, units={"ZZ": "LE"})["to_Item"][0]["RequestedQuantityUnit"] == "LE"
