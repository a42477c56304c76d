"""What people ask the ledger: why, what is parked, dead or in doubt, how much. Nothing here changes it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select, tuple_

from raccordo.ledger import State
from raccordo.ledger import schema as schemas
from raccordo.ledger.database import Database, database
from raccordo.ledger.findings import (
    Counts,
    DeadLetter,
    DeadRecord,
    LaneId,
    Page,
    ParkedLane,
    Story,
    WaitingRecord,
)
from raccordo.ledger.headers import unpack
from raccordo.ledger.rows import stored_record
from raccordo.ledger.story import business_keys_of, calls_of, stories
from raccordo.ledger.tables import held, inbox, lane, outbox, silence
from raccordo.ledger.words import exact, original
from raccordo.settings import DEFAULT_LEDGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from sqlalchemy import Connection, Row

ENDS: Final = (State.DEAD, State.REJECTED, State.NEEDS_HUMAN)
"""The states in which dead letters are."""


@asynccontextmanager
async def opened(url: str = DEFAULT_LEDGER) -> AsyncIterator[Database]:
    """Open a ledger's database for people, beside running workers. Raises ConfigError, LedgerError.

    No tables are made or changed: a ledger that is not there yet, or has another version, is refused with a sentence.
    """
    place = database(url)
    try:
        await place.open()
        await schemas.check(place)
        yield place
    finally:
        await place.close()


class Inspection:
    """Questions to a ledger that is open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def why(self, value: str, tenant: str | None = None) -> tuple[Story, ...]:
        """Tell all about the events that a value points to: business key, document number, event id or key in hex.

        Empty where the ledger knows nothing of it. Also finds what only queues behind a parked head.
        """
        return await self._database.read(lambda connection: stories(connection, value, tenant))

    async def parked(
        self,
        *,
        flow: str | None = None,
        blocked: bool | None = None,
        after: LaneId | None = None,
        limit: int = 100,
    ) -> tuple[ParkedLane, ...]:
        """List lanes that wait, by flow, partition and name, on from `after`; `blocked`: only those (not) blocked."""
        names = (lane.c.flow, lane.c.topic, lane.c.partition, lane.c.lane)
        statement = _lanes().order_by(*names).limit(limit)
        if flow is not None:
            statement = statement.where(lane.c.flow == flow)
        if blocked is not None:
            statement = statement.where(lane.c.next_at.is_(None) if blocked else lane.c.next_at.is_not(None))
        if after is not None:
            last = (*after[:3], exact(after.lane))
            statement = statement.where(tuple_(*names) > tuple_(*last))
        return await self._database.read(
            lambda connection: tuple(_parked_lane(row) for row in connection.execute(statement))
        )

    async def lane(
        self, wanted: LaneId, limit: int = 100
    ) -> tuple[ParkedLane, tuple[WaitingRecord, ...]] | None:
        """Show one parked lane with its first `limit` records that wait, head first; None where it does not wait."""
        flow, topic, partition, name = *wanted[:3], exact(wanted.lane)

        def work(connection: Connection) -> tuple[ParkedLane, tuple[WaitingRecord, ...]] | None:
            here = (
                lane.c.flow == flow,
                lane.c.topic == topic,
                lane.c.partition == partition,
                lane.c.lane == name,
            )
            row = connection.execute(_lanes().where(*here)).first()
            if row is None:
                return None
            waits = (
                held.c.flow == flow,
                held.c.topic == topic,
                held.c.partition == partition,
                held.c.lane == name,
            )
            records = connection.execute(
                select(held).where(*waits, held.c.role != "dead").order_by(held.c.offset).limit(limit)
            )
            return _parked_lane(row), tuple(_waiting(one) for one in records)

        return await self._database.read(work)

    async def dead(
        self,
        *,
        flow: str | None = None,
        tenant: str | None = None,
        topic: str | None = None,
        error: str | None = None,
        states: Collection[State] = ENDS,
        after: Page | None = None,
        limit: int = 100,
    ) -> tuple[DeadLetter, ...]:
        """List dead letters, refusals and doubts, the longest dead first; go on after `after`."""
        statement = _letters().where(inbox.c.state.in_([state.value for state in states]))
        statement = statement.order_by(held.c.last_at, held.c.event_key).limit(limit)
        for column, wanted in ((held.c.flow, flow), (held.c.topic, topic), (held.c.error, error)):
            if wanted is not None:
                statement = statement.where(column == wanted)
        if tenant is not None:
            statement = statement.where(inbox.c.tenant == exact(tenant))
        if after is not None:
            last = bytes.fromhex(after.id)
            statement = statement.where(
                or_(
                    held.c.last_at > after.last_at,
                    and_(held.c.last_at == after.last_at, held.c.event_key > last),
                )
            )
        return await self._database.read(
            lambda connection: tuple(_letter(connection, row) for row in connection.execute(statement).all())
        )

    async def doubts(self, *, limit: int = 100) -> tuple[DeadLetter, ...]:
        """List what a person has to settle; `calls` tell which call is in doubt."""
        return await self.dead(states=(State.NEEDS_HUMAN,), limit=limit)

    async def show(self, letter_id: str) -> DeadRecord | None:
        """Show one dead letter with its original bytes and headers; None where there is none with this id."""

        def work(connection: Connection) -> DeadRecord | None:
            row = connection.execute(_letters().where(held.c.event_key == _key(letter_id))).first()
            if row is None:
                return None
            return DeadRecord(_letter(connection, row), stored_record(row))

        return await self._database.read(work)

    async def states(self, ids: Collection[str]) -> dict[str, State | None]:
        """Say where events stand by their ids (event keys in hex); None for an id that the ledger does not know."""
        keys = [_key(one) for one in ids]
        statement = select(inbox.c.event_key, inbox.c.state).where(inbox.c.event_key.in_(keys))
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        known = {row.event_key.hex(): State(row.state) for row in rows}
        return {one: known.get(one) for one in ids}

    async def counts(self) -> Counts:
        """Count what waits."""
        return await self._database.read(_count)


