"""Where is order 4711? Everything the ledger knows about an event, as one timeline and a tree of what it led to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, select

from raccordo.ledger import EffectState, State
from raccordo.ledger.findings import Call, Entry, Said, Story
from raccordo.ledger.headers import unpack
from raccordo.ledger.tables import business_key, effect, held, inbox, journey, lane, outbox
from raccordo.ledger.words import exact, original, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

KEY_DIGITS: Final = 32
DEEPEST: Final = 20
"""Events that lead to events: deeper than this is a loop between flows."""

OUTCOMES: Final = {
    EffectState.CONFIRMED: "confirmed",
    EffectState.UNKNOWN: "answer unknown",
    EffectState.FAILED: "not done",
}


def stories(connection: Connection, wanted: str, tenant: str | None) -> tuple[Story, ...]:
    """Tell of every event that a value points to: a business key, document number, event id or key in hex.

    An event that another of them led to is told inside that one. Without `tenant`, of every tenant.
    """
    rows = _found(connection, wanted, tenant)
    told = {row.event_key: _tell(connection, row, frozenset()) for row in rows}
    inner = {inside.id for one in told.values() for inside in _inside(one)}
    outer = [one for one in told.values() if one.id not in inner]
    return tuple(outer) or tuple(_queued(connection, wanted, tenant))


def _inside(story: Story) -> Iterator[Story]:
    for one in story.led_to:
        yield one
        yield from _inside(one)


def _found(connection: Connection, wanted: str, tenant: str | None) -> Sequence[Row[Any]]:
    keys = select(business_key.c.event_key).where(business_key.c.value == value(wanted))
    found: list[ColumnElement[bool]] = [inbox.c.event_key.in_(keys), inbox.c.event_id == exact(wanted)]
    if len(wanted) == KEY_DIGITS and set(wanted) <= set("0123456789abcdef"):
        raw = bytes.fromhex(wanted)
        found.append(inbox.c.event_key == raw)
        found.append(inbox.c.event_key.in_(select(effect.c.event_key).where(effect.c.key == raw)))
    mine = () if tenant is None else (inbox.c.tenant == exact(tenant),)
    rows: dict[bytes, Row[Any]] = {}
    for one in found:  # one by one, so that each uses its own index
        for row in connection.execute(select(inbox).where(one, *mine)):
            rows[row.event_key] = row
    return sorted(rows.values(), key=lambda row: (row.published_at, row.flow, row.event_key))


def calls_of(connection: Connection, event_key: bytes) -> tuple[Call, ...]:
    """The calls that were made for an event."""
    rows = connection.execute(
        select(effect).where(effect.c.event_key == event_key).order_by(effect.c.sent_at, effect.c.index)
    )
    return tuple(
        Call(
            key=row.key.hex(),
            system=row.system,
            operation=row.operation,
            state=row.state,
            sent_at=row.sent_at,
            settle_at=row.settle_at,
            document=None if row.document is None else original(row.document),
            looks=row.looks,
        )
        for row in rows
    )


def business_keys_of(connection: Connection, event_key: bytes) -> tuple[tuple[str, str], ...]:
    """(field, value) by which an event can be found."""
    rows = connection.execute(
        select(business_key.c.field, business_key.c.value)
        .where(business_key.c.event_key == event_key)
        .order_by(business_key.c.field, business_key.c.value)
    )
    return tuple((row.field, original(row.value)) for row in rows)


def _tell(connection: Connection, row: Row[Any], above: frozenset[bytes]) -> Story:
    key: bytes = row.event_key
    said = connection.execute(
        select(outbox).where(outbox.c.event_key == key).order_by(outbox.c.sequence)
    ).all()
    above = above | {key}
    led_to = []
    if said and len(above) < DEEPEST:
        ids = [one.id for one in said]
        caused = connection.execute(
            select(inbox)
            .where(inbox.c.event_id.in_(ids), inbox.c.tenant == row.tenant)
            .order_by(inbox.c.published_at)
        ).all()
        led_to = [_tell(connection, one, above) for one in caused if one.event_key not in above]
    wait = _wait(connection, row)
    return Story(
        id=key.hex(),
        flow=row.flow,
        tenant=original(row.tenant),
        event_id=original(row.event_id),
        contract=row.contract,
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        lane=original(row.lane),
        state=row.state,
        correlation_id=original(row.correlation_id),
        causation_id=None if row.causation_id is None else original(row.causation_id),
        attempts=row.attempts,
        error=row.error,
        reason=row.reason,
        why=wait.why if wait else "",
        next_at=wait.next_at if wait else None,
        business_keys=business_keys_of(connection, key),
        timeline=tuple(_timeline(connection, row, said)),
        calls=calls_of(connection, key),
        said=tuple(Said(one.id, one.contract, one.target, one.published_at) for one in said),
        led_to=tuple(led_to),
    )


def _wait(connection: Connection, row: Row[Any]) -> Any:
    """The lane's row if this event's lane waits behind it or the event waits in it."""
    found = connection.execute(
        select(lane.c.why, lane.c.next_at, lane.c.head).where(
            _lane_of(row.flow, row.topic, row.partition, row.lane)
        )
    ).first()
    if found is None or (State(row.state).terminal and found.head != row.offset):
        return None
    return found


def _lane_of(flow: str, topic: str, partition: int, name: str) -> ColumnElement[bool]:
    return and_(
        lane.c.flow == flow, lane.c.topic == topic, lane.c.partition == partition, lane.c.lane == name
    )


def _timeline(connection: Connection, row: Row[Any], said: Sequence[Row[Any]]) -> list[Entry]:
    """Every entry in the order of time, and within a millisecond in the order in which such things happen."""
    key: bytes = row.event_key
    calls = connection.execute(select(effect).where(effect.c.event_key == key)).all()
    steps = select(journey).where(journey.c.event_key == key).order_by(journey.c.at, journey.c.number)
    entries = [
        Entry(row.published_at, "published", f"{row.topic}/{row.partition} offset {row.offset}"),
        Entry(row.claimed_at, "claimed", row.flow),
    ]
    entries += [
        Entry(one.sent_at, "sent", f"{one.system}.{one.operation} key {one.key.hex()}")
        for one in calls
        if one.sent_at
    ]
    entries += [Entry(one.at, one.step, one.detail) for one in connection.execute(steps)]
    for one in calls:
        outcome = OUTCOMES.get(one.state)
        if outcome is not None:
            document = f" document {original(one.document)}" if one.document else ""
            looks = f" after {one.looks} look{'s' if one.looks > 1 else ''}" if one.looks else ""
            entries.append(Entry(one.changed_at, outcome, f"{one.system}.{one.operation}{document}{looks}"))
    if row.state != State.CLAIMED:
        why = ": ".join(filter(None, (row.error, row.reason)))
        if State(row.state).terminal:
            entries.append(Entry(row.changed_at, "ended", ": ".join(filter(None, (row.state, why)))))
        else:
            entries.append(Entry(row.changed_at, row.state, why))
    for one in said:
        entries.append(Entry(one.concluded_at, "said", f"{one.contract} {one.id}"))
        if one.published_at is not None:
            entries.append(Entry(one.published_at, "published", f"{one.contract} {one.id} to {one.target}"))
    return sorted(entries, key=lambda entry: entry.at)


def _queued(connection: Connection, wanted: str, tenant: str | None) -> Iterator[Story]:
    """Look through what queues behind parked heads: it was never claimed, so only its bytes can name the value."""
    needle = wanted.encode("utf-8", "replace")
    statement = select(held).where(held.c.role == "queued")
    if tenant is not None:
        statement = statement.where(held.c.lane.startswith(f"{exact(tenant)}:", autoescape=True))
    rows = connection.execute(statement, execution_options={"yield_per": 500})
    for row in rows:
        headers = unpack(row.headers)
        if needle in (row.value or b"") or any(needle == said for _, said in headers):
            yield _waiting_story(connection, row, dict(headers))


def _waiting_story(connection: Connection, row: Row[Any], headers: dict[str, bytes]) -> Story:
    def said(name: str) -> str:
        return headers.get(name, b"").decode("utf-8", "replace")

    waits = connection.execute(
        select(lane).where(_lane_of(row.flow, row.topic, row.partition, row.lane))
    ).first()
    story = Story(
        id="",
        flow=row.flow,
        tenant=said("ce_tenant"),
        event_id=said("ce_id"),
        contract=said("ce_type"),
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        lane=original(row.lane),
        state="queued",
        correlation_id=said("ce_correlationid"),
        causation_id=said("ce_causationid") or None,
        attempts=0,
        error="",
        reason="",
        why="",
        next_at=None,
        business_keys=(),
        timeline=(
            Entry(row.timestamp, "published", f"{row.topic}/{row.partition} offset {row.offset}"),
            Entry(row.first_at, "queued", f"behind the head of lane {original(row.lane)}"),
        ),
        calls=(),
        said=(),
        led_to=(),
    )
    if waits is None:
        return story
    reason = (
        f"behind offset {waits.head}: {waits.reason}" if waits.head is not None else "its lane is draining"
    )
    return replace(story, why=waits.why, next_at=waits.next_at, reason=reason)
