"""Bytes to Event and back: the only place that validates what travels.

A record is read in this order: strict JSON, envelope, contract type, tenant, fields, record key. What is read
afterwards is trusted everywhere. Errors name the place and never repeat what stood there, except the record
key, an identifier.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from raccordo import envelope, strictjson
from raccordo.broker import Outgoing
from raccordo.errors import ConfigError, InvalidEvent, Undecodable
from raccordo.event import Contract, Event, EventId, derived_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from raccordo.broker import Record

C = TypeVar("C", bound=Contract)

DIGEST_SIZE = 16
_MAX_FIELDS = 50
_SHOWN = 80
# pydantic's own sentences for these repeat a part of the input.
_SENTENCES = {
    "union_tag_invalid": "names a variant that the contract does not have",
    "extra_forbidden": "a field that the contract does not have",
    "missing": "a required field is missing",
}


def encode(event: Event[Any]) -> Outgoing:
    """Write an event as one record in CloudEvents 1.0 binary mode: the same bytes every time."""
    return Outgoing(
        topic=event.data.info.topic,
        key=event.record_key.encode(),
        value=canonical(event.data),
        headers=envelope.write(event),
    )


def canonical(data: Contract) -> bytes:
    """Write the data as compact JSON in the order of its fields, without fields that hold their default.

    The same fact has one canonical form, however it was spelled: white space, order of names, null or absent,
    an offset of a time and zeros at the end of a decimal make no difference, provided that the contract is
    built of the types in `raccordo.scalars`. A later release may add optional fields without changing the
    form of older facts.
    """
    return data.model_dump_json(exclude_defaults=True).encode()


def read(contract: type[C], body: bytes) -> C:
    """Read a body as the data of a contract.

    Raises Undecodable for what is no strict JSON, InvalidEvent with the path of every violation.
    """
    strictjson.loads(body)
    try:
        return contract.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise InvalidEvent(_violations(error)) from None


def fingerprint(event: Event[Any]) -> bytes:
    """Digest (16 bytes) of contract type and canonical data: equal for a repeat, different for a conflict."""
    digest = hashlib.blake2b(event.data.info.type.encode(), digest_size=DIGEST_SIZE)
    digest.update(b"\n")
    digest.update(canonical(event.data))
    return digest.digest()


def event_key(tenant: str, flow: str, event_id: str) -> bytes:
    """Digest (16 bytes) of what the ledger's inbox is keyed by."""
    return derived_key(tenant, flow, event_id)


class Codec:
    """Reads the records of one contract, or of several versions of it, for a closed list of tenants."""

    def __init__(self, contracts: type[Contract] | Iterable[type[Contract]], tenants: frozenset[str]) -> None:
        classes = (contracts,) if isinstance(contracts, type) else tuple(contracts)
        self._contracts = {contract.info.type: contract for contract in classes}
        self._tenants = tenants
        self._only_tenant = next(iter(tenants)) if len(tenants) == 1 else None
        problems = [f"tenant {name!r} contains a colon" for name in sorted(tenants) if ":" in name]
        if not classes:
            problems.append("a codec needs at least one contract")
        if not tenants:
            problems.append("a codec needs at least one tenant")
        if problems:
            raise ConfigError(problems)

    def decode(self, record: Record) -> Event[Any]:
        """Read one record as an event of the contract.

        Raises Undecodable for bytes that are no strict JSON or have no proper envelope (a tombstone too),
        InvalidEvent for a foreign type, tenant, key or field. Nothing else is raised, whatever the record
        holds.
        """
        if record.value is None:
            raise Undecodable("the record has no value (a tombstone); a fact cannot be deleted")
        head = envelope.read(record.headers)
        contract = self._contracts.get(head.type)
        if contract is None:
            expected = " or ".join(self._contracts)
            raise InvalidEvent(
                [("header ce_type", f"must be {expected}; {_shown(head.type)} is not read here")]
            )
        tenant = self._tenant(head.tenant)
        data = read(contract, record.value)
        key = data.record_key(tenant)
        if record.key != key.encode():
            raise InvalidEvent([("key", f"expected {_shown(key)}, found {_shown_key(record.key)}")])
        return Event(
            id=EventId(head.id),
            source=head.source,
            time=head.time,
            tenant=tenant,
            data=data,
            correlation_id=head.correlation_id or head.id,
            causation_id=head.causation_id,
            traceparent=head.traceparent,
        )

    def _tenant(self, name: str | None) -> str:
        if name is None:
            if self._only_tenant is None:
                raise Undecodable("is missing, and several tenants are configured", path="header ce_tenant")
            return self._only_tenant
        if name not in self._tenants:
            raise InvalidEvent([("header ce_tenant", f"{_shown(name)} is not a configured tenant")])
        return name


def _violations(error: ValidationError) -> Sequence[tuple[str, str]]:
    """List (path, message) of at most 50 violations, without any input value."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        (_path(detail["loc"]), _SENTENCES.get(detail["type"], detail["msg"].removeprefix("Value error, ")))
        for detail in details[:_MAX_FIELDS]
    ]


def _path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else strictjson.key_path(path, part)
    return path


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}…"


def _shown_key(key: bytes | None) -> str:
    if key is None:
        return "no key"
    return _shown(key.decode("utf-8", "backslashreplace"))
