"""What one transaction has read and is going to write: read in sets, decided row by row, written in sets.

The rules (`raccordo.ledger.rules`) change these rows and know no SQL; everything here is SQL and knows no rule.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import ARRAY, any_, literal, select, tuple_, update

from raccordo.ledger import Burial, Claim, Conclusion, Grant, Parking, Sending
from raccordo.ledger.keys import burial_key
from raccordo.ledger.statements import statements
from raccordo.ledger.steps import Queueing
from raccordo.ledger.tables import effect, held, inbox, lane, ownership, silence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Executable

    from raccordo.ledger.steps import AnyStep

Row: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str, str, int]
LaneKey: TypeAlias = tuple[str, str, int, str]

CHUNK: Final = 500
"""Keys in one lookup. SQLite binds at most 32,766 values."""


def place(grant: Grant) -> Place:
    """Where a grant is for: flow, topic, number of the partition."""
    return grant.flow, grant.partition.topic, grant.partition.number


class Memory:
    """Rows by key, as read and as changed since; `write` makes the changes durable with the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements = statements(connection.dialect.name)
        self.sequences: dict[Grant, int] = {}
        self.events: dict[bytes, Row] = {}
        self.effects: dict[bytes, Row] = {}
        self.effects_of: dict[bytes, list[Row]] = defaultdict(list)
        self.lanes: dict[LaneKey, Row] = {}
        self.silences: dict[str, int] = {}
        self._writes: dict[str, list[Row]] = defaultdict(list)
        self._changed: dict[bytes, Row] = {}
        self._new: set[bytes] = set()
        self._changed_lanes: dict[LaneKey, Row] = {}
        self._unparked: dict[Place, list[str]] = defaultdict(list)

    def own(self, grants: Iterable[Grant]) -> None:
        """Lock every granted partition, raise its sequence, and keep it in `sequences`; a fenced grant is not there.

        From here to the end of the transaction nobody can acquire these partitions.
        """
        wanted = sorted(set(grants))
        if not wanted:
            return
        here = tuple_(ownership.c.flow, ownership.c.topic, ownership.c.partition, ownership.c.epoch).in_(
            [(*place(grant), grant.epoch) for grant in wanted]
        )
        if self._connection.dialect.name == "postgresql":
            # Locks are taken in one order by everybody, so that no two transactions wait for each other.
            order = (ownership.c.flow, ownership.c.topic, ownership.c.partition)
            self._connection.execute(select(ownership.c.epoch).where(here).order_by(*order).with_for_update())
        found = self._connection.execute(
            update(ownership).where(here).values(sequence=ownership.c.sequence + 1).returning(ownership)
        )
        held_now = {(row.flow, row.topic, row.partition, row.epoch): row.sequence for row in found}
        for grant in wanted:
            sequence = held_now.get((*place(grant), grant.epoch))
            if sequence is not None:
                self.sequences[grant] = sequence

    def read(self, steps: Sequence[AnyStep]) -> None:
        """Read everything that the rules need for these steps."""
        sends = [step for step in steps if isinstance(step, Sending)]
        keys: set[bytes] = {
            step.event_key
            for step in steps
            if isinstance(step, (Claim, Conclusion, Parking))
            or (isinstance(step, Sending) and step.concluded)
        }
        keys |= {burial_key(step.grant, step.record) for step in steps if isinstance(step, Burial)}
        for row in self._among(inbox.c.event_key, keys, *inbox.c):
            self.events[row["event_key"]] = row
        begun = {
            step.event_key for step in steps if isinstance(step, Claim) and step.event_key in self.events
        }
        for row in self._among(effect.c.event_key, begun, *effect.c):
            self.effects_of[row["event_key"]].append(row)
        for row in self._among(effect.c.key, {bytes.fromhex(step.effect.key) for step in sends}, *effect.c):
            self.effects[row["key"]] = row
        for row in self._among(silence.c.system, {step.effect.system for step in sends}, *silence.c):
            self.silences[row["system"]] = row["not_before"]
        self._read_lanes(steps)

    def _read_lanes(self, steps: Sequence[AnyStep]) -> None:
        lanes: dict[Place, set[str]] = defaultdict(set)
        for step in steps:
            if isinstance(step, (Conclusion, Parking, Queueing)):
                lanes[place(step.grant)].add(step.lane)
        if not lanes or self._connection.execute(select(lane.c.lane).limit(1)).first() is None:
            return
        for (flow, topic, partition), names in lanes.items():
            here = (lane.c.flow == flow, lane.c.topic == topic, lane.c.partition == partition)
            for row in self._among(lane.c.lane, names, *lane.c, where=here):
                self.lanes[flow, topic, partition, row["lane"]] = row

    def _among(
        self,
        column: Column[Any],
        values: Iterable[Any],
        *columns: Column[Any],
        where: Sequence[ColumnElement[bool]] = (),
    ) -> Iterator[Row]:
        """Select rows whose column has one of these values, in one order for everybody, locked on PostgreSQL."""
        ordered = sorted(values)
        arrays = self._connection.dialect.name == "postgresql"
        for start in range(0, len(ordered), CHUNK):
            chunk = ordered[start : start + CHUNK]
            found = column == any_(literal(chunk, ARRAY(column.type))) if arrays else column.in_(chunk)
            statement = select(*columns).where(*where, found)
            if arrays:
                statement = statement.order_by(column).with_for_update()
            for row in self._connection.execute(statement).mappings():
                yield dict(row)

    def epoch(self, where: Place) -> int:
        """The highest epoch granted for a partition, 0 for none."""
        flow, topic, partition = where
        here = (ownership.c.flow == flow, ownership.c.topic == topic, ownership.c.partition == partition)
        return self._connection.execute(select(ownership.c.epoch).where(*here)).scalar() or 0

    def add_event(self, row: Row) -> None:
        """Keep a new event."""
        self.events[row["event_key"]] = row
        self._new.add(row["event_key"])

    def change_event(self, row: Row, **columns: Any) -> None:
        """Change columns of an event that is in `events`."""
        row.update(columns)
        self._changed[row["event_key"]] = row

    def change_lane(self, key: LaneKey, at: int, **columns: Any) -> None:
        """Change columns of a lane; one that does not wait yet waits since `at`."""
        row = self.lanes.get(key)
        if row is None:
            row = self.lanes[key] = dict(zip(("flow", "topic", "partition", "lane"), key, strict=True))
            row.update(since=at, head=None, attempts=0, error="", reason="")
        row.update(columns)
        self._changed_lanes[key] = row

    def unpark(self, key: LaneKey) -> None:
        """Forget a lane at the end of this transaction if nothing of it waits then."""
        self._unparked[key[:3]].append(key[3])

    def keep(self, what: str, row: Row) -> None:
        """Write a row with the statement of this name."""
        self._writes[what].append(row)

    def write(self) -> set[LaneKey]:
        """Write every change; returns the lanes that were to be unparked and still wait."""
        new = [self.events[key] for key in sorted(self._new)]
        changed = [
            {"k_event_key": key, **{name: row[name] for name in CHANGING}}
            for key, row in sorted(self._changed.items())
            if key not in self._new
        ]
        self._many(self._statements.new_event, new)
        self._many(self._statements.event, changed)
        for name in ORDER:
            self._many(getattr(self._statements, name), self._writes[name])
        self._many(self._statements.lane, list(self._changed_lanes.values()))
        return set(self._unpark())

    def _many(self, statement: Executable, rows: list[Row]) -> None:
        if rows:
            self._connection.execute(statement, rows)

    def _unpark(self) -> Iterator[LaneKey]:
        waits = (
            select(held.c.offset)
            .where(
                held.c.flow == lane.c.flow,
                held.c.topic == lane.c.topic,
                held.c.partition == lane.c.partition,
                held.c.lane == lane.c.lane,
                held.c.role != "dead",
            )
            .exists()
        )
        for (flow, topic, partition), names in self._unparked.items():
            here = (lane.c.flow == flow, lane.c.topic == topic, lane.c.partition == partition)
            for start in range(0, len(names), CHUNK):
                chunk = lane.c.lane.in_(names[start : start + CHUNK])
                self._connection.execute(
                    lane.delete().where(*here, chunk, lane.c.next_at.is_not(None), ~waits)
                )
                for name in self._connection.execute(select(lane.c.lane).where(*here, chunk)).scalars():
                    yield flow, topic, partition, name


CHANGING: Final = (
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

ORDER: Final = (
    "new_effect",
    "sent_effect",
    "effect",
    "business_key",
    "journey",
    "queued",
    "held",
    "not_held",
    "emission",
    "published",
    "silence",
)
"""The order in which kinds of rows are written: the same in every transaction."""
