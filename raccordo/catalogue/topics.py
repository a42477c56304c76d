"""The topics that the contracts ask for as a document, for people and for tools that create topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raccordo.deadletter import SUFFIX, dead_topic
from raccordo.topics import desired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.broker import Topic
    from raccordo.event import Contract


def topics_document(contracts: Sequence[type[Contract]]) -> dict[str, Any]:
    """Describe every topic and its dead letter channel: partitions, retention, owner, key, contracts."""
    by_topic: dict[str, list[type[Contract]]] = {}
    for contract in contracts:
        by_topic.setdefault(contract.info.topic, []).append(contract)
    return {"topics": [_described(topic, by_topic) for topic in desired(contracts)]}


def _described(topic: Topic, by_topic: dict[str, list[type[Contract]]]) -> dict[str, Any]:
    source = topic.name.removesuffix(SUFFIX)
    info = by_topic[source][0].info
    described = {
        "name": topic.name,
        "partitions": topic.partitions,
        "retention_ms": None if topic.retention is None else int(topic.retention.total_seconds() * 1000),
        "config": dict(topic.config),
        "owner": info.owner,
        "key": f"<tenant>:<{info.key}>",
    }
    if topic.name == dead_topic(source):
        return described | {"dead_letters_of": source}
    return described | {"contracts": [contract.info.type for contract in by_topic[source]]}
