"""Which partition a key goes to: the rule of Kafka's Java client, in one place for all adapters.

Two producers that disagree on it break the order of a key, silently.
"""

from __future__ import annotations

import struct

SEED = 0x9747B28C
MULTIPLIER = 0x5BD1E995
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash as ``org.apache.kafka.common.utils.Utils.murmur2`` does; the result is unsigned, 32 bits."""
    length = len(data)
    aligned = length & ~3
    value = SEED ^ length
    for (word,) in struct.iter_unpack("<I", data[:aligned]):
        mixed = word * MULTIPLIER & MASK
        value = (value * MULTIPLIER & MASK) ^ ((mixed ^ mixed >> 24) * MULTIPLIER & MASK)
    if length > aligned:
        value = (value ^ int.from_bytes(data[aligned:], "little")) * MULTIPLIER & MASK
    value = (value ^ value >> 13) * MULTIPLIER & MASK
    return value ^ value >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """Say which of `partitions` partitions holds `key`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
