"""Every error of a database becomes a LedgerError with a sentence: what happened, and what to do."""

from __future__ import annotations

import sqlite3
from typing import Final

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import InterfaceError as SqliteInterfaceError

from raccordo.errors import ConfigError, LedgerError

FOREIGN: Final = (SQLAlchemyError, sqlite3.Error, PostgresError, InterfaceError, OSError, TimeoutError)
"""What SQLAlchemy, sqlite3, asyncpg and the network raise between them."""

UNDONE: Final = frozenset({"40001", "40P01", "23505"})
"""PostgreSQL surely rolled back: serialization failure, deadlock, or another worker inserted the same row meanwhile.

The same transaction may simply be made again; it finds the row then.
"""

SQLITE: Final = (
    ("disk is full", "its disk is full; make room, nothing is lost and work goes on by itself"),
    ("database is locked", "another process has held its write lock for too long; find out which one"),
    ("readonly", "it is read-only for this user; check the rights of the file and of its folder"),
    ("unable to open", "it cannot be opened; check that its folder exists and may be written"),
    ("disk I/O error", "the disk failed to read or write; check the disk, then restart"),
    ("not a database", "the file is damaged or is no ledger; restore it from a backup"),
    ("malformed", "the file is damaged; restore it from a backup"),
)

POSTGRES: Final = (
    ("53100", "its disk is full; make room, nothing is lost and work goes on by itself"),
    ("53300", "it has no free connection; raise max_connections or run fewer workers"),
    ("57P", "it was stopped or ended this connection; work goes on when it is back"),
    ("55P03", "a lock could not be had in time"),
    ("25006", "it is read-only: probably a standby; point RACCORDO_LEDGER at the primary"),
    ("42501", "this user may not do that; grant it rights on the ledger's tables"),
    ("40", "the transaction met another one again and again"),
)

REFUSALS: Final = (
    ("28", "user or password is refused; check RACCORDO_LEDGER"),
    ("3D000", "the database does not exist; create it, or correct RACCORDO_LEDGER"),
)


class Unstorable(LedgerError):
    """The database refuses what one of the steps of a transaction wants to store."""


REFUSED_VALUES: Final = (DataError, IntegrityError, ProgrammingError, SqliteInterfaceError)


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's five-character code of an error, "" where there is none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def refusal(error: BaseException, where: str) -> ConfigError | None:
    """The ConfigError for what no waiting cures: wrong credentials, no such database. None for everything else."""
    code = sqlstate(error)
    for start, sentence in REFUSALS:
        if code.startswith(start):
            return ConfigError(f"ledger {where}: {sentence}")
    return None


def outage(error: BaseException, where: str) -> LedgerError:
    """Put a database's error into a sentence, without statements and values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = sqlstate(error)
    if code:
        for start, sentence in POSTGRES:
            if code.startswith(start):
                return LedgerError(f"ledger {where}: {sentence} (SQLSTATE {code})")
        kind = Unstorable if code.startswith(("22", "23")) else LedgerError
        return kind(f"ledger {where}: the database refused with SQLSTATE {code} ({type(cause).__name__})")
    said = str(cause)
    for words, sentence in SQLITE:
        if words in said:
            return LedgerError(f"ledger {where}: {sentence}")
    if isinstance(cause, (OSError, TimeoutError)) or "connection" in said:
        return LedgerError(
            f"ledger {where}: it cannot be reached ({type(cause).__name__}); work goes on when it is back"
        )
    kind = Unstorable if isinstance(error, REFUSED_VALUES) else LedgerError
    return kind(f"ledger {where}: the database refused ({type(cause).__name__})")
