"""The ledger over SQL: the port's verbs over SQLite and PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from raccordo.clock import SystemClock
from raccordo.ledger import Acquired, Grant, Lane
from raccordo.ledger import schema as schemas
from raccordo.ledger.committer import Committer
from raccordo.ledger.database import database
from raccordo.ledger.rows import stored_emission, stored_record
from raccordo.ledger.statements import statements
from raccordo.ledger.steps import Hushing, Publishing, Queueing, Unparking
from raccordo.ledger.tables import held, lane, meta, outbox
from raccordo.ledger.words import check_length, exact, original, remark
from raccordo.settings import DEFAULT_LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from raccordo.broker import Partition, Record
    from raccordo.ledger import (
        Burial,
        Claim,
        Clearance,
        Conclusion,
        Emission,
        Parking,
        Sending,
        Standing,
    )
    from raccordo.ledger.database import Database


class SqlLedger:
    """A `Ledger` in a SQL database; see the port for what each verb promises.

    `url` is ``sqlite:///path``, ``sqlite://`` (in memory) or ``postgresql://…``. `auto_upgrade` makes or upgrades the
    tables at `start`; by default SQLite does, and PostgreSQL waits for ``raccordo ledger upgrade``.
    """

    def __init__(
        self,
        url: str = DEFAULT_LEDGER,
        *,
        auto_upgrade: bool | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.database: Database = database(url)
        self._auto_upgrade = self.database.serial if auto_upgrade is None else auto_upgrade
        self._clock = clock or SystemClock().now
        self._committer = Committer(self.database)
        self._ledger_id = ""

    @property
    def ledger_id(self) -> str:
        """The identity that the tables were made with; "" before `start`."""
        return self._ledger_id

    async def start(self) -> None:
        """Connect, check or make the tables, begin to commit."""
        await self.database.open()
        if self._auto_upgrade:
            await schemas.upgrade(self.database, self._clock())
        else:
            await schemas.check(self.database)
        self._ledger_id = await self.database.read(schemas.ledger_id)
        self._committer.start()

    async def stop(self) -> None:
        """Commit what is pending and disconnect."""
        await self._committer.stop()
        await self.database.close()

    async def ping(self) -> None:
        """Write a heartbeat: only a write tells whether a write is possible."""
        pulse = update(meta).values(pulse=meta.c.pulse + 1)
        await self.database.write(lambda connection: connection.execute(pulse).rowcount)

    async def acquire(
        self, flow: str, partitions: Collection[Partition], owner: str, at: int
    ) -> Sequence[Acquired]:
        """Raise the epoch of each partition in one transaction, in one order for everybody."""
        ledger_id, wanted = self._ledger_id, sorted(set(partitions))

        def work(connection: Connection) -> list[Acquired]:
            return [_acquire(connection, ledger_id, flow, one, owner, at) for one in wanted]

        acquired = await self.database.write(work)
        sequences = self._committer.sequences
        for old in [grant for grant in sequences if grant.flow == flow and grant.partition in wanted]:
            del sequences[old]
        sequences.update({one.grant: one.sequence for one in acquired})
        return acquired

    def position(self, grant: Grant) -> str:
        """``<ledger id>:<sequence>``: how far this ledger has come for a partition, to be stored beside its offset."""
        return f"{self._ledger_id}:{self.sequence(grant)}"

    def sequence(self, grant: Grant) -> int:
        """How many durable changes a partition has seen, as this process knows; no access to the database."""
        return self._committer.sequences.get(grant, 0)

    async def claim(self, claim: Claim) -> Standing:
        """Insert or take over an event. Raises ContractError for an id, tenant or lane of more than 1 KiB."""
        check_length(claim.event_id, "header ce_id")
        check_length(claim.tenant, "header ce_tenant")
        check_length(claim.lane, "lane")
        check_length(claim.correlation_id, "header ce_correlationid")
        check_length(claim.causation_id or "", "header ce_causationid")
        standing: Standing = await self._committer.commit(claim)
        return standing

    async def send(self, sending: Sending) -> Clearance:
        """Remember that a call is about to leave."""
        clearance: Clearance = await self._committer.commit(sending)
        return clearance

    async def conclude(self, conclusion: Conclusion) -> None:
        """Remember the end of an event."""
        await self._committer.commit(conclusion)

    async def park(self, parking: Parking) -> None:
        """Park a lane behind its head."""
        await self._committer.commit(parking)

    async def queue(self, grant: Grant, lane: str, record: Record, at: int) -> None:
        """Append a record to a parked lane."""
        await self._committer.commit(Queueing(grant, lane, record, at))

    async def bury(self, burial: Burial) -> None:
        """Remember a record that is no event; what is too long of its id is cut."""
        await self._committer.commit(
            replace(
                burial,
                event_id=remark(burial.event_id[:200]),
                tenant=remark(burial.tenant[:200]),
                correlation_id=remark(burial.correlation_id[:200]),
            )
        )

    async def due(self, grants: Sequence[Grant], at: int, limit: int) -> Sequence[Lane]:
        """List parked lanes whose time has come, oldest first."""
        if not grants:
            return []
        known = {(grant.flow, *grant.partition): grant for grant in grants}
        statement = (
            select(lane.c.flow, lane.c.topic, lane.c.partition, lane.c.lane)
            .where(lane.c.next_at <= at, _of(lane, grants))
            .order_by(lane.c.next_at)
            .limit(limit)
        )
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [Lane(known[row.flow, row.topic, row.partition], original(row.lane)) for row in rows]

    async def head(self, grant: Grant, lane: str) -> Record | None:
        """Return the waiting record of a lane with the lowest offset."""
        statement = (
            select(held)
            .where(_of(held, [grant]), held.c.lane == exact(lane), held.c.role != "dead")
            .order_by(held.c.offset)
            .limit(1)
        )
        row = await self.database.read(lambda connection: connection.execute(statement).first())
        return None if row is None else stored_record(row)

    async def unpark(self, grant: Grant, lane: str) -> bool:
        """Forget a parked lane of which nothing waits."""
        return bool(await self._committer.commit(Unparking(grant, lane)))

    async def outbox(self, grants: Sequence[Grant]) -> Sequence[Emission]:
        """List emissions that are not marked as published, in order."""
        wanted = [
            select(outbox).where(_of(outbox, [grant]), outbox.c.published_at.is_(None)) for grant in grants
        ]

        def work(connection: Connection) -> list[Emission]:
            return [stored_emission(row) for statement in wanted for row in connection.execute(statement)]

        return sorted(await self.database.read(work), key=lambda emission: emission.sequence)

    async def published(self, ids: Collection[str], at: int) -> None:
        """Mark emissions as published and let their bytes go."""
        await self._committer.commit(Publishing(tuple(ids), at))

    async def hush(self, system: str, not_before: int, reason: str, at: int) -> None:
        """Refuse sendings to a system until a time."""
        await self._committer.commit(Hushing(system, not_before, reason, at))


def _of(table: Table, grants: Sequence[Grant]) -> ColumnElement[bool]:
    return or_(
        *(
            and_(
                table.c.flow == grant.flow,
                table.c.topic == grant.partition.topic,
                table.c.partition == grant.partition.number,
            )
            for grant in grants
        )
    )


def _acquire(
    connection: Connection, ledger_id: str, flow: str, partition: Partition, owner: str, at: int
) -> Acquired:
    row = connection.execute(
        statements(connection.dialect).acquire,
        {"flow": flow, "topic": partition.topic, "partition": partition.number, "owner": owner, "since": at},
    ).one()
    grant = Grant(flow, partition, row.epoch)
    parked = connection.execute(select(lane.c.lane).where(_of(lane, [grant]))).scalars()
    return Acquired(grant, ledger_id, row.sequence, frozenset(original(waiting) for waiting in parked))
