"""A contract as JSON Schema (draft 2020-12), for readers and writers in other languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from raccordo.event import Contract

ABOUT = "x-raccordo"
"""The extension that holds what a contract says of itself beside its fields."""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that only repeat the name of a field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic calls it
        return False


def json_schema(contract: type[Contract]) -> dict[str, Any]:
    """Generate the schema of a contract: what is accepted on the wire, with topic, key and owner in ``x-raccordo``."""
    info = contract.info
    generated = contract.model_json_schema(schema_generator=_Untitled)
    about = {
        "topic": info.topic,
        "version": info.version,
        "type": info.type,
        "key": info.key,
        "owner": info.owner,
        "partitions": info.partitions,
        "retention_seconds": int(info.retention.total_seconds()),
        "business_keys": list(info.business_keys),
        "lanes": list(info.lanes),
    }
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": info.dataschema,
        ABOUT: about,
        **generated,
    }
    tidy: dict[str, Any] = _on_one_line(schema)
    return tidy


def _on_one_line(node: Any) -> Any:
    """Write every description on one line: where a docstring was wrapped says nothing."""
    if isinstance(node, dict):
        return {
            name: " ".join(child.split())
            if name == "description" and isinstance(child, str)
            else _on_one_line(child)
            for name, child in node.items()
        }
    if isinstance(node, list):
        return [_on_one_line(child) for child in node]
    return node
