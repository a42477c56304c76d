"""What the ledger may forget; when, says the TTL rule of `raccordo.settings.ttl_problems`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, exists, select

from raccordo.ledger import State
from raccordo.ledger.tables import business_key, effect, held, inbox, journey, lane, outbox

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from raccordo.ledger.database import Database

CHUNK: Final = 1000
"""Events looked at in one transaction: some hundredths of a second in which no worker can commit on SQLite."""

FORGETTABLE: Final = (State.CONFIRMED, State.REJECTED, State.DEAD, State.SKIPPED)
"""Ends after which nobody is waited for. What needs a person is never forgotten."""


async def prune(database: Database, before: int) -> int:
    """Forget events that ended before a time (milliseconds since the epoch) and have nothing left to publish.

    Their calls, journeys, business keys, outgoing events and kept records go with them. Dead letters behind which a
    lane is blocked stay, and so does everything that needs a person. Works in small transactions beside the workers;
    a run that is interrupted is simply made again. Returns how many events were forgotten.
    """
    forgotten = 0
    after: bytes | None = b""
    while after is not None:
        gone, after = await database.write(partial(_prune, after=after, before=before))
        forgotten += gone
    return forgotten


def _prune(connection: Connection, after: bytes, before: int) -> tuple[int, bytes | None]:
    """Look at the next events in the order of their keys: no index is kept for what happens once a day."""
    rows = connection.execute(
        select(inbox.c.event_key, inbox.c.state, inbox.c.changed_at)
        .where(inbox.c.event_key > after)
        .order_by(inbox.c.event_key)
        .limit(CHUNK)
    ).all()
    if not rows:
        return 0, None
    old = [row.event_key for row in rows if row.changed_at < before and row.state in FORGETTABLE]
    keys = _without_ties(connection, _locked(connection, old))
    if keys:
        for table in (effect, business_key, journey, outbox, held, inbox):
            connection.execute(table.delete().where(table.c.event_key.in_(keys)))
    return len(keys), rows[-1].event_key


def _locked(connection: Connection, keys: list[bytes]) -> list[bytes]:
    """Lock events against a claim or a redrive, and leave out what has come back to life meanwhile."""
    still = inbox.c.state.in_([state.value for state in FORGETTABLE])
    statement = (
        select(inbox.c.event_key).where(inbox.c.event_key.in_(keys), still).order_by(inbox.c.event_key)
    )
    return list(connection.execute(statement.with_for_update()).scalars()) if keys else []


def _without_ties(connection: Connection, keys: list[bytes]) -> list[bytes]:
    """Leave out what still has something to publish, waits, or blocks a lane."""
    if not keys:
        return []
    unpublished = select(outbox.c.event_key).where(
        outbox.c.event_key.in_(keys), outbox.c.published_at.is_(None)
    )
    here = (lane.c.flow, lane.c.topic, lane.c.partition, lane.c.lane, lane.c.head)
    place = (held.c.flow, held.c.topic, held.c.partition, held.c.lane, held.c.offset)
    blocks = exists().where(and_(*(one == other for one, other in zip(here, place, strict=True))))
    kept = select(held.c.event_key).where(held.c.event_key.in_(keys), (held.c.role != "dead") | blocks)
    tied = {row[0] for statement in (unpublished, kept) for row in connection.execute(statement)}
    return [key for key in keys if key not in tied]
