"""What the line remembers: who has claimed which event, what was sent, what waits, what must still be published.

The ledger is the line's only truth about the past. Every verb below is one durable step; steps that are asked for at
the same time share one database transaction (group commit), and each step returns after that transaction is durable.

States of an event in one flow (table `inbox`)::

    (new) ─▶ CLAIMED ─▶ CONFIRMED | REJECTED | DEAD | NEEDS_HUMAN | SKIPPED        terminal
                 ▲  └──▶ PARKED ──▶ CLAIMED                                        waits, visible, with reason and time

States of one call to another system (table `effect`)::

    SENT ─▶ CONFIRMED | FAILED (surely not done; may be sent again) | UNKNOWN ─▶ CONFIRMED | FAILED

Every step that changes something of a partition carries its `Grant` (flow, partition, epoch). A step whose epoch is no
longer the highest fails with `Fenced` and changes nothing. Times are integers: milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from raccordo.broker import Outgoing, Partition, Record


class State(StrEnum):
    """Where an event stands in one flow."""

    CLAIMED = "claimed"
    PARKED = "parked"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DEAD = "dead"
    NEEDS_HUMAN = "needs_human"
    SKIPPED = "skipped"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to the event by itself."""
        return self not in (State.CLAIMED, State.PARKED)


class EffectState(StrEnum):
    """Where one call to another system stands."""

    SENT = "sent"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Why(StrEnum):
    """Why a lane is parked."""

    RETRY = "retry"
    LOOK = "look"
    DEFECT = "defect"
    BLOCKED = "blocked"
    REDRIVE = "redrive"


class Grant(NamedTuple):
    """The right to act for one partition of one flow, until somebody else acquires it with a higher epoch."""

    flow: str
    partition: Partition
    epoch: int


