"""Every field of the contract is placed in SAP or declared as having no place there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from connectors.sap.carried import NOT_PLACED, PLACED, SENT_IF, entry_for, not_carried
from connectors.sap.preset import ROLES
from sap_counterpart import FULL, an_order, sap_config
from schemas import OrderCreated

if TYPE_CHECKING:
    from collections.abc import Iterator


def _paths(kind: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in kind.model_fields.items():
        path = f"{prefix}{name}"
        inner = _model_in(field.annotation)
        if inner is None:
            yield path
        else:
            many = "tuple" in str(field.annotation)
            yield from _paths(inner, f"{path}[]." if many else f"{path}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


PATHS = sorted(_paths(OrderCreated))


@pytest.mark.parametrize("path", PATHS)
def test_a_field_of_the_contract_has_a_place_or_a_reason(path: str) -> None:
    """A new field fails here until somebody has thought about it."""
    entry = entry_for(path, PLACED) or entry_for(path, NOT_PLACED)
    assert entry, f"{path}: place it in connectors/sap/carried.py, or say there why SAP has no place for it"


def test_the_tables_name_nothing_that_is_not_there() -> None:
    """Entries are fields of the contract, roles are roles, conditions belong to entries."""
    for entry in (*PLACED, *NOT_PLACED):
        assert any(path == entry or path.startswith((f"{entry}.", f"{entry}[]")) for path in PATHS), entry
    assert {role for roles in PLACED.values() for role in roles} <= {*ROLES, "item.prices", "texts"}
    assert set(SENT_IF) <= set(PLACED)
    assert all(NOT_PLACED.values())


def test_an_order_that_fits_says_what_it_loses() -> None:
    """By path, each once, in order."""
    lost = not_carried(an_order(**FULL), sap_config())
    assert lost == [
        "lines[].line_id",
        "lines[].net_amount",
        "lines[].price.amount",
        "lines[].price.basis",
        "lines[].product.gtin",
        "lines[].requested.deliver_until",
        "order_type",
        "requested.deliver_until",
        "sales_area.channel",
        "shipping.method",
    ]


def test_settings_give_places() -> None:
    """What a setting translates is carried; V4 has fields that V2 lacks."""
    settings: dict[str, Any] = {
        "preset": "v4",
        "price_condition": "PMP0",
        "order_types": {"224": "ZRU"},
        "shipping_conditions": {"Express": "02"},
    }
    lost = not_carried(an_order(**FULL), sap_config(**settings))
    assert lost == ["lines[].line_id", "lines[].net_amount", "requested.deliver_until", "sales_area.channel"]


def test_what_is_switched_off_is_lost_and_said() -> None:
    """An empty name takes the place away; texts need a text id."""
    order = an_order(notes=[{"text": "x"}], buyer_reference="b")
    assert not_carried(order, sap_config()) == ["lines[].line_id"]
    assert not_carried(order, sap_config(text_id="")) == ["lines[].line_id", "notes[].text"]
    off = {"buyer_reference": "", "texts": ""}
    assert not_carried(order, sap_config(fields=off)) == [
        "buyer_reference",
        "lines[].line_id",
        "notes[].text",
    ]


def test_an_address_is_written_down_only_where_no_number_stands_for_it() -> None:
    """SAP takes the address of a numbered partner from its master data."""
    address = {"name": "ACME", "city": "Roma"}
    assert not_carried(an_order(ship_to={"address": address}), sap_config()) == ["lines[].line_id"]
    lost = not_carried(an_order(ship_to={"id": "1", "address": address}), sap_config())
    assert lost == ["lines[].line_id", "ship_to.address.city", "ship_to.address.name"]
