"""Metadata of real services, in one shape; hostile documents refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from raccordo.wire.odata import Property, Version, parse_metadata
from raccordo.wire.odata.metadata import UnreadableMetadata

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "sap_odata"
SYNTHETIC = {"API_TEST_SRV_v2.edmx", "API_TEST_SRV_v4.edmx"}
"""A vendor's test documents with types that do not exist."""

real = pytest.mark.skipif(not FIXTURES.exists(), reason="fixture folder ../shared/fixtures absent")


def _documents() -> list[Path]:
    found = [*FIXTURES.glob("*.edmx"), *FIXTURES.glob("*.xml")]
    return sorted(path for path in found if path.name not in {*SYNTHETIC, "gateway_error_v2.xml"})


@real
@pytest.mark.parametrize("path", _documents(), ids=lambda path: path.name)
def test_every_real_document_is_read(path: Path) -> None:
    """Sets lead to types, types have keys; function imports alone are metadata too."""
    metadata = parse_metadata(path.read_bytes())
    assert all(name in metadata.types for name in metadata.sets.values())
    assert bool(metadata.types) != (path.name == "API_PRODUCT_AVAILY_INFO_BASIC.edmx")
    for entity in metadata.types.values():
        assert set(entity.keys) <= set(entity.properties)


@real
def test_the_published_sales_order_of_v2() -> None:
    """Facets, what can be created, and where navigations lead."""
    metadata = parse_metadata((FIXTURES / "API_SALES_ORDER_SRV.edmx").read_bytes())
    order = metadata.type_of("A_SalesOrder")
    assert metadata.version is Version.V2
    assert order is not None
    assert order.keys == ("SalesOrder",)
    assert order.properties["PurchaseOrderByCustomer"] == Property(
        "PurchaseOrderByCustomer", "Edm.String", max_length=35
    )
    assert not order.properties["TotalNetAmount"].creatable
    item = metadata.target(order, "to_Item")
    assert item is not None
    assert item.name == "A_SalesOrderItemType"
    assert (item.properties["RequestedQuantity"].precision, item.properties["RequestedQuantity"].scale) == (
        15,
        3,
    )
    assert metadata.type_of("Nothing") is metadata.target(order, "to_Nothing") is None


@real
def test_the_published_sales_order_of_v4() -> None:
    """The same shape; computed properties are annotations there."""
    metadata = parse_metadata((FIXTURES / "CE_SALESORDER_0001_v4.edmx").read_bytes())
    order = metadata.type_of("SalesOrder")
    assert metadata.version is Version.V4
    assert order is not None
    assert order.properties["PurchaseOrderByCustomer"].max_length == 35
    assert not order.properties["TotalNetAmount"].creatable
    assert order.properties["PurchaseOrderByCustomer"].creatable
    item = metadata.target(order, "_Item")
    assert item is not None
    assert item.properties["Product"].max_length == 18


@real
@pytest.mark.parametrize("name", sorted(SYNTHETIC))
def test_metadata_with_unknown_types_is_a_sentence(name: str) -> None:
    """What cannot be read says so, and nothing but a check depends on it."""
    with pytest.raises(UnreadableMetadata):
        parse_metadata((FIXTURES / name).read_bytes())


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html></html>",
        b"<error/>",
        b"{}",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Edmx>&e;</Edmx>',
        b"<!DOCTYPE lolz ["
        + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 20))
        + b"]><Edmx>&l19;</Edmx>",
        b"<Edmx>" + b"<a>" * 5000,
        "<!DOCTYPE x><Edmx/>".encode("utf-16"),
        b'<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"/>',
    ],
)
def test_a_hostile_or_foreign_document_is_refused_at_once(document: bytes) -> None:
    """Entities, bombs, depth, other encodings, other documents."""
    started = time.monotonic()
    with pytest.raises(UnreadableMetadata):
        parse_metadata(document)
    assert time.monotonic() - started < 5
