"""What really happened, read from SAP's own store and from the topics; never from our counters."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from raccordo.codec import Codec
from raccordo.dev.sap import booked
from raccordo.errors import ContractError
from schemas import OrderConfirmed, OrderRejected

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from demo.orders import Cast
    from raccordo.broker import Broker, Consumer, Partition, Position, Record

DEAD: Final = "ordini_creati.dead"
TOPICS: Final = (OrderConfirmed.info.topic, OrderRejected.info.topic, DEAD)


@dataclass(slots=True)
class Told:
    """What the topics say about the orders of one run: events by order id, keys and values of the dead letters."""

    confirmed: dict[str, set[str]] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    dead: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)


class Witness:
    """Reads the answer topics from now on."""

    def __init__(self, broker: Broker, run: str, tenant: str) -> None:
        self.told = Told()
        self._run = run
        self._broker = broker
        self._consumer: Consumer = broker.consumer(topics=TOPICS, group=f"witness-{run}", member="")
        self._from: dict[Partition, int] = {}
        self._codecs = {
            contract.info.topic: Codec(contract, frozenset({tenant}))
            for contract in (OrderConfirmed, OrderRejected)
        }

    async def start(self) -> None:
        """Remember where the topics end, and begin to read."""
        admin = self._broker.admin()
        for topic in TOPICS:
            self._from.update(await admin.end_offsets(topic))
        await admin.stop()
        await self._consumer.start(self)

    async def stop(self) -> None:
        """Stop reading."""
        await self._consumer.stop()

    async def assigned(self, partitions: Mapping[Partition, Position | None]) -> None:
        """Nothing to prepare."""

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Nothing to let go."""

    async def read(self, seconds: float) -> None:
        """Read what comes within a time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for record in await self._consumer.fetch(1000, min(left, 0.2)):
                self._note(record)
            await asyncio.sleep(0)

    def _note(self, record: Record) -> None:
        if record.offset < self._from.get(record.partition, 0):
            return
        if record.partition.topic == DEAD:
            self.told.dead.append((record.key, record.value))
            return
        try:
            event: Any = self._codecs[record.partition.topic].decode(record)
        except ContractError:
            return
        order_id = event.data.order_id
        if not order_id.startswith(self._run):
            return
        if isinstance(event.data, OrderConfirmed):
            self.told.confirmed.setdefault(order_id, set()).add(event.id)
        else:
            self.told.rejected[order_id] = f"{event.data.code} {event.data.reason}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the result: what was expected, what the witness saw."""

    what: str
    expected: int
    seen: int
    where: str

    @property
    def good(self) -> bool:
        """Whether it is as it has to be."""
        return self.expected == self.seen


def result(cast: Cast, told: Told, database: Path) -> list[Line]:
    """Hold what was published against SAP's store and the topics."""
    store = booked(database)
    counts = {order_id: len(store.get(order_id, ())) for order_id in (*cast.booked, *cast.refused)}
    answered = {*told.confirmed, *told.rejected}
    doubtful = (*cast.lost, *cast.late)
    return [
        Line("accepted", cast.accepted, len(answered & counts.keys()), "answer topics"),
        Line(
            "booked once",
            len(cast.booked),
            sum(1 for name in cast.booked if counts[name] == 1),
            "SAP's store",
        ),
        Line("booked twice", 0, sum(1 for count in counts.values() if count > 1), "SAP's store"),
        Line("lost", 0, sum(1 for name in cast.booked if counts[name] == 0), "SAP's store"),
        Line(
            "answer lost, booked once",
            len(doubtful),
            sum(1 for name in doubtful if counts[name] == 1),
            "SAP's store",
        ),
        Line(
            "confirmed once",
            len(cast.booked),
            sum(1 for name in cast.booked if len(told.confirmed.get(name, ())) == 1),
            "ordini_confermati",
        ),
        Line(
            "refused, with SAP's reason",
            len(cast.refused),
            sum(1 for name in cast.refused if told.rejected.get(name, "").startswith("V1/")),
            "ordini_rifiutati",
        ),
        Line("refused, yet booked", 0, sum(counts[name] for name in cast.refused), "SAP's store"),
        Line("undecodable, kept byte for byte", len(cast.undecodable), _kept(cast, told), DEAD),
    ]


def _kept(cast: Cast, told: Told) -> int:
    """Count the undecodable records whose key and value are in the dead letter channel, byte for byte."""
    letters = list(told.dead)
    kept = 0
    for record in cast.undecodable:
        if (record.key, record.value) in letters:
            letters.remove((record.key, record.value))
            kept += 1
    return kept


def complete(cast: Cast, told: Told) -> bool:
    """Whether every order has its answer and every record that is none is in the dead letter channel."""
    answers = len({*told.confirmed, *told.rejected})
    return answers >= cast.accepted and len(told.dead) >= len(cast.undecodable)
