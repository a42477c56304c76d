"""Which changes of a published version break somebody.

A topic holds what was written under the older schema, and its writers go on until they are deployed anew: a version may
only become wider. Whatever the old schema accepts, the new one has to accept with the same meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from raccordo.catalogue.json_schema import ABOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_SETTLED = ("topic", "key", "version", "type")
_HANDLED = {
    *_UPPER, *_LOWER, "type", "enum", "const", "pattern", "properties", "required", "additionalProperties", "items",
    "patternProperties", "propertyNames", "anyOf", "default", "$defs", "$ref",
}  # fmt: skip
_REMARKS = {"title", "description", "examples", "deprecated", "$schema", "$id", ABOUT}


class Break(NamedTuple):
    """A place where the new schema refuses or rereads what the old one accepted."""

    path: str
    message: str


def breaks(old: Schema, new: Schema) -> list[Break]:
    """List the breaking changes from a published schema to the one that is declared now."""
    return [*_about(old.get(ABOUT, {}), new.get(ABOUT, {})), *_Comparison(old, new).schemas(old, new, "$")]


def _about(old: Schema, new: Schema) -> Iterator[Break]:
    for name in _SETTLED:
        if old.get(name) != new.get(name):
            yield Break(
                name, f"changed from {old.get(name)!r} to {new.get(name)!r}; records lie by the old one"
            )
    if new.get("partitions", 1) < old.get("partitions", 1):
        yield Break("partitions", "lowered; Kafka cannot take partitions away")


class _Comparison:
    """Compares two documents, each with its own ``$defs``."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old.get("$defs", {})
        self._new = new.get("$defs", {})
        self._open: set[tuple[str, str]] = set()

    def schemas(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        """Compare two places; each way of the old one has to be a way of the new one."""
        references = (old.get("$ref", ""), new.get("$ref", ""))
        if all(references):
            if references in self._open:
                return
            self._open.add(references)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        ways = new.get("anyOf", [new])
        for way in old.get("anyOf", [old]):
            yield from self._accepted(way, ways, path)
        self._open.discard(references)

    def _accepted(self, old: Schema, ways: list[Schema], path: str) -> Iterator[Break]:
        tried = [list(self._alike(old, way, path)) for way in ways]
        if [] in tried:
            return
        kind = _kind(old, self._old)
        alike = [found for way, found in zip(ways, tried, strict=True) if _kind(way, self._new) == kind]
        if alike:
            yield from min(alike, key=len)
        else:
            kinds = " or ".join(_kind(way, self._new) for way in ways)
            yield Break(path, f"was {kind} and is {kinds}: what was written before is refused")

    def _alike(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        if "$ref" in old or "$ref" in new:
            yield from self.schemas(old, new, path)
            return
        if _kind(old, self._old) != _kind(new, self._new):
            yield Break(path, f"type changed from {_kind(old, self._old)} to {_kind(new, self._new)}")
            return
        yield from _limits(old, new, path)
        yield from _values(old, new, path)
        yield from self._members(old, new, path)
        for part, where in (("items", f"{path}[]"), ("propertyNames", f"{path}{{}}")):
            if part in new:
                yield from self.schemas(old.get(part, {}), new[part], where)
        for name in sorted((old.keys() | new.keys()) - _HANDLED - _REMARKS):
            if old.get(name) != new.get(name):
                yield Break(path, f"{name} changed, and nothing is known about what that breaks")

    def _members(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            where = f"{path}.{name}"
            if name not in after:
                if not _open_ended(new):
                    yield Break(where, "removed: events that have it are refused")
                continue
            yield from self.schemas(schema, after[name], where)
            if "default" in schema and schema["default"] != after[name].get("default", schema["default"]):
                yield Break(where, "default changed: events without it mean something else now")
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                added = "required field added" if name not in before else "became required"
                yield Break(f"{path}.{name}", f"{added}: events without it are refused")
        if _open_ended(old) and not _open_ended(new):
            yield Break(path, "closed against unknown fields: events that have some are refused")
        for part in ("additionalProperties", "patternProperties"):
            yield from self._open_members(old.get(part), new.get(part), path)

    def _open_members(self, old: Any, new: Any, path: str) -> Iterator[Break]:
        if not isinstance(new, dict) or not isinstance(old, dict) or old == new:
            return
        if "type" in new or "$ref" in new or "anyOf" in new:
            yield from self.schemas(old, new, f"{path}.*")
            return
        for pattern, schema in old.items():
            if pattern in new:
                yield from self.schemas(schema, new[pattern], f"{path}.*")
            else:
                yield Break(f"{path}.*", "pattern of the names changed: other names are refused")


def _limits(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield Break(path, f"{name} tightened from {old.get(name, 'none')} to {new[name]}")
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield Break(path, f"{name} tightened from {old.get(name, 'none')} to {new[name]}")
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        change = "changed" if "pattern" in old else "added"
        yield Break(path, f"pattern {change}: texts that were accepted may be refused")


def _values(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    after = new.get("enum", [new["const"]] if "const" in new else None)
    if after is None:
        return
    before = old.get("enum", [old["const"]] if "const" in old else None)
    if before is None:
        yield Break(path, "narrowed to a list of values")
        return
    gone = [value for value in before if value not in after]
    if gone:
        yield Break(path, f"no longer accepts {', '.join(map(repr, gone))}")


def _open_ended(schema: Schema) -> bool:
    return schema.get("additionalProperties", True) is not False


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Follow references; what stands beside a reference is a remark or a default."""
    while "$ref" in schema:
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **beside}
    return schema


def _kind(schema: Schema, definitions: Schema) -> str:
    found = _resolved(schema, definitions)
    return str(found.get("type") or ("a union" if "anyOf" in found else "anything"))
