"""The line, driven by the memory broker: one effect for each event, in order, or a person is shown the doubt."""

from __future__ import annotations

import asyncio

import pytest

from desk import (
    QUICK,
    Booked,
    Desk,
    Placed,
    Refused,
    blind_desk,
    desk,
    to_blind_desk,
    to_desk,
    to_desk_skipping,
)
from raccordo.errors import Ambiguous, Locked, Rejected, Throttled, Unavailable
from raccordo.event import Event
from raccordo.flow import BLOCK_LANE, flow
from raccordo.testing import line


def orders(count: int, customer: str = "c", seqs: int = 1) -> list[Placed]:
    return [
        Placed(customer=f"{customer}{number % 7}", number=f"n{number}", seq=seq)
        for seq in range(seqs)
        for number in range(count)
    ]


async def test_a_flow_is_tested_in_three_lines() -> None:
    system = desk()
    async with line(to_desk, system) as running:
        await running.publish(Placed(customer="c", number="1"))
        assert [event.data.document for event in running.published(Booked)] == ["D-1-0"]


async def test_every_order_is_booked_once_and_confirmed_once() -> None:
    system = desk()
    async with line(to_desk, system) as running:
        await running.publish(*orders(200))
        assert sorted(number for number, _, _ in system.wire.booked) == sorted(f"n{n}" for n in range(200))
        assert len({event.id for event in running.published(Booked)}) == 200


async def test_the_same_event_published_again_has_no_second_effect() -> None:
    system = desk()
    order = Placed(customer="c", number="1")
    async with line(to_desk, system) as running:
        await running.publish(order, order, order, ids=("same", "same", "same"))
        await running.publish(order, ids=("same",))
        assert system.wire.count("1") == 1
        assert len(running.published(Booked)) == 1


async def test_the_same_id_with_another_body_is_a_conflict_and_stops_nobody() -> None:
    system = desk()
    async with line(to_desk, system) as running:
        await running.publish(
            Placed(customer="c", number="1"), Placed(customer="c", number="1", seq=1), ids=("same", "same")
        )
        await running.publish(Placed(customer="c", number="1", seq=2), ids=("other",))
        assert [seq for _, seq, _ in system.wire.booked] == [0, 2]
        (letter,) = running.dead()
        assert dict(letter.headers)["x-raccordo-error"] == b"Conflict"


async def test_a_lost_answer_is_looked_up_and_not_booked_again() -> None:
    system = desk(settle=60.0)
    system.wire.losses = lambda _number, attempt: Ambiguous("cut") if attempt == 1 else None
    async with line(to_desk, system) as running:
        await running.publish(*orders(20))
        await running.emptied()
        assert len(system.wire.booked) == 20
        assert len(running.published(Booked)) == 20
        assert len(system.wire.looks) >= 20


async def test_what_commits_after_our_first_look_is_not_booked_twice() -> None:
    system = desk(settle=1.5)
    system.wire.late = {"n0": 0.8, "n1": 0.8}
    system.wire.losses = lambda number, attempt: (
        Ambiguous("cut") if number in {"n0", "n1"} and attempt == 1 else None
    )
    async with line(to_desk, system) as running:
        await running.publish(*orders(4))
        await running.emptied()
        await asyncio.sleep(1.0)  # until what is late has come, whoever had the answer before
        assert sorted(number for number, _, _ in system.wire.booked) == ["n0", "n1", "n2", "n3"]


async def test_a_write_that_was_never_done_is_sent_again_only_after_settle() -> None:
    system = desk(settle=0.6)
    sent: list[float] = []
    loop = asyncio.get_running_loop()

    def lose(number: str, attempt: int) -> Exception | None:
        sent.append(loop.time())
        return Ambiguous("cut") if attempt == 1 else None

    system.wire.faults = lose
    async with line(to_desk, system) as running:
        await running.publish(Placed(customer="c", number="1"))
        await running.emptied()
        assert system.wire.count("1") == 1
        assert len(sent) == 2
        assert sent[1] - sent[0] >= 0.6
        assert len(system.wire.looks) >= 2, "it was asked before and after settle"


