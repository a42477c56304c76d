"""Which version of its tables a ledger has, and how it comes to the one that this code knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy import inspect, select, text

from raccordo.errors import ConfigError
from raccordo.ledger.tables import meta

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from raccordo.ledger.database import Database

VERSION: Final = "0001"
"""The version of the tables that this code reads and writes; the newest migration has this name."""

VERSION_TABLE: Final = "raccordo_ledger_version"
COMMAND: Final = "raccordo ledger upgrade"
ONE_AT_A_TIME: Final = 0x7261_6363_6F72_646F
"""The PostgreSQL advisory lock under which tables are made ("raccordo" in ASCII)."""


def version(connection: Connection) -> str | None:
    """Read which version the tables have; None for a database without a ledger."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def ledger_id(connection: Connection) -> str:
    """Read the identity that this ledger got when it was made."""
    return str(connection.execute(select(meta.c.ledger_id)).scalar_one())


async def check(database: Database) -> None:
    """Raise ConfigError, with both versions and the command that helps, unless the tables are those of this code."""
    found = await database.read(version)
    if found == VERSION:
        return
    if found is None:
        message = f"ledger {database.where}: there are no tables yet; run: {COMMAND}"
    elif found < VERSION:
        message = (
            f"ledger {database.where}: its tables have version {found}, this release needs {VERSION}; "
            f"stop all workers, back it up, then run: {COMMAND}"
        )
    else:
        message = _newer(database.where, found)
    raise ConfigError(message)


async def upgrade(database: Database, at: int) -> tuple[str | None, str]:
    """Bring the tables to the version of this code, in one transaction, and say from which version to which.

    May be repeated, and started by several processes at once: one does it, the others find it done. Raises ConfigError
    for tables that are newer than this code. `at` is the time in milliseconds since the epoch.
    """
    found = await database.read(version)
    if found is not None and found > VERSION:
        raise ConfigError(_newer(database.where, found))
    if found != VERSION:
        await database.write(lambda connection: _migrate(connection, at))
    return found, VERSION


def _newer(where: str, found: str) -> str:
    return (
        f"ledger {where}: its tables have version {found}, newer than the {VERSION} of this release; "
        "run the newer release, or restore the backup that was made before the upgrade"
    )


def _migrate(connection: Connection, at: int) -> None:
    from alembic import command  # noqa: PLC0415 - a fifth of a second that only an upgrade needs

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.execute(select(meta.c.ledger_id)).first() is None:
        connection.execute(meta.insert(), {"ledger_id": uuid4().hex, "created_at": at, "pulse": 0})


def alembic_config() -> Config:
    """Where Alembic finds the migrations; without an ini file, since nothing in it would be ours."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config
