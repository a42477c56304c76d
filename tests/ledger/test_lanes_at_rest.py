"""Parked lanes as the ledger keeps them: order, heads, the race at the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ledgers import FLOW, TOPIC, Owner, call, take
from raccordo.ledger import EffectState, Lane, State, Why
from raccordo.ledger.headers import pack
from raccordo.ledger.tables import held, lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from raccordo.broker import Record
    from raccordo.ledger.sql import SqlLedger

LANE = "acme:a"


async def offsets(owner: Owner, ledger: SqlLedger, name: str = LANE) -> list[int]:
    """Drain a lane as its owner would, and say in which order its records came."""
    seen = []
    while (record := await ledger.head(owner.grant, name)) is not None:
        seen.append(record.offset)
        await ledger.claim(owner.a_claim(f"drained {record.offset}", record.offset, lane=name))
        await ledger.conclude(owner.an_end(f"drained {record.offset}", offset=record.offset, lane=name))
    return seen


async def parked(owner: Owner, ledger: SqlLedger, followers: tuple[Record, ...] = (), **facts: Any) -> None:
    """Park the event called a, with later records of its lane behind it."""
    await ledger.claim(owner.a_claim("a"))
    await ledger.park(owner.a_parking("a", **facts))
    for record in followers:
        await ledger.queue(owner.grant, LANE, record, 4_000)


async def test_a_lane_is_due_at_its_time_and_not_before(ledger: SqlLedger, owner: Owner) -> None:
    await parked(owner, ledger, next_at=5_000)

    assert await ledger.due([owner.grant], 4_999, 9) == []
    assert await ledger.due([owner.grant], 5_000, 9) == [Lane(owner.grant, LANE)]
    assert await ledger.due([], 5_000, 9) == []


async def test_due_lanes_come_oldest_first_and_only_those_of_the_asker(
    ledger: SqlLedger, owner: Owner
) -> None:
    other = await take(ledger, 1)
    for number, word in enumerate(["c", "a", "b"]):
        who = other if word == "b" else owner
        await ledger.claim(who.a_claim(word, number))
        await ledger.park(who.a_parking(word, number, next_at=ord(word)))

    assert [one.lane for one in await ledger.due([owner.grant], 5_000, 9)] == ["acme:a", "acme:c"]
    assert [one.lane for one in await ledger.due([owner.grant, other.grant], 5_000, 2)] == [
        "acme:a",
        "acme:b",
    ]


async def test_followers_leave_a_lane_in_the_order_in_which_they_came(
    ledger: SqlLedger, owner: Owner
) -> None:
    await parked(owner, ledger, followers=(owner.record(1), owner.record(2)))
    await asyncio.gather(*(ledger.queue(owner.grant, LANE, owner.record(n), 1) for n in (5, 3, 4)))
    await ledger.queue(owner.grant, LANE, owner.record(3), 1)

    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.an_end("a"))

    assert await offsets(owner, ledger) == [1, 2, 3, 4, 5]


async def test_a_head_comes_back_byte_for_byte(ledger: SqlLedger, owner: Owner) -> None:
    await parked(owner, ledger)

    assert await ledger.head(owner.grant, LANE) == owner.record(0, b"a")


async def test_a_parked_head_that_is_tried_and_parked_again_stays_the_head(
    ledger: SqlLedger, owner: Owner
) -> None:
    await parked(owner, ledger, followers=(owner.record(1),))
    standing = await ledger.claim(owner.a_claim("a"))

    await ledger.park(owner.a_parking("a", attempts=2, next_at=9_000, why=Why.LOOK, effects=(call("a"),)))

    assert standing.attempts == 1
    assert await ledger.due([owner.grant], 8_999, 9) == []
    head = await ledger.head(owner.grant, LANE)
    assert head is not None
    assert head.offset == 0
    again = await ledger.claim(owner.a_claim("a"))
    assert (again.state, again.attempts, again.effects) == (State.PARKED, 2, (call("a"),))


async def test_a_lane_is_forgotten_only_when_nothing_of_it_waits(ledger: SqlLedger, owner: Owner) -> None:
    await parked(owner, ledger, followers=(owner.record(1),))
    assert not await ledger.unpark(owner.grant, LANE)
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.an_end("a"))
    assert not await ledger.unpark(owner.grant, LANE)
    await offsets(owner, ledger)

    assert await ledger.due([owner.grant], 9_999, 9) == [Lane(owner.grant, LANE)]
    assert await ledger.unpark(owner.grant, LANE)
    assert await ledger.due([owner.grant], 9_999, 9) == []
    assert await ledger.unpark(owner.grant, LANE)


async def test_a_record_that_races_the_forgetting_of_its_lane_is_not_lost(
    ledger: SqlLedger, owner: Owner
) -> None:
    """Whichever of the two comes first, the record waits in a lane that is due."""
    await parked(owner, ledger)
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.an_end("a"))

    together = ledger.unpark(owner.grant, LANE), ledger.queue(owner.grant, LANE, owner.record(1), 4)
    forgotten, _ = await asyncio.gather(*together)
    await ledger.queue(owner.grant, "acme:b", owner.record(2), 4)

    assert not forgotten
    assert {due.lane for due in await ledger.due([owner.grant], 4_000, 9)} == {LANE, "acme:b"}


async def test_a_blocked_lane_is_never_due_and_never_forgotten(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.a_death("a", blocks=True))
    await ledger.queue(owner.grant, LANE, owner.record(1), 4)

    assert await ledger.due([owner.grant], 10**15, 9) == []
    assert not await ledger.unpark(owner.grant, LANE)
    (again,) = await ledger.acquire(FLOW, [owner.grant.partition], "other", 1)
    assert again.parked == {LANE}


async def test_a_dead_record_is_not_queued_again_by_a_redelivery(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.a_death("a", blocks=True))

    await ledger.queue(owner.grant, LANE, owner.record(0, b"a"), 4)

    assert await ledger.head(owner.grant, LANE) is None


async def test_a_repeat_that_comes_to_the_head_of_a_lane_leaves_it(ledger: SqlLedger, owner: Owner) -> None:
    await parked(owner, ledger, followers=(owner.record(1),))
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.an_end("a"))

    repeat = await ledger.claim(owner.a_claim("a", offset=1))

    assert repeat.state is State.CONFIRMED
    assert await ledger.head(owner.grant, LANE) is None


async def test_a_record_moves_to_the_lane_in_which_it_is_queued_last(ledger: SqlLedger, owner: Owner) -> None:
    await parked(owner, ledger, followers=(owner.record(1),))

    await ledger.queue(owner.grant, "acme:new", owner.record(1), 4)

    moved = await ledger.head(owner.grant, "acme:new")
    assert moved == owner.record(1)
    assert [due.lane for due in await ledger.due([owner.grant], 4, 9)] == ["acme:new"]


async def test_a_queued_record_that_turns_out_to_be_no_event_leaves_its_lane(
    ledger: SqlLedger, owner: Owner
) -> None:
    await parked(owner, ledger, followers=(owner.record(1),))
    await ledger.bury(owner.a_burial(1))
    await ledger.claim(owner.a_claim("a"))
    await ledger.conclude(owner.an_end("a"))

    assert await ledger.head(owner.grant, LANE) is None
    assert await ledger.unpark(owner.grant, LANE)


async def test_what_is_parked_survives_its_owner(
    open_ledger: Callable[..., Any], ledger: SqlLedger, owner: Owner
) -> None:
    await parked(owner, ledger, followers=(owner.record(1),), effects=(call("a", EffectState.UNKNOWN),))
    await ledger.stop()
    second = await open_ledger()
    (acquired,) = await second.acquire(FLOW, [owner.grant.partition], "other", 1)
    successor = Owner(second, acquired.grant)

    standing = await second.claim(successor.a_claim("a"))

    assert acquired.parked == {LANE}
    assert standing.state is State.PARKED
    assert standing.effects == (call("a", EffectState.UNKNOWN),)


async def test_a_partition_with_a_hundred_thousand_parked_lanes_is_acquired_in_seconds(
    ledger: SqlLedger, owner: Owner
) -> None:
    number = 100_000
    place = {"flow": FLOW, "topic": TOPIC, "partition": 0}
    rests = {"why": "retry", "next_at": 5, "since": 1, "head": 0, "attempts": 1, "error": "", "reason": ""}
    record = {"key": b"", "value": b"", "headers": pack(()), "timestamp": 0, "error": "", "reason": ""}
    times = {"first_at": 1, "last_at": 1, "attempts": 1, "role": "parked", "event_key": None}
    for start in range(0, number, 10_000):
        names = range(start, start + 10_000)
        lanes = [{**place, **rests, "lane": f"acme:{n}"} for n in names]
        heads = [{**place, **record, **times, "offset": n, "lane": f"acme:{n}"} for n in names]
        await ledger.database.write(lambda c, rows=lanes: c.execute(lane.insert(), rows) and None)  # type: ignore[misc]
        await ledger.database.write(lambda c, rows=heads: c.execute(held.insert(), rows) and None)  # type: ignore[misc]

    begun = time.monotonic()
    (acquired,) = await ledger.acquire(FLOW, [owner.grant.partition], "other", 1)
    due = await ledger.due([acquired.grant], 10, 200)
    first = await ledger.head(acquired.grant, due[0].lane)
    taken = time.monotonic() - begun

    assert len(acquired.parked) == number
    assert len(due) == 200
    assert first is not None
    assert taken < 10
