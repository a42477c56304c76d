"""Steps as rows and rows as steps: the one place where the port's types meet column names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from raccordo.broker import Outgoing, Partition, Record
from raccordo.ledger import Claim, Effect, EffectState, Emission, Grant, State
from raccordo.ledger.headers import pack, unpack
from raccordo.ledger.memory import place
from raccordo.ledger.words import exact, original, remark

if TYPE_CHECKING:
    from sqlalchemy import Row as Stored

    from raccordo.ledger import Burial, Step
    from raccordo.ledger.memory import Row


def event_row(step: Claim) -> Row:
    """A claim as a new event."""
    flow, topic, partition = place(step.grant)
    return {
        "event_key": step.event_key,
        "flow": flow,
        "topic": topic,
        "partition": partition,
        "offset": step.offset,
        "epoch": step.grant.epoch,
        "state": State.CLAIMED,
        "event_id": exact(step.event_id),
        "tenant": exact(step.tenant),
        "contract": step.contract,
        "lane": exact(step.lane),
        "fingerprint": step.fingerprint,
        "correlation_id": exact(step.correlation_id),
        "causation_id": None if step.causation_id is None else exact(step.causation_id),
        "published_at": step.published_at,
        "claimed_at": step.at,
        "changed_at": step.at,
        "attempts": 0,
        "error": "",
        "reason": "",
    }


def as_claim(step: Burial, key: bytes, lane: str) -> Claim:
    """A burial as the claim that it would have been, under a key made of its place."""
    return Claim(
        grant=step.grant,
        event_key=key,
        event_id=step.event_id,
        tenant=step.tenant,
        contract="",
        offset=step.record.offset,
        lane=lane,
        fingerprint=key,
        correlation_id=step.correlation_id,
        causation_id=None,
        published_at=step.record.timestamp,
        at=step.at,
    )


def burial_lane(record: Record) -> str:
    """The lane of a record of which nothing could be read: one of its own, which no event can name."""
    return f"\x00{record.offset}"


class Failure(NamedTuple):
    """Why a record is kept beside what waits behind it."""

    event_key: bytes
    error: str
    reason: str
    attempts: int


def held_row(
    grant: Grant, lane: str, record: Record, role: str, at: int, failure: Failure | None = None
) -> Row:
    """A record that is kept, byte for byte."""
    flow, topic, partition = place(grant)
    return {
        "flow": flow,
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "lane": exact(lane),
        "role": role,
        "event_key": failure.event_key if failure else None,
        "key": record.key,
        "value": record.value,
        "headers": pack(record.headers),
        "timestamp": record.timestamp,
        "error": failure.error if failure else "",
        "reason": failure.reason if failure else "",
        "first_at": at,
        "last_at": at,
        "attempts": failure.attempts if failure else 0,
    }


def effect_row(call: Effect, event_key: bytes, at: int) -> Row:
    """A call as its row."""
    return {
        "key": bytes.fromhex(call.key),
        "event_key": event_key,
        "index": call.index,
        "system": call.system,
        "operation": call.operation,
        "state": call.state,
        "sent_at": call.sent_at,
        "settle_at": call.settle_at,
        "changed_at": at,
        "result": None if call.result is None else exact(call.result),
        "document": None if call.document is None else exact(call.document),
        "request_digest": call.request_digest,
        "looks": call.looks,
    }


def stored_effect(row: Row) -> Effect:
    """A row as the call that it stands for."""
    return Effect(
        key=row["key"].hex(),
        index=row["index"],
        system=row["system"],
        operation=row["operation"],
        state=EffectState(row["state"]),
        sent_at=row["sent_at"],
        settle_at=row["settle_at"],
        result=None if row["result"] is None else original(row["result"]),
        document=None if row["document"] is None else original(row["document"]),
        request_digest=row["request_digest"],
        looks=row["looks"],
    )


def emission_row(emission: Emission, event_key: bytes, grant: Grant, at: int) -> Row:
    """An emission that waits in the outbox."""
    flow, topic, partition = place(grant)
    return {
        "flow": flow,
        "topic": topic,
        "partition": partition,
        "event_key": event_key,
        "id": emission.id,
        "contract": emission.contract,
        "target": emission.record.topic,
        "key": emission.record.key,
        "value": emission.record.value,
        "headers": pack(emission.record.headers),
        "concluded_at": at,
    }


def journey_row(event_key: bytes, step: Step, number: int) -> Row:
    """An entry of an event's journey."""
    return {
        "event_key": event_key,
        "at": step.at,
        "number": number,
        "step": remark(step.step),
        "detail": remark(step.detail),
    }


def stored_record(row: Stored[Any]) -> Record:
    """A row of `held` as the record that was fetched, byte for byte."""
    return Record(
        Partition(row.topic, row.partition),
        row.offset,
        row.key,
        row.value,
        unpack(row.headers),
        row.timestamp,
    )


def stored_emission(row: Stored[Any]) -> Emission:
    """A row of `outbox` as the emission that was concluded."""
    record = Outgoing(row.target, row.key, row.value, unpack(row.headers))
    return Emission(row.id, row.contract, record, row.sequence)
