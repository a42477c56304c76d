"""The names and lengths that SAP has published for sales orders, by what they mean to us.

Sources: API_SALES_ORDER_SRV (OData V2) and CE_SALESORDER_0001 (OData V4), the metadata of their releases. A role whose
name is empty has no place in that version; a setting can give it one, rename it, or switch it off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raccordo.wire.odata import Service, Version

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: a field, or a navigation to nested entities. Decimals have `digits` and `decimals`."""

    name: str
    max_length: int | None = None
    digits: int | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One published service: its root, its entity set, and the place of every role."""

    version: Version
    root: str
    entity_set: str
    places: Mapping[str, Place]
    navigations: Mapping[str, str]
    """Which roles lead to nested entities, by the prefix of the roles that stand in them."""
    units_by_unece: bool
    """Whether the unit field takes codes of UN/ECE Recommendation 20 instead of SAP's own."""

    @property
    def service(self) -> Service:
        """The service as the kit calls it."""
        return Service(self.root, self.version)


NAVIGATIONS = {
    "items": "item",
    "partners": "partner",
    "texts": "text",
    "item.texts": "item_text",
    "item.prices": "price",
}

_HEADER = {
    "document": Place("SalesOrder", 10),
    "order_type": Place("SalesOrderType", 4),
    "organisation": Place("SalesOrganization", 4),
    "channel": Place("DistributionChannel", 2),
    "division": Place("OrganizationDivision", 2),
    "office": Place("SalesOffice", 4),
    "group": Place("SalesGroup", 3),
    "sold_to": Place("SoldToParty", 10),
    "order_id": Place("PurchaseOrderByCustomer", 35),
    "buyer_reference": Place("PurchaseOrderByShipToParty", 35),
    "placed_on": Place("CustomerPurchaseOrderDate"),
    "deliver_on": Place("RequestedDeliveryDate"),
    "complete": Place("CompleteDeliveryIsDefined"),
    "shipping_condition": Place("ShippingCondition", 2),
    "incoterm": Place("IncotermsClassification", 3),
    "incoterm_place": Place("IncotermsLocation1", 70),
    "payment_terms": Place("CustomerPaymentTerms", 4),
    "net_amount": Place("TotalNetAmount"),
}

_ITEM = {
    "item.number": Place("SalesOrderItem", 6),
    "item.parent": Place("HigherLevelItem", 6),
    "item.customer_material": Place("MaterialByCustomer", 35),
    "item.category": Place("SalesOrderItemCategory", 4),
    "item.quantity": Place("RequestedQuantity", digits=15, decimals=3),
    "item.net_amount": Place("NetAmount"),
    "item.rejection": Place("SalesDocumentRjcnReason", 2),
    "partner.function": Place("PartnerFunction", 2),
    "partner.customer": Place("Customer", 10),
    "text.language": Place("Language", 2),
    "text.id": Place("LongTextID", 4),
    "text.text": Place("LongText"),
    "item_text.language": Place("Language", 2),
    "item_text.id": Place("LongTextID", 4),
    "item_text.text": Place("LongText"),
    "price.condition": Place("ConditionType", 4),
}

V2 = Preset(
    Version.V2,
    "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "A_SalesOrder",
    {
        **_HEADER,
        **_ITEM,
        "currency": Place("TransactionCurrency", 5),
        "items": Place("to_Item"),
        "partners": Place("to_Partner"),
        "texts": Place("to_Text"),
        "item.material": Place("Material", 40),
        "item.gtin": Place(""),
        "item.unit": Place("RequestedQuantityUnit", 3),
        "item.deliver_on": Place(""),  # only on schedule lines, which cannot be created
        "item.plant": Place("ProductionPlant", 4),
        "item.texts": Place("to_Text"),
        "item.prices": Place("to_PricingElement"),
        "price.amount": Place("ConditionRateValue", digits=24, decimals=9),
        "price.currency": Place("ConditionCurrency", 5),
        "price.basis": Place("ConditionQuantity", digits=5, decimals=0),
        "price.unit": Place("ConditionQuantityUnit", 3),
    },
    NAVIGATIONS,
    units_by_unece=False,
)

V4 = Preset(
    Version.V4,
    "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001",
    "SalesOrder",
    {
        **_HEADER,
        **_ITEM,
        "currency": Place("TransactionCurrency", 3),
        "items": Place("_Item"),
        "partners": Place("_Partner"),
        "texts": Place("_Text"),
        "item.material": Place("Product", 18),
        "item.gtin": Place("InternationalArticleNumber", 18),
        "item.unit": Place("RequestedQuantityISOUnit", 3),  # annotated as the UN/ECE unit of the quantity
        "item.deliver_on": Place("RequestedDeliveryDate"),
        "item.plant": Place("Plant", 4),
        "item.texts": Place("_ItemText"),
        "item.prices": Place("_ItemPricingElement"),
        "price.amount": Place("ConditionRateAmount", digits=24, decimals=9),
        "price.currency": Place("ConditionCurrency", 3),
        "price.basis": Place("ConditionQuantity", digits=5, decimals=0),
        "price.unit": Place("ConditionQuantityISOUnit", 3),
    },
    NAVIGATIONS,
    units_by_unece=True,
)

PRESETS: Mapping[str, Preset] = {"v2": V2, "v4": V4}
ROLES = tuple(sorted(V2.places))

READ_ONLY = frozenset(
    {"document", "net_amount", "item.number", "item.parent", "item.net_amount", "item.rejection"}
)
"""Roles that are read and never sent: numbers and prices are SAP's."""

SAP_UNITS: Mapping[str, str] = {
    "C62": "PC",
    "H87": "PC",
    "PCE": "PC",
    "EA": "EA",
    "KGM": "KG",
    "GRM": "G",
    "TNE": "TO",
    "LTR": "L",
    "MLT": "ML",
    "HLT": "HL",
    "MTR": "M",
    "CMT": "CM",
    "MMT": "MM",
    "MTK": "M2",
    "MTQ": "M3",
    "HUR": "H",
    "DAY": "DAY",
    "PR": "PAA",
    "NPR": "PAA",
    "DZN": "DZ",
    "CT": "CAR",
    "XCT": "CAR",
    "PX": "PAL",
    "XPX": "PAL",
    "BX": "BOX",
    "XBX": "BOX",
    "BO": "BOT",
    "XBO": "BOT",
    "RO": "ROL",
    "XRO": "ROL",
    "SET": "SET",
    "KWH": "KWH",
}
"""SAP's own units (as delivered, English) for codes of UN/ECE Recommendation 20 and 21. Others are sent as they are."""
