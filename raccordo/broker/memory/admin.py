"""Looks at and changes the topics and groups of the memory broker."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raccordo.broker.sentences import group_has_members, missing_topic, other_shape
from raccordo.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raccordo.broker import Partition, Position, Topic
    from raccordo.broker.memory import MemoryBroker
    from raccordo.broker.memory.log import Log


class MemoryAdmin:
    """The admin of the memory broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def topics(self) -> Mapping[str, Topic]:
        """All topics, by name."""
        self._broker.require_up()
        return dict(self._broker.shapes)

    async def create(self, topics: Sequence[Topic]) -> None:
        """Create topics."""
        self._broker.require_up()
        for topic in topics:
            known = self._broker.shapes.get(topic.name)
            if known is None:
                self._broker.shape(topic)
            elif known.partitions != topic.partitions:
                raise ConfigError(other_shape(known, topic))

    async def add_partitions(self, name: str, total: int) -> None:
        """Raise the number of partitions; the groups that read the topic rebalance."""
        known = self._known(name)
        if total <= known.partitions:
            raise BrokerError(f"The topic {name} has {known.partitions} partitions; there can only be more.")
        self._broker.shape(replace(known, partitions=total))
        for group in self._broker.groups.values():
            if any(name in place.topics for place in group.members.values()):
                await group.rebalance(self._broker)

    async def configure(self, topic: Topic) -> None:
        """Set the retention and the config."""
        known = self._known(topic.name)
        config = {**known.config, **topic.config}
        self._broker.shapes[topic.name] = replace(known, retention=topic.retention, config=config)

    async def end_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The next offset to be written, per partition."""
        return {partition: log.end for partition, log in self._logs(topic)}

    async def begin_offsets(self, topic: str) -> Mapping[Partition, int]:
        """The first offset still held, per partition."""
        self._known(topic)
        return {
            partition: self._broker.logs[partition].begin for partition in self._broker.partitions([topic])
        }

    async def committed(self, group: str, topic: str) -> Mapping[Partition, Position]:
        """What a group has committed for a topic."""
        self._broker.require_up()
        known = self._broker.groups.get(group)
        positions = known.positions if known else {}
        return {partition: position for partition, position in positions.items() if partition.topic == topic}

    async def seek(self, group: str, positions: Mapping[Partition, Position]) -> None:
        """Move a group that has no members."""
        self._broker.require_up()
        known = self._broker.group(group)
        if known.members:
            raise BrokerError(group_has_members(group))
        known.positions.update(positions)

    async def remove_member(self, group: str, member: str) -> None:
        """Take a static member out of its group now."""
        self._broker.require_up()
        known = self._broker.groups.get(group)
        if known is not None:
            await known.expire(member, self._broker)

    async def stop(self) -> None:
        """Disconnect."""

    def _logs(self, name: str) -> list[tuple[Partition, Log]]:
        self._known(name)
        return [(partition, self._broker.logs[partition]) for partition in self._broker.partitions([name])]

    def _known(self, name: str) -> Topic:
        self._broker.require_up()
        known = self._broker.shapes.get(name)
        if known is None:
            raise BrokerError(missing_topic(name))
        return known
