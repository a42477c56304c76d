"""What an error means for the event that met it: an end, or a wait. The one place where verdicts become deeds."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any

from raccordo.calls import Doubt
from raccordo.deadletter import LONGEST_REASON, copy_of
from raccordo.emit import emissions
from raccordo.errors import (
    ContractError,
    RaccordoError,
    Rejected,
    Unauthorized,
    Unavailable,
    Undecided,
)
from raccordo.flow import BLOCK_LANE
from raccordo.ledger import State, Why
from raccordo.turn import Ending, Wait

if TYPE_CHECKING:
    from raccordo.calls import Calls
    from raccordo.flow import Flow
    from raccordo.ledger import Standing
    from raccordo.line import Line
    from raccordo.turn import Turn


class Verdicts:
    """Judges the errors of one turn."""

    def __init__(
        self, turn: Turn, flow: Flow[..., Any], line: Line, calls: Calls, standing: Standing
    ) -> None:
        self._turn = turn
        self._flow = flow
        self._line = line
        self._calls = calls
        self._standing = standing
        self._now = line.clock.now()

    async def judge(self, error: Exception) -> Ending | Wait:
        """Decide what happens to the event after `error`."""
        match error:
            case Doubt():
                return self._gave_up(error) or self._wait(Why.LOOK, error.look_at, error)
            case Undecided():
                return self._end(State.NEEDS_HUMAN, error)
            case Unavailable() | Unauthorized():
                return self._try_later(error)
            case Rejected() if self._flow.rejection is not None:
                return await self._refused(error)
            case Rejected():
                return self._end(State.DEAD, error)
            case _:
                return self._defect(error)

    def _try_later(self, error: Unavailable | Unauthorized) -> Ending | Wait:
        """Being away uses up no attempt; only after `give_up_after` an event ends for it.

        The wait is as long as the event has waited so far, up to the flow's cap, and never before the time named.
        """
        retry = self._flow.retry
        jitter = 0.5 + self._line.rng.random() / 2
        until = self._now + int(1000 * min(retry.cap, max(retry.first, self._age)) * jitter)
        if error.retry_after is not None:
            until = max(until, self._now + int(error.retry_after * 1000))
        return self._gave_up(error) or self._wait(Why.RETRY, until, error)

    @property
    def _age(self) -> float:
        """Seconds since the event was first claimed."""
        return (self._now - (self._standing.since or self._now)) / 1000

    def _gave_up(self, error: Exception) -> Ending | None:
        """The end of an event that has waited for too long, else None."""
        if self._age < self._line.give_up_after:
            return None
        return self._end(State.DEAD, error, prefix=f"gave up after {self._age:.0f} s: ")

    async def _refused(self, error: Rejected) -> Ending | Wait:
        """Let the flow say what a business refusal means."""
        handler = self._flow.rejection
        try:
            said = handler(self._turn.event, error) if handler else None
            if inspect.isawaitable(said):
                said = await said
            told = emissions(self._turn.event, said, self._flow, self._now)
        except Exception as broken:  # noqa: BLE001 - the handler is a flow's code: whatever it raises is a defect
            return self._defect(broken)
        return Ending(State.REJECTED, told, error=error.code, reason=_reason(error))

    def _defect(self, error: Exception) -> Ending | Wait:
        """Our own bug: the only thing that uses up attempts."""
        attempts = self._standing.attempts + 1
        contract_broken = isinstance(error, ContractError)
        self._line.defects_in_a_row += 1
        self._line.log.error(
            "defect",
            flow=self._flow.name,
            event_id=self._turn.event.id,
            correlation_id=self._turn.event.correlation_id,
            error_class=type(error).__name__,
            attempt=attempts,
            where=_where(error),
        )
        if contract_broken or attempts >= self._flow.retry.defects:
            return self._end(State.DEAD, error)
        until = self._now + int(1000 * self._flow.retry.wait(attempts, self._line.rng))
        return self._wait(Why.DEFECT, until, error, attempts=attempts)

    def _wait(self, why: Why, until: int, error: Exception, attempts: int | None = None) -> Wait:
        used = self._standing.attempts if attempts is None else attempts
        return Wait(why, until, used, _code(error), _reason(error))

    def _end(self, state: State, error: Exception, prefix: str = "") -> Ending:
        """End for good. While a call is in doubt nothing may be called dead: a person decides."""
        if self._calls.effects.doubtful is not None:
            state = State.NEEDS_HUMAN
        reason = prefix + _reason(error)
        attempts = self._standing.attempts + 1
        record, flow = self._turn.record, self._flow
        return Ending(
            state,
            (copy_of(record, flow.name, _code(error), reason, self._now, attempts),)
            if state is State.DEAD
            else (),
            error=_code(error),
            reason=reason,
            blocks=flow.on_dead_letter is BLOCK_LANE,
        )


def _code(error: Exception) -> str:
    return "Ambiguous" if isinstance(error, Doubt) else type(error).__name__


def _reason(error: Exception) -> str:
    """Say what went wrong without a payload: a foreign exception's own text may quote the data, so only its place."""
    if isinstance(error, RaccordoError):
        return str(error)[:LONGEST_REASON]
    return f"{type(error).__name__} at {_where(error)}"


def _where(error: Exception) -> str:
    """The innermost place in the traceback, as ``file:line in function``."""
    frames = traceback.extract_tb(error.__traceback__)
    return (
        f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} in {frames[-1].name}"
        if frames
        else "unknown"
    )
