"""One turn of an event in its lane: what goes in, and the ways in which it can end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from raccordo.ledger import State

if TYPE_CHECKING:
    from raccordo.broker import Record
    from raccordo.event import Event
    from raccordo.ledger import Emission, Grant, Why

KEPT: Final = (State.DEAD, State.REJECTED, State.NEEDS_HUMAN)


@dataclass(frozen=True, slots=True)
class Turn:
    """An event whose turn it is in its lane, with the record it came in."""

    grant: Grant
    record: Record
    event: Event[Any]
    lane: str


class Outcome(StrEnum):
    """What came of a turn."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DEAD = "dead"
    NEEDS_HUMAN = "needs_human"
    SKIPPED = "skipped"
    PARKED = "parked"
    REPEAT = "repeat"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Ending:
    """A terminal state with what is said about it. `blocks`: later events of the lane wait for a person."""

    state: State
    emissions: tuple[Emission, ...] = ()
    error: str = ""
    reason: str = ""
    blocks: bool = False

    @property
    def keeps_record(self) -> bool:
        """Whether the original record is kept for a person."""
        return self.state in KEPT


@dataclass(frozen=True, slots=True)
class Wait:
    """The event waits, and its lane behind it, until a time in milliseconds since the epoch."""

    why: Why
    until: int
    attempts: int
    error: str
    reason: str
