"""The ledger's tables: one definition that migrations are checked against and statements are built from.

Times are integers, milliseconds since the epoch, UTC. Keys and digests are 16 bytes. States are words, so that a person
with a database prompt can read them. Only what is looked up has an index; on SQLite the tables keyed by more than a
number have no row ids, so that each row is stored once.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData()

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column called INTEGER."""

NO_ROWIDS: Final[dict[str, Any]] = {"sqlite_with_rowid": False}
NEVER_AGAIN: Final[dict[str, Any]] = {"sqlite_autoincrement": True}
"""A number that was given once is never given again, also after pruning."""


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="", server_default="")


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _place() -> tuple[Column[str], Column[str], Column[int]]:
    return (
        Column("flow", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
    )


inbox = Table(
    "inbox",
    metadata,
    Column("event_key", LargeBinary(16), nullable=False),
    *_place(),
    Column("offset", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("fingerprint", LargeBinary(16), nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text),
    _time("published_at"),
    _time("claimed_at"),
    _time("changed_at"),
    Column("attempts", Integer, nullable=False),
    _text("error"),
    _text("reason"),
    PrimaryKeyConstraint("event_key"),
    Index("inbox_event_id", "event_id"),
    **NO_ROWIDS,
)
"""One row for each event in each flow. `claimed_at` is the first claim, `changed_at` the last step."""

effect = Table(
    "effect",
    metadata,
    Column("key", LargeBinary(16), nullable=False),
    Column("event_key", LargeBinary(16), nullable=False),
    Column("index", Integer, nullable=False),
    Column("system", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("state", Text, nullable=False),
    _time("sent_at"),
    _time("settle_at"),
    _time("changed_at"),
    Column("result", Text),
    Column("document", Text),
    _text("request_digest"),
    Column("looks", Integer, nullable=False),
    PrimaryKeyConstraint("key"),
    Index("effect_event_key", "event_key"),
    **NO_ROWIDS,
)
"""One row for each call that changes something in another system. `key` is what the target may see."""

ownership = Table(
    "ownership",
    metadata,
    *_place(),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    _time("since"),
    PrimaryKeyConstraint("flow", "topic", "partition"),
    **NO_ROWIDS,
)
"""Who may act for a partition. Every transaction that touches a partition raises its `sequence`, and so locks it."""

lane = Table(
    "lane",
    metadata,
    *_place(),
    Column("lane", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("next_at", BigInteger),
    _time("since"),
    Column("head", BigInteger),
    Column("attempts", Integer, nullable=False),
    _text("error"),
    _text("reason"),
    PrimaryKeyConstraint("flow", "topic", "partition", "lane"),
    Index(
        "lane_next_at",
        "next_at",
        postgresql_where=text("next_at IS NOT NULL"),
        sqlite_where=text("next_at IS NOT NULL"),
    ),
    **NO_ROWIDS,
)
"""One row for each lane that waits. `next_at` NULL: until a person acts. `head` is the offset of what failed."""

WAITING: Final = text("role <> 'dead'")

held = Table(
    "held",
    metadata,
    *_place(),
    Column("offset", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("event_key", LargeBinary(16)),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", LargeBinary, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    _text("error"),
    _text("reason"),
    _time("first_at"),
    _time("last_at"),
    Column("attempts", Integer, nullable=False),
    PrimaryKeyConstraint("flow", "topic", "partition", "offset"),
    Index(
        "held_waiting",
        "flow",
        "topic",
        "partition",
        "lane",
        "offset",
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    ),
    Index("held_event_key", "event_key"),
    Index("held_last_at", "role", "last_at"),
)
"""Records whose bytes are kept: the parked head of a lane, what is queued behind it, and dead letters."""

UNPUBLISHED: Final = text("published_at IS NULL")

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", SERIAL, primary_key=True, autoincrement=True),
    *_place(),
    Column("event_key", LargeBinary(16), nullable=False),
    Column("id", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", LargeBinary, nullable=False),
    _time("concluded_at"),
    Column("published_at", BigInteger),
    Index(
        "outbox_unpublished",
        "flow",
        "topic",
        "partition",
        "sequence",
        postgresql_where=UNPUBLISHED,
        sqlite_where=UNPUBLISHED,
    ),
    Index("outbox_unpublished_id", "id", postgresql_where=UNPUBLISHED, sqlite_where=UNPUBLISHED),
    Index("outbox_event_key", "event_key"),
    **NEVER_AGAIN,
)
"""Outgoing events and dead letter copies. `target` is their topic; the bytes go once they are published."""

journey = Table(
    "journey",
    metadata,
    Column("event_key", LargeBinary(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("step", Text, nullable=False),
    _text("detail"),
    PrimaryKeyConstraint("event_key", "at", "number", "step"),
    **NO_ROWIDS,
)
"""What happened to an event beyond the ordinary; `number` orders entries of one step that share their time."""

business_key = Table(
    "business_key",
    metadata,
    Column("value", Text, nullable=False),
    Column("event_key", LargeBinary(16), nullable=False),
    Column("field", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    PrimaryKeyConstraint("value", "event_key", "field"),
    Index("business_key_event_key", "event_key"),
    **NO_ROWIDS,
)
"""By what a person may look for an event: its business keys and the numbers of the documents made for it."""

silence = Table(
    "silence",
    metadata,
    Column("system", Text, nullable=False),
    _time("not_before"),
    _text("reason"),
    _time("at"),
    PrimaryKeyConstraint("system"),
)
"""Systems that asked not to be called before a time."""

audit = Table(
    "audit",
    metadata,
    Column("sequence", SERIAL, primary_key=True, autoincrement=True),
    _time("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _text("detail"),
    **NEVER_AGAIN,
)
"""What people did to events and lanes, and why."""

meta = Table(
    "meta",
    metadata,
    Column("ledger_id", Text, nullable=False),
    _time("created_at"),
    Column("pulse", BigInteger, nullable=False),
    PrimaryKeyConstraint("ledger_id"),
)
"""One row: which ledger this is. `pulse` is written to find out whether anything can be."""
