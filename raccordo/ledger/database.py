"""The database behind the ledger, whichever it is: transactions are plain functions over a SQLAlchemy connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """A place for transactions. Raises LedgerError for everything that goes wrong with the database itself.

    A `work` may be called again after a rollback (deadlock), so it keeps nothing between calls. What it raises itself
    rolls the transaction back and comes through as it is.
    """

    where: str
    """How this database is named in sentences, without secrets."""

    serial: bool
    """Whether a write excludes every other write (SQLite); else rows are locked (PostgreSQL)."""

    async def open(self) -> None:
        """Connect. Raises ConfigError where no waiting would help."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction and return when it is durable.

        Writes of one process happen one at a time on SQLite, side by side on PostgreSQL.
        """
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work`, which only reads, beside the writes."""
        ...

    async def close(self) -> None:
        """Disconnect. Safe to call twice."""


def database(url: str) -> Database:
    """Choose the database for a URL: ``sqlite:///path``, ``sqlite://`` (in memory) or ``postgresql://…``.

    Raises ConfigError for anything else.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        message = "RACCORDO_LEDGER: not a database URL; write sqlite:///path/to/ledger.db or postgresql://user@host/name"
        raise ConfigError(message) from error
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        from raccordo.ledger.sqlite import SqliteDatabase  # noqa: PLC0415 - only the database in use is imported

        name = parsed.database
        return SqliteDatabase(None if name in (None, "", ":memory:") else Path(str(name)))
    if backend in ("postgresql", "postgres"):
        from raccordo.ledger.postgres import PostgresDatabase  # noqa: PLC0415 - as above

        return PostgresDatabase(parsed)
    message = f"RACCORDO_LEDGER: {backend!r} is no database that the ledger knows; use sqlite or postgresql"
    raise ConfigError(message)
