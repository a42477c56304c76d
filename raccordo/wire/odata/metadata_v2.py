"""V2 metadata through pyodata's tolerant parser: the strict one refuses one in four real SAP documents."""

from __future__ import annotations

import logging
from typing import Any

from pyodata.v2.model import Config, MetadataBuilder, PolicyIgnore

from raccordo.wire.odata.literals import Version
from raccordo.wire.odata.metadata import EntityType, Metadata, Property, UnreadableMetadata


def read(document: bytes) -> Metadata:
    """Read a V2 document that has passed `parse_xml` already. Raises UnreadableMetadata."""
    logging.getLogger("pyodata").setLevel(logging.CRITICAL)  # it warns of every annotation it does not use
    try:
        schema = MetadataBuilder(document, config=Config(default_error_policy=PolicyIgnore())).build()
        types = {entity.name: _entity_type(entity) for entity in schema.entity_types}
        sets = {found.name: found.entity_type.name for found in schema.entity_sets}
    except Exception as error:  # pyodata lets KeyError, AttributeError and its own classes through
        raise UnreadableMetadata(f"cannot be read as V2 ({type(error).__name__})") from error
    return Metadata(Version.V2, types, sets)


def _entity_type(entity: Any) -> EntityType:
    return EntityType(
        entity.name,
        tuple(key.name for key in entity.key_proprties),
        {found.name: _property(found) for found in entity.proprties()},
        {link.name: link.to_role.entity_type_name for link in entity.nav_proprties},
    )


def _property(found: Any) -> Property:
    kind = found.typ.name
    return Property(
        found.name,
        kind,
        nullable=bool(found.nullable),
        max_length=found.max_length or None,
        precision=found.precision if kind == "Edm.Decimal" else None,
        scale=found.scale if kind == "Edm.Decimal" else None,
        creatable=bool(found.creatable),
    )
