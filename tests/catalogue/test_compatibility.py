from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import Field

from raccordo.catalogue.compatibility import breaks
from raccordo.catalogue.json_schema import ABOUT, json_schema
from raccordo.event import Contract, ValueObject
from raccordo.scalars import Attributes, Exact, Identifier
from schemas import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]


class Bin(ValueObject):
    """A place in a warehouse."""

    bin_id: Identifier
    """Its number."""
    amount: Exact | None = None
    """What lies there."""


class Stock(Contract, topic="giacenze", key="plant", version=1, owner="logistics"):
    """What lies in a plant."""

    plant: Identifier
    """The plant."""
    state: Literal["free", "blocked", "quality"] = "free"
    """Whether it may be sold."""
    count: int = Field(default=0, ge=0, le=100)
    """How many."""
    main: Bin | None = None
    """The first place."""
    bins: tuple[Bin, ...] = Field(max_length=10)
    """The places."""
    attributes: Attributes = Field(default={}, max_length=5)
    """Further facts."""


PUBLISHED = json_schema(Stock)


def changed(change: Callable[[Schema], object]) -> list[tuple[str, str]]:
    """Compare the published schema with a changed copy; the change gets the whole schema."""
    now = copy.deepcopy(PUBLISHED)
    change(now)
    return [(path, message) for path, message in breaks(PUBLISHED, now)]


def put(schema: Schema, where: str, **members: Any) -> Schema:
    """Set members of the object at a path of names: ``$defs.Bin.properties.amount``."""
    for name in where.split("."):
        schema = schema[name]
    schema.update(members)
    return schema


def take(schema: Schema, where: str) -> Schema:
    """Take out the member at a path of names."""
    *parents, last = where.split(".")
    for name in parents:
        schema = schema[name]
    del schema[last]
    return schema


