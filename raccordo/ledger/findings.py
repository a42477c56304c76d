"""What people are shown of the ledger: frozen facts, each with its JSON. Times are milliseconds since the epoch."""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from raccordo.broker import Record


def as_json(fact: Any) -> Any:
    """Turn a fact into what JSON can hold: times (``at``, ``…_at``, ``since``) in RFC 3339, bytes in Base64."""
    if is_dataclass(fact):
        return {field.name: _value(field.name, getattr(fact, field.name)) for field in fields(fact)}
    if isinstance(fact, dict):
        return {str(name): _value(str(name), value) for name, value in fact.items()}
    if isinstance(fact, (list, tuple)):
        return [as_json(one) for one in fact]
    if isinstance(fact, bytes):
        return _bytes(fact)
    return fact


def moment(at: int) -> str:
    """Write a time in milliseconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(name: str, value: Any) -> Any:
    if type(value) is int and (name in ("at", "since", "timestamp", "not_before") or name.endswith("_at")):
        return moment(value)
    return as_json(value)


def _bytes(raw: bytes) -> dict[str, str]:
    shown = {"base64": base64.b64encode(raw).decode()}
    try:
        shown["text"] = raw.decode()
    except UnicodeDecodeError:
        return shown
    return shown


class _Fact:
    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        """These facts as JSON's own types, for ``--json``."""
        shown: dict[str, Any] = as_json(self)
        return shown


@dataclass(frozen=True, slots=True)
class Entry(_Fact):
    """One line of an event's timeline."""

    at: int
    step: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Call(_Fact):
    """One call to another system. `settle_at`: from then on *not found* counts. `key` is what the target may see."""

    key: str
    system: str
    operation: str
    state: str
    sent_at: int
    settle_at: int
    document: str | None
    looks: int


@dataclass(frozen=True, slots=True)
class Said(_Fact):
    """An outgoing event or dead letter copy. `published_at` None: it still waits in the outbox."""

    id: str
    contract: str
    topic: str
    published_at: int | None


@dataclass(frozen=True, slots=True)
class Story(_Fact):
    """All that is known of one event in one flow. `id` is its key in hex, "" for a record that only queues.

    `state` is a `State`, or "queued" behind the head of a parked lane. `next_at` None with `why` "blocked": until a
    person acts. `led_to` are the stories of the events that this one said, in other flows of the same ledger.
    """

    id: str
    flow: str
    tenant: str
    event_id: str
    contract: str
    topic: str
    partition: int
    offset: int
    lane: str
    state: str
    correlation_id: str
    causation_id: str | None
    attempts: int
    error: str
    reason: str
    why: str
    next_at: int | None
    business_keys: tuple[tuple[str, str], ...]
    timeline: tuple[Entry, ...]
    calls: tuple[Call, ...]
    said: tuple[Said, ...]
    led_to: tuple[Story, ...]


class LaneId(NamedTuple):
    """Which lane: also the place to go on listing from."""

    flow: str
    topic: str
    partition: int
    lane: str


@dataclass(frozen=True, slots=True)
class ParkedLane(_Fact):
    """A lane that waits.

    `head` is the offset of the record that failed, `event` its key in hex, `waiting` how many records wait, the head
    among them unless it is dead.
    """

    flow: str
    topic: str
    partition: int
    lane: str
    why: str
    since: int
    next_at: int | None
    head: int | None
    event: str
    waiting: int
    attempts: int
    error: str
    reason: str

    @property
    def id(self) -> LaneId:
        """Which lane this is."""
        return LaneId(self.flow, self.topic, self.partition, self.lane)


@dataclass(frozen=True, slots=True)
class WaitingRecord(_Fact):
    """A record that waits in a parked lane."""

    offset: int
    role: str
    event: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    error: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class DeadLetter(_Fact):
    """A record that a person may correct and redrive.

    `id` is its event key in hex. `blocks`: its lane waits behind it.
    """

    id: str
    flow: str
    tenant: str
    event_id: str
    contract: str
    state: str
    topic: str
    partition: int
    offset: int
    lane: str
    blocks: bool
    error: str
    reason: str
    attempts: int
    published_at: int
    first_at: int
    last_at: int
    business_keys: tuple[tuple[str, str], ...]
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class DeadRecord(_Fact):
    """A dead letter with its original bytes."""

    letter: DeadLetter
    record: Record


class Page(NamedTuple):
    """Where a list of dead letters goes on: after the one that died at `last_at` with this id."""

    last_at: int
    id: str


@dataclass(frozen=True, slots=True)
class Counts(_Fact):
    """What waits, for health and overview. `parked` and `dead` are by flow and then by why or state."""

    parked: dict[str, dict[str, int]]
    parked_since: int | None
    dead: dict[str, dict[str, int]]
    unpublished: int
    unpublished_since: int | None
    silences: dict[str, int]


@dataclass(frozen=True, slots=True)
class Answer(_Fact):
    """What came of an act on one item: done, or refused with a sentence."""

    id: str
    done: bool
    sentence: str
