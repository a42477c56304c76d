"""A made-up system for tests of the line: contracts, a counterpart with an effect ledger and faults, a connector."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from raccordo.connector import Connector, ConnectorConfig, DocumentRef, operation
from raccordo.errors import Rejected
from raccordo.event import Contract, Event, EventId
from raccordo.flow import BLOCK_LANE, SKIP, Backoff, flow

if TYPE_CHECKING:
    from collections.abc import Callable


class Placed(
    Contract,
    topic="placed",
    key="customer",
    owner="tests",
    partitions=4,
    business_keys=("number",),
    lanes=("number",),
):
    """An order; `seq` tells the versions of one number apart."""

    customer: str
    number: str
    seq: int = 0


class Booked(Contract, topic="booked", key="customer", owner="tests", partitions=2):
    """The desk took it."""

    customer: str
    number: str
    document: str


class Refused(Contract, topic="refused", key="customer", owner="tests", partitions=2):
    """The desk refused it."""

    customer: str
    number: str
    reason: str


class Config(ConnectorConfig, name="desk"):
    """Settings of the desk."""

    settle: float = 0.5
    max_in_flight: int = 16


class Wire:
    """The wire to the desk: `booked` is the desk's own ledger of effects, in order.

    `faults` are asked before a booking with (number, attempt at that number) and may return an error to raise before
    it is booked; `losses` likewise after it is booked. `pause` may delay a booking.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config
        self.booked: list[tuple[str, int, str]] = []
        self.keys: list[str] = []
        self.looks: list[str] = []
        self.attempts: dict[tuple[str, int], int] = defaultdict(int)
        self.faults: Callable[[str, int], Exception | None] = lambda _number, _attempt: None
        self.losses: Callable[[str, int], Exception | None] = lambda _number, _attempt: None
        self.look_faults: Callable[[str, int], Exception | None] = lambda _number, _looks: None
        self.late: dict[str, float] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def book(self, order: Placed, key: str) -> str:
        """Book an order and return its document."""
        self.attempts[order.number, order.seq] += 1
        attempt = self.attempts[order.number, order.seq]
        await self.gate.wait()
        await asyncio.sleep(0)
        fault = self.faults(order.number, attempt)
        if fault is not None:
            raise fault
        self.keys.append(key)
        loss = self.losses(order.number, attempt)
        if order.number in self.late:
            asyncio.get_running_loop().call_later(self.late.pop(order.number), self._commit, order)
        else:
            self._commit(order)
        if loss is not None:
            raise loss
        return self.document(order)

    def _commit(self, order: Placed) -> None:
        self.booked.append((order.number, order.seq, order.customer))

    async def find(self, order: Placed) -> str | None:
        """Look whether an order is booked."""
        self.looks.append(order.number)
        await asyncio.sleep(0)
        fault = self.look_faults(order.number, len(self.looks))
        if fault is not None:
            raise fault
        done = any(number == order.number and seq == order.seq for number, seq, _ in self.booked)
        return self.document(order) if done else None

    @staticmethod
    def document(order: Placed) -> str:
        """The desk's number for an order."""
        return f"D-{order.number}-{order.seq}"

    def count(self, number: str) -> int:
        """How often a number was booked."""
        return sum(1 for booked, _, _ in self.booked if booked == number)


class Desk(Connector[Config, Wire]):
    """The desk, which can be asked whether it booked an order."""

    @operation
    async def create_order(self, order: Placed, *, key: EventId) -> DocumentRef:
        """Book."""
        return DocumentRef(document=await self.wire.book(order, key))

    @create_order.look
    async def find_order(self, order: Placed, *, key: EventId) -> DocumentRef | None:
        """Was it booked after all?"""
        found = await self.wire.find(order)
        return DocumentRef(document=found) if found else None


class BlindDesk(Connector[Config, Wire]):
    """The desk, which cannot be asked."""

    @operation
    async def create_order(self, order: Placed, *, key: EventId) -> DocumentRef:
        """Book."""
        return DocumentRef(document=await self.wire.book(order, key))


QUICK = Backoff(first=0.02, cap=0.1, defects=3)


@flow("to-desk", lane="number", retry=QUICK, on_dead_letter=BLOCK_LANE)
async def to_desk(event: Event[Placed], desk: Desk) -> Booked:
    """Every order is booked once."""
    booked = await desk.create_order(event.data, key=event.id)
    return Booked(customer=event.data.customer, number=event.data.number, document=booked.document)


@to_desk.rejected
def refused(event: Event[Placed], refusal: Rejected) -> Refused:
    """The desk's reason."""
    return Refused(customer=event.data.customer, number=event.data.number, reason=refusal.sentence)


@flow("to-desk-skipping", lane="number", retry=QUICK, on_dead_letter=SKIP)
async def to_desk_skipping(event: Event[Placed], desk: Desk) -> None:
    """Every order is booked once; what is refused is a dead letter and stops nobody."""
    await desk.create_order(event.data, key=event.id)


@flow("to-blind-desk", lane="number", retry=QUICK)
async def to_blind_desk(event: Event[Placed], desk: BlindDesk) -> None:
    """Every order is booked once, or a person decides."""
    await desk.create_order(event.data, key=event.id)


def desk(**settings: float) -> Desk:
    """Open a desk on a wire of its own."""
    config = Config(**settings)  # type: ignore[arg-type]
    return Desk(config, Wire(config))


def blind_desk(**settings: float) -> BlindDesk:
    """Open a desk that cannot be asked."""
    config = Config(**settings)  # type: ignore[arg-type]
    return BlindDesk(config, Wire(config))
