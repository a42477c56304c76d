"""OData V2 and V4 in one kit, with what SAP Gateway and RAP add: tokens, messages, repeatable requests.

- `kit`: OData, what connectors call
- `settings`: ODataConfig, address and sign-in
- `literals`: values and addresses in both versions
- `shapes`: answers of both versions in one shape
- `reasons`: why it refused, from JSON, XML and `sap-message`
- `csrf`, `repeatable`: tokens and ids of writes
- `links`: the way to the next page
- `metadata`, `metadata_v2`, `metadata_v4`, `xml`: what a service says about itself, read safely
"""

from raccordo.wire.odata.kit import OData, Service
from raccordo.wire.odata.literals import Value, Version, decimal_of, moment_of, time_of
from raccordo.wire.odata.metadata import EntityType, Metadata, Property, parse_metadata
from raccordo.wire.odata.settings import ODataConfig
from raccordo.wire.odata.shapes import Entity

__all__ = [
    "Entity",
    "EntityType",
    "Metadata",
    "OData",
    "ODataConfig",
    "Property",
    "Service",
    "Value",
    "Version",
    "decimal_of",
    "moment_of",
    "parse_metadata",
    "time_of",
]
