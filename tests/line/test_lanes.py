"""Order over what happens to lanes: rebalances in the middle of a drain, ledger outages, owners of yesterday."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from crew import Crew
from desk import Desk, Placed, to_desk
from raccordo import member as member_module
from raccordo.errors import BrokerError, Locked
from raccordo.event import Event
from raccordo.flow import Backoff, flow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NUMBERS = 12
SEQS = 20


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    """A crew of the flow `to_desk`, without members yet."""
    made = Crew(to_desk, tmp_path)
    yield made
    await made.leave()


def _orders(seqs: range, numbers: int = NUMBERS) -> list[Placed]:
    return [
        Placed(customer=f"c{number % 5}", number=f"n{number}", seq=seq)
        for seq in seqs
        for number in range(numbers)
    ]


async def test_a_rebalance_in_the_middle_of_a_drain_keeps_every_lane_in_order(crew: Crew) -> None:
    """Every head is locked at first, so that all lanes drain from the ledger while members come and go."""
    tried: set[str] = set()

    def lock_first(number: str, attempt: int) -> Exception | None:
        if attempt == 1 and number not in tried:
            tried.add(number)
            return Locked("in use")
        return None

    crew.wire.faults = lock_first
    first = await crew.join()
    await crew.publish(*_orders(range(SEQS)))
    await crew.booked(NUMBERS)
    second = await crew.join()
    await crew.publish(*_orders(range(SEQS, 2 * SEQS)))
    await crew.booked(NUMBERS * SEQS)
    await first.leave()
    third = await crew.join()
    await crew.publish(*_orders(range(2 * SEQS, 3 * SEQS)))
    await crew.booked(NUMBERS * SEQS * 3)
    assert crew.sequences() == {f"n{number}": list(range(3 * SEQS)) for number in range(NUMBERS)}
    assert second.member.ready
    assert third.member.ready


@pytest.mark.parametrize("turn", range(3))
async def test_an_outage_of_the_ledger_while_a_lane_is_parked_keeps_its_order(crew: Crew, turn: int) -> None:
    """What waits behind a parked head comes into the ledger one after another, also when a write has to be repeated."""
    locked = {"it": True}
    crew.wire.faults = lambda number, _attempt: Locked("in use") if locked["it"] and number == "n0" else None
    hand = await crew.join()
    hand.line.rng.seed(turn)
    await crew.publish(Placed(customer="c", number="n0", seq=0))
    async with asyncio.timeout(10):
        while not any(lanes.parked for lanes in hand.member.lanes.values()):
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)
    before = dict(crew.broker.groups["to-desk"].positions)
    hand.outage.on = True
    await crew.publish(*(Placed(customer="c", number="n0", seq=seq) for seq in range(1, 30)))
    await asyncio.sleep(0.6)
    assert crew.broker.groups["to-desk"].positions == before, "no offset passes what is not in the ledger"
    locked["it"] = False
    hand.outage.on = False
    await crew.booked(30)
    assert crew.sequences() == {"n0": list(range(30))}


async def test_an_outage_of_the_ledger_moves_no_offset_and_loses_nothing(crew: Crew) -> None:
    hand = await crew.join()
    await crew.publish(*_orders(range(1)))
    await crew.booked(NUMBERS)
    await asyncio.sleep(0.1)
    before = dict(crew.broker.groups["to-desk"].positions)
    hand.outage.on = True
    await crew.publish(*_orders(range(1, 4)))
    await asyncio.sleep(0.5)
    assert crew.broker.groups["to-desk"].positions == before
    assert len(crew.wire.booked) == NUMBERS, "nothing is sent that cannot be remembered"
    assert hand.line.trouble is not None
    assert hand.log.getvalue().count("line_stalled") == 1
    hand.outage.on = False
    await crew.booked(NUMBERS * 4)
    assert crew.sequences() == {f"n{number}": list(range(4)) for number in range(NUMBERS)}


async def test_an_owner_whom_another_has_overtaken_touches_nothing(crew: Crew) -> None:
    """The group drops a member that does not know it; the other takes over; the first one wakes up in a write."""
    sleeper = await crew.join()
    crew.wire.gate.clear()
    await crew.publish(*_orders(range(2)))
    async with asyncio.timeout(10):
        while len(crew.wire.attempts) < NUMBERS:
            await asyncio.sleep(0.005)
    overtaken = {one for lanes in sleeper.member.lanes.values() for one in [lanes]}
    granted = [(lanes.grant.flow, lanes.grant.partition) for lanes in overtaken]
    for name, partition in granted:  # what a take-over does to the ledger, from another process
        await sleeper.ledger.acquire(name, [partition], "another", 1)
    crew.wire.gate.set()
    async with asyncio.timeout(10):
        while not all(lanes.fenced for lanes in overtaken if lanes.watermark.committable is not None):
            await asyncio.sleep(0.005)
    moved = {position.offset for position in crew.broker.groups["to-desk"].positions.values()} - {0}
    assert moved == set(), "no offset moved under the old epoch"
    await crew.booked(NUMBERS * 2)
    await asyncio.sleep(0.3)
    assert crew.sequences() == {f"n{number}": [0, 1] for number in range(NUMBERS)}
    assert "partition_dropped" in sleeper.log.getvalue()
    assert sleeper.member.ready, "it has joined anew"


async def test_what_a_dead_owner_had_concluded_and_not_published_is_published_by_the_next(crew: Crew) -> None:
    """F04: the outbox goes with the partition; nobody is asked again for what is confirmed."""
    first = await crew.join(drain_timeout=0.2)
    crew.wire.gate.clear()
    await crew.publish(*_orders(range(1)))
    crew.broker.refuse("publish", BrokerError("away"), times=10_000)
    crew.wire.gate.set()
    await crew.booked(NUMBERS)
    await asyncio.sleep(0.5)
    assert first.line.trouble is not None, "fetching goes well, and yet nothing can move"
    assert first.log.getvalue().count("line_stalled") == 1
    await first.leave()
    crew.broker._refusals.clear()
    await crew.join()
    await asyncio.sleep(0.3)
    told = [
        record.value
        for partition, log in crew.broker.logs.items()
        if partition.topic == "booked"
        for record in log.read(log.begin, log.end - log.begin)
    ]
    assert len(told) == len(set(told)) == NUMBERS
    assert len(crew.wire.booked) == NUMBERS


@flow("failing", lane="number", retry=Backoff(first=0.02, cap=0.1, defects=50))
async def failing(event: Event[Placed], desk: Desk) -> None:
    """Fails until it is mended."""
    if not MENDED:
        raise ValueError(event.data.customer)
    await desk.create_order(event.data, key=event.id)


MENDED: list[bool] = []


async def test_ten_defects_in_a_row_halt_the_flow_for_a_while_and_then_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_module, "HALT_SECONDS", 1.2)
    MENDED.clear()
    crew = Crew(failing, tmp_path)
    hand = await crew.join()
    await crew.publish(*_orders(range(1), numbers=30))
    async with asyncio.timeout(10):
        while not hand.member.halted:
            await asyncio.sleep(0.002)
    assert not hand.member.ready
    assert "10 defects in a row" in hand.member.halted
    await asyncio.sleep(0.3)  # what was under way
    defects = hand.line.defects_in_a_row
    await asyncio.sleep(0.3)
    assert hand.line.defects_in_a_row == defects, "no further attempt is used up meanwhile"
    MENDED.append(True)
    await crew.booked(30)
    async with asyncio.timeout(10):
        while not hand.member.ready:
            await asyncio.sleep(0.01)
    await crew.leave()