def _key(letter_id: str) -> bytes:
    try:
        return bytes.fromhex(letter_id)
    except ValueError:
        return b""


def _lanes() -> Any:
    waiting = (
        select(func.count())
        .select_from(held)
        .where(
            held.c.flow == lane.c.flow,
            held.c.topic == lane.c.topic,
            held.c.partition == lane.c.partition,
            held.c.lane == lane.c.lane,
            held.c.role != "dead",
        )
        .scalar_subquery()
    )
    head = held.alias("head")
    return select(lane, waiting.label("waiting"), head.c.event_key).outerjoin(
        head,
        and_(
            head.c.flow == lane.c.flow,
            head.c.topic == lane.c.topic,
            head.c.partition == lane.c.partition,
            head.c.offset == lane.c.head,
        ),
    )


def _parked_lane(row: Row[Any]) -> ParkedLane:
    return ParkedLane(
        flow=row.flow,
        topic=row.topic,
        partition=row.partition,
        lane=original(row.lane),
        why=row.why,
        since=row.since,
        next_at=row.next_at,
        head=row.head,
        event="" if row.event_key is None else row.event_key.hex(),
        waiting=row.waiting,
        attempts=row.attempts,
        error=row.error,
        reason=row.reason,
    )


def _waiting(row: Row[Any]) -> WaitingRecord:
    return WaitingRecord(
        offset=row.offset,
        role=row.role,
        event="" if row.event_key is None else row.event_key.hex(),
        key=row.key,
        value=row.value,
        headers=unpack(row.headers),
        timestamp=row.timestamp,
        error=row.error,
        reason=row.reason,
        attempts=row.attempts,
    )


def _letters() -> Any:
    facts = (inbox.c.tenant, inbox.c.event_id, inbox.c.contract, inbox.c.state, inbox.c.published_at)
    blocks = and_(
        lane.c.flow == held.c.flow,
        lane.c.topic == held.c.topic,
        lane.c.partition == held.c.partition,
        lane.c.lane == held.c.lane,
        lane.c.head == held.c.offset,
        lane.c.next_at.is_(None),
    )
    return (
        select(held, *facts, select(lane.c.lane).where(blocks).exists().label("blocks"))
        .join(inbox, inbox.c.event_key == held.c.event_key)
        .where(held.c.role == "dead")
    )


def _letter(connection: Connection, row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        id=row.event_key.hex(),
        flow=row.flow,
        tenant=original(row.tenant),
        event_id=original(row.event_id),
        contract=row.contract,
        state=row.state,
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        lane=original(row.lane),
        blocks=bool(row.blocks),
        error=row.error,
        reason=row.reason,
        attempts=row.attempts,
        published_at=row.published_at,
        first_at=row.first_at,
        last_at=row.last_at,
        business_keys=business_keys_of(connection, row.event_key),
        calls=calls_of(connection, row.event_key),
    )


def _count(connection: Connection) -> Counts:
    parked: dict[str, dict[str, int]] = {}
    since = None
    lanes = select(
        lane.c.flow, lane.c.why, func.count().label("number"), func.min(lane.c.since).label("since")
    )
    for row in connection.execute(lanes.group_by(lane.c.flow, lane.c.why)):
        parked.setdefault(row.flow, {})[row.why] = row.number
        since = row.since if since is None else min(since, row.since)
    dead: dict[str, dict[str, int]] = {}
    letters = (
        select(held.c.flow, inbox.c.state, func.count().label("number"))
        .join(inbox, inbox.c.event_key == held.c.event_key)
        .where(held.c.role == "dead")
        .group_by(held.c.flow, inbox.c.state)
    )
    for row in connection.execute(letters):
        dead.setdefault(row.flow, {})[row.state] = row.number
    waiting = connection.execute(
        select(func.count().label("number"), func.min(outbox.c.concluded_at).label("since")).where(
            outbox.c.published_at.is_(None)
        )
    ).one()
    silences = {row.system: row.not_before for row in connection.execute(select(silence))}
    return Counts(parked, since, dead, waiting.number, waiting.since, silences)
