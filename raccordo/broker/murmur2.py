"""Which partition a key goes to: the rule of Kafka's Java client, in one place for all adapters.

Two producers that disagree on it break the order of a key, silently.
"""

from __future__ import annotations

SEED = 0x9747B28C
MULTIPLIER = 0x5BD1E995
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash as ``org.apache.kafka.common.utils.Utils.murmur2`` does; the result is unsigned, 32 bits."""
    length = len(data)
    aligned = length & ~3
    value = SEED ^ length
    for start in range(0, aligned, 4):
        word = int.from_bytes(data[start : start + 4], "little") * MULTIPLIER & MASK
        value = (value * MULTIPLIER & MASK) ^ ((word ^ word >> 24) * MULTIPLIER & MASK)
    if length > aligned:
        value = (value ^ int.from_bytes(data[aligned:], "little")) * MULTIPLIER & MASK
    value = (value ^ value >> 13) * MULTIPLIER & MASK
    return value ^ value >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """Say which of `partitions` partitions holds `key`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
