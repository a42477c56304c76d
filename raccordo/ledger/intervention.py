"""What people do to the ledger: redrive, release, settle. Each act is one transaction with its entry in the audit.

An act locks its partition as the workers' own steps do, so it never falls between two of their thoughts; the owner of
the partition, now or later, finds the lane due and carries its records as it would have without the person.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import and_, exists, select, update

from raccordo.ledger import EffectState, State, Why
from raccordo.ledger.findings import Answer, LaneId
from raccordo.ledger.statements import statements
from raccordo.ledger.tables import audit, effect, held, inbox, lane, ownership
from raccordo.ledger.words import exact, original, remark, value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Table

    from raccordo.ledger.database import Database

OPEN: Final = (EffectState.SENT.value, EffectState.UNKNOWN.value)
"""Calls of which nobody knows whether they were done."""


class Release(StrEnum):
    """How a waiting lane is let go on."""

    RETRY_NOW = "retry_now"
    SKIP_HEAD = "skip_head"


class Act(NamedTuple):
    """Who does something, why, and when (milliseconds since the epoch)."""

    actor: str
    reason: str
    at: int


class Refused(Exception):
    """An act that would be wrong, with the sentence that says why."""


class Intervention:
    """Acts of people on a ledger that is open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def redrive(self, ids: Collection[str], act: Act, *, ttl: int | None = None) -> tuple[Answer, ...]:
        """Hand dead letters and refusals back to their flow, in the given order, each with its old idempotency key.

        `ids` are those of `DeadLetter`, a selection that was made before. `ttl` is how long the ledger remembers, in
        milliseconds: what was published earlier than that is refused, since a repeat of it may have been forgotten.
        Each gets its own answer; one that is no dead letter (any more) is refused, so a repeat does nothing twice.
        """
        return tuple(
            [await self._one(one, partial(_redrive, letter_id=one, act=act, ttl=ttl)) for one in ids]
        )

    async def release(self, wanted: LaneId, how: Release, act: Act) -> Answer:
        """Let a parked lane go on: try its head now, or give its head up and go on behind it.

        A dead head is redriven by RETRY_NOW and stays dead with SKIP_HEAD. A head that waits becomes DEAD with
        SKIP_HEAD, or NEEDS_HUMAN where one of its calls is in doubt.
        """
        return await self._one(_written(wanted), lambda connection: _release(connection, wanted, how, act))

    async def settle(
        self,
        event_id: str,
        act: Act,
        *,
        document: str | None,
        result: str | None = None,
        call: str | None = None,
    ) -> Answer:
        """Say what became of the call in doubt of an event that needs a person, and hand the event back to its flow.

        `document`: it was done, under this number; `result` is its JSON where the flow needs more than the number.
        `document` None: it was surely not done and may be sent again. `call` names the call's key where several are in
        doubt.
        """
        done = None if document is None else (document, result or json.dumps({"document": document}))
        return await self._one(event_id, lambda connection: _settle(connection, event_id, act, done, call))

    async def _one(self, item: str, work: Callable[[Connection], str]) -> Answer:
        try:
            return Answer(item, done=True, sentence=await self._database.write(work))
        except Refused as refused:
            return Answer(item, done=False, sentence=str(refused))


def _redrive(connection: Connection, letter_id: str, act: Act, ttl: int | None) -> str:
    row = _letter(connection, letter_id)
    if ttl is not None and act.at - row.published_at > ttl:
        days = ttl / 86_400_000
        raise Refused(
            f"published more than {days:g} days ago, longer than the ledger remembers: its effect may be there "
            "already. Look in the target, then publish it again under a new id if it is missing"
        )
    if _open_calls(connection, row.event_key):
        raise Refused("a call of it is in doubt: settle it, saying whether it was done")
    return _hand_back(connection, row, act, "redrive")


