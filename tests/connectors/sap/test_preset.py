"""The presets are what SAP has published."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sap.preset import PRESETS, READ_ONLY, ROLES, V2, V4, Preset
from raccordo.wire.odata import EntityType, Metadata, parse_metadata

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "sap_odata"
DOCUMENTS = {"v2": "API_SALES_ORDER_SRV.edmx", "v4": "CE_SALESORDER_0001_v4.edmx"}

pytestmark = pytest.mark.skipif(not FIXTURES.exists(), reason="fixture folder ../shared/fixtures absent")


def _published(preset: str) -> Metadata:
    return parse_metadata((FIXTURES / DOCUMENTS[preset]).read_bytes())


def _owner(role: str, layout: Preset, metadata: Metadata) -> EntityType:
    """Find the entity type that a role stands in."""
    root = metadata.type_of(layout.entity_set)
    assert root is not None
    prefix = role.rpartition(".")[0]
    if not prefix:
        return root
    navigation = next(name for name, leads_to in layout.navigations.items() if leads_to == prefix)
    above = _owner(navigation, layout, metadata)
    target = metadata.target(above, layout.places[navigation].name)
    assert target is not None, f"{above.name} leads to no {layout.places[navigation].name}"
    return target


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_a_published_field_of_this_length(preset: str, role: str) -> None:
    """Name, length, digits, and that it may be written, as the service's own metadata has them."""
    layout, metadata = PRESETS[preset], _published(preset)
    place = layout.places[role]
    if not place.name:
        return
    owner = _owner(role, layout, metadata)
    if role in layout.navigations:
        assert place.name in owner.navigations
        return
    field = owner.properties[place.name]
    assert field.max_length == place.max_length
    if place.digits is not None:
        assert (field.precision, field.scale or 0) == (place.digits, place.decimals)
    if role not in READ_ONLY and preset == "v2":
        assert field.creatable


def test_both_presets_have_every_role() -> None:
    """A role that one of them lacks has an empty name there."""
    assert set(V2.places) == set(V4.places) == set(ROLES)
    assert set(ROLES) >= READ_ONLY


def test_net_amounts_are_never_sent() -> None:
    """SAP's pricing fills them."""
    assert {"net_amount", "item.net_amount"} <= READ_ONLY
