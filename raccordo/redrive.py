"""Redrive: dead letters go on their way again, a few first, slowly, and no further than it goes well.

A redriven event keeps its id and its idempotency keys, so that what was done before is not done again. The ledger
keeps the order of each lane; this loop decides how many are on their way and when to stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from raccordo.errors import Unsafe
from raccordo.ledger import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from raccordo.clock import Clock

POLL: Final = 0.25
"""Seconds between two looks at what became of them."""


class Outcome(StrEnum):
    """What became of one letter of the selection."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"
    GONE = "gone"
    HELD_BACK = "held back"


FAILURES: Final = (State.DEAD, State.REJECTED, State.NEEDS_HUMAN)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter that was chosen: its id, when it died and when it was published (milliseconds since the epoch)."""

    id: str
    died_at: int
    published_at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How carefully to go. `canary`: letters that must end well before the others go; 0 for none.

    `rate`: letters a second, 0 for no limit. `stop_after_failures`: that many failures end it. `patience`: seconds to
    wait for the canaries, and at the end for the others.
    """

    canary: int = 1
    rate: float = 10.0
    stop_after_failures: int = 5
    patience: float = 60.0


@dataclass(slots=True)
class Report:
    """What became of the selection, letter by letter, and why it was stopped ("" if it was not)."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stopped: str = ""

    def count(self, outcome: Outcome) -> int:
        """How many letters ended so."""
        return sum(one is outcome for one in self.outcomes.values())


class Desk(Protocol):
    """What a redrive needs of the ledger."""

    async def redrive(self, letter_id: str) -> bool:
        """Send one dead letter on its way again; False where it is no dead letter any more."""
        ...

    async def states(self, ids: Collection[str]) -> Mapping[str, State | None]:
        """How these events stand now; None for one that the ledger does not know."""
        ...


def refuse_forgotten(letters: Sequence[Letter], *, horizon: float, ttl: float, now: int) -> None:
    """Refuse a selection that holds letters for which the ledger may not remember all that was done.

    These are letters that died more than `horizon` seconds ago, or were published more than `ttl` seconds ago. `now` is
    in milliseconds since the epoch. Raises Unsafe.
    """
    died = now - int(horizon * 1000)
    published = now - int(ttl * 1000)
    forgotten = sum(letter.died_at < died or letter.published_at < published for letter in letters)
    if forgotten:
        raise Unsafe(
            f"{forgotten} of {len(letters)} letters died more than {horizon / 86400:g} days ago "
            f"(RACCORDO_REDRIVE_HORIZON) or were published more than {ttl / 86400:g} days ago (RACCORDO_LEDGER_TTL). "
            "What was done for them may be forgotten by now, and a redrive could do it twice. Nothing was redriven. "
            "Leave them out with --since, look in the target system, and publish what is missing under a new id"
        )


async def redrive(
    letters: Sequence[Letter],
    desk: Desk,
    plan: Plan,
    clock: Clock,
    *,
    told: Callable[[Letter, Outcome], None] = lambda _letter, _outcome: None,
) -> Report:
    """Redrive a selection that no longer changes, in its order, and say what became of each letter.

    `told` hears of each outcome once, as soon as it is known. Raises LedgerError; what is on its way then goes on.
    """
    run = _Run(desk, plan, clock, told)
    canaries, others = letters[: plan.canary], letters[plan.canary :]
    for letter in canaries:
        await run.send(letter)
    await run.settle()
    run.judge_canaries(len(canaries))
    if not run.report.stopped:
        for letter in others:
            await run.pace()
            if run.report.stopped:
                break
            await run.send(letter)
        await run.settle()
    for letter in letters:
        if letter.id not in run.report.outcomes:
            run.conclude(letter, Outcome.WAITING if letter.id in run.under_way else Outcome.HELD_BACK)
    return run.report


class _Run:
    """One redrive under way."""

    def __init__(self, desk: Desk, plan: Plan, clock: Clock, told: Callable[[Letter, Outcome], None]) -> None:
        self.report = Report()
        self.under_way: dict[str, Letter] = {}
        self._desk = desk
        self._plan = plan
        self._clock = clock
        self._told = told
        self._next_send = clock.monotonic()
        self._next_look = clock.monotonic()

    async def send(self, letter: Letter) -> None:
        """Send one letter on its way, unless somebody else has dealt with it meanwhile."""
        if await self._desk.redrive(letter.id):
            self.under_way[letter.id] = letter
        else:
            self.conclude(letter, Outcome.GONE)

    async def pace(self) -> None:
        """Wait until the next letter may go; look meanwhile at what became of the earlier ones."""
        interval = 1.0 / self._plan.rate if self._plan.rate else 0.0
        self._next_send = max(self._next_send, self._clock.monotonic() - interval) + interval
        while True:
            await self._look(at_once=False)
            wait = self._next_send - self._clock.monotonic()
            if wait <= 0 or self.report.stopped:
                return
            await self._clock.sleep(min(wait, POLL))

    async def settle(self) -> None:
        """Wait until all that is under way has ended, at most as long as the plan has patience."""
        end = self._clock.monotonic() + self._plan.patience
        while True:
            await self._look(at_once=True)
            if not self.under_way or self._clock.monotonic() >= end:
                return
            await self._clock.sleep(POLL)

    def judge_canaries(self, sent: int) -> None:
        """Let the others go only when every canary has ended well."""
        if self.under_way:
            self.report.stopped = (
                f"{len(self.under_way)} of {sent} canaries have not ended within {self._plan.patience:g} s; "
                "is a worker of their flow running?"
            )
        elif self.report.count(Outcome.FAILED):
            self.report.stopped = f"{self.report.count(Outcome.FAILED)} of {sent} canaries failed again"

    def conclude(self, letter: Letter, outcome: Outcome) -> None:
        """Remember and tell what became of a letter."""
        self.report.outcomes[letter.id] = outcome
        self._told(letter, outcome)

    async def _look(self, *, at_once: bool) -> None:
        if not self.under_way or (not at_once and self._clock.monotonic() < self._next_look):
            return
        self._next_look = self._clock.monotonic() + POLL
        for letter_id, state in (await self._desk.states(list(self.under_way))).items():
            outcome = _outcome(state)
            if outcome is not None:
                self.conclude(self.under_way.pop(letter_id), outcome)
        failures = self.report.count(Outcome.FAILED)
        if failures >= self._plan.stop_after_failures and not self.report.stopped:
            self.report.stopped = f"{failures} letters failed again"


def _outcome(state: State | None) -> Outcome | None:
    """What a state means for the redrive; None while the event is on its way."""
    if state is None:
        return Outcome.GONE
    if not state.terminal:
        return None
    return Outcome.FAILED if state in FAILURES else Outcome.DONE
