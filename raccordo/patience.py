"""How long to wait, and where: at most a second in place, everything longer as ledger state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, stop_after_delay

from raccordo.errors import Locked, Throttled, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from raccordo.clock import Clock
    from raccordo.ledger import Effect

T = TypeVar("T")

IN_PLACE_ATTEMPTS: Final = 3
"""One try and two repeats."""

IN_PLACE_SECONDS: Final = 1.0
"""Beyond this an attempt is ledger state, so that no coroutine sleeps on what a crash would forget."""

FIRST_LOOK: Final = 0.25
LONGEST_LOOK: Final = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds between the attempts of a parked head: doubling from `first` to `cap`, with full jitter.

    `defects` is how many attempts a bug of our own may use up. Being unavailable uses up none.
    """

    first: float = 0.5
    cap: float = 60.0
    defects: int = 5

    def wait(self, attempt: int, rng: Random) -> float:
        """Seconds before the attempt after `attempt` failures (from 1): between half and the whole of the step."""
        step = min(self.cap, self.first * 2.0 ** min(attempt - 1, 30))
        return step * (0.5 + rng.random() / 2)


async def in_place(call: Callable[[], Awaitable[T]], clock: Clock, rng: Random) -> T:
    """Make a call, and again at most twice within a second while the system surely did nothing.

    Throttled and locked answers are not repeated here: they name, or need, a longer time.
    """
    try:
        return await call()
    except Unavailable as error:
        if not _may_repeat(error):
            raise
    return await _repeat(call, clock, rng)


async def _repeat(call: Callable[[], Awaitable[T]], clock: Clock, rng: Random) -> T:
    """The second and third try, each after a pause."""

    def pause(state: RetryCallState) -> float:
        return 0.05 * 2.0**state.attempt_number * (0.5 + rng.random())

    retrying = AsyncRetrying(
        sleep=clock.sleep,
        wait=pause,
        stop=stop_after_attempt(IN_PLACE_ATTEMPTS - 1) | stop_after_delay(IN_PLACE_SECONDS),
        retry=retry_if_exception(_may_repeat),
        reraise=True,
    )
    await clock.sleep(0.05 * (0.5 + rng.random()))
    async for attempt in retrying:
        with attempt:
            return await call()
    raise AssertionError("a retrying ends with a result or an error")


def _may_repeat(error: BaseException) -> bool:
    return (
        isinstance(error, Unavailable)
        and not isinstance(error, (Throttled, Locked))
        and error.retry_after is None
    )


def next_look(effect: Effect, now: int) -> int:
    """Say when to look for a doubtful write again, in milliseconds since the epoch.

    The looks spread out as the doubt grows older, and one falls on the moment from which *not found* counts.
    """
    age = max(0, now - effect.sent_at)
    wait = min(max(age, int(FIRST_LOOK * 1000)), int(LONGEST_LOOK * 1000))
    if now < effect.settle_at:
        return min(now + wait, effect.settle_at)
    return now + wait
