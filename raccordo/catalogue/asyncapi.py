"""The contracts as one AsyncAPI 3 document: channels, messages with their CloudEvents headers, keys and owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raccordo.envelope import JSON_TYPE, SPEC_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.event import Contract, ContractInfo

VERSION = "3.0.0"


def asyncapi(contracts: Sequence[type[Contract]]) -> dict[str, Any]:
    """Describe every topic as a channel that can be read and written; payloads point to the published schemas.

    The document lies beside the folders of the schemas, so the references are relative to it.
    """
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for contract in contracts:
        info = contract.info
        name = f"{info.name}V{info.version}"
        messages[name] = _message(contract)
        channel = channels.setdefault(info.topic, _channel(info))
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    for topic, channel in channels.items():
        for action, verb in (("send", "publish"), ("receive", "read")):
            operations[f"{verb}_{topic}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic}"},
                "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in channel["messages"]],
            }
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Contracts",
            "version": "1",
            "description": "Business events on Kafka, as CloudEvents 1.0 in binary mode.",
        },
        "defaultContentType": JSON_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _channel(info: ContractInfo) -> dict[str, Any]:
    return {
        "address": info.topic,
        "messages": {},
        "bindings": {
            "kafka": {
                "topic": info.topic,
                "partitions": info.partitions,
                "topicConfiguration": {"retention.ms": int(info.retention.total_seconds() * 1000)},
                "bindingVersion": "0.5.0",
            }
        },
        "x-owner": info.owner,
    }


def _message(contract: type[Contract]) -> dict[str, Any]:
    info = contract.info
    return {
        "name": info.name,
        "title": info.type,
        "summary": " ".join((contract.__doc__ or "").split("\n\n")[0].split()),
        "contentType": JSON_TYPE,
        "headers": _headers(info),
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{info.topic}/v{info.version}.json"},
        },
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": f"The tenant, a colon, and the value of {info.key}.",
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _headers(info: ContractInfo) -> dict[str, Any]:
    texts = {
        "ce_id": "The event's id; the same over every repeat.",
        "ce_source": "Who says it.",
        "ce_time": "When, as RFC 3339 in UTC.",
        "ce_subject": f"The value of {info.key}.",
        "ce_dataschema": "Where the JSON Schema lies.",
        "ce_correlationid": "One from the first publish to the last document; the event's own id where absent.",
        "ce_causationid": "The id of the event that caused this one.",
        "ce_tenant": "The tenant; may be left out where there is only one.",
        "traceparent": "W3C Trace Context.",
    }
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
        "properties": {
            "ce_specversion": {"const": SPEC_VERSION},
            "ce_type": {"const": info.type},
            **{name: {"type": "string", "description": text} for name, text in texts.items()},
            "content-type": {"const": JSON_TYPE},
        },
    }
