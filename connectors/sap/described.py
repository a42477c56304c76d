"""Where each field of an order stands in SAP, in words: the table that people read in docs/reference/connectors.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.sap.carried import NOT_PLACED, PLACED
from connectors.sap.preset import V2, V4

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.sap.preset import Preset

WHEN: Final[Mapping[str, str]] = {
    # the conditions of carried.SENT_IF
    "order_type": "where ORDER_TYPES has it; else ORDER_TYPE is sent",
    "shipping.method": "where SHIPPING_CONDITIONS has it",
    "shipping.method_code": "where SHIPPING_CONDITIONS has it",
    "sales_area.organisation": "up to 4 characters; else SALES_ORGANISATION is sent",
    "sales_area.channel": "up to 2 characters; else DISTRIBUTION_CHANNEL is sent",
    "sales_area.division": "up to 2 characters; else DIVISION is sent",
    "sales_area.office": "up to 4 characters",
    "sales_area.group": "up to 3 characters",
    "requested.deliver_until": "where no first day is named",
    "lines[].requested.deliver_until": "where no first day is named",
    "lines[].price.amount": "with PRICE_CONDITION, and without tax in the prices",
    "lines[].price.basis": "with PRICE_CONDITION, and without tax in the prices",
    "lines[].price.basis_unit": "with PRICE_CONDITION, and without tax in the prices",
    "ship_to.id": "where PARTNER_FUNCTIONS has ship_to",
    "ship_to.address": "as a text, where the party has no id",
    "bill_to.id": "where PARTNER_FUNCTIONS has bill_to",
    "bill_to.address": "as a text, where the party has no id",
    "payer.id": "where PARTNER_FUNCTIONS has payer",
    "payer.address": "as a text, where the party has no id",
}


def carried_fields() -> Sequence[tuple[str, str, str]]:
    """List (field, its place as delivered, its condition), then (field, "", why SAP has no place for it)."""
    placed = [(path, _places(roles), WHEN.get(path, "")) for path, roles in PLACED.items()]
    return [*placed, *((path, "", why) for path, why in NOT_PLACED.items())]


def _places(roles: Sequence[str]) -> str:
    old, new = _place(roles, V2), _place(roles, V4)
    return old if old == new else f"V2: {old or 'nowhere'}; V4: {new or 'nowhere'}"


def _place(roles: Sequence[str], preset: Preset) -> str:
    """The first of the roles that the published service has."""
    return next((preset.places[role].name for role in roles if preset.places[role].name), "")
