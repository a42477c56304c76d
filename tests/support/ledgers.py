"""Builders of steps for tests of the ledger: short words for long facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from raccordo.broker import Outgoing, Partition, Record
from raccordo.ledger import (
    Burial,
    Claim,
    Conclusion,
    Effect,
    EffectState,
    Emission,
    Grant,
    Parking,
    Sending,
    State,
    Why,
)

if TYPE_CHECKING:
    from raccordo.ledger.sql import SqlLedger

FLOW = "order-to-sap"
TOPIC = "ordini_creati"
HEADERS = (("ce_id", b"1"), ("x", b"\x00\xff"), ("x", b"again"), ("leer", b""))


def key_of(word: str) -> bytes:
    """Sixteen bytes that stand for a word."""
    return hashlib.blake2b(word.encode(), digest_size=16).digest()


def emission(word: str) -> Emission:
    """An outgoing event."""
    record = Outgoing("ordini_confermati", b"acme:1", b'{"order":"1"}', HEADERS)
    return Emission(key_of(word).hex(), "OrderConfirmed", record)


def call(word: str, state: EffectState = EffectState.SENT, **facts: Any) -> Effect:
    """A call to SAP."""
    known: dict[str, Any] = {
        "index": 0,
        "system": "sap",
        "operation": "create_order",
        "sent_at": 10,
        "settle_at": 60,
    }
    return Effect(key=key_of(f"call {word}").hex(), state=state, **{**known, **facts})


@dataclass(frozen=True)
class Owner:
    """Speaks to the ledger for one partition, as a worker that was given it would."""

    ledger: SqlLedger
    grant: Grant

    def record(self, offset: int, value: bytes = b"{}") -> Record:
        """A fetched record."""
        return Record(self.grant.partition, offset, b"acme:1", value, HEADERS, 1_000 + offset)

    def a_claim(self, word: str, offset: int = 0, **facts: Any) -> Claim:
        """A claim of the event called `word`, in a lane of its own unless said otherwise."""
        known: dict[str, Any] = {
            "event_key": key_of(word),
            "event_id": word,
            "tenant": "acme",
            "contract": "OrderCreated",
            "offset": offset,
            "lane": f"acme:{word}",
            "fingerprint": key_of(f"data of {word}"),
            "correlation_id": word,
            "causation_id": None,
            "published_at": 1_000 + offset,
            "at": 2_000 + offset,
            "business_keys": (("order_id", f"ORD-{word}"),),
        }
        return Claim(self.grant, **{**known, **facts})

    def a_sending(self, word: str, **facts: Any) -> Sending:
        """The sending of the first call of an event."""
        return Sending(self.grant, key_of(word), **{"effect": call(word), "at": 2_010, **facts})

    def an_end(self, word: str, state: State = State.CONFIRMED, offset: int = 0, **facts: Any) -> Conclusion:
        """The end of an event."""
        return Conclusion(
            self.grant,
            key_of(word),
            **{"lane": f"acme:{word}", "offset": offset, "state": state, "at": 3_000, **facts},
        )

    def a_death(self, word: str, offset: int = 0, state: State = State.DEAD, **facts: Any) -> Conclusion:
        """The end of an event whose record is kept."""
        known = {
            "held": self.record(offset, word.encode()),
            "error": "Rejected",
            "reason": "no such customer",
        }
        return self.an_end(word, state, offset, **{**known, **facts})

    def a_parking(self, word: str, offset: int = 0, **facts: Any) -> Parking:
        """The parking of an event's lane."""
        known: dict[str, Any] = {
            "lane": f"acme:{word}",
            "head": self.record(offset, word.encode()),
            "why": Why.RETRY,
            "next_at": 5_000,
            "at": 4_000,
            "attempts": 1,
            "error": "Unavailable",
            "reason": "refused",
        }
        return Parking(self.grant, key_of(word), **{**known, **facts})

    def a_burial(self, offset: int, **facts: Any) -> Burial:
        """The burial of a record that is no event."""
        copy = replace(emission(f"dead {offset}"), contract=f"{TOPIC}.dead")
        known: dict[str, Any] = {"error": "Undecodable", "reason": "$: not JSON", "at": 3_000, "copy": copy}
        return Burial(self.grant, self.record(offset, b"\xff"), **{**known, **facts})

    async def carry(self, word: str, offset: int = 0, **facts: Any) -> None:
        """Bring an event from its claim to its end; `facts` are those of the end."""
        await self.ledger.claim(self.a_claim(word, offset))
        await self.ledger.send(self.a_sending(word))
        done = call(word, EffectState.CONFIRMED, result='{"document":"D1"}', document=f"D-{word}")
        await self.ledger.conclude(
            self.an_end(word, offset=offset, effects=(done,), emissions=(emission(word),), **facts)
        )


async def take(ledger: SqlLedger, number: int = 0, flow: str = FLOW, owner: str = "worker-1") -> Owner:
    """Acquire a partition."""
    (acquired,) = await ledger.acquire(flow, [Partition(TOPIC, number)], owner, 1)
    return Owner(ledger, acquired.grant)
