"""A file of events, one JSON value a line: how people and scripts hand events in without a shop.

A line is the data of the contract, or an envelope around it::

    {"order_id": "4711", ...}
    {"id": "evt-1", "tenant": "acme", "source": "shop/eu", "data": {"order_id": "4711", ...}}

An event without an id gets one derived from tenant, source and data, so that the same line is the same event
however often it is published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from raccordo import strictjson
from raccordo.broker import Partition, Record
from raccordo.codec import Codec, canonical, encode, fingerprint, read
from raccordo.envelope import instant
from raccordo.errors import ConfigError, ContractError, InvalidEvent
from raccordo.event import Event, EventId, derived_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from raccordo.event import Contract

SOURCE: Final = "raccordo/publish"
"""The source of events whose file names none. It does not name the file: a renamed file holds the same events."""

MEMBERS: Final = ("id", "tenant", "source", "time", "correlation_id", "data")
PLACES: Final = {
    "header ce_id": "$.id",
    "header ce_tenant": "$.tenant",
    "header ce_source": "$.source",
    "header ce_correlationid": "$.correlation_id",
}
LONGEST_LINE: Final = 2 * strictjson.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Read:
    """One line of a file, counted from 1: its event, or what is wrong with it as (path, message)."""

    line: int
    event: Event[Any] | None = None
    problems: tuple[tuple[str, str], ...] = ()


class EventFile:
    """The events of one contract in a file. May be gone through several times where the file can be rewound."""

    def __init__(
        self,
        file: BinaryIO,
        contract: type[Contract],
        *,
        tenants: Collection[str],
        tenant: str | None = None,
        source: str = SOURCE,
    ) -> None:
        unknown = [tenant] if tenant is not None and tenant not in tenants else []
        if unknown:
            message = (
                f"tenant {tenant!r} is not configured; RACCORDO_TENANTS names {', '.join(sorted(tenants))}"
            )
            raise ConfigError(message)
        self._file = file
        self._contract = contract
        self._tenants = frozenset(tenants)
        self._tenant = tenant or (next(iter(tenants)) if len(tenants) == 1 else None)
        self._source = source
        self._codec = Codec(contract, self._tenants)

    def __iter__(self) -> Iterator[Read]:
        """Read every line that is not empty, from the first one on.

        A line that uses an id again for other data is bad: one event id never names two facts.
        """
        self._file.seek(0)
        seen: dict[tuple[str, str], tuple[int, bytes]] = {}
        for number, line in self._lines():
            try:
                event = self._event(line)
                first = seen.setdefault((event.tenant, event.id), (number, fingerprint(event)))
                if first[1] != fingerprint(event):
                    raise InvalidEvent([("$.id", f"line {first[0]} has the same id and other data")])
            except ContractError as error:
                yield Read(number, problems=_problems(error))
            else:
                yield Read(number, event)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Number the lines; of one that is too long only the beginning is kept, which no parser accepts."""
        number = 0
        while line := self._file.readline(LONGEST_LINE):
            number += 1
            while not line.endswith(b"\n") and (more := self._file.readline(LONGEST_LINE)):
                line = line[:LONGEST_LINE] + more[-1:]
            if stripped := line.strip(b" \t\r\n"):
                yield number, stripped

    def _event(self, line: bytes) -> Event[Any]:
        value = strictjson.loads(line, max_bytes=LONGEST_LINE - 1)
        if isinstance(value, dict) and "data" in value and "data" not in self._contract.model_fields:
            return self._checked(self._from_envelope(value))
        return self._checked(self._made(read(self._contract, line), {}))

    def _from_envelope(self, value: dict[str, Any]) -> Event[Any]:
        problems = [
            (strictjson.key_path("$", name), f"unknown; beside data there may be {', '.join(MEMBERS[:-1])}")
            for name in value
            if name not in MEMBERS
        ]
        problems += [
            (f"$.{name}", "must be a text that is not empty")
            for name in MEMBERS[:-1]
            if name in value and (not isinstance(value[name], str) or not value[name])
        ]
        if problems:
            raise InvalidEvent(problems)
        try:
            data = read(self._contract, json.dumps(value["data"], default=_number).encode())
        except ContractError as error:
            raise InvalidEvent([(_inside(path), text) for path, text in _problems(error)]) from None
        return self._made(data, value)

    def _made(self, data: Contract, said: dict[str, str]) -> Event[Any]:
        tenant = said.get("tenant", self._tenant)
        if tenant is None:
            raise InvalidEvent([("$.tenant", "is missing, and several tenants are configured")])
        source = said.get("source", self._source)
        event_id = EventId(said.get("id") or derived_id("line", tenant, source, canonical(data).decode()))
        try:
            time = instant(said["time"]) if "time" in said else datetime.now(UTC)
        except ValueError as error:
            raise InvalidEvent([("$.time", str(error))]) from None
        return Event(
            id=event_id,
            source=source,
            time=time,
            tenant=tenant,
            data=data,
            correlation_id=said.get("correlation_id", event_id),
        )

    def _checked(self, event: Event[Any]) -> Event[Any]:
        """Read the event as its consumers will: what they would refuse is not published."""
        sent = encode(event)
        self._codec.decode(Record(Partition(sent.topic, 0), 0, sent.key, sent.value, sent.headers, 0))
        return event


def chosen(contracts: Collection[type[Contract]], name: str) -> type[Contract]:
    """Find a contract by its topic (newest version), class name or CloudEvents type. Raises ConfigError."""
    found = [
        contract
        for contract in contracts
        if name in (contract.info.topic, contract.__name__, contract.info.type)
    ]
    if not found:
        there = ", ".join(sorted({contract.info.topic for contract in contracts})) or "none"
        raise ConfigError(f"there is no contract and no topic {name!r}; there are the topics {there}")
    return max(found, key=lambda contract: contract.info.version)


def _problems(error: ContractError) -> tuple[tuple[str, str], ...]:
    fields = error.fields if isinstance(error, InvalidEvent) else ((error.path, error.message),)
    return tuple((PLACES.get(path, path), message) for path, message in fields)


def _inside(path: str) -> str:
    return f"$.data{path.removeprefix('$')}"


def _number(value: Any) -> float:
    """A fraction for the second parser; as exact as JSON readers take fractions."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
