"""What can happen to PostgreSQL and the way to it, and what the ledger says and keeps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, func, make_url, select, text

from ledgers import Owner, call, emission, take
from raccordo.errors import ConfigError, LedgerError
from raccordo.ledger import EffectState, State
from raccordo.ledger.database import database
from raccordo.ledger.sql import SqlLedger
from raccordo.ledger.tables import effect, inbox, outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.postgres

KILL = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def insist(step: Callable[[], Awaitable[Any]]) -> Any:
    """Repeat a step until the ledger takes it, as the line does."""
    for _ in range(200):
        try:
            return await step()
        except LedgerError:
            await asyncio.sleep(0.01)
    raise AssertionError("never taken")


async def test_events_whose_connection_is_killed_again_and_again_end_once(postgres_url: str) -> None:
    """Nobody knows whether a commit came through when its connection breaks; every step may simply be repeated."""
    ledger = SqlLedger(postgres_url, auto_upgrade=True)
    await ledger.start()
    owner = await take(ledger)
    killer = database(postgres_url)
    await killer.open()
    finished = asyncio.Event()

    async def one(number: int) -> None:
        word = f"e{number}"
        done = call(word, EffectState.CONFIRMED, document=f"D{number}")
        end = owner.an_end(word, offset=number, effects=(done,), emissions=(emission(word),))
        for _ in range(4):
            await insist(lambda: ledger.claim(owner.a_claim(word, number)))
            await insist(lambda: ledger.send(owner.a_sending(word)))
            await insist(lambda: ledger.conclude(end))

    async def kill() -> int:
        kills = 0
        while not finished.is_set():
            kills += len(await killer.write(lambda connection: connection.execute(KILL).all()))
            await asyncio.sleep(0.2)
        return kills

    killing = asyncio.create_task(kill())
    for start in range(0, 200, 20):
        await asyncio.gather(*(one(number) for number in range(start, start + 20)))
    finished.set()
    kills = await killing

    def count(connection: Connection) -> list[int]:
        counted = [select(func.count()).select_from(table) for table in (inbox, effect, outbox)]
        return [connection.execute(statement).scalar_one() for statement in counted]

    assert kills >= 3
    assert await killer.read(count) == [200, 200, 200]
    assert (await insist(lambda: ledger.claim(owner.a_claim("e7", 7)))).state is State.CONFIRMED
    await killer.close()
    await ledger.stop()


async def test_a_server_that_is_away_is_no_reason_to_give_up() -> None:
    ledger = SqlLedger("postgresql://nobody@127.0.0.1:1/raccordo")

    with pytest.raises(LedgerError, match=r"postgresql://127.0.0.1/raccordo: it cannot be reached"):
        await ledger.start()
    await ledger.stop()


async def test_a_database_that_does_not_exist_is(postgres_url: str) -> None:
    ledger = SqlLedger(postgres_url.replace("/test_", "/never_"))

    with pytest.raises(ConfigError, match="the database does not exist"):
        await ledger.start()
    await ledger.stop()


async def test_a_server_that_does_not_wait_for_its_disk_is_refused(postgres_url: str) -> None:
    place = database(postgres_url)
    careless = text(f'ALTER DATABASE "{make_url(postgres_url).database}" SET synchronous_commit = off')
    await place.write(lambda connection: connection.execute(careless).close())
    await place.close()

    with pytest.raises(ConfigError, match="synchronous_commit is off"):
        await place.open()
    await place.close()


async def test_a_password_never_shows(caplog: pytest.LogCaptureFixture) -> None:
    ledger = SqlLedger("postgresql://user:hunter2@127.0.0.1:1/raccordo?sslmode=require")

    with pytest.raises(LedgerError) as raised:
        await ledger.start()

    assert "hunter2" not in str(raised.value) + caplog.text


async def test_acquiring_waits_for_the_group_that_is_being_committed(postgres_url: str) -> None:
    """A step that was let in before the new owner came is seen by the new owner, or was never done."""
    old, new = SqlLedger(postgres_url, auto_upgrade=True), SqlLedger(postgres_url, auto_upgrade=True)
    await old.start()
    await new.start()
    for round_ in range(10):
        owner = await take(old, round_)
        claiming = [asyncio.create_task(old.claim(owner.a_claim(f"{round_}-{n}", n))) for n in range(50)]
        await asyncio.sleep(0)
        successor = await take(new, round_)
        standings = await asyncio.gather(*claiming, return_exceptions=True)
        for number, standing in enumerate(standings):
            found = await new.claim(successor.a_claim(f"{round_}-{number}", number))
            assert (found.state is None) == isinstance(standing, LedgerError)
    await old.stop()
    await new.stop()


async def test_a_group_meets_its_neighbours_without_a_deadlock(postgres_url: str) -> None:
    ledgers = [SqlLedger(postgres_url, auto_upgrade=True) for _ in range(2)]
    for ledger in ledgers:
        await ledger.start()
    owners = [
        [await take(ledger, half * 4 + number) for number in range(4)] for half, ledger in enumerate(ledgers)
    ]

    async def life(mine: list[Owner], order: int) -> None:
        for round_ in range(20):
            claims = [
                one.ledger.claim(one.a_claim(f"{round_}-{number}", number))
                for number in range(20)
                for one in mine[::order]
            ]
            await asyncio.gather(*claims)

    await asyncio.wait_for(asyncio.gather(life(owners[0], 1), life(owners[1], -1)), 60)
    for ledger in ledgers:
        await ledger.stop()
