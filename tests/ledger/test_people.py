"""What people see of the ledger, and what they do to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from ledgers import FLOW, HEADERS, TOPIC, Owner, call, emission, key_of, take
from raccordo.errors import ConfigError
from raccordo.ledger import EffectState, State, Step, Why
from raccordo.ledger.findings import LaneId, Page
from raccordo.ledger.inspection import Inspection, opened
from raccordo.ledger.intervention import Act, Intervention, Release
from raccordo.ledger.tables import audit

if TYPE_CHECKING:
    from raccordo.ledger.sql import SqlLedger

ACT = Act("anna", "customer exists now", 9_000)
LANE = LaneId(FLOW, TOPIC, 0, "acme:a")


@pytest.fixture
def look(ledger: SqlLedger) -> Inspection:
    """The eyes."""
    return Inspection(ledger.database)


@pytest.fixture
def act(ledger: SqlLedger) -> Intervention:
    """The hands."""
    return Intervention(ledger.database)


async def die(owner: Owner, word: str = "a", offset: int = 0, **facts: Any) -> str:
    """Let an event die; returns its id."""
    await owner.ledger.claim(owner.a_claim(word, offset))
    await owner.ledger.send(owner.a_sending(word))
    refused = call(word, EffectState.FAILED)
    await owner.ledger.conclude(owner.a_death(word, offset, **{"effects": (refused,), **facts}))
    return key_of(word).hex()


async def doubt(owner: Owner, word: str = "a", **facts: Any) -> str:
    """Leave an event in doubt behind which its lane waits; returns its id."""
    unknown = call(word, EffectState.UNKNOWN)
    return await die(owner, word, state=State.NEEDS_HUMAN, effects=(unknown,), blocks=True, **facts)


async def audited(ledger: SqlLedger) -> list[tuple[str, str, str]]:
    """Who did what, and why."""
    rows = select(audit.c.actor, audit.c.action, audit.c.reason).order_by(audit.c.sequence)
    return await ledger.database.read(lambda connection: [tuple(row) for row in connection.execute(rows)])


async def test_why_tells_one_timeline_from_the_publish_to_the_document(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    await owner.carry("a", journey=(Step(2_020, "answer lost", "sap"), Step(2_030, "found", "D-a")))
    await ledger.published([emission("a").id], 4_000)

    (story,) = await look.why("ORD-a")

    assert [entry.step for entry in story.timeline] == [
        "sent",
        "published",
        "claimed",
        "answer lost",
        "found",
        "confirmed",
        "ended",
        "said",
        "published",
    ]
    assert story.state == "confirmed"
    assert story.calls[0].document == "D-a"
    assert story.said[0].published_at == 4_000
    assert ("order_id", "ORD-a") in story.business_keys
    assert (await look.why("D-a")) == (await look.why("a")) == (await look.why(story.id)) == (story,)
    assert (await look.why(call("a").key)) == (story,)
    shown = json.loads(json.dumps(story.as_json()))
    assert shown["timeline"][-1] == {
        "at": "1970-01-01T00:00:04.000Z",
        "step": "published",
        "detail": f"OrderConfirmed {emission('a').id} to ordini_confermati",
    }


async def test_why_tells_what_an_event_led_to_as_a_tree(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    await owner.carry("a")
    other = await take(ledger, flow="confirmation-to-shop")
    caused: dict[str, Any] = {
        "event_id": emission("a").id,
        "causation_id": "a",
        "business_keys": (("order_id", "ORD-a"),),
    }
    await ledger.claim(other.a_claim("child", **caused))

    (story,) = await look.why("ORD-a")

    assert [child.flow for child in story.led_to] == ["confirmation-to-shop"]


async def test_why_keeps_tenants_apart(ledger: SqlLedger, owner: Owner, look: Inspection) -> None:
    await owner.carry("a")
    await ledger.claim(owner.a_claim("b", 1, tenant="other", business_keys=(("order_id", "ORD-a"),)))

    assert len(await look.why("ORD-a")) == 2
    assert [story.tenant for story in await look.why("ORD-a", "other")] == ["other"]
    assert await look.why("ORD-a", "third") == ()


async def test_why_tells_when_a_parked_event_is_tried_next(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.park(owner.a_parking("a", next_at=7_000, journey=(Step(3_999, "refused", "503"),)))

    (story,) = await look.why("ORD-a")

    assert (story.state, story.why, story.next_at, story.reason) == ("parked", "retry", 7_000, "refused")
    assert [entry.step for entry in story.timeline][-2:] == ["refused", "parked"]


async def test_why_finds_what_only_queues_behind_a_parked_head(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    await ledger.claim(owner.a_claim("a"))
    follower = owner.record(1, b'{"order_id":"ORD-2"}')
    await ledger.park(owner.a_parking("a"))
    await ledger.queue(owner.grant, LANE.lane, follower, 4_000)

    (story,) = await look.why("ORD-2")

    assert (story.state, story.offset, story.why, story.next_at) == ("queued", 1, "retry", 5_000)
    assert story.reason == "behind offset 0: refused"
    assert await look.why("ORD-2", "acme") == (story,)
    assert await look.why("ORD-2", "acm") == ()
    assert await look.why("ORD-3") == ()


async def test_a_buried_record_is_found_by_the_id_it_carried(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    await ledger.bury(owner.a_burial(3, event_id="e-3", tenant="acme"))

    (story,) = await look.why("e-3")

    assert (story.state, story.error, story.offset) == ("dead", "Undecodable", 3)


async def test_parked_lanes_are_listed_page_by_page(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    for number, word in enumerate("abcde"):
        await ledger.claim(owner.a_claim(word, number))
        await ledger.park(owner.a_parking(word, number))
        await ledger.queue(owner.grant, f"acme:{word}", owner.record(10 + number), 4_000)
    await die(owner, "f", 20, blocks=True)

    first = await look.parked(limit=4)
    rest = await look.parked(limit=4, after=first[-1].id)

    assert [lane.lane for lane in (*first, *rest)] == [f"acme:{word}" for word in "abcdef"]
    assert (first[0].why, first[0].waiting, first[0].head, first[0].event) == (
        "retry",
        2,
        0,
        key_of("a").hex(),
    )
    assert [lane.lane for lane in await look.parked(blocked=True)] == ["acme:f"]
    assert len(await look.parked(blocked=False, flow=FLOW)) == 5
    assert await look.parked(flow="other") == ()
    shown = await look.lane(LANE)
    assert shown is not None
    assert [(record.offset, record.role, record.value) for record in shown[1]] == [
        (0, "parked", b"a"),
        (10, "queued", b"{}"),
    ]
    assert await look.lane(LANE._replace(lane="nothing")) is None


async def test_dead_letters_are_listed_and_shown_byte_for_byte(
    ledger: SqlLedger, owner: Owner, look: Inspection
) -> None:
    for number, word in enumerate("abc"):
        await die(owner, word, number, at=3_000 + number)
    refused = await die(owner, "r", 7, state=State.REJECTED, at=3_010)
    await ledger.bury(owner.a_burial(9, at=3_020))

    letters = await look.dead()
    first = await look.dead(limit=2)
    rest = await look.dead(after=Page(first[-1].last_at, first[-1].id))

    assert [letter.offset for letter in letters] == [0, 1, 2, 7, 9]
    assert first + rest == letters
    assert [letter.id for letter in await look.dead(states=[State.REJECTED])] == [refused]
    assert [letter.offset for letter in await look.dead(error="Undecodable")] == [9]
    assert await look.dead(tenant="other") == ()
    shown = await look.show(refused)
    assert shown is not None
    assert shown.record == owner.record(7, b"r")
    assert shown.letter.reason == "no such customer"
    assert shown.letter.business_keys == (("order_id", "ORD-r"),)
    assert shown.as_json()["record"]["headers"][1] == ["x", {"base64": "AP8="}]
    assert shown.record.headers == HEADERS
    assert await look.show("00" * 16) is None
    assert await look.show("no id") is None


async def test_a_redriven_dead_letter_is_carried_again_with_its_old_calls(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    letter = await die(owner)

    (answer,) = await act.redrive([letter], ACT)

    assert answer.done
    assert (await look.states([letter]))[letter] is State.PARKED
    (due,) = await ledger.due([owner.grant], 9_000, 9)
    assert await ledger.head(owner.grant, due.lane) == owner.record(0, b"a")
    standing = await ledger.claim(owner.a_claim("a"))
    assert standing.state is State.PARKED
    assert standing.effects == (call("a", EffectState.FAILED),)
    assert (await ledger.send(owner.a_sending("a"))).standing is None
    await ledger.conclude(owner.an_end("a"))
    assert await ledger.unpark(owner.grant, due.lane)
    assert await look.dead() == ()
    assert await audited(ledger) == [("anna", "redrive", "customer exists now")]


async def test_a_redriven_event_that_dies_again_is_a_dead_letter_again(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    letter = await die(owner, emissions=(emission("copy"),))
    await act.redrive([letter], ACT)
    await ledger.claim(owner.a_claim("a"))

    await ledger.conclude(owner.a_death("a", at=9_500, error="Defect", emissions=(emission("copy"),)))

    (dead,) = await look.dead()
    assert (dead.id, dead.error, dead.first_at, dead.last_at) == (letter, "Defect", 3_000, 9_500)
    assert [one.id for one in await ledger.outbox([owner.grant])] == [emission("copy").id] * 2


async def test_a_redrive_twice_is_one_redrive(owner: Owner, act: Intervention, ledger: SqlLedger) -> None:
    letter = await die(owner)

    answers = [(await act.redrive([letter], ACT))[0] for _ in range(2)]

    assert [answer.done for answer in answers] == [True, False]
    assert answers[1].sentence == "it is no dead letter: it is parked"
    assert len(await audited(ledger)) == 1


@pytest.mark.parametrize("wrong", ["", "xyz", "00" * 16])
async def test_what_is_no_dead_letter_is_not_redriven(wrong: str, act: Intervention) -> None:
    (answer,) = await act.redrive([wrong], ACT)

    assert not answer.done


async def test_what_the_ledger_may_have_forgotten_is_not_redriven(owner: Owner, act: Intervention) -> None:
    letter = await die(owner)

    (late,) = await act.redrive([letter], ACT, ttl=7_999)
    (soon,) = await act.redrive([letter], ACT, ttl=8_000)

    assert not late.done
    assert "longer than the ledger remembers" in late.sentence
    assert soon.done


async def test_redriven_letters_of_one_lane_come_in_the_order_of_their_publishing(
    ledger: SqlLedger, owner: Owner, act: Intervention
) -> None:
    letters = [await die(owner, word, offset, lane="acme:a") for offset, word in enumerate("abc")]
    await ledger.claim(owner.a_claim("d", 5, lane="acme:a"))
    await ledger.park(owner.a_parking("d", 5, lane="acme:a", next_at=99_000))

    await act.redrive(letters[::-1], ACT)

    seen = []
    while (record := await ledger.head(owner.grant, "acme:a")) is not None:
        seen.append(record.offset)
        word = "abc__d"[record.offset]
        await ledger.claim(owner.a_claim(word, record.offset, lane="acme:a"))
        await ledger.conclude(owner.an_end(word, offset=record.offset, lane="acme:a"))
    assert seen == [0, 1, 2, 5]


async def test_the_lane_behind_a_redriven_letter_is_blocked_no_more(
    ledger: SqlLedger, owner: Owner, act: Intervention
) -> None:
    letter = await die(owner, blocks=True)
    await ledger.queue(owner.grant, "acme:a", owner.record(1), 4)

    await act.redrive([letter], ACT)

    assert len(await ledger.due([owner.grant], 9_000, 9)) == 1
    head = await ledger.head(owner.grant, "acme:a")
    assert head is not None
    assert head.offset == 0


async def test_a_buried_record_that_can_be_read_now_is_claimed_under_its_own_key(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    await ledger.bury(owner.a_burial(3))
    (letter,) = await look.dead()

    (answer,) = await act.redrive([letter.id], ACT)

    assert answer.done
    (due,) = await ledger.due([owner.grant], 9_000, 9)
    record = await ledger.head(owner.grant, due.lane)
    assert record is not None
    await ledger.queue(owner.grant, "acme:a", record, 9_001)
    assert await ledger.unpark(owner.grant, due.lane)
    await ledger.claim(owner.a_claim("a", 3))
    await ledger.conclude(owner.an_end("a", offset=3))
    assert await look.dead() == ()


async def test_a_buried_record_that_still_cannot_be_read_is_buried_again(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    await ledger.bury(owner.a_burial(3))
    (letter,) = await look.dead()
    await act.redrive([letter.id], ACT)
    (due,) = await ledger.due([owner.grant], 9_000, 9)

    await ledger.bury(owner.a_burial(3, at=9_001))

    assert (await look.states([letter.id]))[letter.id] is State.DEAD
    assert await ledger.head(owner.grant, due.lane) is None
    assert await ledger.unpark(owner.grant, due.lane)


async def test_releasing_a_blocked_lane_skips_its_dead_head(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    await die(owner, blocks=True)
    await ledger.queue(owner.grant, "acme:a", owner.record(1), 4)

    answer = await act.release(LANE, Release.SKIP_HEAD, ACT)

    assert answer.done
    head = await ledger.head(owner.grant, "acme:a")
    assert head is not None
    assert head.offset == 1
    assert len(await ledger.due([owner.grant], 9_000, 9)) == 1
    assert len(await look.dead()) == 1
    assert not (await act.release(LANE._replace(lane="nothing"), Release.SKIP_HEAD, ACT)).done


async def test_releasing_a_blocked_lane_can_try_its_dead_head_again(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    await die(owner, blocks=True)

    await act.release(LANE, Release.RETRY_NOW, ACT)

    assert await ledger.head(owner.grant, "acme:a") == owner.record(0, b"a")
    assert await look.dead() == ()


async def test_a_parked_head_can_be_tried_at_once(ledger: SqlLedger, owner: Owner, act: Intervention) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.park(owner.a_parking("a", next_at=99_000))

    await act.release(LANE, Release.RETRY_NOW, ACT)

    assert len(await ledger.due([owner.grant], 9_000, 9)) == 1


@pytest.mark.parametrize(
    ("known", "state"), [(EffectState.FAILED, State.DEAD), (EffectState.UNKNOWN, State.NEEDS_HUMAN)]
)
async def test_a_parked_head_that_is_given_up_is_dead_or_in_doubt(
    known: EffectState, state: State, ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.send(owner.a_sending("a"))
    await ledger.park(owner.a_parking("a", effects=(call("a", known),)))
    await ledger.queue(owner.grant, LANE.lane, owner.record(1), 4_000)

    await act.release(LANE, Release.SKIP_HEAD, ACT)

    (letter,) = await look.dead()
    assert letter.state == state
    assert (await ledger.claim(owner.a_claim("a"))).state is state
    head = await ledger.head(owner.grant, "acme:a")
    assert head is not None
    assert head.offset == 1


async def test_a_head_that_is_being_worked_on_is_not_given_up(
    ledger: SqlLedger, owner: Owner, act: Intervention
) -> None:
    await ledger.claim(owner.a_claim("a"))
    await ledger.park(owner.a_parking("a"))
    await ledger.claim(owner.a_claim("a"))

    answer = await act.release(LANE, Release.SKIP_HEAD, ACT)

    assert not answer.done
    assert await audited(ledger) == []
    await ledger.conclude(owner.an_end("a"))


async def test_a_doubt_is_settled_as_done_and_the_flow_goes_on_with_the_document(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    letter = await doubt(owner)
    (open_doubt,) = await look.doubts()
    assert [one.state for one in open_doubt.calls] == ["unknown"]
    assert not (await act.redrive([letter], ACT))[0].done

    answer = await act.settle(letter, ACT, document="4711")

    assert answer.done
    standing = await ledger.claim(owner.a_claim("a"))
    (known,) = standing.effects
    assert (known.state, known.document, known.result) == (
        EffectState.CONFIRMED,
        "4711",
        '{"document": "4711"}',
    )
    assert [due.lane for due in await ledger.due([owner.grant], 9_000, 9)] == ["acme:a"]
    (story,) = await look.why("4711")
    assert story.why == Why.REDRIVE
    assert not (await act.settle(letter, ACT, document="4711")).done


async def test_a_doubt_is_settled_as_not_done_and_the_call_may_be_made_again(
    ledger: SqlLedger, owner: Owner, act: Intervention
) -> None:
    letter = await doubt(owner)

    await act.settle(letter, ACT, document=None)

    await ledger.claim(owner.a_claim("a"))
    assert (await ledger.send(owner.a_sending("a"))).standing is None


async def test_of_several_doubts_one_has_to_be_named(
    ledger: SqlLedger, owner: Owner, look: Inspection, act: Intervention
) -> None:
    unknown = [call(word, EffectState.UNKNOWN, index=number) for number, word in enumerate(["a", "b"])]
    letter = await die(owner, state=State.NEEDS_HUMAN, effects=tuple(unknown))

    unnamed = await act.settle(letter, ACT, document=None)
    first = await act.settle(letter, ACT, document="1", call=unknown[0].key)
    second = await act.settle(letter, ACT, document=None, call=unknown[1].key)

    assert "several calls are in doubt" in unnamed.sentence
    assert first.sentence == "settled; 1 more in doubt"
    assert second.done
    assert (await look.states([letter]))[letter] is State.PARKED


async def test_counts_tell_what_waits(ledger: SqlLedger, owner: Owner, look: Inspection) -> None:
    await doubt(owner)
    await die(owner, "b", 1)
    await ledger.claim(owner.a_claim("c", 2))
    await ledger.park(owner.a_parking("c", 2))
    await owner.carry("d", 3)
    await ledger.hush("sap", 77, "", 1)

    counts = await look.counts()

    assert counts.parked == {FLOW: {"blocked": 1, "retry": 1}}
    assert counts.dead == {FLOW: {"needs_human": 1, "dead": 1}}
    assert (counts.unpublished, counts.unpublished_since, counts.parked_since) == (1, 3_000, 3_000)
    assert counts.silences == {"sap": 77}


async def test_a_person_opens_a_ledger_beside_its_workers(ledger: SqlLedger, owner: Owner, url: str) -> None:
    await owner.carry("a")

    async with opened(url) as database:
        assert len(await Inspection(database).why("ORD-a")) == 1


async def test_a_person_makes_no_ledger_by_looking_at_none(url: str) -> None:
    with pytest.raises(ConfigError, match="no tables yet"):
        async with opened(url):
            pass
