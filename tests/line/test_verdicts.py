"""Each error class has its verdict: where it leaves the event, and how long that waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from clocks import HandClock
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
from raccordo.errors import (
    Ambiguous,
    Defect,
    InvalidEvent,
    Locked,
    Missing,
    RaccordoError,
    Rejected,
    Skip,
    Stale,
    Throttled,
    Unauthorized,
    Unavailable,
    Undecided,
)
from raccordo.event import Event
from raccordo.flow import Backoff, flow
from raccordo.settings import Settings
from raccordo.testing import line
from stories import stories, story

if TYPE_CHECKING:
    from raccordo.ledger.findings import Story
    from raccordo.testing import RunningLine

ORDER = Placed(customer="c", number="1")
WAITING = [
    (Unavailable("refused"), "retry", 0.0),
    (Unavailable("503", retry_after=7.0), "retry", 7.0),
    (Throttled("slow down", retry_after=5.0), "retry", 5.0),
    (Locked("in use"), "retry", 0.0),
    (Unauthorized("401"), "retry", 0.0),
    (Ambiguous("cut"), "look", 0.0),
    (Defect("bug"), "defect", 0.0),
    (ValueError("bug"), "defect", 0.0),
]
ENDING: list[tuple[Exception, str, str]] = [
    (Undecided("two candidates"), "needs_human", "needs_human"),
    (Rejected("no"), "rejected", "dead"),
    (Missing("no such customer"), "rejected", "dead"),
    (Stale("changed since"), "rejected", "dead"),
]


def named(value: object) -> str:
    return f"{type(value).__name__}" if isinstance(value, Exception) else str(value)


@pytest.mark.parametrize(("error", "why", "at_least"), WAITING, ids=named)
async def test_an_event_waits_visibly_after_what_may_pass(
    error: Exception, why: str, at_least: float
) -> None:
    clock = HandClock()
    system = desk(settle=60.0)
    system.wire.faults = lambda _number, _attempt: error
    async with line(to_desk, system, clock=clock) as running:
        await running.publish(ORDER, settle=False)
        waiting = await _eventually(running, clock, "parked")
        assert waiting.why == why
        assert waiting.next_at is not None
        assert waiting.next_at >= clock.now() + int(at_least * 1000) - 1000
        assert waiting.error == type(error).__name__
        assert running.dead() == []


@pytest.mark.parametrize(("error", "told", "untold"), ENDING, ids=named)
async def test_an_event_ends_after_what_will_not_pass(error: RaccordoError, told: str, untold: str) -> None:
    """A refusal is an answer where the flow has one for it, and a dead letter where it has none."""
    for carrying, state in ((to_desk, told), (to_desk_skipping, untold)):
        system = desk()
        system.wire.faults = lambda _number, _attempt: error
        async with line(carrying, system) as running:
            await running.publish(ORDER)
            ended = await story(running, "1")
            assert (ended.state, ended.error) == (state, error.code)
            assert len(running.dead()) == (1 if state == "dead" else 0)
            assert system.wire.attempts["1", 0] == 1


async def test_a_system_that_stays_away_is_given_up_only_after_the_stated_time() -> None:
    clock = HandClock()
    system = desk()
    system.wire.faults = lambda _number, _attempt: Unavailable("refused")
    async with line(to_desk, system, clock=clock, settings=_settings(give_up_after=3600.0)) as running:
        await running.publish(ORDER, settle=False)
        began = clock.now()
        while (now := await story_or_none(running)) is None or now.state != "dead":
            assert clock.now() - began < 7_300_000, "it is given up soon after the time"
            await clock.advance(20.0)
            await asyncio.sleep(0.001)
        assert clock.now() - began >= 3_600_000
        assert now.reason.startswith("gave up after 36")
        assert now.attempts == 0, "being away uses up no attempt"


async def test_waiting_for_a_slot_of_a_system_that_is_away_is_no_defect_of_the_flow() -> None:
    """More events than slots wait behind a breaker for longer than the flow's deadline: none of them is buried."""
    system = desk(max_in_flight=1)
    away = {"it": True}
    system.wire.faults = lambda _number, _attempt: (
        Throttled("slow down", retry_after=1.0) if away["it"] else None
    )
    async with line(impatient, system) as running:
        await running.publish(*(Placed(customer="c", number=f"n{n}") for n in range(20)), settle=False)
        await asyncio.sleep(1.5)
        assert running.line.defects_in_a_row == 0
        away["it"] = False
        await running.settled()
        await running.emptied()
        assert len(system.wire.booked) == 20
        assert running.dead() == []


@flow("impatient", lane="number", retry=QUICK, deadline=0.1)
async def impatient(event: Event[Placed], desk: Desk) -> None:
    """Books, or gives up on itself after a tenth of a second."""
    await desk.create_order(event.data, key=event.id)


@flow("never-returning", lane="number", retry=QUICK, deadline=0.1)
async def never_returning(event: Event[Placed], desk: Desk) -> None:
    """Hangs for the order 1, books all others."""
    if event.data.number == "1":
        await asyncio.Event().wait()
    await desk.create_order(event.data, key=event.id)