def _hand_back(connection: Connection, row: Row[Any], act: Act, action: str) -> str:
    """Let a kept record wait in its lane again, where its offset puts it."""
    lane_now = connection.execute(
        select(lane).where(_lane(row.flow, row.topic, row.partition, row.lane))
    ).first()
    waits = connection.execute(
        select(_something_waits(row.flow, row.topic, row.partition, row.lane))
    ).scalar()
    role = "queued" if waits else "parked"
    connection.execute(held.update().where(_place(held, row)).values(role=role, last_at=act.at))
    buried = not row.contract
    connection.execute(
        inbox.update()
        .where(inbox.c.event_key == row.event_key)
        .values(
            # What never was an event ends here: if it can be read now, it is claimed under its own key.
            state=State.SKIPPED.value if buried else State.PARKED.value,
            claimed_at=act.at,  # its patience begins anew: what gave up after days may try again
            changed_at=act.at,
            attempts=0,
            error="",
            reason=remark(f"{action} by {act.actor}: {act.reason}"),
        )
    )
    due = {
        "why": Why.REDRIVE.value,
        "next_at": act.at,
        "head": row.offset,
        "attempts": 0,
        "error": "",
        "reason": "",
    }
    here = _lane(row.flow, row.topic, row.partition, row.lane)
    if lane_now is None:
        names = {"flow": row.flow, "topic": row.topic, "partition": row.partition, "lane": row.lane}
        connection.execute(lane.insert(), {**names, "since": act.at, **due})
    elif lane_now.head == row.offset or (lane_now.next_at is not None and not waits):
        connection.execute(lane.update().where(here).values(**due))
    _remember(connection, row.event_key, act, action)
    if lane_now is not None and lane_now.next_at is None and lane_now.head != row.offset:
        return "waits in its lane, which is blocked by another dead letter"
    return "waits in its lane for the owner of its partition"


def _release(connection: Connection, wanted: LaneId, how: Release, act: Act) -> str:
    flow, topic, partition, name = *wanted[:3], exact(wanted.lane)
    _lock(connection, flow, topic, partition)
    here = _lane(flow, topic, partition, name)
    row = connection.execute(select(lane).where(here)).first()
    if row is None:
        raise Refused("this lane does not wait (any more)")
    kept = _kept().where(_place(held, wanted), held.c.lane == name, held.c.offset == row.head)
    head = connection.execute(kept).first()
    _audit(connection, act, f"release {how}", _written(wanted), f"offset {row.head}")
    if how is Release.RETRY_NOW:
        if head is not None and head.role == "dead":
            if _open_calls(connection, head.event_key):
                raise Refused(f"a call of its head is in doubt: settle {head.event_key.hex()} first")
            return _hand_back(connection, head, act, "redrive")
        connection.execute(lane.update().where(here).values(next_at=act.at))
        return "is tried now"
    if head is not None and head.role != "dead":
        _give_up(connection, head, act)
    free = {"why": Why.RETRY.value, "next_at": act.at, "head": None, "attempts": 0, "error": "", "reason": ""}
    connection.execute(lane.update().where(here).values(**free))
    return "goes on behind its head, which stays with the dead letters"


def _give_up(connection: Connection, head: Row[Any], act: Act) -> None:
    if head.state == State.CLAIMED:
        raise Refused("its head is being worked on at this moment; try again when it is parked")
    state = State.NEEDS_HUMAN if _open_calls(connection, head.event_key) else State.DEAD
    said = remark(f"skipped by {act.actor}: {act.reason}")
    connection.execute(
        inbox.update()
        .where(inbox.c.event_key == head.event_key)
        .values(state=state.value, changed_at=act.at, error="Skipped", reason=said)
    )
    connection.execute(
        held.update()
        .where(_place(held, head))
        .values(role="dead", last_at=act.at, error="Skipped", reason=said)
    )
    _journey(connection, head.event_key, act, "skip")


def _settle(
    connection: Connection, event_id: str, act: Act, done: tuple[str, str] | None, call: str | None
) -> str:
    row = _letter(connection, event_id)
    if row.state != State.NEEDS_HUMAN:
        raise Refused(f"nothing of it is in doubt: it is {row.state}")
    open_calls = _open_calls(connection, row.event_key)
    if not open_calls and done is not None:
        raise Refused("no call of it is in doubt, so there is none to confirm; redrive it")
    wanted = [one for one in open_calls if call is None or one.key.hex() == call]
    if len(wanted) > 1:
        keys = ", ".join(f"{one.key.hex()} ({one.system}.{one.operation})" for one in wanted)
        raise Refused(f"several calls are in doubt, name one: {keys}")
    if open_calls and not wanted:
        raise Refused(f"no call with key {call} is in doubt")
    for one in wanted:
        _conclude_call(connection, row, one, act, done)
    if len(open_calls) > 1:
        _remember(connection, row.event_key, act, "settle")
        return f"settled; {len(open_calls) - 1} more in doubt"
    return _hand_back(connection, row, act, "settle")


