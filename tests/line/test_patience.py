"""How long is waited, and where."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import HandClock
from raccordo.errors import Ambiguous, Locked, Rejected, Throttled, Unavailable
from raccordo.ledger import Effect, EffectState
from raccordo.patience import LONGEST_LOOK, Backoff, in_place, next_look

MINUTE = 60_000


def _sent(at: int, settle_at: int) -> Effect:
    return Effect("k", 0, "sap", "create_order", EffectState.UNKNOWN, at, settle_at)


@given(sent_at=st.integers(0, 10**12), settle=st.integers(0, 3 * 3_600_000), first=st.integers(0, MINUTE))
def test_one_look_falls_on_the_moment_from_which_not_found_counts(
    sent_at: int, settle: int, first: int
) -> None:
    effect = _sent(sent_at, sent_at + settle)
    now = sent_at + min(first, settle)
    looks = [now]
    while looks[-1] < effect.settle_at:
        looks.append(next_look(effect, looks[-1]))
        assert looks[-1] > looks[-2], "time goes on"
        assert looks[-1] - looks[-2] <= LONGEST_LOOK * 1000
    assert effect.settle_at in looks or settle == 0
    assert len(looks) < 40 + settle / (LONGEST_LOOK * 1000), "it is not asked all the time"


@given(sent_at=st.integers(0, 10**12), late=st.integers(0, 10**9))
def test_after_settle_looks_are_never_more_than_a_minute_apart(sent_at: int, late: int) -> None:
    effect = _sent(sent_at, sent_at)
    now = sent_at + late
    assert 250 <= next_look(effect, now) - now <= LONGEST_LOOK * 1000


@given(
    first=st.floats(0.001, 10),
    factor=st.floats(1, 1000),
    attempt=st.integers(1, 10_000),
    seed=st.integers(0, 2**32),
)
def test_a_backoff_waits_between_half_and_the_whole_of_its_step_and_never_beyond_the_cap(
    first: float, factor: float, attempt: int, seed: int
) -> None:
    backoff = Backoff(first=first, cap=first * factor)
    step = min(backoff.cap, first * 2.0 ** min(attempt - 1, 60))
    wait = backoff.wait(attempt, Random(seed))
    assert step / 2 <= wait <= step <= backoff.cap


@given(seed=st.integers(0, 2**32))
def test_events_that_failed_together_do_not_come_back_together(seed: int) -> None:
    rng = Random(seed)
    waits = {Backoff(first=1.0, cap=60.0).wait(3, rng) for _ in range(20)}
    assert len(waits) > 10


async def _try(clock: HandClock, *errors: Exception) -> tuple[int, BaseException | None]:
    left = list(errors)
    made = []

    async def call() -> None:
        made.append(clock.now())
        if left:
            raise left.pop(0)

    running = asyncio.create_task(in_place(call, clock, Random(1)))
    await clock.advance(2.0)
    assert running.done(), "what takes longer than a second is no business of this"
    return len(made), running.exception()


async def test_what_surely_did_nothing_is_repeated_twice_within_a_second() -> None:
    clock = HandClock()
    began = clock.now()
    assert await _try(clock, Unavailable("refused"), Unavailable("refused")) == (3, None)
    attempts, error = await _try(clock, *[Unavailable("refused")] * 9)
    assert attempts == 3
    assert isinstance(error, Unavailable)
    assert clock.now() - began <= 4000


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow down"),
        Unavailable("503", retry_after=0.0),
        Locked("in use"),
        Ambiguous("cut"),
        Rejected("no"),
    ],
)
async def test_what_may_have_happened_or_names_a_time_is_not_repeated_here(error: Exception) -> None:
    assert await _try(HandClock(), error) == (1, error)
