"""An owner that was overtaken changes nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import FLOW, Owner, call, emission, take
from raccordo.errors import Fenced
from raccordo.ledger import EffectState, State
from raccordo.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from raccordo.ledger.sql import SqlLedger

STEPS: dict[str, Callable[[SqlLedger, Owner], Awaitable[Any]]] = {
    "claim a new event": lambda ledger, old: ledger.claim(old.a_claim("new", 8)),
    "claim its own event": lambda ledger, old: ledger.claim(old.a_claim("a")),
    "send": lambda ledger, old: ledger.send(old.a_sending("a", effect=call("other", index=1))),
    "conclude": lambda ledger, old: ledger.conclude(
        old.a_death("a", emissions=(emission("a"),), blocks=True)
    ),
    "park": lambda ledger, old: ledger.park(old.a_parking("a", effects=(call("a", EffectState.FAILED),))),
    "queue": lambda ledger, old: ledger.queue(old.grant, "acme:p", old.record(9), 1),
    "bury": lambda ledger, old: ledger.bury(old.a_burial(9)),
    "unpark": lambda ledger, old: ledger.unpark(old.grant, "acme:empty"),
}


async def everything(ledger: SqlLedger) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return await ledger.database.read(
        lambda connection: {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in metadata.sorted_tables
        }
    )


@pytest.mark.parametrize("step", STEPS)
async def test_an_overtaken_owner_changes_nothing(step: str, ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    for offset, word in enumerate(["p", "empty"], 1):
        await ledger.claim(owner.a_claim(word, offset))
        await ledger.park(owner.a_parking(word, offset))
    await ledger.claim(owner.a_claim("empty", 2))
    await ledger.conclude(owner.an_end("empty", offset=2))
    await take(ledger, owner="worker-2")
    before = await everything(ledger)

    with pytest.raises(Fenced, match="epoch 1 has passed"):
        await STEPS[step](ledger, owner)

    assert await everything(ledger) == before


async def test_a_fenced_step_leaves_its_neighbours_in_the_group_alone(
    ledger: SqlLedger, owner: Owner
) -> None:
    other = await take(ledger, 1)
    successor = await take(ledger, 0)

    fenced, refused, kept, taken = await asyncio.gather(
        ledger.claim(owner.a_claim("a")),
        ledger.conclude(other.an_end("never claimed")),
        ledger.claim(other.a_claim("b")),
        ledger.claim(successor.a_claim("c")),
        return_exceptions=True,
    )

    assert isinstance(fenced, Fenced)
    assert "never claimed" in str(refused)
    assert kept.state is None  # type: ignore[union-attr]
    assert taken.state is None  # type: ignore[union-attr]


async def test_an_owner_may_end_only_what_it_has_claimed(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    successor = await take(ledger)

    with pytest.raises(Fenced, match="taken over"):
        await ledger.conclude(successor.an_end("a"))

    assert (await ledger.claim(successor.a_claim("a"))).state is State.CLAIMED


async def test_of_owners_in_a_race_exactly_one_is_not_fenced(open_ledger: Callable[..., Any]) -> None:
    """Two workers take the same partition over and over and claim in between: no two hold it at once."""
    first, second = await open_ledger(), await open_ledger()

    async def life(ledger: SqlLedger, name: str) -> list[int]:
        kept = []
        for round_ in range(15):
            owner = await take(ledger, owner=name)
            try:
                for number in range(3):
                    await ledger.claim(owner.a_claim(f"{name} {round_} {number}", number))
                    kept.append(owner.grant.epoch)
            except Fenced:
                continue
        return kept

    one, two = await asyncio.gather(life(first, "one"), life(second, "two"))

    assert not set(one) & set(two)
    last = await take(first)
    assert last.grant.epoch == 31


async def test_each_partition_of_a_flow_has_its_own_epoch(ledger: SqlLedger, owner: Owner) -> None:
    acquired = await ledger.acquire(
        FLOW, [owner.grant.partition, owner.grant.partition._replace(number=1)], "w", 1
    )

    assert [one.grant.epoch for one in acquired] == [2, 1]