async def test_a_doubt_about_a_system_that_cannot_be_asked_goes_to_a_person() -> None:
    system = blind_desk()
    system.wire.losses = lambda number, _attempt: Ambiguous("cut") if number == "1" else None
    async with line(to_blind_desk, system) as running:
        await running.publish(Placed(customer="c", number="1"), Placed(customer="c", number="1", seq=1))
        await running.publish(Placed(customer="c", number="2"))
        assert system.wire.attempts["1", 0] == 1, "unknown is never retried"
        assert system.wire.attempts["1", 1] == 0, "nothing of the lane passes the doubt"
        assert system.wire.count("2") == 1


async def test_a_failing_head_lets_no_later_event_of_its_lane_pass_and_other_lanes_flow() -> None:
    system = desk()
    system.wire.faults = lambda number, attempt: Locked("in use") if number == "n3" and attempt < 4 else None
    async with line(to_desk, system) as running:
        await running.publish(*orders(10, seqs=5), settle=False)
        await running.settled()
        await running.emptied()
        assert len(system.wire.booked) == 50
        for number in range(10):
            assert [seq for booked, seq, _ in system.wire.booked if booked == f"n{number}"] == [0, 1, 2, 3, 4]
        first_blocked = next(
            place for place, (number, _, _) in enumerate(system.wire.booked) if number == "n3"
        )
        assert first_blocked > 30, "other lanes went on meanwhile"


async def test_events_that_race_with_the_end_of_a_parked_lane_keep_their_order() -> None:
    system = desk()
    system.wire.faults = lambda _number, attempt: Locked("in use") if attempt == 1 else None
    async with line(to_desk, system) as running:
        for seq in range(30):
            await running.publish(
                *(Placed(customer="c", number=f"n{number}", seq=seq) for number in range(5)), settle=False
            )
            await asyncio.sleep(0.005)
        await running.settled()
        await running.emptied()
        for number in range(5):
            assert [seq for booked, seq, _ in system.wire.booked if booked == f"n{number}"] == list(range(30))


async def test_a_business_refusal_is_an_answer_and_the_lane_goes_on() -> None:
    system = desk()
    refusals = [Rejected("customer is blocked", code="V1/849")]
    system.wire.faults = lambda _number, _attempt: refusals.pop() if refusals else None
    async with line(to_desk, system) as running:
        await running.publish(Placed(customer="c", number="1"), Placed(customer="c", number="1", seq=1))
        assert [event.data.reason for event in running.published(Refused)] == ["customer is blocked"]
        assert [seq for _, seq, _ in system.wire.booked] == [1]
        assert running.dead() == []


@flow("buggy", lane="number", retry=QUICK, on_dead_letter=BLOCK_LANE)
async def buggy(event: Event[Placed], desk: Desk) -> None:
    """Fails for the first order of number 1."""
    if (event.data.number, event.data.seq) == ("1", 0):
        raise ValueError(event.data.customer)
    await desk.create_order(event.data, key=event.id)


async def test_behind_a_dead_letter_the_lane_waits_where_the_flow_says_block() -> None:
    system = desk()
    async with line(buggy, system) as running:
        await running.publish(
            Placed(customer="secret", number="1"),
            Placed(customer="secret", number="1", seq=1),
            Placed(customer="c", number="2"),
        )
        async with asyncio.timeout(10):
            while not running.dead():
                await asyncio.sleep(0.01)
        await running.settled()
        assert system.wire.count("1") == 0, "the later event of the lane waits"
        assert system.wire.count("2") == 1
        (letter,) = running.dead()
        headers = dict(letter.headers)
        assert headers["x-raccordo-error"] == b"ValueError"
        assert headers["x-raccordo-attempts"] == b"3", "a defect uses up its attempts"
        assert b"secret" not in headers["x-raccordo-reason"], (
            "the text of a foreign exception may quote the data"
        )


