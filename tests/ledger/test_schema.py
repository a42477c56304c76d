"""Tables are made once, by whoever comes first, and never by a release that does not know them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from raccordo.errors import ConfigError
from raccordo.ledger import schema
from raccordo.ledger.database import Database, database
from raccordo.ledger.sql import SqlLedger
from raccordo.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def place(url: str) -> AsyncIterator[Database]:
    """An empty database that is open."""
    place = database(url)
    await place.open()
    yield place
    await place.close()


def _pretend(connection: Connection, version: str) -> None:
    connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{version}'"))  # noqa: S608


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(place: Database) -> None:
    await schema.upgrade(place, 1)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        return list(compare_metadata(context, metadata))

    assert await place.read(differences) == []


def test_the_version_of_the_code_is_its_newest_migration() -> None:
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.VERSION]


async def test_an_upgrade_may_be_repeated(place: Database) -> None:
    assert await schema.upgrade(place, 1) == (None, schema.VERSION)
    identity = await place.read(schema.ledger_id)

    assert await schema.upgrade(place, 2) == (schema.VERSION, schema.VERSION)
    assert await place.read(schema.ledger_id) == identity


async def test_workers_that_start_at_the_same_moment_make_one_ledger(url: str) -> None:
    ledgers = [SqlLedger(url, auto_upgrade=True) for _ in range(4)]

    await asyncio.gather(*(ledger.start() for ledger in ledgers))

    assert len({ledger.ledger_id for ledger in ledgers}) == 1
    for ledger in ledgers:
        await ledger.stop()


async def test_a_database_without_tables_is_refused_with_the_command_that_makes_them(url: str) -> None:
    ledger = SqlLedger(url, auto_upgrade=False)

    with pytest.raises(ConfigError, match="no tables yet; run: raccordo ledger upgrade"):
        await ledger.start()
    await ledger.stop()


async def test_a_newer_ledger_is_refused_by_everybody(url: str, place: Database) -> None:
    await schema.upgrade(place, 1)
    await place.write(lambda connection: _pretend(connection, "0999"))

    for auto in (True, False):
        ledger = SqlLedger(url, auto_upgrade=auto)
        with pytest.raises(ConfigError, match="0999, newer than the 0001 of this release"):
            await ledger.start()
        await ledger.stop()


async def test_an_older_ledger_is_refused_with_the_command_that_helps(place: Database) -> None:
    await schema.upgrade(place, 1)
    await place.write(lambda connection: _pretend(connection, "0000"))

    with pytest.raises(
        ConfigError, match=r"version 0000, this release needs 0001; .* run: raccordo ledger upgrade"
    ):
        await schema.check(place)


async def test_postgresql_waits_for_a_person_unless_asked() -> None:
    assert SqlLedger("postgresql://nobody@nowhere/x")._auto_upgrade is False
    assert SqlLedger("sqlite://")._auto_upgrade is True


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("mysql://x/y", "'mysql' is no database that the ledger knows"), ("ledger.db", "not a database URL")],
)
def test_an_address_that_is_no_ledger_is_refused_at_once(address: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        SqlLedger(address)


async def test_a_ledger_in_memory_works() -> None:
    ledger = SqlLedger("sqlite://")
    await ledger.start()
    await ledger.ping()
    await ledger.stop()