BREAKING: dict[str, tuple[Callable[[Schema], object], str, str]] = {
    "field removed": (lambda s: take(s, "properties.state"), "$.state", "removed"),
    "field of a part removed": (lambda s: take(s, "$defs.Bin.properties.amount"), "$.main.amount", "removed"),
    "required field added": (
        lambda s: (put(s, "properties", lot={"type": "string"}), s["required"].append("lot")),
        "$.lot",
        "required field added",
    ),
    "field became required": (lambda s: s["required"].append("state"), "$.state", "became required"),
    "field of a part became required": (
        lambda s: s["$defs"]["Bin"]["required"].append("amount"),
        "$.main.amount",
        "became required",
    ),
    "type changed": (
        lambda s: put(s, "properties", plant={"type": "integer"}),
        "$.plant",
        "was string and is integer",
    ),
    "list became one": (lambda s: put(s, "properties", bins={"$ref": "#/$defs/Bin"}), "$.bins", "array"),
    "null refused": (
        lambda s: put(s, "properties", main={"$ref": "#/$defs/Bin", "default": None}),
        "$.main",
        "was null and is object",
    ),
    "enum narrowed": (
        lambda s: put(s, "properties.state", enum=["free", "blocked"]),
        "$.state",
        "no longer accepts 'quality'",
    ),
    "enum replaced by one value": (
        lambda s: (take(s, "properties.state.enum"), put(s, "properties.state", const="free")),
        "$.state",
        "no longer accepts 'blocked', 'quality'",
    ),
    "list of values added": (
        lambda s: put(s, "properties.plant", enum=["1010"]),
        "$.plant",
        "narrowed to a list of values",
    ),
    "pattern changed": (lambda s: put(s, "properties.plant", pattern="^[0-9]+$"), "$.plant", "pattern changed"),
    "pattern added": (lambda s: put(s, "properties.state", pattern="^f"), "$.state", "pattern added"),
    "text shortened": (
        lambda s: put(s, "properties.plant", maxLength=99),
        "$.plant",
        "maxLength tightened from 100 to 99",
    ),
    "text has to be longer": (
        lambda s: put(s, "properties.plant", minLength=2),
        "$.plant",
        "minLength tightened from 1 to 2",
    ),
    "limit added": (
        lambda s: put(s, "properties.state", maxLength=3),
        "$.state",
        "maxLength tightened from none to 3",
    ),
    "number limited": (
        lambda s: put(s, "properties.count", maximum=99),
        "$.count",
        "maximum tightened from 100 to 99",
    ),
    "fewer parts": (lambda s: put(s, "properties.bins", maxItems=9), "$.bins", "maxItems tightened from 10 to 9"),
    "part has to be there": (lambda s: put(s, "properties.bins", minItems=1), "$.bins", "minItems tightened"),
    "default changed": (lambda s: put(s, "properties.state", default="blocked"), "$.state", "default changed"),
    "names of a map limited": (
        lambda s: put(s, "properties.attributes.propertyNames", maxLength=5),
        "$.attributes{}",
        "maxLength tightened",
    ),
    "values of a map limited": (
        lambda s: [put(s, "properties.attributes.patternProperties", **{
            pattern: {**schema, "maxLength": 5}
            for pattern, schema in s["properties"]["attributes"]["patternProperties"].items()
        })],
        "$.attributes.*",
        "maxLength tightened",
    ),
    "names of a map by another pattern": (
        lambda s: put(s, "properties.attributes", patternProperties={"^a": {"type": "string"}}),
        "$.attributes.*",
        "pattern of the names changed",
    ),
    "unknown rule": (lambda s: put(s, "properties.bins", uniqueItems=True), "$.bins", "uniqueItems changed"),
    "key changed": (lambda s: put(s, ABOUT, key="state"), "key", "changed from 'plant' to 'state'"),
    "topic changed": (lambda s: put(s, ABOUT, topic="stock"), "topic", "changed from 'giacenze' to 'stock'"),
    "partitions lowered": (lambda s: put(s, ABOUT, partitions=6), "partitions", "lowered"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_refuses_what_lies_in_the_topic_breaks_and_names_the_field(name: str) -> None:
    change, path, message = BREAKING[name]
    found = changed(change)
    assert found[0][0] == path
    assert message in found[0][1]


COMPATIBLE: dict[str, Callable[[Schema], object]] = {
    "nothing changed": lambda _: None,
    "description changed": lambda s: put(s, "properties.plant", description="Where it lies."),
    "optional field added": lambda s: put(s, "properties", lot={"type": "string", "default": None}),
    "field became optional": lambda s: s["required"].remove("bins"),
    "null accepted": lambda s: put(
        s, "properties", plant={"anyOf": [PUBLISHED["properties"]["plant"], {"type": "null"}]}
    ),
    "another form accepted": lambda s: put(
        s, "properties", main={"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Bin"}, {"type": "null"}]}
    ),
    "value added to the list": lambda s: put(
        s, "properties.state", enum=["free", "blocked", "quality", "lost"]
    ),
    "limits relaxed": lambda s: put(s, "properties.plant", maxLength=200, minLength=0),
    "pattern dropped": lambda s: take(s, "properties.plant.pattern"),
    "part renamed": lambda s: (
        put(s, "$defs", Place=s["$defs"]["Bin"]),
        take(s, "$defs.Bin"),
        put(s, "properties.bins", items={"$ref": "#/$defs/Place"}),
        put(s, "properties", main={"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None}),
    ),
    "retention and owner changed": lambda s: put(s, ABOUT, retention_seconds=1, owner="warehouse"),
    "partitions raised": lambda s: put(s, ABOUT, partitions=24),
    "opened for unknown fields": lambda s: take(s, "additionalProperties"),
}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_change_that_only_widens_breaks_nothing(name: str) -> None:
    assert changed(COMPATIBLE[name]) == []


def test_a_break_in_a_part_that_is_used_twice_is_found_at_both_places() -> None:
    found = changed(lambda s: put(s, "$defs.Bin.properties.bin_id", maxLength=5))
    assert [path for path, _ in found] == ["$.main.bin_id", "$.bins[].bin_id"]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_every_contract_is_compatible_with_itself_and_no_field_can_go(contract: type[Contract]) -> None:
    published = json_schema(contract)
    assert breaks(published, published) == []
    for name in published["properties"]:
        now = copy.deepcopy(published)
        del now["properties"][name]
        assert [path for path, _ in breaks(published, now)] == [f"$.{name}"]
