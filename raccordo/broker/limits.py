"""What no broker takes: said before a record is enqueued, alike in every adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.errors import Defect, TooLarge

if TYPE_CHECKING:
    from raccordo.broker import Outgoing

MAX_RECORD_BYTES = 1_048_576
"""What a Kafka broker takes by default, a batch with one record in it."""

BATCH_OVERHEAD = 100
"""Bytes around a record: 61 for its batch and at most 39 for lengths, timestamp and attributes."""

HEADER_OVERHEAD = 10
"""Bytes around a header: two lengths of at most five bytes."""


def refuse_impossible(record: Outgoing, max_bytes: int) -> None:
    """Raise Defect for a record without key and value, TooLarge for one over `max_bytes` uncompressed."""
    if record.key is None and record.value is None:
        raise Defect(f"A record for {record.topic} has neither key nor value.")
    size = (
        BATCH_OVERHEAD
        + len(record.key or b"")
        + len(record.value or b"")
        + sum(HEADER_OVERHEAD + len(name.encode()) + len(value) for name, value in record.headers)
    )
    if size > max_bytes:
        raise TooLarge(
            f"A record for {record.topic} has {size} bytes, at most {max_bytes} are allowed. "
            "Raise RACCORDO_KAFKA_MAX_RECORD_BYTES and max.message.bytes of the topic, or make it smaller."
        )