@dataclass(frozen=True, slots=True)
class Acquired:
    """What `Ledger.acquire` found: the new grant, the ledger's identity and position, and the lanes that wait."""

    grant: Grant
    ledger_id: str
    sequence: int
    parked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """An event asks for its turn. `event_key` and `fingerprint` are 16 bytes each (see `event_key`, `fingerprint`).

    `lane` is what must stay in order (tenant included). `business_keys` are (field, value) pairs for `why`.
    """

    grant: Grant
    event_key: bytes
    event_id: str
    tenant: str
    contract: str
    offset: int
    lane: str
    fingerprint: bytes
    correlation_id: str
    causation_id: str | None
    published_at: int
    at: int
    business_keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """One call to another system, as it stands. `key` is the 32 hex digits that the target may see.

    `result` is the JSON of the call's result once confirmed, `document` the target's own number for it.
    `settle_at`: from then on *not found* counts.
    """

    key: str
    index: int
    system: str
    operation: str
    state: EffectState
    sent_at: int
    settle_at: int
    result: str | None = None
    document: str | None = None
    request_digest: str = ""
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer to a claim: where the event stood before it, and the calls made for it so far.

    `state` None: never seen. `conflict`: the id is known with another fingerprint, and nothing was changed.
    `elsewhere`: the event is under way as another record (claimed in another partition, or parked at another offset),
    which will bring it to its end; this record is a repeat, and nothing was changed.
    `attempts` are what it has used up, `since` is the time of its first claim.
    After the claim the event is CLAIMED under our epoch unless it was terminal, in conflict or elsewhere.
    """

    state: State | None
    conflict: bool = False
    elsewhere: bool = False
    attempts: int = 0
    since: int = 0
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """Written durably before the first byte leaves. `concluded` are earlier calls of the same event, now known."""

    grant: Grant
    event_key: bytes
    effect: Effect
    at: int
    concluded: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of an event's journey beyond the ordinary: a retry, a look, a park, a hand-over, a redrive."""

    at: int
    step: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Emission:
    """An outgoing event or dead letter copy that waits in the outbox. `id` is its event id (its ce_id)."""

    id: str
    contract: str
    record: Outgoing
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How an event ended: one transaction for state, calls and outgoing events.

    `held` keeps the original record (DEAD, REJECTED, NEEDS_HUMAN). `blocks` True: the lane stays blocked behind this
    event. An event that was the head of a parked lane is taken out of it.
    """

    grant: Grant
    event_key: bytes
    lane: str
    offset: int
    state: State
    at: int
    effects: tuple[Effect, ...] = ()
    emissions: tuple[Emission, ...] = ()
    error: str = ""
    reason: str = ""
    held: Record | None = None
    blocks: bool = False
    journey: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Parking:
    """The head of a lane must wait until `next_at`, and with it everything behind it in its lane.

    `attempts` is what the event has used up so far.
    """

    grant: Grant
    event_key: bytes
    lane: str
    head: Record
    why: Why
    next_at: int
    at: int
    attempts: int
    effects: tuple[Effect, ...] = ()
    error: str = ""
    reason: str = ""
    journey: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Burial:
    """A record that never became an event, or a conflict, with its reason. `tenant` and `event_id` where readable."""

    grant: Grant
    record: Record
    error: str
    reason: str
    at: int
    copy: Emission
    tenant: str = ""
    event_id: str = ""
    correlation_id: str = ""


class Lane(NamedTuple):
    """A parked lane that is due."""

    grant: Grant
    lane: str


@dataclass(frozen=True, slots=True)
class Clearance:
    """The answer to a sending. Where one of the two is set, the call was not written as SENT and must not leave.

    `not_before`: the system asked for silence until then, and nothing was written. `standing`: this very call was made
    before for another flow (the effect key does not depend on the flow), or is confirmed, and this is how it stands;
    what the sending says of earlier calls was written.
    """

    not_before: int | None = None
    standing: Effect | None = None


class Ledger(Protocol):
    """The line's memory. Raises LedgerError when it cannot be durable, Fenced when a grant has been overtaken."""

    async def start(self) -> None:
        """Connect and check the schema.

        Raises ConfigError where it is older or newer than this code, or where a SQLite file is damaged or lies on a
        network file system.
        """

    async def stop(self) -> None:
        """Finish pending steps and disconnect. Safe to call twice."""

    async def ping(self) -> None:
        """Raise LedgerError unless a write would be durable now."""

    async def acquire(
        self, flow: str, partitions: Collection[Partition], owner: str, at: int
    ) -> Sequence[Acquired]:
        """Raise the epoch of each partition and return what waits there. Older grants are fenced from now on."""
        ...

    def position(self, grant: Grant) -> str:
        """Say how far the ledger has come for a partition: ``<ledger id>:<sequence>``, from memory.

        Stored beside each committed offset. At the next assignment `Acquired.sequence` must not be lower: else the
        ledger is an older copy, or has lost its end.
        """
        ...

    async def claim(self, claim: Claim) -> Standing:
        """Insert or take over an event. Safe to repeat.

        A record whose event is at its end or elsewhere is a repeat: if it waited in a parked lane, it no longer does.
        Raises ContractError for an event id, tenant, lane or correlation id of more than 1 KiB.
        """
        ...

    async def send(self, sending: Sending) -> Clearance:
        """Remember that a call is about to leave (effect SENT), unless its system asked for silence."""
        ...

    async def conclude(self, conclusion: Conclusion) -> None:
        """Remember the end of an event together with its outgoing events. Safe to repeat: an event ends once."""

    async def park(self, parking: Parking) -> None:
        """Park a lane behind its head."""

    async def queue(self, grant: Grant, lane: str, record: Record, at: int) -> None:
        """Append a later record of a parked lane.

        A record already queued is no error; one that waits in another lane moves here; one that is dead stays dead.
        A lane that does not wait (any more) waits again, and is due at once.
        """

    async def bury(self, burial: Burial) -> None:
        """Remember a record that is no event; a repeat is no error."""

    async def due(self, grants: Sequence[Grant], at: int, limit: int) -> Sequence[Lane]:
        """List parked lanes of these grants whose time has come, oldest first."""
        ...

    async def head(self, grant: Grant, lane: str) -> Record | None:
        """Return the record at the head of a lane: of those that wait, the one with the lowest offset; None: empty."""
        ...

    async def unpark(self, grant: Grant, lane: str) -> bool:
        """Forget a parked lane if nothing of it waits any more; False where something was appended meanwhile."""
        ...

    async def outbox(self, grants: Sequence[Grant]) -> Sequence[Emission]:
        """List what was concluded under these partitions and not yet marked as published, in order."""
        ...

    async def published(self, ids: Collection[str], at: int) -> None:
        """Mark emissions as published, by their ids; one that is marked already is no error."""

    async def hush(self, system: str, not_before: int, reason: str, at: int) -> None:
        """A system asked for silence until `not_before`: every worker's `send` to it is refused until then."""
