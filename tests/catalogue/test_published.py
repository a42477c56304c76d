from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostile import order
from raccordo import catalogue
from raccordo.catalogue.published import generated
from raccordo.errors import ConfigError
from raccordo.event import Contract
from raccordo.scalars import Identifier
from schemas import CONTRACTS, OrderCreated

ROOT = Path(__file__).parents[2]


def stock(
    version: int = 1, *, topic: str = "giacenze", key: str = "plant", **settings: Any
) -> type[Contract]:
    """Declare a contract as if it stood in schemas/."""

    class Stock(Contract, topic=topic, key=key, version=version, **({"owner": "logistics"} | settings)):
        """What lies in a plant."""

        plant: Identifier
        """The plant."""
        lot: Identifier | None = None
        """The lot."""

    return Stock


def narrower(version: int = 1) -> type[Contract]:
    """Declare the same contract without its lot."""

    class Stock(Contract, topic="giacenze", key="plant", version=version, owner="logistics"):
        """What lies in a plant."""

        plant: Identifier
        """The plant."""

    return Stock


def found(contracts: list[type[Contract]], root: Path) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.contract, each.owner, each.path) for each in catalogue.check(contracts, root)]


def test_what_is_committed_agrees_with_the_contracts() -> None:
    assert catalogue.check(CONTRACTS, ROOT) == []


def test_the_same_contracts_give_the_same_bytes() -> None:
    assert generated(CONTRACTS) == generated(CONTRACTS)


def test_export_writes_what_check_wants_and_then_nothing_more(tmp_path: Path) -> None:
    written = catalogue.export([stock()], tmp_path)
    assert written == [
        "schemas/published/giacenze/v1.json",
        "schemas/published/asyncapi.yaml",
        "deploy/topics.yaml",
    ]
    assert catalogue.check([stock()], tmp_path) == []
    assert catalogue.export([stock()], tmp_path) == []


