"""Apache Kafka, over aiokafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import codec

from raccordo.broker.kafka.admin import KafkaAdmin
from raccordo.broker.kafka.consumer import KafkaConsumer
from raccordo.broker.kafka.logs import quieten
from raccordo.broker.kafka.producer import KafkaProducer
from raccordo.broker.murmur2 import partition_for
from raccordo.broker.namespace import NamespacedBroker
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.broker import Broker
    from raccordo.broker.settings import KafkaSettings

__all__ = ["KafkaAdmin", "KafkaBroker", "KafkaConsumer", "KafkaProducer", "connect"]


def connect(settings: KafkaSettings) -> Broker:
    """Make the broker that the settings describe, seen from inside its namespace if it has one."""
    broker = KafkaBroker(settings)
    return NamespacedBroker(broker, settings.namespace) if settings.namespace else broker


class KafkaBroker:
    """Makes consumers, producers and admins that share one block of settings."""

    def __init__(self, settings: KafkaSettings) -> None:
        if settings.compression != "none" and not getattr(codec, f"has_{settings.compression}")():
            raise ConfigError(
                f"RACCORDO_KAFKA_COMPRESSION={settings.compression} needs the package cramjam, which is not installed."
            )
        quieten()
        self.settings = settings

    def consumer(self, *, topics: Sequence[str], group: str, member: str) -> KafkaConsumer:
        """Make a consumer; `member` "" makes a dynamic member."""
        return KafkaConsumer(self.settings, topics, group, member)

    def producer(self) -> KafkaProducer:
        """Make a producer."""
        return KafkaProducer(self.settings)

    def admin(self) -> KafkaAdmin:
        """Make an admin; it connects at its first call."""
        return KafkaAdmin(self.settings)

    def partition_for(self, key: bytes, partitions: int) -> int:
        """Say which partition a key goes to."""
        return partition_for(key, partitions)