async def test_a_bug_in_the_middle_of_a_write_leaves_a_doubt_and_not_a_dead_letter() -> None:
    system = desk(settle=0.1)
    system.wire.losses = lambda _number, _attempt: ValueError("cannot read the answer")
    async with line(to_desk, system) as running:
        await running.publish(Placed(customer="c", number="1"))
        await running.emptied()
        assert system.wire.count("1") == 1
        assert len(running.published(Booked)) == 1
        assert running.dead() == []


async def test_behind_a_dead_letter_the_lane_goes_on_where_the_flow_says_skip() -> None:
    system = desk()
    async with line(to_desk_skipping, system) as running:
        system.wire.faults = lambda _number, _attempt: Rejected("no") if not system.wire.booked else None
        await running.publish(Placed(customer="c", number="1"))
        system.wire.faults = lambda _number, _attempt: None
        await running.publish(Placed(customer="c", number="1", seq=1))
        assert [seq for _, seq, _ in system.wire.booked] == [1]
        assert len(running.dead()) == 1


async def test_a_system_that_is_away_dead_letters_nothing() -> None:
    system = desk()
    away = {"it": True}
    system.wire.faults = lambda _number, _attempt: Unavailable("refused") if away["it"] else None
    async with line(to_desk, system) as running:
        await running.publish(*orders(30), settle=False)
        await asyncio.sleep(0.5)
        away["it"] = False
        await running.settled()
        await running.emptied()
        assert len(system.wire.booked) == 30
        assert running.dead() == []


async def test_nothing_is_sent_before_the_time_that_the_system_named() -> None:
    system = desk()
    loop = asyncio.get_running_loop()
    told: list[float] = []
    sent: list[float] = []

    def throttle(_number: str, _attempt: int) -> Exception | None:
        sent.append(loop.time())
        if not told:
            told.append(loop.time())
            return Throttled("slow down", retry_after=1.0)
        return None

    system.wire.faults = throttle
    async with line(to_desk, system) as running:
        await running.publish(Placed(customer="c", number="0"))
        await running.publish(*orders(40), settle=False)
        await running.settled()
        await running.emptied()
        assert len(system.wire.booked) == 41
        assert not [at for at in sent if told[0] < at < told[0] + 0.999]


@flow("verbose", lane="number", retry=QUICK)
async def verbose(event: Event[Placed], desk: Desk) -> Booked:
    """Says more than a broker takes."""
    booked = await desk.create_order(event.data, key=event.id)
    return Booked(customer="c", number=event.data.number, document=booked.document * 500_000)


async def test_what_is_too_large_to_publish_is_shown_to_a_person_and_not_dropped() -> None:
    system = desk()
    async with line(verbose, system) as running:
        await running.publish(Placed(customer="c", number="1"))
        async with asyncio.timeout(10):
            while not running.dead():
                await asyncio.sleep(0.01)
        (letter,) = running.dead()
        assert b"too large to publish" in dict(letter.headers)["x-raccordo-reason"]
        assert system.wire.count("1") == 1, "the effect itself happened once"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"customer":NaN}', None])
async def test_a_record_that_is_no_event_is_kept_byte_for_byte_and_the_next_is_processed(
    body: bytes | None,
) -> None:
    from raccordo.broker import Outgoing  # noqa: PLC0415 - beside its use

    system = desk()
    async with line(to_desk, system) as running:
        await running.line.producer.send(
            Outgoing("placed", b"k", body, (("h", b"\x00\xff"), ("h", b"2")))
            if body is not None
            else Outgoing("placed", b"k", None, ())
        )
        await running.publish(Placed(customer="c", number="1"))
        (letter,) = running.dead()
        assert letter.value == body
        assert letter.key == b"k"
        if body is not None:
            assert letter.headers[:2] == (("h", b"\x00\xff"), ("h", b"2"))
        assert system.wire.count("1") == 1