def test_a_schema_lies_where_its_events_say(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    schema = json.loads((tmp_path / stock().info.dataschema).read_text())
    assert schema["$id"] == stock().info.dataschema


def test_a_missing_or_edited_file_is_drift(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    file = tmp_path / stock().info.dataschema
    file.write_text(file.read_text().replace("The plant.", "A plant."))
    (tmp_path / "deploy/topics.yaml").unlink()
    assert found([stock()], tmp_path) == [
        ("drift", "giacenze v1", "logistics", "schemas/published/giacenze/v1.json"),
        ("drift", "catalogue", "", "deploy/topics.yaml"),
    ]


def test_a_breaking_change_names_field_topic_version_and_owner(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    [finding, *_] = catalogue.check([narrower()], tmp_path)
    assert str(finding) == (
        "breaking: giacenze v1 (owner logistics): $.lot: removed: events that have it are refused; "
        "raise the version instead"
    )


def test_a_breaking_change_cannot_be_exported_away(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    before = (tmp_path / stock().info.dataschema).read_bytes()
    with pytest.raises(ConfigError, match=r"breaking: giacenze v1 .*: \$\.lot: removed"):
        catalogue.export([narrower()], tmp_path)
    assert (tmp_path / stock().info.dataschema).read_bytes() == before
    catalogue.export([narrower()], tmp_path, unreleased=True)
    assert catalogue.check([narrower()], tmp_path) == []


def test_the_next_version_may_break_and_the_old_one_stays(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    both = [stock(), narrower(2)]
    assert "schemas/published/giacenze/v2.json" in catalogue.export(both, tmp_path)
    assert catalogue.check(both, tmp_path) == []


def test_a_published_version_that_nobody_declares_is_missed(tmp_path: Path) -> None:
    catalogue.export([stock(), narrower(2)], tmp_path)
    [finding, *_] = catalogue.check([narrower(2)], tmp_path)
    assert (finding.kind, finding.contract, finding.owner) == ("breaking", "giacenze v1", "logistics")
    assert "no contract declares it any more" in finding.message


def test_a_contract_that_moved_to_another_topic_is_told_so(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    [finding, *_] = catalogue.check([stock(topic="scorte")], tmp_path)
    assert "moved to the topic scorte" in finding.message


def test_a_changed_key_breaks(tmp_path: Path) -> None:
    class Stock(Contract, topic="giacenze", key="lot", version=1, owner="logistics"):
        """What lies in a plant."""

        plant: Identifier
        """The plant."""
        lot: Identifier
        """The lot."""

    catalogue.export([stock()], tmp_path)
    paths = [path for _, _, _, path in found([Stock], tmp_path)]
    assert paths[:2] == ["key", "$.lot"]


def test_a_published_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    catalogue.export([stock()], tmp_path)
    (tmp_path / stock().info.dataschema).write_text("<<<<<<< HEAD")
    with pytest.raises(ConfigError, match=r"v1\.json is not JSON .* restore it"):
        catalogue.check([stock()], tmp_path)


class Undescribed(Contract, topic="senza_testo", key="plant", version=1, owner="logistics"):
    """Has a field that nobody explains."""

    plant: Identifier


@pytest.mark.parametrize(
    ("contracts", "path", "message"),
    [
        ([stock(owner="")], "owner", "names nobody to ask"),
        ([stock(owner="  ")], "owner", "names nobody to ask"),
        ([stock(topic="Giacenze")], "topic", "does not match"),
        ([stock(topic="magazzino.giacenze")], "topic", "does not match"),
        ([stock(0)], "version", "counts from 1"),
        ([stock(key="lot")], "key", "is optional"),
        ([stock(partitions=0)], "partitions", "1 or more"),
        ([stock(retention=timedelta(0))], "retention", "more than nothing"),
        ([stock(), narrower()], "topic", "raccordo.giacenze.v1 is declared by Stock and Stock"),
        ([stock(), stock(topic="scorte")], "name", "Stock v1 stands for several topics"),
        ([stock(), stock(2, owner="sales")], "topic", "differ in owner, key, partitions or retention"),
        ([Undescribed], "$.plant", "has no description"),
    ],
)
def test_a_bad_declaration_is_neither_checked_further_nor_exported(
    contracts: list[type[Contract]], path: str, message: str, tmp_path: Path
) -> None:
    findings = catalogue.check(contracts, tmp_path)
    assert {finding.kind for finding in findings} == {"declaration"}
    assert any(finding.path == path and message in finding.message for finding in findings)
    with pytest.raises(ConfigError, match=re.escape(message)):
        catalogue.export(contracts, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_field_of_every_part_is_described() -> None:
    for path, text in generated(CONTRACTS).items():
        if path.endswith(".json"):
            schema = json.loads(text)
            for owner in (schema, *schema["$defs"].values()) if "$defs" in schema else (schema,):
                for name, field in owner.get("properties", {}).items():
                    assert field.get("description"), f"{path}: {owner['title']}.{name}"


def test_every_topic_and_its_dead_letter_channel_is_listed_with_an_owner() -> None:
    listed = yaml.safe_load(generated(CONTRACTS)["deploy/topics.yaml"])["topics"]
    by_name = {topic["name"]: topic for topic in listed}
    assert len(by_name) == 2 * len(CONTRACTS)
    for contract in CONTRACTS:
        info = contract.info
        topic, dead = by_name[info.topic], by_name[f"{info.topic}.dead"]
        assert (topic["partitions"], topic["owner"]) == (info.partitions, info.owner)
        assert topic["retention_ms"] == info.retention.total_seconds() * 1000
        assert (dead["partitions"], dead["dead_letters_of"]) == (info.partitions, info.topic)
        assert dead["retention_ms"] >= topic["retention_ms"]


def resolve(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [each for child in node.values() for each in references(child)]
    return [each for child in node for each in references(child)] if isinstance(node, list) else []


def test_the_asyncapi_document_holds_together() -> None:
    """Every reference leads somewhere, every channel can be read and written, every message has its parts."""
    document = yaml.safe_load(generated(CONTRACTS)["schemas/published/asyncapi.yaml"])
    assert document["asyncapi"].startswith("3.")
    assert {"info", "channels", "operations", "components"} <= document.keys()
    for reference in references(document):
        if reference.startswith("#/"):
            resolve(document, reference)
        else:
            assert (ROOT / "schemas" / "published" / reference).is_file()
    assert set(document["channels"]) == {contract.info.topic for contract in CONTRACTS}
    actions = {(each["channel"]["$ref"], each["action"]) for each in document["operations"].values()}
    assert actions == {
        (f"#/channels/{topic}", act) for topic in document["channels"] for act in ("send", "receive")
    }
    for contract in CONTRACTS:
        message = document["components"]["messages"][f"{contract.__name__}V1"]
        assert message["headers"]["properties"]["ce_type"]["const"] == contract.info.type
        assert message["summary"]


def test_the_schema_of_an_order_says_what_the_codec_enforces() -> None:
    schema = json.loads(generated(CONTRACTS)["schemas/published/ordini_creati/v1.json"])
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == order().keys()
    assert schema["$defs"]["Quantity"]["properties"]["value"]["type"] == "string"
    assert schema["x-raccordo"]["key"] == OrderCreated.info.key
