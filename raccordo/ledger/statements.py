"""The statements of the hot path: written with SQLAlchemy, compiled once, run with plain tuples.

Compiling takes SQLAlchemy longer than SQLite takes to run, and binding by name as long again; so both are done once.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, literal_column, null, or_, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

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
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Dialect, Executable, Table

CONFIRMED: Final[Any] = literal_column("'confirmed'")
DEAD: Final[Any] = literal_column("'dead'")

CHUNK: Final = 500
"""Keys in one lookup. SQLite binds at most 32,766 values."""


class Write:
    """One statement that is run for many rows."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Iterable[str] | None = None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=None if columns is None else list(columns))
        self._sql = str(compiled)
        names = list(compiled.positiontup)
        self._bind: Callable[[dict[str, Any]], Any] = itemgetter(*names)
        assert len(names) > 1, "itemgetter of one name gives no tuple"

    def run(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Run it for rows by column name; keys of changes have ``k_`` in front."""
        bound = [self._bind(row) for row in rows]
        if bound:
            connection.exec_driver_sql(self._sql, bound)


class Lookup:
    """Rows by one column, a set of keys at a time; on PostgreSQL locked, in one order for everybody."""

    def __init__(self, table: Table, key: str, dialect: Dialect, where: Sequence[str] = ()) -> None:
        quote = dialect.identifier_preparer.quote
        self._names = tuple(column.name for column in table.columns)
        self._locks = dialect.name == "postgresql"
        marks = [f"${number + 1}" if self._locks else "?" for number in range(len(where))]
        here = "".join(f"{quote(name)} = {mark} AND " for name, mark in zip(where, marks, strict=True))
        columns = ", ".join(quote(name) for name in self._names)
        self._sql = f"SELECT {columns} FROM {quote(table.name)} WHERE {here}{quote(key)}"  # noqa: S608 - names of ours
        self._lock = f" = ANY(${len(where) + 1}) ORDER BY {quote(key)} FOR UPDATE"

    def run(
        self, connection: Connection, keys: Iterable[Any], where: tuple[Any, ...] = ()
    ) -> Iterator[dict[str, Any]]:
        """Find the rows with these keys."""
        ordered = sorted(keys)
        for start in range(0, len(ordered), CHUNK):
            chunk = ordered[start : start + CHUNK]
            if self._locks:
                found = connection.exec_driver_sql(self._sql + self._lock, (*where, chunk))
            else:
                found = connection.exec_driver_sql(
                    f"{self._sql} IN ({'?, ' * (len(chunk) - 1)}?)", (*where, *chunk)
                )
            for row in found:
                yield dict(zip(self._names, row, strict=True))


class Owning:
    """Locks granted partitions and raises their sequences; a partition with another epoch is left out."""

    LOCK: Final = 'SELECT 1 FROM ownership WHERE %s ORDER BY flow, topic, "partition" FOR UPDATE'
    RAISE: Final = (
        "UPDATE ownership SET sequence = sequence + 1 WHERE %s "
        'RETURNING flow, topic, "partition", epoch, sequence'
    )
    ONE: Final = '(flow = %s AND topic = %s AND "partition" = %s AND epoch = %s)'

    def __init__(self, dialect: Dialect) -> None:
        self._numbered = dialect.name == "postgresql"

    def run(
        self, connection: Connection, owned: Sequence[tuple[str, str, int, int]]
    ) -> dict[tuple[Any, ...], int]:
        """Give the new sequence of each (flow, topic, partition, epoch) that is still owned."""
        marks = (f"${number}" if self._numbered else "?" for number in range(1, 4 * len(owned) + 1))
        here = " OR ".join(self.ONE % tuple(islice(marks, 4)) for _ in owned)
        values = tuple(value for one in owned for value in one)
        if self._numbered:
            # Locks are taken in one order by everybody, so that no two transactions wait for each other.
            connection.exec_driver_sql(self.LOCK % here, values)
        return {tuple(row[:4]): row[4] for row in connection.exec_driver_sql(self.RAISE % here, values)}


class Statements:
    """Everything that a group commit may run, for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._insert: Any = postgres_insert if dialect.name == "postgresql" else sqlite_insert

    @cached_property
    def own(self) -> Owning:
        """Lock and count."""
        return Owning(self._dialect)

    @cached_property
    def lookups(self) -> dict[str, Lookup]:
        """Lookups by the name of what is looked for."""
        return {
            "event": Lookup(inbox, "event_key", self._dialect),
            "effect": Lookup(effect, "key", self._dialect),
            "effect_of": Lookup(effect, "event_key", self._dialect),
            "silence": Lookup(silence, "system", self._dialect),
            "lane": Lookup(lane, "lane", self._dialect, ("flow", "topic", "partition")),
        }

    @cached_property
    def writes(self) -> dict[str, Write]:
        """Writes by name, in the order in which every transaction makes them."""
        place = _keyed(held, "flow", "topic", "partition", "offset")
        unpublished = outbox.c.published_at.is_(None)
        statements: dict[str, tuple[Any, Iterable[str] | None]] = {
            "new_event": (inbox.insert(), None),
            "event": (update(inbox).where(*_keyed(inbox, "event_key")), EVENT_CHANGES),
            "new_effect": (effect.insert(), None),
            "sent_effect": (update(effect).where(*_keyed(effect, "key")), EFFECT_SENT_AGAIN),
            "effect": (self._put_effect(), None),
            "business_key": (self._insert(business_key).on_conflict_do_nothing(), None),
            "journey": (self._insert(journey).on_conflict_do_nothing(), None),
            "queued": (self._put_queued(), None),
            "held": (self._put(held, HELD_CHANGES), None),
            "not_held": (held.delete().where(*place, held.c.role != DEAD), None),
            "emission": (outbox.insert(), EMISSION),
            "published": (
                update(outbox).where(*_keyed(outbox, "id"), unpublished).values(key=null(), value=null()),
                ("published_at",),
            ),
            "silence": (self._put_silence(), None),
            "lane": (self._put(lane, LANE_CHANGES), None),
        }
        return {
            name: Write(statement, self._dialect, columns)
            for name, (statement, columns) in statements.items()
        }

    @cached_property
    def acquire(self) -> Executable:
        """Make a partition's row, or raise its epoch; the sequence stays: it tells what the last owner reached."""
        wanted = self._insert(ownership).values(epoch=1, sequence=0)
        statement: Executable = wanted.on_conflict_do_update(
            index_elements=list(ownership.primary_key),
            set_={"epoch": ownership.c.epoch + 1, **_excluded(wanted, ("owner", "since"))},
        ).returning(ownership.c.epoch, ownership.c.sequence)
        return statement

    def _put(self, table: Table, columns: Sequence[str]) -> Any:
        """Insert, or change these columns of the row with the same primary key."""
        wanted = self._insert(table)
        return wanted.on_conflict_do_update(
            index_elements=list(table.primary_key), set_=_excluded(wanted, columns)
        )

    def _put_queued(self) -> Any:
        """A record that waits: kept once, moved where it waits in another lane, left alone where it is dead."""
        wanted = self._insert(held)
        return wanted.on_conflict_do_update(
            index_elements=list(held.primary_key),
            set_=_excluded(wanted, ("lane", "role")),
            where=and_(held.c.role != DEAD, held.c.lane != wanted.excluded.lane),
        )

    def _put_effect(self) -> Any:
        """What is known of a call; a confirmed call never becomes anything else."""
        wanted = self._insert(effect)
        return wanted.on_conflict_do_update(
            index_elements=[effect.c.key],
            set_=_excluded(wanted, ("state", "settle_at", "changed_at", "result", "document", "looks")),
            where=or_(effect.c.state != CONFIRMED, wanted.excluded.state == CONFIRMED),
        )

    def _put_silence(self) -> Any:
        """A silence may grow longer, never shorter."""
        wanted = self._insert(silence)
        return wanted.on_conflict_do_update(
            index_elements=[silence.c.system],
            set_=_excluded(wanted, ("not_before", "reason", "at")),
            where=wanted.excluded.not_before > silence.c.not_before,
        )


EVENT_CHANGES: Final = (
    "topic",
    "partition",
    "offset",
    "lane",
    "epoch",
    "state",
    "changed_at",
    "attempts",
    "error",
    "reason",
)
"""What a step may change of an event."""

EFFECT_SENT_AGAIN: Final = (
    "event_key",
    "index",
    "state",
    "sent_at",
    "settle_at",
    "changed_at",
    "request_digest",
    "looks",
)
"""What changes of a call that surely was not done before and is made again."""

HELD_CHANGES: Final = ("lane", "role", "event_key", "error", "reason", "last_at", "attempts")
LANE_CHANGES: Final = ("why", "next_at", "head", "attempts", "error", "reason")
EMISSION: Final = tuple(
    column.name for column in outbox.columns if column.name not in ("sequence", "published_at")
)


def _keyed(table: Table, *names: str) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"k_{name}", type_=table.c[name].type) for name in names]


def _excluded(wanted: Any, columns: Iterable[str]) -> dict[str, Any]:
    return {name: wanted.excluded[name] for name in columns}


_BY_DIALECT: dict[str, Statements] = {}


def statements(dialect: Dialect) -> Statements:
    """The statements for a dialect, compiled when first used."""
    if dialect.name not in _BY_DIALECT:
        _BY_DIALECT[dialect.name] = Statements(dialect)
    return _BY_DIALECT[dialect.name]
