"""PostgreSQL as the ledger's database, over asyncpg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from raccordo.errors import ConfigError
from raccordo.ledger.outage import FOREIGN, UNDONE, outage, refusal, sqlstate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection

T = TypeVar("T")

CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 60.0
"""A statement without an answer for so long means that the server or the way to it is gone."""

TRIES: Final = 5
"""How often a transaction is made that PostgreSQL undid for a deadlock."""

CONNECTIONS: Final = 4
"""One for the group commit, the others for reads and for taking partitions over."""


class PostgresDatabase:
    """One PostgreSQL database; its tables live in the first schema of the user's search path."""

    serial = False

    def __init__(self, url: URL) -> None:
        query = dict(url.query)
        if "sslmode" in query:
            query["ssl"] = query.pop("sslmode")
        url = url.set(drivername="postgresql+asyncpg", query=query)
        self.where = f"postgresql://{url.host or url.query.get('host', '')}/{url.database}"
        self._engine = create_async_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                "server_settings": {"application_name": "raccordo"},
            },
        )

    async def open(self) -> None:
        """Connect. Raises ConfigError for wrong credentials or a server that does not wait for its disk."""
        setting = await self.read(
            lambda connection: connection.execute(text("SHOW synchronous_commit")).scalar()
        )
        if setting == "off":
            message = (
                f"ledger {self.where}: synchronous_commit is off, so a commit may be lost; "
                "run ALTER DATABASE … SET synchronous_commit = on"
            )
            raise ConfigError(message)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction (READ COMMITTED), again where PostgreSQL surely undid it.

        When the connection breaks during the commit nobody knows whether it was durable: LedgerError, and every step
        of the ledger is safe to repeat.
        """
        for tried in range(TRIES):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except FOREIGN as error:
                if sqlstate(error) in UNDONE and tried < TRIES - 1:
                    continue
                raise refusal(error, self.where) or outage(error, self.where) from error
        raise AssertionError("unreachable")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do `work` on a connection of its own."""
        return await self.write(work)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()
