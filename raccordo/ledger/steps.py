"""The steps that share a transaction: the port's own, and the verbs of the port that take more than one argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from raccordo.ledger import Burial, Claim, Conclusion, Parking, Sending

if TYPE_CHECKING:
    from raccordo.broker import Record
    from raccordo.ledger import Grant


@dataclass(frozen=True, slots=True)
class Queueing:
    """A later record of a parked lane."""

    grant: Grant
    lane: str
    record: Record
    at: int


@dataclass(frozen=True, slots=True)
class Unparking:
    """A parked lane that may be forgotten if nothing of it waits."""

    grant: Grant
    lane: str


@dataclass(frozen=True, slots=True)
class Publishing:
    """Emissions that the brokers have."""

    ids: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Hushing:
    """A system that asked for silence."""

    system: str
    not_before: int
    reason: str
    at: int


Granted: TypeAlias = Claim | Sending | Conclusion | Parking | Burial | Queueing | Unparking
AnyStep: TypeAlias = Granted | Publishing | Hushing