def _open_calls(connection: Connection, event_key: bytes) -> Sequence[Row[Any]]:
    """Calls of an event of which nobody knows whether they were done."""
    return connection.execute(
        select(effect)
        .where(effect.c.event_key == event_key, effect.c.state.in_(OPEN))
        .order_by(effect.c.index)
    ).all()


def _conclude_call(
    connection: Connection, event: Row[Any], call: Row[Any], act: Act, done: tuple[str, str] | None
) -> None:
    values: dict[str, Any] = {"state": EffectState.FAILED.value, "changed_at": act.at}
    if done is not None:
        document, result = done
        values = {
            "state": EffectState.CONFIRMED.value,
            "changed_at": act.at,
            "document": exact(document),
            "result": exact(result),
        }
        known = {"event_key": event.event_key, "field": f"{call.system} document", "tenant": event.tenant}
        row = {"value": value(document), **known}
        statements(connection.dialect).writes["business_key"].run(connection, [row])
    connection.execute(effect.update().where(effect.c.key == call.key).values(**values))


def _letter(connection: Connection, letter_id: str) -> Row[Any]:
    """A dead letter with its event, locked with its partition. Raises Refused where there is none."""
    try:
        key = bytes.fromhex(letter_id)
    except ValueError:
        raise Refused("this is no id of a dead letter: 32 hex digits") from None
    place = connection.execute(
        select(held.c.flow, held.c.topic, held.c.partition).where(held.c.event_key == key)
    ).first()
    if place is not None:
        _lock(connection, place.flow, place.topic, place.partition)
        row = connection.execute(_kept().where(held.c.event_key == key, held.c.role == "dead")).first()
        if row is not None:
            return row
    state = connection.execute(select(inbox.c.state).where(inbox.c.event_key == key)).scalar()
    raise Refused("the ledger does not know it" if state is None else f"it is no dead letter: it is {state}")


def _kept() -> Any:
    facts = (inbox.c.state, inbox.c.contract, inbox.c.tenant, inbox.c.published_at)
    return select(held, *facts).join(inbox, inbox.c.event_key == held.c.event_key)


def _lock(connection: Connection, flow: str, topic: str, partition: int) -> None:
    connection.execute(
        update(ownership)
        .where(ownership.c.flow == flow, ownership.c.topic == topic, ownership.c.partition == partition)
        .values(sequence=ownership.c.sequence + 1)
    )


def _lane(flow: str, topic: str, partition: int, name: str) -> ColumnElement[bool]:
    return and_(
        lane.c.flow == flow, lane.c.topic == topic, lane.c.partition == partition, lane.c.lane == name
    )


def _place(table: Table, row: Any) -> ColumnElement[bool]:
    here = and_(table.c.flow == row.flow, table.c.topic == row.topic, table.c.partition == row.partition)
    return here if isinstance(row, LaneId) else and_(here, table.c.offset == row.offset)


def _something_waits(flow: str, topic: str, partition: int, name: str) -> ColumnElement[bool]:
    return exists().where(
        held.c.flow == flow,
        held.c.topic == topic,
        held.c.partition == partition,
        held.c.lane == name,
        held.c.role != "dead",
    )


def _written(wanted: LaneId) -> str:
    return f"{wanted.flow} {wanted.topic}/{wanted.partition} {original(wanted.lane)}"


def _remember(connection: Connection, event_key: bytes, act: Act, action: str) -> None:
    _journey(connection, event_key, act, action)
    _audit(connection, act, action, event_key.hex(), "")


def _journey(connection: Connection, event_key: bytes, act: Act, step: str) -> None:
    row = {"event_key": event_key, "at": act.at, "number": 0, "step": step}
    said = {**row, "detail": remark(f"by {act.actor}: {act.reason}")}
    statements(connection.dialect).writes["journey"].run(connection, [said])


def _audit(connection: Connection, act: Act, action: str, subject: str, detail: str) -> None:
    row = {"at": act.at, "actor": remark(act.actor), "action": action, "subject": remark(subject)}
    connection.execute(audit.insert(), {**row, "reason": remark(act.reason), "detail": detail})
