"""Looks at and changes the topics and groups of a Kafka cluster, over aiokafka."""

# ruff: noqa: SLF001 - aiokafka offers no public way; tests/broker guards each use against upgrades

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import CoordinationType
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.offset import OffsetRequest

from raccordo.broker import Partition, Position, Topic
from raccordo.broker.kafka.client import Client, connection, milliseconds, retried
from raccordo.broker.kafka.errors import translated
from raccordo.broker.kafka.requests import RemoveMember, SetTopicConfig
from raccordo.broker.sentences import group_has_members, missing_topic, other_shape
from raccordo.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from raccordo.broker.settings import KafkaSettings

RETENTION = "retention.ms"
SET_ON_TOPIC = 1
"""The source of a setting that was made for this topic, not inherited from the broker."""

BEGIN, END = -2, -1
READ_UNCOMMITTED = 0
NO_OFFSET = -1
SEE_SECONDS = 0.1
SEE_TIMES = 100


class KafkaAdmin:
    """The admin of a Kafka cluster; connects at its first call."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._inner: Any = None

    async def topics(self) -> Mapping[str, Topic]:
        """All topics that are not internal, by name."""
        found = await self._call(self._describe, "list topics")
        shapes = {each["topic"]: each for each in found if not each["error_code"] and not each["is_internal"]}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(shapes)]
        answers = await self._call(lambda: self._inner.describe_configs(resources), "read topic settings")
        topics = {}
        for _, _, _, name, entries in (resource for answer in answers for resource in answer.resources):
            partitions = shapes[name]["partitions"]
            settings = {setting: (value, source) for setting, value, _, source, *_ in entries}
            kept = int(settings[RETENTION][0])
            topics[name] = Topic(
                name,
                len(partitions),
                len(partitions[0]["replicas"]),
                None if kept < 0 else timedelta(milliseconds=kept),
                {
                    setting: value
                    for setting, (value, source) in sorted(settings.items())
                    if source == SET_ON_TOPIC and setting != RETENTION
                },
            )
        return topics

    async def _describe(self) -> Any:
        return await self._inner.describe_topics()

    async def create(self, topics: Sequence[Topic]) -> None:
        """Create topics and return when they can be used."""
        wanted = {topic.name: topic for topic in topics}
        await self._call(lambda: self._create(list(wanted.values())), "create topics")
        known = await self._seen(lambda known: wanted.keys() <= known.keys())
        for topic in topics:
            if known[topic.name].partitions != topic.partitions:
                raise ConfigError(other_shape(known[topic.name], topic))

    async def _seen(self, complete: Callable[[Mapping[str, Topic]], bool]) -> Mapping[str, Topic]:
        """Wait until a change that was accepted is seen by the broker that we ask."""
        for _ in range(SEE_TIMES):
            known = await self.topics()
            if complete(known):
                return known
            await asyncio.sleep(SEE_SECONDS)
        raise BrokerError("Kafka accepted a change of topics and does not show it; look again later.")

    async def _create(self, topics: Sequence[Topic]) -> None:
        new = [
            NewTopic(each.name, each.partitions, each.replication, topic_configs=settings(each))
            for each in topics
        ]
        await self._controller_elected()
        answer = await self._inner.create_topics(new)
        refused = []
        for name, code, message in answer.topic_errors:
            error = kafka.for_code(code)
            if error not in {kafka.NoError, kafka.TopicAlreadyExistsError}:
                if error.retriable:
                    raise error(name)
                refused.append(f"The topic {name} cannot be created: {message or error.__name__}")
        if refused:
            raise ConfigError(refused)

    async def add_partitions(self, name: str, total: int) -> None:
        """Raise the number of partitions."""

        async def add() -> None:
            await self._controller_elected()
            await self._inner.create_partitions({name: NewPartitions(total)})

        await self._call(add, f"add partitions to {name}")
        await self._seen(lambda known: name in known and known[name].partitions >= total)

    async def configure(self, topic: Topic) -> None:
        """Set the retention and the config of an existing topic."""

        async def change() -> None:
            answer = await self._client_or_fail().send(
                self._node(), SetTopicConfig(topic.name, settings(topic))
            )
            for code, message, _, _ in answer.responses:
                if code:
                    raise kafka.for_code(code)(message)

        await self._call(change, f"configure {topic.name}")
        wanted = settings(topic).items()
        await self._seen(lambda known: topic.name in known and wanted <= settings(known[topic.name]).items())

    async def end_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The next offset to be written, per partition."""
        return await self._offsets(topic, END)

    async def begin_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The first offset still held, per partition."""
        return await self._offsets(topic, BEGIN)

    async def committed(self, group: str, topic: str) -> Mapping[Partition, Position]:
        """What a group has committed for a topic."""
        answer = await self._to_coordinator(
            group, OffsetFetchRequest(group, None), f"read the positions of {group}"
        )
        return {
            Partition(name, number): Position(offset, metadata)
            for name, partitions in answer.topics
            for number, offset, metadata, code in partitions
            if name == topic and not code and offset != NO_OFFSET
        }

    async def seek(self, group: str, positions: Mapping[Partition, Position]) -> None:
        """Move a group that has no members."""
        by_topic = defaultdict(list)
        for partition, position in positions.items():
            by_topic[partition.topic].append((partition.number, position.offset, position.metadata))
        request = OffsetCommitRequest(
            group,
            OffsetCommitRequest.DEFAULT_GENERATION_ID,
            "",
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            list(by_topic.items()),
        )
        answer = await self._to_coordinator(group, request, f"move group {group}")
        for code in {code for _, partitions in answer.topics for _, code in partitions if code}:
            error = kafka.for_code(code)
            if error in {
                kafka.UnknownMemberIdError,
                kafka.IllegalGenerationError,
                kafka.RebalanceInProgressError,
            }:
                raise BrokerError(group_has_members(group))
            raise translated(error(), f"move group {group}")

    async def remove_member(self, group: str, member: str) -> None:
        """Take a static member out of its group now."""
        doing = f"remove member {member} of {group}"
        answer = await self._to_coordinator(group, RemoveMember(group, member), doing)
        for code in {answer.error_code, *(code for _, _, code in answer.members)}:
            error = kafka.for_code(code)
            if error not in {kafka.NoError, kafka.UnknownMemberIdError, kafka.GroupIdNotFound}:
                raise translated(error(), doing)

    async def stop(self) -> None:
        """Disconnect."""
        client, self._client, self._inner = self._client, None, None
        if client is not None:
            await client.close()

    async def _offsets(self, topic: str, moment: int) -> Mapping[Partition, int]:
        async def ask() -> dict[Partition, int]:
            client = self._client_or_fail()
            cluster = await client.fetch_all_metadata()
            by_leader = defaultdict(list)
            for number in cluster.partitions_for_topic(topic) or ():
                by_leader[cluster.leader_for_partition(TopicPartition(topic, number))].append(
                    (number, moment)
                )
            if not by_leader:
                raise BrokerError(missing_topic(topic))
            found = {}
            for leader, partitions in by_leader.items():
                answer = await client.send(leader, OffsetRequest(-1, READ_UNCOMMITTED, [(topic, partitions)]))
                for number, code, _, offset in answer.topics[0][1]:
                    if code:
                        raise kafka.for_code(code)(topic)
                    found[Partition(topic, number)] = offset
            return dict(sorted(found.items()))

        offsets: dict[Partition, int] = await self._call(ask, f"read the offsets of {topic}")
        return offsets

    async def _to_coordinator(self, group: str, request: Any, doing: str) -> Any:
        async def ask() -> Any:
            client = self._client_or_fail()
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            answer = await client.send(node, request)
            error = kafka.for_code(getattr(answer, "error_code", 0))
            if error.retriable:
                raise error
            return answer

        return await self._call(ask, doing)

    async def _call(self, call: Callable[[], Awaitable[Any]], doing: str) -> Any:
        if self._client is None:
            client = Client(self._settings)
            await client.bootstrap()
            self._inner = AIOKafkaAdminClient(
                **connection(self._settings),
            )
            self._inner._client = self._client = client  # its constructor takes none
        return await retried(call, doing, self._settings.start_deadline)

    async def _controller_elected(self) -> None:
        """Have the call tried again while a cluster that is just starting names no controller.

        aiokafka takes for granted that there is one.
        """
        client = self._client_or_fail()
        if client.cluster.controller is None:
            await client.force_metadata_update()
        if client.cluster.controller is None:
            raise kafka.NotControllerError("the cluster has no controller yet")

    def _client_or_fail(self) -> Client:
        assert self._client is not None
        return self._client

    def _node(self) -> Any:
        return self._client_or_fail().get_random_node()


def settings(topic: Topic) -> dict[str, str]:
    """All settings that a topic has to have, as Kafka names them."""
    kept = -1 if topic.retention is None else milliseconds(topic.retention.total_seconds())
    return {**topic.config, RETENTION: str(kept)}
