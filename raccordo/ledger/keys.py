"""Keys that the ledger makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.event import derived_key

if TYPE_CHECKING:
    from raccordo.broker import Record
    from raccordo.ledger import Grant


def burial_key(grant: Grant, record: Record) -> bytes:
    """The event key (16 bytes) of a record that never became an event: its flow and its place stand for the id."""
    topic, number = record.partition
    return derived_key("burial", grant.flow, topic, str(number), str(record.offset))
