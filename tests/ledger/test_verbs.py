"""The verbs of the port, one promise a test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ledgers import Owner, call, emission, key_of, take
from raccordo.errors import ContractError, LedgerError
from raccordo.ledger import EffectState, State

if TYPE_CHECKING:
    from raccordo.ledger.sql import SqlLedger


async def test_an_event_that_was_never_seen_is_claimed(ledger: SqlLedger, owner: Owner) -> None:
    standing = await ledger.claim(owner.a_claim("a", at=7))

    assert standing.state is None
    assert standing.since == 7
    assert not standing.effects


async def test_a_claim_may_be_repeated(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a", at=7))

    standing = await ledger.claim(owner.a_claim("a", at=9))

    assert standing.state is State.CLAIMED
    assert standing.since == 7


async def test_a_claim_gives_back_the_calls_that_were_made_in_their_order(
    ledger: SqlLedger, owner: Owner
) -> None:
    await ledger.claim(owner.a_claim("a"))
    second = call("second", index=1, looks=3, request_digest="ab", settle_at=99)
    await ledger.send(owner.a_sending("a", effect=second))
    await ledger.send(owner.a_sending("a"))

    standing = await ledger.claim(owner.a_claim("a"))

    assert standing.effects == (call("a"), second)


async def test_an_event_at_its_end_is_not_claimed_again(ledger: SqlLedger, owner: Owner) -> None:
    await owner.carry("a")

    assert (await ledger.claim(owner.a_claim("a"))).state is State.CONFIRMED
    assert (await ledger.claim(owner.a_claim("a", offset=77))).state is State.CONFIRMED


async def test_a_known_id_with_another_body_is_a_conflict_and_changes_nothing(
    ledger: SqlLedger, owner: Owner
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))

    standing = await ledger.claim(owner.a_claim("a", offset=1, fingerprint=key_of("other data")))

    assert standing.conflict
    assert standing.state is State.CLAIMED
    assert not standing.effects
    await ledger.conclude(owner.an_end("a"))  # still its owner's


async def test_a_repeat_in_another_partition_leaves_the_event_to_its_owner(
    ledger: SqlLedger, owner: Owner
) -> None:
    await ledger.claim(owner.a_claim("a"))
    other = await take(ledger, 1)

    standing = await ledger.claim(other.a_claim("a", offset=4))

    assert standing.elsewhere
    await ledger.conclude(owner.an_end("a"))
    assert (await ledger.claim(other.a_claim("a", offset=4))).state is State.CONFIRMED


async def test_a_repeat_takes_over_from_an_owner_that_was_overtaken(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    other = await take(ledger, 1)
    later = await take(ledger, 0)

    standing = await ledger.claim(other.a_claim("a", offset=4))

    assert not standing.elsewhere
    assert standing.effects == (call("a"),)
    assert (await ledger.claim(later.a_claim("a"))).elsewhere


async def test_a_repeat_of_a_parked_event_leaves_it_parked(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.park(owner.a_parking("a"))
    later = await take(ledger)

    standing = await ledger.claim(later.a_claim("a", offset=9))

    assert standing.elsewhere
    assert standing.state is State.PARKED
    assert (await ledger.claim(later.a_claim("a"))).state is State.PARKED


async def test_a_confirmed_call_is_never_sent_again(ledger: SqlLedger, owner: Owner) -> None:
    await owner.carry("a")
    other = await take(ledger, flow="other-flow")
    await ledger.claim(other.a_claim("b"))

    clearance = await ledger.send(other.a_sending("b", effect=call("a")))

    assert clearance.standing is not None
    assert clearance.standing.state is EffectState.CONFIRMED
    assert clearance.standing.document == "D-a"


async def test_a_call_under_way_for_another_flow_is_not_made_twice(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    other = await take(ledger, flow="other-flow")
    await ledger.claim(other.a_claim("b"))

    clearance = await ledger.send(other.a_sending("b", effect=call("a", sent_at=55)))

    assert clearance.standing == call("a")


async def test_a_call_that_surely_was_not_done_may_be_sent_by_whoever_needs_it(
    ledger: SqlLedger, owner: Owner
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    await ledger.park(owner.a_parking("a", effects=(call("a", EffectState.FAILED),)))
    other = await take(ledger, flow="other-flow")
    await ledger.claim(other.a_claim("b"))

    assert await ledger.send(other.a_sending("b", effect=call("a", sent_at=55))) is not None

    assert (await ledger.claim(other.a_claim("b"))).effects == (call("a", sent_at=55),)


async def test_a_confirmed_call_stays_confirmed(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    known = call("a", EffectState.CONFIRMED, document="D1", result="{}")
    await ledger.park(owner.a_parking("a", effects=(known,)))

    await ledger.park(owner.a_parking("a", effects=(call("a", EffectState.UNKNOWN),)))

    assert (await ledger.claim(owner.a_claim("a"))).effects == (known,)


async def test_a_sending_carries_what_is_known_of_earlier_calls(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    known = call("a", EffectState.CONFIRMED, document="D1", result="{}")

    await ledger.send(owner.a_sending("a", effect=call("next", index=1), concluded=(known,)))

    assert (await ledger.claim(owner.a_claim("a"))).effects == (known, call("next", index=1))


async def test_a_silent_system_is_not_called_by_anybody_until_its_time(
    ledger: SqlLedger, owner: Owner
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.hush("sap", 5_000, "429", 1)
    await ledger.hush("sap", 4_000, "shorter", 2)

    assert (await ledger.send(owner.a_sending("a", at=4_999))).not_before == 5_000
    assert not (await ledger.claim(owner.a_claim("a"))).effects
    assert (await ledger.send(owner.a_sending("a", at=5_000))).not_before is None


async def test_an_event_ends_once(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.claim(owner.a_claim("a"))
    end = owner.an_end("a", emissions=(emission("a"),))

    await ledger.conclude(end)
    await ledger.conclude(end)
    await ledger.conclude(replace(end, state=State.DEAD))

    assert [one.id for one in await ledger.outbox([owner.grant])] == [emission("a").id]
    assert (await ledger.claim(owner.a_claim("a"))).state is State.CONFIRMED


async def test_an_event_that_was_never_claimed_cannot_end(ledger: SqlLedger, owner: Owner) -> None:
    with pytest.raises(LedgerError, match="never claimed"):
        await ledger.conclude(owner.an_end("a"))


async def test_the_outbox_keeps_order_and_bytes_until_published(ledger: SqlLedger, owner: Owner) -> None:
    words = ["a", "b", "c"]
    for word in words:
        await owner.carry(word)

    waiting = await ledger.outbox([owner.grant])

    assert [one.id for one in waiting] == [emission(word).id for word in words]
    assert waiting[0].record == emission("a").record
    await ledger.published([waiting[1].id, "unknown"], 9)
    await ledger.published([waiting[1].id], 10)
    assert [one.id for one in await ledger.outbox([owner.grant])] == [emission("a").id, emission("c").id]


async def test_the_outbox_of_a_dead_owner_is_its_successors(ledger: SqlLedger, owner: Owner) -> None:
    await owner.carry("a")
    successor = await take(ledger)
    neighbour = await take(ledger, 1)

    assert len(await ledger.outbox([successor.grant])) == 1
    assert not await ledger.outbox([neighbour.grant])


async def test_a_record_that_is_no_event_is_buried_once(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.bury(owner.a_burial(3))
    await ledger.bury(owner.a_burial(3))

    assert len(await ledger.outbox([owner.grant])) == 1


async def test_identities_come_back_exactly_whatever_they_contain(ledger: SqlLedger, owner: Owner) -> None:
    strange = "acme:\x00 \ud800 \x1b0000 ü"
    await ledger.claim(owner.a_claim("a", lane=strange, event_id="\x00", correlation_id="\udfff"))
    await ledger.park(owner.a_parking("a", lane=strange, reason="\x00 \ud800"))

    assert [due.lane for due in await ledger.due([owner.grant], 5_000, 9)] == [strange]
    assert await ledger.head(owner.grant, strange) is not None
    (again,) = await ledger.acquire(owner.grant.flow, [owner.grant.partition], "other", 1)
    assert again.parked == {strange}


async def test_an_identity_that_no_index_can_hold_is_refused_alone(ledger: SqlLedger, owner: Owner) -> None:
    with pytest.raises(ContractError, match="lane"):
        await ledger.claim(owner.a_claim("a", lane="x" * 1025))

    await ledger.claim(owner.a_claim("b", business_keys=(("order_id", "ü" * 5_000),)))


async def test_the_position_grows_with_every_change_and_is_what_the_successor_finds(
    ledger: SqlLedger, owner: Owner
) -> None:
    assert ledger.sequence(owner.grant) == 0
    await ledger.claim(owner.a_claim("a"))
    first = ledger.sequence(owner.grant)
    await ledger.conclude(owner.an_end("a"))

    assert 0 < first < ledger.sequence(owner.grant)
    (again,) = await ledger.acquire(owner.grant.flow, [owner.grant.partition], "other", 1)
    assert again.sequence == ledger.sequence(again.grant)
    assert ledger.position(again.grant) == f"{again.ledger_id}:{again.sequence}"


async def test_a_stopped_ledger_says_so(ledger: SqlLedger, owner: Owner) -> None:
    await ledger.ping()
    await ledger.stop()
    await ledger.stop()

    with pytest.raises(LedgerError, match="stopped"):
        await ledger.claim(owner.a_claim("a"))