async def test_a_flow_that_never_returns_is_cut_off_and_others_go_on() -> None:
    """F08: the deadline of the flow makes it a defect, which uses up its attempts."""
    system = desk()
    async with line(never_returning, system) as running:
        await running.publish(ORDER, Placed(customer="c", number="2"), settle=False)
        await _dies(running)
        assert "deadline of 0.1 s" in (await story(running, "1")).reason
        assert system.wire.count("2") == 1


async def test_a_write_that_never_returns_is_a_doubt_and_not_a_defect() -> None:
    system = desk(settle=0.2)
    system.wire.gate.clear()
    async with line(impatient, system) as running:
        await running.publish(ORDER)
        cut_off = await story(running, "1")
        assert (cut_off.state, cut_off.why) == ("parked", "look")
        assert [call.state for call in cut_off.calls] == ["unknown"]
        system.wire.gate.set()
        await running.emptied()
        assert system.wire.count("1") == 1
        assert system.wire.attempts["1", 0] == 2


@flow("says-too-much", lane="number", retry=QUICK)
async def says_too_much(event: Event[Placed], desk: Desk) -> Booked:
    """Says something that its signature does not name."""
    await desk.create_order(event.data, key=event.id)
    return Refused(customer="c", number="1", reason="")  # type: ignore[return-value]


async def test_what_the_signature_does_not_name_is_a_defect_and_the_effect_is_not_repeated() -> None:
    system = desk()
    async with line(says_too_much, system, contracts=(Refused,)) as running:
        await running.publish(ORDER, settle=False)
        await _dies(running)
        ended = await story(running, "1")
        assert ended.error == "Defect"
        assert "Refused, which its signature does not name" in ended.reason
        assert running.published(Refused) == []
        assert system.wire.attempts["1", 0] == 1


@flow("broken-answer", lane="number", retry=QUICK)
async def broken_answer(event: Event[Placed], desk: Desk) -> Booked:
    """Its answer to a refusal is broken."""
    booked = await desk.create_order(event.data, key=event.id)
    return Booked(customer="c", number="1", document=booked.document)


@broken_answer.rejected
def broken(event: Event[Placed], refusal: Rejected) -> Booked:
    """Fails with the customer's name in its text."""
    raise ValueError(event.data.customer)


async def test_an_answer_to_a_refusal_that_fails_itself_is_a_defect() -> None:
    system = desk()
    system.wire.faults = lambda _number, _attempt: Rejected("no")
    async with line(broken_answer, system) as running:
        await running.publish(Placed(customer="canary", number="1"), settle=False)
        await _dies(running)
        ended = await story(running, "1")
        assert (ended.state, ended.error) == ("dead", "ValueError")
        assert "canary" not in ended.reason


@flow("choosy", lane="number", retry=QUICK)
async def choosy(event: Event[Placed], desk: Desk) -> None:
    """Needs no effect for the first of a number."""
    if event.data.seq == 0:
        raise Skip("a draft")
    await desk.create_order(event.data, key=event.id)


async def test_a_skipped_event_ends_with_its_reason_and_its_lane_goes_on() -> None:
    system = desk()
    async with line(choosy, system) as running:
        await running.publish(ORDER)
        skipped = await story(running, "1")
        assert (skipped.state, skipped.reason) == ("skipped", "a draft")
        await running.publish(Placed(customer="c", number="1", seq=1))
        assert system.wire.booked == [("1", 1, "c")]


@flow("strict", lane="number", retry=Backoff(first=0.02, cap=0.1, defects=5))
async def strict(event: Event[Placed], desk: Desk) -> None:
    """Finds that the event breaks its contract after all."""
    raise InvalidEvent([("$.customer", "is closed")])


async def test_a_broken_contract_is_a_dead_letter_at_once() -> None:
    async with line(strict, desk()) as running:
        await running.publish(ORDER)
        ended = await story(running, "1")
        assert (ended.state, ended.error, ended.attempts) == ("dead", "InvalidEvent", 0)


async def test_a_doubt_that_nobody_can_settle_goes_to_a_person_and_never_to_the_dead_letters() -> None:
    """An order in doubt is not dead: it is perhaps booked."""
    system = blind_desk()
    system.wire.losses = lambda _number, _attempt: Ambiguous("cut")
    async with line(to_blind_desk, system) as running:
        await running.publish(ORDER)
        assert (await story(running, "1")).state == "needs_human"
        assert running.dead() == []


def _settings(**facts: float) -> Settings:
    return Settings(poll_interval=0.01, commit_interval=0.05, drain_timeout=2.0, **facts)  # type: ignore[arg-type]


async def story_or_none(running: RunningLine) -> Story | None:
    return next(iter(await stories(running, "1")), None)


async def _eventually(running: RunningLine, clock: HandClock, state: str) -> Story:
    async with asyncio.timeout(20):
        while (now := await story_or_none(running)) is None or now.state != state:
            await clock.advance(0.2)
            await asyncio.sleep(0.001)
    return now


async def _dies(running: RunningLine) -> None:
    async with asyncio.timeout(20):
        while (now := await story_or_none(running)) is None or now.state != "dead":
            await asyncio.sleep(0.01)
