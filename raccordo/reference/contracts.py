"""The contracts as a page for people: who owns what, and every field; machines read schemas/published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raccordo.catalogue.json_schema import json_schema
from raccordo.reference.markdown import anchor, code, page, plain, table
from raccordo.topics import kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from raccordo.event import Contract

Node = dict[str, Any]

HEAD: Final = """\
# Contracts

Written by `python -m raccordo.reference` from the contracts in `schemas/`; change their docstrings, not this page.
Machines read the JSON Schemas and the AsyncAPI document in `schemas/published/`.

A body is strict JSON in UTF-8. Decimals are strings, times are RFC 3339 with an offset, days are `2026-01-31`. A field
that a contract does not have is refused. The record key is `<tenant>:<key>`.
"""

KINDS: Final = (
    # what a pattern of raccordo.scalars contains, and how people call it
    ("T[0-9]{2}:", "time"),
    ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "day"),
    ("^-?(0|[1-9]", "decimal as a string, may be negative"),
    ("^(0|[1-9]", "decimal as a string"),
    ("^[A-Z]{3}$", "currency of ISO 4217"),
    ("^[A-Z]{2}$", "country of ISO 3166-1"),
)


def contracts_page(contracts: Sequence[type[Contract]]) -> str:
    """Write docs/reference/contracts.md."""
    schemas = {contract: json_schema(contract) for contract in contracts}
    parts: dict[str, Node] = {}
    for schema in schemas.values():
        parts |= schema.get("$defs", {})
    return page(
        HEAD,
        _overview(contracts),
        *(_section(contract, schema) for contract, schema in schemas.items()),
        "## Parts",
        *(_part(name, schema) for name, schema in sorted(parts.items())),
    )


def _overview(contracts: Iterable[type[Contract]]) -> str:
    return table(
        ("topic", "contract", "says", "owner", "key", "lanes", "found by", "partitions", "kept for"),
        (
            (
                code(info.topic),
                f"[{info.name}](#{anchor(info.name)})",
                plain((contract.__doc__ or "").partition("\n")[0]),
                info.owner,
                code(info.key),
                _codes(info.lanes),
                _codes(info.business_keys),
                str(info.partitions),
                kept(info.retention),
            )
            for contract in contracts
            for info in (contract.info,)
        ),
    )


def _section(contract: type[Contract], schema: Node) -> str:
    info = contract.info
    about = f"Topic `{info.topic}`, type `{info.type}`, schema `{info.dataschema}`."
    return page(f"## {info.name}", about, _fields(schema))


def _part(name: str, schema: Node) -> str:
    if "enum" in schema:
        return page(
            f"### {name}", plain(schema.get("description", "")), f"One of: {_values(schema['enum'])}."
        )
    return page(f"### {name}", plain(schema.get("description", "")), _fields(schema))


def _fields(schema: Node) -> str:
    required = schema.get("required", ())
    return table(
        ("field", "what it is", "meaning"),
        (
            (
                code(name) + ("" if name in required else " (optional)"),
                _kind(field),
                plain(field.get("description", "")),
            )
            for name, field in schema.get("properties", {}).items()
        ),
    )


def _kind(node: Mapping[str, Any]) -> str:
    """Say in words which values a field takes."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in node:
        return " or ".join(_kind(one) for one in node["anyOf"] if one.get("type") != "null")
    if "enum" in node or "const" in node:
        return f"one of {_values(node.get('enum') or [node['const']])}"
    return _of_type(node)


def _of_type(node: Mapping[str, Any]) -> str:
    match node.get("type"):
        case "array":
            return f"list of {_kind(node['items'])}"
        case "object":
            values = list(node.get("patternProperties", {}).values()) or [node["additionalProperties"]]
            return f"{_kind(values[0])}, by name"
        case "string":
            return _text(node)
        case "boolean":
            return "true or false"
        case kind:
            return str(kind)


def _text(node: Mapping[str, Any]) -> str:
    pattern = node.get("pattern", "")
    for mark, name in KINDS:
        if mark in pattern:
            return name
    longest = node.get("maxLength")
    return "text" if longest is None else f"text, at most {longest}"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(code, names))


def _values(values: Iterable[Any]) -> str:
    return ", ".join(code(str(value)) for value in values)
