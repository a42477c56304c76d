"""Every error of Raccordo, grouped by what happens next.

    RaccordoError
    ├── ConfigError          STOP    before anything runs
    ├── Unsafe               STOP    asked for by a person, forbidden by a safety rule
    ├── ContractError        DEAD    the record can never be read: to the dead letter channel
    │   ├── Undecodable              not strict JSON, no envelope
    │   ├── InvalidEvent             fields by path
    │   └── Conflict                 a known event id with another body
    ├── ConnectorError               a system answered, or did not
    │   ├── Unavailable      RETRY   surely not done: refused, DNS, 503 with Retry-After
    │   │   ├── Throttled    RETRY   and told when
    │   │   └── Locked       RETRY   this document only; other calls to the system go on
    │   ├── Ambiguous        LOOK    perhaps done: the answer was lost after sending
    │   │   └── Undecided    LOOK    and nobody can be asked: a person decides
    │   ├── Rejected         DEAD    understood and refused
    │   │   ├── Missing      DEAD    what we asked for is not there
    │   │   └── Stale        DEAD    it was changed since it was read; kits read again first
    │   └── Unauthorized     HALT    every call would fail alike
    ├── BrokerError          HALT    nothing can be fetched, published or committed
    │   ├── OwnershipLost    HALT    these partitions are somebody else's now: drop their lanes
    │   ├── OutOfRange       HALT    records were deleted before they were read: a person decides
    │   └── TooLarge         DEAD    the broker will never take this record
    ├── LedgerError          HALT    nothing can be remembered
    │   └── Fenced           HALT    another worker owns this partition now
    └── Defect               DEAD    our own bug

``Skip`` is a signal and not an error. Foreign exceptions are translated once per protocol kit, always with
``raise … from``. Nothing whose outcome is unknown is ever retried blindly.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What happens next to the event whose handling raised an error."""

    RETRY = "retry"
    LOOK = "look"
    DEAD = "dead"
    HALT = "halt"
    STOP = "stop"


class RaccordoError(Exception):
    """The root of all errors that Raccordo raises; `verdict` says what happens next."""

    verdict = Verdict.DEAD

    @property
    def code(self) -> str:
        """The error class as a stable word for logs, dead letters and exit texts."""
        return type(self).__name__


class ConfigError(RaccordoError):
    """Settings, wiring or schema that cannot work; raised before anything runs, all problems at once."""

    verdict = Verdict.STOP

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class Unsafe(RaccordoError):
    """A person asked for what a safety rule forbids; the sentence names the rule and what is possible instead."""

    verdict = Verdict.STOP


class ContractError(RaccordoError):
    """A record that will never become an event of its contract, however often it is read.

    `path` names the place in the body or headers (``$.lines[2].quantity``, ``header ce_id``), ``$`` for the whole.
    """

    def __init__(self, message: str, *, path: str = "$") -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


class Undecodable(ContractError):
    """The bytes are not strict JSON, or the CloudEvents envelope is missing or malformed."""


class InvalidEvent(ContractError):
    """The event does not keep its contract. `fields` lists (path, message) of every violation."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        path, message = self.fields[0]
        super().__init__(
            message if len(self.fields) == 1 else f"{message} (and {len(self.fields) - 1} more)", path=path
        )


class Conflict(ContractError):
    """An event id that the ledger knows arrived with a different body: a bug or an attack, not a repeat."""


class ConnectorError(RaccordoError):
    """A call to another system failed. `sentence` tells an operator what the system said, without payload."""

    def __init__(
        self,
        sentence: str,
        *,
        system: str = "",
        operation: str = "",
        status: int | None = None,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.sentence = sentence
        self.system = system
        self.operation = operation
        self.status = status
        self.reason_code = code
        self.retry_after = retry_after
        super().__init__(sentence)

    def __str__(self) -> str:
        """System, operation and status in front of the sentence."""
        where = ".".join(part for part in (self.system, self.operation) if part)
        status = "" if self.status is None else f" answered {self.status}"
        return f"{where}{status}: {self.sentence}" if where or status else self.sentence


class Unavailable(ConnectorError):
    """Surely not done: refused, DNS, TLS, no pool slot, 503 with Retry-After; a read that got no answer."""

    verdict = Verdict.RETRY


class Throttled(Unavailable):
    """The system asked us to slow down; `retry_after` is in seconds from the answer."""


class Locked(Unavailable):
    """This one document is locked or too early (423, 425); the system itself is well."""


class Ambiguous(ConnectorError):
    """A write that perhaps was done: sent, and the answer was lost or cannot be read.

    `repeatable` is set by a protocol kit when the system has promised to execute a repeat with the same key once.
    """

    verdict = Verdict.LOOK
    repeatable = False


class Undecided(Ambiguous):
    """Nobody can say by machine whether a write was done: no look, or the look found several candidates."""


class Rejected(ConnectorError):
    """The system understood and refused."""

    verdict = Verdict.DEAD


class Missing(Rejected):
    """What was asked for does not exist (404, 410)."""


class Stale(Rejected):
    """The document was changed since it was read (412, 428). A kit reads again and decides anew first."""


class Unauthorized(ConnectorError):
    """Credentials or rights are wrong: every call would fail alike."""

    verdict = Verdict.HALT


class BrokerError(RaccordoError):
    """Kafka cannot be reached or refuses: nothing moves, offsets stay."""

    verdict = Verdict.HALT


class OwnershipLost(BrokerError):
    """The group refused a commit: the partitions belong to somebody else now, drop their lanes."""


class OutOfRange(BrokerError):
    """The log no longer holds (or never held) the position to read from; going on would skip records silently."""


class TooLarge(BrokerError):
    """The record is larger than the broker or the topic will ever accept."""

    verdict = Verdict.DEAD


class LedgerError(RaccordoError):
    """The ledger cannot be reached or written: nothing moves, offsets stay."""

    verdict = Verdict.HALT


class Fenced(LedgerError):
    """Another worker took this partition over: drop its lanes, touch nothing more."""


class Defect(RaccordoError):
    """Our own bug, in a flow, connector or the line itself; the cause is kept as ``__cause__``."""


class Skip(Exception):
    """Raised by a flow to say that an event needs no effect; the reason is kept and counted."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
