"""The dead letter channel: the original bytes and headers, with the reason, for people and for other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raccordo.broker import Outgoing
from raccordo.event import EventId, derived_id
from raccordo.ledger import Burial, Emission

if TYPE_CHECKING:
    from raccordo.broker import Record
    from raccordo.errors import RaccordoError
    from raccordo.ledger import Grant

SUFFIX: Final = ".dead"
ORIGIN: Final = "x-raccordo-"
LONGEST_REASON: Final = 1000


def dead_topic(topic: str) -> str:
    """Name the topic that holds copies of what died on `topic`."""
    return f"{topic}{SUFFIX}"


def letter_id(flow: str, record: Record) -> EventId:
    """Derive the id of a dead letter: one for each flow and place, however often it is buried."""
    return derived_id("dead", flow, str(record.partition), str(record.offset))


def copy_of(record: Record, flow: str, error: str, reason: str, at: int, attempts: int = 1) -> Emission:
    """Make the dead letter copy of a record: its own key, value and headers, then where it came from and why it died.

    Keys and values are byte for byte the original's. Headers of ours are written as ``x-raccordo-…``; those that came
    with the record under such names are kept behind ``x-raccordo-original-…``, so that nothing is lost or forged.
    """
    kept = tuple(
        (f"{ORIGIN}original-{name[len(ORIGIN) :]}" if name.lower().startswith(ORIGIN) else name, value)
        for name, value in record.headers
    )
    facts = {
        "flow": flow,
        "topic": record.partition.topic,
        "partition": str(record.partition.number),
        "offset": str(record.offset),
        "timestamp": str(record.timestamp),
        "error": error,
        "reason": reason[:LONGEST_REASON],
        "attempts": str(attempts),
        "died-at": str(at),
    }
    headers = (
        *kept,
        *((f"{ORIGIN}{name}", value.encode("utf-8", "replace")) for name, value in facts.items()),
    )
    return Emission(
        id=letter_id(flow, record),
        contract=dead_topic(record.partition.topic),
        record=Outgoing(dead_topic(record.partition.topic), record.key, record.value, headers),
    )


def burial(grant: Grant, record: Record, error: RaccordoError, at: int, *, tenant: str = "") -> Burial:
    """Describe a record that never became an event, or that contradicts one, with its copy for the channel."""
    reason = str(error)[:LONGEST_REASON]
    return Burial(
        grant=grant,
        record=record,
        error=error.code,
        reason=reason,
        at=at,
        copy=copy_of(record, grant.flow, error.code, reason, at),
        tenant=tenant,
        event_id=_header(record, "ce_id"),
        correlation_id=_header(record, "ce_correlationid"),
    )


def _header(record: Record, name: str) -> str:
    """A header as text where it is short and printable, else nothing: it was never validated."""
    value = next((value for key, value in record.headers if key == name), b"").decode("utf-8", "replace")
    return value if len(value) <= 128 and value.isprintable() else ""  # noqa: PLR2004 - the length of an id
