"""What one transaction has read and is going to write: read in sets, decided row by row, written in sets.

The rules (`raccordo.ledger.rules`) change these rows and know no SQL; everything here is SQL and knows no rule.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import select

from raccordo.ledger import Burial, Claim, Conclusion, Grant, Parking, Sending
from raccordo.ledger.keys import burial_key
from raccordo.ledger.statements import CHUNK, statements
from raccordo.ledger.steps import Queueing
from raccordo.ledger.tables import held, lane, ownership
from raccordo.ledger.words import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from raccordo.ledger.steps import AnyStep

Row: TypeAlias = dict[str, Any]
Place: TypeAlias = tuple[str, str, int]
LaneKey: TypeAlias = tuple[str, str, int, str]


def place(grant: Grant) -> Place:
    """Where a grant is for: flow, topic, number of the partition."""
    return grant.flow, grant.partition.topic, grant.partition.number


class Memory:
    """Rows by key, as read and as changed since; `write` makes the changes durable with the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements = statements(connection.dialect)
        self.sequences: dict[Grant, int] = {}
        self.events: dict[bytes, Row] = {}
        self.effects: dict[bytes, Row] = {}
        self.effects_of: dict[bytes, list[Row]] = defaultdict(list)
        self.lanes: dict[LaneKey, Row] = {}
        self.silences: dict[str, int] = {}
        self._writes: dict[str, list[Row]] = defaultdict(list)
        self._new: set[bytes] = set()
        self._changed: set[bytes] = set()
        self._changed_lanes: set[LaneKey] = set()
        self._unparked: dict[Place, list[str]] = defaultdict(list)

    def own(self, grants: Iterable[Grant]) -> None:
        """Lock every granted partition, raise its sequence, and keep it in `sequences`; a fenced grant is not there.

        From here to the end of the transaction nobody can acquire these partitions.
        """
        wanted = sorted(set(grants))
        if not wanted:
            return
        owned = self._statements.own.run(self._connection, [(*place(grant), grant.epoch) for grant in wanted])
        for grant in wanted:
            sequence = owned.get((*place(grant), grant.epoch))
            if sequence is not None:
                self.sequences[grant] = sequence

    def read(self, steps: Sequence[AnyStep]) -> None:
        """Read everything that the rules need for these steps."""
        events: set[bytes] = set()
        claimed: set[bytes] = set()
        calls: set[bytes] = set()
        systems: set[str] = set()
        lanes: dict[Place, set[str]] = defaultdict(set)
        for step in steps:
            match step:
                case Claim():
                    claimed.add(step.event_key)
                case Sending():
                    calls.add(bytes.fromhex(step.effect.key))
                    systems.add(step.effect.system)
                    if step.concluded:
                        events.add(step.event_key)
                case Conclusion() | Parking():
                    events.add(step.event_key)
                    lanes[place(step.grant)].add(exact(step.lane))
                case Queueing():
                    lanes[place(step.grant)].add(exact(step.lane))
                case Burial():
                    events.add(burial_key(step.grant, step.record))
                case _:
                    pass
        self.events = {row["event_key"]: row for row in self._look("event", events | claimed)}
        for row in self._look("effect_of", claimed & self.events.keys()):
            self.effects_of[row["event_key"]].append(row)
        self.effects = {row["key"]: row for row in self._look("effect", calls)}
        self.silences = {row["system"]: row["not_before"] for row in self._look("silence", systems)}
        self._read_lanes(lanes)

    def _look(self, name: str, keys: Iterable[Any], where: tuple[Any, ...] = ()) -> Iterator[Row]:
        return self._statements.lookups[name].run(self._connection, keys, where)

    def _read_lanes(self, lanes: dict[Place, set[str]]) -> None:
        if not lanes or self._connection.exec_driver_sql("SELECT 1 FROM lane LIMIT 1").first() is None:
            return
        for where, names in lanes.items():
            for row in self._look("lane", names, where):
                self.lanes[(*where, row["lane"])] = row

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
        if row["event_key"] not in self._new:
            self._changed.add(row["event_key"])

    def change_lane(self, key: LaneKey, at: int, **columns: Any) -> None:
        """Change columns of a lane; one that does not wait yet waits since `at`."""
        row = self.lanes.get(key)
        if row is None:
            row = self.lanes[key] = dict(zip(("flow", "topic", "partition", "lane"), key, strict=True))
            row.update(since=at, head=None, attempts=0, error="", reason="")
        row.update(columns)
        self._changed_lanes.add(key)

    def unpark(self, key: LaneKey) -> None:
        """Forget a lane at the end of this transaction if nothing of it waits then."""
        self._unparked[key[:3]].append(key[3])

    def keep(self, what: str, row: Row) -> None:
        """Write a row with the statement of this name."""
        self._writes[what].append(row)

    def write(self) -> set[LaneKey]:
        """Write every change; returns the lanes that were to be unparked and still wait."""
        rows = self._writes
        rows["new_event"] = [self.events[key] for key in sorted(self._new)]
        rows["event"] = [{**self.events[key], "k_event_key": key} for key in sorted(self._changed)]
        rows["lane"] = [self.lanes[key] for key in sorted(self._changed_lanes)]
        for name, statement in self._statements.writes.items():
            statement.run(self._connection, rows[name])
        return set(self._unpark())

    def _unpark(self) -> Iterator[LaneKey]:
        for (flow, topic, partition), names in self._unparked.items():
            here = (lane.c.flow == flow, lane.c.topic == topic, lane.c.partition == partition)
            for start in range(0, len(names), CHUNK):
                chunk = lane.c.lane.in_(names[start : start + CHUNK])
                self._connection.execute(
                    lane.delete().where(*here, chunk, lane.c.next_at.is_not(None), ~SOMETHING_WAITS)
                )
                for name in self._connection.execute(select(lane.c.lane).where(*here, chunk)).scalars():
                    yield flow, topic, partition, name


SOMETHING_WAITS = (
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
