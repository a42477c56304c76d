"""What travels: a typed, owned, versioned fact (`Contract`) inside a CloudEvents 1.0 envelope (`Event`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NewType, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable

EventId = NewType("EventId", str)
"""The id of an event or of an effect: an opaque string that stays the same over every repeat."""

ID_LENGTH = 32

PUBLISHED = "schemas/published"
"""Where the generated schemas lie below an application's folder, and what their relative references begin with."""


def derived_key(*parts: str) -> bytes:
    """Derive a key of 16 bytes from its parts; the same parts give the same key for ever.

    Parts are length-prefixed, so that no two lists of parts run together.
    """
    digest = hashlib.blake2b(digest_size=ID_LENGTH // 2)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.digest()


def derived_id(*parts: str) -> EventId:
    """Derive an id from its parts as `derived_key` does, in 32 hex digits, which fit SAP's RequestID."""
    return EventId(derived_key(*parts).hex())


@dataclass(frozen=True, slots=True)
class ContractInfo:
    """What a contract class says about itself beside its fields."""

    name: str
    topic: str
    key: str
    version: int
    owner: str
    retention: timedelta
    partitions: int
    business_keys: tuple[str, ...]
    lanes: tuple[str, ...]

    @property
    def type(self) -> str:
        """The CloudEvents type: ``raccordo.<topic>.v<version>``."""
        return f"raccordo.{self.topic}.v{self.version}"

    @property
    def dataschema(self) -> str:
        """The CloudEvents dataschema: a relative reference to the generated JSON Schema."""
        return f"{PUBLISHED}/{self.topic}/v{self.version}.json"


class ValueObject(BaseModel):
    """A part of a contract: frozen, closed against unknown fields, equal by value.

    The docstring under a field is its description in the published schema.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        str_strip_whitespace=False,
        use_attribute_docstrings=True,
    )


class Contract(ValueObject):
    """A fact that travels: a frozen model that owns its topic, record key, owner and retention.

    Declared by class keywords::

        class OrderCreated(
            Contract,
            topic="ordini_creati",
            key="customer_id",
            version=1,
            owner="order-to-cash",
            business_keys=("order_id",),
        ): ...

    `key` names the field that, after the tenant, makes the record key: what must share a partition.
    `business_keys` name the fields by which a person may look for the event. `lanes` name the fields that are
    finer than the key: each of their values belongs to one value of the key, so a flow may keep order by them
    instead. A class without `topic` is abstract.
    """

    info: ClassVar[ContractInfo]

    def __init_subclass__(
        cls,
        *,
        topic: str = "",
        key: str = "",
        version: int = 1,
        owner: str = "",
        retention: timedelta = timedelta(days=7),
        partitions: int = 12,
        business_keys: tuple[str, ...] = (),
        lanes: tuple[str, ...] = (),
        **kwargs: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**kwargs)
        if topic:
            cls.info = ContractInfo(
                cls.__name__, topic, key, version, owner, retention, partitions, business_keys, lanes
            )

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: Any) -> None:
        """Check the declaration once pydantic knows the fields."""
        if "info" not in cls.__dict__:
            return
        named = (cls.info.key, *cls.info.business_keys, *cls.info.lanes)
        unknown = [name for name in named if name not in cls.model_fields]
        if unknown:
            message = f"contract {cls.__name__} names fields that it does not have: {', '.join(unknown)}"
            raise TypeError(message)

    def record_key(self, tenant: str) -> str:
        """Say what must share a partition: ``<tenant>:<value of the key field>``; a tenant has no colon."""
        return f"{tenant}:{getattr(self, self.info.key)}"

    def business_key_values(self) -> Iterable[tuple[str, str]]:
        """List (field, value) of every business key that has a value."""
        for name in self.info.business_keys:
            value = getattr(self, name)
            if value not in (None, ""):
                yield name, str(value)


D_co = TypeVar("D_co", bound=Contract, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """A contract in its envelope. `time` is UTC; `subject` is the value of the contract's key field.

    `correlation_id` is one from the first publish to the last document; `causation_id` is the id of the event
    that caused this one (None for a first cause), so that events form a tree.
    """

    id: EventId
    source: str
    time: datetime
    tenant: str
    data: D_co
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None

    @property
    def contract(self) -> type[Contract]:
        """The contract class of the data."""
        return type(self.data)

    @property
    def record_key(self) -> str:
        """What must share a partition with this event."""
        return self.data.record_key(self.tenant)

    def cause(self, data: Contract, *, flow: str, index: int, time: datetime) -> Event[Any]:
        """Make the event that this one causes in `flow`; `index` counts the flow's outgoing events from 0.

        The id is derived from (this id, flow, contract, index): a repeat of the flow says the same thing
        again.
        """
        return Event(
            id=derived_id(self.tenant, self.id, flow, data.info.type, str(index)),
            source=f"raccordo/{flow}",
            time=time,
            tenant=self.tenant,
            data=data,
            correlation_id=self.correlation_id,
            causation_id=self.id,
            traceparent=self.traceparent,
        )


def first_event(
    data: Contract,
    *,
    tenant: str,
    source: str,
    id: EventId,  # noqa: A002 - the CloudEvents name
    time: datetime | None = None,
    traceparent: str | None = None,
) -> Event[Any]:
    """Wrap a contract that no other event caused; its id is its correlation id too."""
    return Event(
        id=id,
        source=source,
        time=time or datetime.now(UTC),
        tenant=tenant,
        data=data,
        correlation_id=id,
        traceparent=traceparent,
    )
