"""What a service says about itself, in one shape for both versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raccordo.wire.odata.literals import Version


@dataclass(frozen=True, slots=True)
class Property:
    """One field of an entity type. Absent facets are None; what only the service fills is not `creatable`."""

    name: str
    type: str
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    creatable: bool = True


@dataclass(frozen=True, slots=True)
class EntityType:
    """Fields, keys and navigations of one type; a navigation leads to the name of another type."""

    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Entity types by name and, by entity set, the name of each set's type; names without namespace."""

    version: Version
    types: Mapping[str, EntityType]
    sets: Mapping[str, str]

    def type_of(self, entity_set: str) -> EntityType | None:
        """Return the type of an entity set; None if there is no such set."""
        return self.types.get(self.sets.get(entity_set, ""))

    def target(self, entity: EntityType, navigation: str) -> EntityType | None:
        """Return the type that a navigation leads to; None if there is no such navigation."""
        return self.types.get(entity.navigations.get(navigation, ""))


class UnreadableMetadata(ValueError):
    """The document is no metadata, or pretends to be and is not."""


def parse_metadata(document: bytes) -> Metadata:
    """Read a metadata document of either version. It takes a while for a large one: call it in a thread.

    Raises:
        UnreadableMetadata: not well-formed, with a document type, or no metadata at all.
    """
    # Imported here: pyodata alone takes a third of a second, and only a check needs it.
    from raccordo.wire.odata import metadata_v2, metadata_v4  # noqa: PLC0415

    root = metadata_v4.read_root(document)
    return metadata_v4.read(root) if metadata_v4.is_v4(root) else metadata_v2.read(document)
