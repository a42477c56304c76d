"""The statements of the hot path, built once: the same text every time is compiled and prepared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, or_, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from raccordo.ledger import EffectState
from raccordo.ledger.tables import (
    business_key,
    effect,
    held,
    inbox,
    journey,
    lane,
    outbox,
    ownership,
    silence,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Executable, Table


class Statements:
    """Writes for one dialect; every one takes rows by column name, keys of updates with ``k_`` in front."""

    def __init__(self, dialect: str) -> None:
        self._insert: Any = postgres_insert if dialect == "postgresql" else sqlite_insert
        self.new_event = inbox.insert()
        self.event = _change(inbox, "event_key")
        self.new_effect = effect.insert()
        self.sent_effect = _change(effect, "key")
        self.effect = self._put_effect()
        self.business_key = self._unless_known(business_key)
        self.journey = self._unless_known(journey)
        self.queued = self._put_queued()
        self.held = self._put(held, ("lane", "role", "event_key", "error", "reason", "last_at", "attempts"))
        place = _keyed(held, "flow", "topic", "partition", "offset")
        self.not_held = held.delete().where(*place, held.c.role != DEAD)
        self.lane = self._put(lane, ("why", "next_at", "head", "attempts", "error", "reason"))
        self.emission = outbox.insert()
        self.published = (
            update(outbox)
            .where(*_keyed(outbox, "id"), outbox.c.published_at.is_(None))
            .values(key=None, value=None, headers=b"")
        )
        self.silence = self._put_silence()

    def _unless_known(self, table: Table) -> Executable:
        statement: Executable = self._insert(table).on_conflict_do_nothing()
        return statement

    def _put(self, table: Table, columns: Sequence[str]) -> Executable:
        """Insert, or change these columns of the row with the same primary key."""
        wanted = self._insert(table)
        statement: Executable = wanted.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={name: wanted.excluded[name] for name in columns}
        )
        return statement

    def _put_queued(self) -> Executable:
        """A record that waits: kept once, moved where it waits in another lane, left alone where it is dead."""
        wanted = self._insert(held)
        statement: Executable = wanted.on_conflict_do_update(
            index_elements=list(held.primary_key),
            set_={"lane": wanted.excluded.lane, "role": wanted.excluded.role},
            where=and_(held.c.role != DEAD, held.c.lane != wanted.excluded.lane),
        )
        return statement

    def _put_effect(self) -> Executable:
        """What is known of a call; a confirmed call never becomes anything else."""
        wanted = self._insert(effect)
        columns = ("state", "settle_at", "changed_at", "result", "document", "looks")
        statement: Executable = wanted.on_conflict_do_update(
            index_elements=[effect.c.key],
            set_={name: wanted.excluded[name] for name in columns},
            where=or_(effect.c.state != CONFIRMED, wanted.excluded.state == CONFIRMED),
        )
        return statement

    def _put_silence(self) -> Executable:
        """A silence may grow longer, never shorter."""
        wanted = self._insert(silence)
        statement: Executable = wanted.on_conflict_do_update(
            index_elements=[silence.c.system],
            set_={name: wanted.excluded[name] for name in ("not_before", "reason", "at")},
            where=wanted.excluded.not_before > silence.c.not_before,
        )
        return statement


CONFIRMED: Final = EffectState.CONFIRMED.value

DEAD: Final = "dead"


def _keyed(table: Table, *names: str) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"k_{name}") for name in names]


def _change(table: Table, key: str) -> Executable:
    """Set whatever columns the rows name."""
    return update(table).where(*_keyed(table, key))


def acquire(dialect: str) -> Executable:
    """Make a partition's row, or raise its epoch; the sequence stays, so that it tells what the last owner reached."""
    insert: Any = postgres_insert if dialect == "postgresql" else sqlite_insert
    wanted = insert(ownership).values(epoch=1, sequence=0)
    statement: Executable = wanted.on_conflict_do_update(
        index_elements=list(ownership.primary_key),
        set_={"epoch": ownership.c.epoch + 1, "owner": wanted.excluded.owner, "since": wanted.excluded.since},
    ).returning(ownership.c.epoch, ownership.c.sequence)
    return statement


_BY_DIALECT: dict[str, Statements] = {}


def statements(dialect: str) -> Statements:
    """The statements for a dialect's name."""
    if dialect not in _BY_DIALECT:
        _BY_DIALECT[dialect] = Statements(dialect)
    return _BY_DIALECT[dialect]
