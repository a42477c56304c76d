"""V4 metadata (CSDL): a reader of the few elements that a check needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

from raccordo.wire.odata.literals import Version
from raccordo.wire.odata.metadata import EntityType, Metadata, Property, UnreadableMetadata
from raccordo.wire.odata.xml import UnsafeXml, parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}Edmx"
COMPUTED = re.compile(r"core\.(V1\.)?Computed$", re.IGNORECASE)
"""The term under its full name (Org.OData.Core.V1) or under the alias that SAP gives it (SAP__core)."""

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def read_root(document: bytes) -> etree._Element:
    """Parse a metadata document of either version safely. Raises UnreadableMetadata."""
    try:
        root = parse_xml(document)
    except UnsafeXml as error:
        raise UnreadableMetadata(str(error)) from error
    if etree.QName(root).localname != "Edmx":
        raise UnreadableMetadata("is no metadata document")
    return root


def is_v4(root: etree._Element) -> bool:
    """Tell V4 by its namespace, which V2 documents never use."""
    return bool(root.tag == EDMX)


def read(root: etree._Element) -> Metadata:
    """Read entity types, sets and what the annotations call computed."""
    computed = set(_computed(root))
    types = {
        entity.get("Name", ""): _entity_type(entity, computed) for entity in root.iter(f"{EDM}EntityType")
    }
    sets = {
        found.get("Name", ""): _plain(found.get("EntityType", "")) for found in root.iter(f"{EDM}EntitySet")
    }
    return Metadata(Version.V4, types, sets)


def _entity_type(entity: etree._Element, computed: set[str]) -> EntityType:
    name = entity.get("Name", "")
    fields = [
        _property(found, f"{name}/{found.get('Name')}" in computed) for found in entity.iter(f"{EDM}Property")
    ]
    return EntityType(
        name,
        tuple(key.get("Name", "") for key in entity.iter(f"{EDM}PropertyRef")),
        {found.name: found for found in fields},
        {
            link.get("Name", ""): _plain(link.get("Type", ""))
            for link in entity.iter(f"{EDM}NavigationProperty")
        },
    )


def _property(found: etree._Element, computed: bool) -> Property:
    return Property(
        found.get("Name", ""),
        found.get("Type", ""),
        nullable=found.get("Nullable", "true") != "false",
        max_length=_number(found.get("MaxLength")),
        precision=_number(found.get("Precision")),
        scale=_number(found.get("Scale")),
        creatable=not computed,
    )


def _computed(root: etree._Element) -> Iterator[str]:
    """Name, as ``Type/Property``, what carries Core.Computed: only the service fills it."""
    for target in root.iter(f"{EDM}Annotations"):
        for annotation in target.iterchildren(f"{EDM}Annotation"):
            if COMPUTED.search(annotation.get("Term", "")) and annotation.get("Bool", "true") == "true":
                yield _plain(target.get("Target", ""))


def _plain(name: str) -> str:
    """Strip ``Collection(…)`` and the namespace: ``Collection(a.b.Item_Type)`` is ``Item_Type``."""
    inner = name.removeprefix("Collection(").removesuffix(")")
    path, slash, field = inner.partition("/")
    return path.rpartition(".")[2] + slash + field


def _number(text: str | None) -> int | None:
    """Facets such as ``max`` and ``variable`` set no limit."""
    return int(text) if text and text.isascii() and text.isdigit() else None
