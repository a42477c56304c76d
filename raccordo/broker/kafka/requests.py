"""Two requests of Kafka's protocol that aiokafka 0.14 does not speak in the version we need."""

# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false
# aiokafka declares these class attributes as abstract properties.

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = String("utf-8")
TOPIC_RESOURCE = 2
SET = 0


class LeaveGroupResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    """LeaveGroup v3: one error code a member."""

    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("members", Array(("member_id", TEXT), ("group_instance_id", TEXT), ("error_code", Int16))),
    )


class LeaveGroupStruct(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    """LeaveGroup v3: the first version that takes static members out by name (KIP-345)."""

    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = LeaveGroupResponse
    SCHEMA = Schema(("group_id", TEXT), ("members", Array(("member_id", TEXT), ("group_instance_id", TEXT))))


class RemoveMember(Request[LeaveGroupStruct]):  # type: ignore[misc]  # aiokafka has no types
    """Take one static member out of its group."""

    API_KEY = 13

    def __init__(self, group: str, member: str) -> None:
        self._group = group
        self._member = member

    def build(self, request_struct_class: type[LeaveGroupStruct]) -> LeaveGroupStruct:
        """Fill the structure."""
        return request_struct_class(self._group, [("", self._member)])


class IncrementalAlterConfigsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    """IncrementalAlterConfigs v0."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(
                ("error_code", Int16),
                ("error_message", TEXT),
                ("resource_type", Int8),
                ("resource_name", TEXT),
            ),
        ),
    )


class IncrementalAlterConfigsStruct(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    """IncrementalAlterConfigs v0: changes what is named and leaves the rest (KIP-339)."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", TEXT),
                ("configs", Array(("name", TEXT), ("config_operation", Int8), ("value", TEXT))),
            ),
        ),
        ("validate_only", Boolean),
    )


class SetTopicConfig(Request[IncrementalAlterConfigsStruct]):  # type: ignore[misc]  # aiokafka has no types
    """Set some settings of one topic."""

    API_KEY = 44

    def __init__(self, topic: str, config: Mapping[str, str]) -> None:
        self._topic = topic
        self._config = config

    def build(
        self, request_struct_class: type[IncrementalAlterConfigsStruct]
    ) -> IncrementalAlterConfigsStruct:
        """Fill the structure."""
        changes = [(name, SET, value) for name, value in sorted(self._config.items())]
        return request_struct_class([(TOPIC_RESOURCE, self._topic, changes)], False)
