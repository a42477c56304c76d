"""Steps that are asked for together share a transaction, and nobody waits for company."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from ledgers import Owner, key_of, take
from raccordo.errors import LedgerError
from raccordo.ledger import State
from raccordo.ledger.committer import LARGEST_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable

    from raccordo.ledger.sql import SqlLedger


@pytest.fixture
def transactions(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each transaction that writes."""
    made: list[str] = []
    write = ledger.database.write

    async def counted(work: Callable[..., Any]) -> Any:
        made.append("write")
        return await write(work)

    monkeypatch.setattr(ledger.database, "write", counted)
    return made


async def test_a_lonely_step_is_one_transaction_at_once(
    ledger: SqlLedger, owner: Owner, transactions: list[str]
) -> None:
    await ledger.claim(owner.a_claim("a"))

    assert len(transactions) == 1


async def test_hundreds_of_events_share_one_transaction_a_step(
    ledger: SqlLedger, owner: Owner, transactions: list[str]
) -> None:
    await asyncio.gather(*(owner.carry(f"event {number}", number) for number in range(300)))

    assert len(transactions) == 3
    states = [(await ledger.claim(owner.a_claim(f"event {number}", number))).state for number in (0, 299)]
    assert states == [State.CONFIRMED, State.CONFIRMED]


async def test_a_group_is_bounded(ledger: SqlLedger, owner: Owner, transactions: list[str]) -> None:
    claims = [owner.a_claim(f"event {number}", number) for number in range(LARGEST_GROUP + 1)]

    await asyncio.gather(*map(ledger.claim, claims))

    assert len(transactions) == 2


async def test_the_same_event_twice_in_one_group_is_claimed_once(ledger: SqlLedger, owner: Owner) -> None:
    other = await take(ledger, 1)

    first, second = await asyncio.gather(
        ledger.claim(owner.a_claim("a")), ledger.claim(other.a_claim("a", offset=7))
    )

    assert first.state is None
    assert second.elsewhere


async def test_the_same_call_twice_in_one_group_is_sent_once(ledger: SqlLedger, owner: Owner) -> None:
    other = await take(ledger, flow="other")
    await asyncio.gather(ledger.claim(owner.a_claim("a")), ledger.claim(other.a_claim("b")))
    wanted = owner.a_sending("a")

    first, second = await asyncio.gather(
        ledger.send(wanted), ledger.send(other.a_sending("b", effect=wanted.effect))
    )

    assert first.standing is None
    assert second.standing == wanted.effect


async def test_a_caller_that_was_cancelled_holds_nobody_up(ledger: SqlLedger, owner: Owner) -> None:
    waiting = [asyncio.create_task(ledger.claim(owner.a_claim(f"e{number}", number))) for number in range(5)]
    await asyncio.sleep(0)
    waiting[2].cancel()

    done = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(done[2], asyncio.CancelledError)
    assert sum(not isinstance(one, BaseException) for one in done) == 4


@pytest.mark.parametrize(
    "evil", [{"event_key": None}, {"at": 2**80}, {"contract": 1.5j}, {"published_at": None}]
)
async def test_a_step_that_cannot_be_stored_fails_alone(
    evil: dict[str, Any], ledger: SqlLedger, owner: Owner
) -> None:
    claims = [owner.a_claim(f"e{number}", number) for number in range(9)]
    claims[4] = replace(claims[4], **evil)

    standings = await asyncio.gather(*map(ledger.claim, claims), return_exceptions=True)

    failed = [number for number, standing in enumerate(standings) if isinstance(standing, BaseException)]
    assert failed == [4]
    assert isinstance(standings[4], LedgerError)


async def test_what_is_pending_is_committed_before_the_ledger_stops(
    open_ledger: Callable[..., Any], ledger: SqlLedger, owner: Owner
) -> None:
    waiting = [asyncio.create_task(ledger.claim(owner.a_claim(f"e{number}", number))) for number in range(5)]
    await asyncio.sleep(0)
    await ledger.stop()
    await asyncio.gather(*waiting)

    second = await open_ledger()
    successor = await take(second)
    assert (await second.claim(successor.a_claim("e4", 4))).state is State.CLAIMED


async def test_two_workers_claim_the_same_events_at_the_same_time_and_each_has_one_owner(
    open_ledger: Callable[..., Any],
) -> None:
    """The repeat in another partition, at the same moment, over another connection."""
    ledgers = [await open_ledger(), await open_ledger()]
    owners = [await take(ledger, number) for number, ledger in enumerate(ledgers)]
    words = [f"event {number}" for number in range(200)]

    async def claim_all(owner: Owner, order: int) -> list[bool]:
        claims = [owner.a_claim(word, number) for number, word in enumerate(words)][::order]
        standings = [
            await asyncio.gather(*map(owner.ledger.claim, claims[n : n + 20])) for n in range(0, 200, 20)
        ]
        ours = {
            claim.event_key: standing.state is None
            for claim, standing in zip(claims, chain.from_iterable(standings), strict=True)
        }
        return [ours[key_of(word)] for word in words]

    first, second = await asyncio.gather(claim_all(owners[0], 1), claim_all(owners[1], -1))

    assert all(one != two for one, two in zip(first, second, strict=True))
