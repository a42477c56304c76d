"""What each step does to the rows: the state machine of events, calls, lanes and dead letters, without any SQL.

A rule either changes rows or raises before it has changed one, so that a refused step leaves its neighbours alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from raccordo.errors import Fenced, LedgerError
from raccordo.ledger import (
    Burial,
    Claim,
    Clearance,
    Conclusion,
    Effect,
    EffectState,
    Parking,
    Sending,
    Standing,
    State,
    Why,
)
from raccordo.ledger.keys import burial_key
from raccordo.ledger.memory import place
from raccordo.ledger.rows import (
    Failure,
    as_claim,
    burial_lane,
    effect_row,
    emission_row,
    event_row,
    held_row,
    journey_row,
    stored_effect,
)
from raccordo.ledger.steps import Hushing, Publishing, Queueing, Unparking
from raccordo.ledger.words import exact, remark, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from raccordo.ledger import Grant, Step
    from raccordo.ledger.memory import LaneKey, Memory, Row
    from raccordo.ledger.steps import AnyStep

KEPT: Final = (State.DEAD, State.REJECTED, State.NEEDS_HUMAN)
"""Ends after which a person may want the record again."""

PARKED: Final = "parked"
QUEUED: Final = "queued"
DEAD: Final = "dead"


def claim(step: Claim, memory: Memory) -> Standing:
    """Insert an event, or take it over from an older owner of this very record or from an overtaken one.

    A record whose event is at its end, or on its way as another record, is a repeat and leaves its parked lane.
    """
    row = memory.events.get(step.event_key)
    if row is None:
        memory.add_event(event_row(step))
        for field, said in step.business_keys:
            _business_key(step.event_key, step.tenant, field, said, memory)
        return Standing(None, since=step.at)
    state = State(row["state"])
    facts: dict[str, Any] = {"attempts": row["attempts"], "since": row["claimed_at"]}
    if row["fingerprint"] != step.fingerprint:
        return Standing(state, conflict=True, **facts)
    if state.terminal or _elsewhere(row, step, memory):
        memory.keep("not_held", _at(step.grant, step.offset))
        return Standing(state, elsewhere=not state.terminal, **facts)
    flow, topic, partition = place(step.grant)
    memory.change_event(
        row,
        flow=flow,
        topic=topic,
        partition=partition,
        offset=step.offset,
        lane=exact(step.lane),
        epoch=step.grant.epoch,
        state=State.CLAIMED,
        changed_at=step.at,
    )
    calls = sorted(
        memory.effects_of[step.event_key], key=lambda call: (call["index"], call["system"], call["key"])
    )
    return Standing(state, effects=tuple(stored_effect(call) for call in calls), **facts)


def _elsewhere(row: Row, step: Claim, memory: Memory) -> bool:
    """Whether another record of this event is parked, or is claimed by an owner that nobody has overtaken."""
    where = (row["flow"], row["topic"], row["partition"])
    if where == place(step.grant) and row["offset"] == step.offset:
        return False
    return bool(row["state"] == State.PARKED or memory.epoch(where) == row["epoch"])


def send(step: Sending, memory: Memory) -> Clearance:
    """Write SENT, unless the system wants silence, or the call stands already: confirmed, or under way elsewhere."""
    not_before = memory.silences.get(step.effect.system, 0)
    if not_before > step.at:
        return Clearance(not_before=not_before)
    if step.concluded:
        _effects(_ours(step.event_key, step.grant, memory), step.concluded, step.at, memory)
    row = memory.effects.get(bytes.fromhex(step.effect.key))
    if row is not None and (
        row["state"] == EffectState.CONFIRMED
        or (row["event_key"] != step.event_key and row["state"] != EffectState.FAILED)
    ):
        return Clearance(standing=stored_effect(row))
    wanted = effect_row(step.effect, step.event_key, step.at)
    if row is None:
        memory.effects[wanted["key"]] = wanted
        memory.keep("new_effect", wanted)
    else:
        row.update(wanted)
        memory.keep("sent_effect", {**row, "k_key": row["key"]})
    return Clearance()


def conclude(step: Conclusion, memory: Memory) -> None:
    """Bring an event to its end once; a repeat changes nothing but takes the record out of its lane."""
    row = memory.events.get(step.event_key)
    if row is None or not State(row["state"]).terminal:
        row = _ours(step.event_key, step.grant, memory)
        memory.change_event(
            row,
            state=step.state,
            changed_at=step.at,
            error=step.error,
            reason=remark(step.reason),
        )
        _effects(row, step.effects, step.at, memory)
        for emission in step.emissions:
            memory.keep("emission", emission_row(emission, step.event_key, step.grant, step.at))
        _journey(step.event_key, step.journey, memory)
        if step.held is not None and step.state in KEPT:
            failure = Failure(step.event_key, step.error, remark(step.reason), row["attempts"] + 1)
            memory.keep("held", held_row(step.grant, step.lane, step.held, DEAD, step.at, failure))
        if step.blocks:
            _block(step, memory)
    _leave(step.grant, step.lane, step.offset, step.at, memory)


def _block(step: Conclusion, memory: Memory) -> None:
    memory.change_lane(
        _lane_key(step.grant, step.lane),
        step.at,
        why=Why.BLOCKED,
        next_at=None,
        head=step.offset,
        error=step.error,
        reason=remark(step.reason),
    )


def _leave(grant: Grant, lane: str, offset: int, at: int, memory: Memory) -> None:
    """Take a record that no longer waits out of its lane, if that is parked, and let the lane go on.

    A lane that is not parked has nothing that waits. A parked one stays until it is unparked.
    """
    key = _lane_key(grant, lane)
    row = memory.lanes.get(key)
    if row is None:
        return
    memory.keep("not_held", _at(grant, offset))
    if row["why"] != Why.BLOCKED and row["head"] in (None, offset):
        memory.change_lane(key, at, next_at=at, head=None, attempts=0, error="", reason="")


def park(step: Parking, memory: Memory) -> None:
    """Let a lane wait behind its head. The event itself is PARKED where it is ours."""
    row = memory.events.get(step.event_key)
    reason = remark(step.reason)
    if row is not None and State(row["state"]).terminal:
        raise LedgerError(f"event {step.event_key.hex()} is at its end ({row['state']}) and cannot be parked")
    if row is not None:
        row = _ours(step.event_key, step.grant, memory)
        memory.change_event(
            row,
            state=State.PARKED,
            changed_at=step.at,
            attempts=step.attempts,
            error=step.error,
            reason=reason,
        )
        _effects(row, step.effects, step.at, memory)
        _journey(step.event_key, step.journey, memory)
    failure = Failure(step.event_key, step.error, reason, step.attempts)
    memory.keep("held", held_row(step.grant, step.lane, step.head, PARKED, step.at, failure))
    memory.change_lane(
        _lane_key(step.grant, step.lane),
        step.at,
        why=step.why,
        next_at=step.next_at,
        head=step.head.offset,
        attempts=step.attempts,
        error=step.error,
        reason=reason,
    )


def queue(step: Queueing, memory: Memory) -> None:
    """Append a record to its lane; a lane that was forgotten meanwhile waits again, and is due at once."""
    memory.keep("queued", held_row(step.grant, step.lane, step.record, QUEUED, step.at))
    key = _lane_key(step.grant, step.lane)
    if key not in memory.lanes:
        memory.change_lane(key, step.at, why=Why.RETRY, next_at=step.at)


def bury(step: Burial, memory: Memory) -> None:
    """Keep a record that is no event, once, under a key made of its place."""
    key = burial_key(step.grant, step.record)
    row = memory.events.get(key)
    reason = remark(step.reason)
    lane = burial_lane(step.record)
    if row is None:
        row = event_row(as_claim(step, key, lane))
        memory.add_event(row)
    elif row["state"] == State.DEAD:
        return
    memory.change_event(
        row, state=State.DEAD, changed_at=step.at, error=step.error, reason=reason, attempts=1
    )
    failure = Failure(key, step.error, reason, 1)
    memory.keep("held", held_row(step.grant, lane, step.record, DEAD, step.at, failure))
    memory.keep("emission", emission_row(step.copy, key, step.grant, step.at))


def unpark(step: Unparking, memory: Memory) -> None:
    """Forget a lane if nothing of it waits, which is known once everything is written."""
    memory.unpark(_lane_key(step.grant, step.lane))


def published(step: Publishing, memory: Memory) -> None:
    """Mark emissions as published and let their bytes go."""
    for emission_id in step.ids:
        memory.keep("published", {"k_id": emission_id, "published_at": step.at})


def hush(step: Hushing, memory: Memory) -> None:
    """Refuse sendings to a system until a time; a longer silence stays."""
    memory.silences[step.system] = max(memory.silences.get(step.system, 0), step.not_before)
    row = {"system": step.system, "not_before": step.not_before, "reason": remark(step.reason), "at": step.at}
    memory.keep("silence", row)


def _ours(event_key: bytes, grant: Grant, memory: Memory) -> Row:
    """The event, which must be claimed under this grant."""
    row = memory.events.get(event_key)
    if row is None:
        raise LedgerError(f"event {event_key.hex()} was never claimed")
    if (row["flow"], row["topic"], row["partition"], row["epoch"]) != (*place(grant), grant.epoch):
        raise Fenced(
            f"event {event_key.hex()} was taken over by {row['topic']}/{row['partition']} in epoch {row['epoch']}"
        )
    return row


def _effects(event: Row, effects: Iterable[Effect], at: int, memory: Memory) -> None:
    for known in effects:
        row = effect_row(known, event["event_key"], at)
        memory.keep("effect", row)
        if row["key"] in memory.effects:
            memory.effects[row["key"]].update(state=row["state"])
        if known.state is EffectState.CONFIRMED and known.document:
            _business_key(
                event["event_key"], event["tenant"], f"{known.system} document", known.document, memory
            )


def _journey(event_key: bytes, steps: Iterable[Step], memory: Memory) -> None:
    for number, step in enumerate(steps):
        memory.keep("journey", journey_row(event_key, step, number))


def _business_key(event_key: bytes, tenant: str, field: str, said: str, memory: Memory) -> None:
    row = {"value": value(said), "event_key": event_key, "field": field, "tenant": exact(tenant)}
    memory.keep("business_key", row)


def _lane_key(grant: Grant, lane: str) -> LaneKey:
    return (*place(grant), exact(lane))


def _at(grant: Grant, offset: int) -> Row:
    flow, topic, partition = place(grant)
    return {"k_flow": flow, "k_topic": topic, "k_partition": partition, "k_offset": offset}


RULES: Final[dict[type[Any], Callable[[Any, Memory], Any]]] = {
    Claim: claim,
    Sending: send,
    Conclusion: conclude,
    Publishing: published,
    Parking: park,
    Queueing: queue,
    Unparking: unpark,
    Burial: bury,
    Hushing: hush,
}


def apply(step: AnyStep, memory: Memory) -> Any:
    """Do one step and return its answer. Raises Fenced, or LedgerError for a step that contradicts what is known."""
    return RULES[type(step)](step, memory)
