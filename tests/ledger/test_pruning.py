"""The ledger forgets what ended long ago, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from ledgers import Owner, call, emission
from raccordo.ledger import EffectState, State, Step, pruning
from raccordo.ledger.pruning import prune
from raccordo.ledger.tables import business_key, effect, held, inbox, journey, outbox

if TYPE_CHECKING:
    import pytest

    from raccordo.ledger.sql import SqlLedger

TABLES = (inbox, effect, business_key, journey, outbox, held)


async def sizes(ledger: SqlLedger) -> dict[str, int]:
    """Rows of each table."""

    def count(connection: Connection) -> dict[str, int]:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in TABLES
        }

    return await ledger.database.read(count)


async def test_what_ended_before_the_time_goes_with_all_that_belongs_to_it(
    ledger: SqlLedger, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 3)
    for number in range(10):
        await owner.carry(f"e{number}", number, journey=(Step(1, "x"),))
        await ledger.published([emission(f"e{number}").id], 3_001)
    await ledger.claim(owner.a_claim("dead", 20))
    await ledger.conclude(owner.a_death("dead", 20))

    assert await prune(ledger.database, 3_000) == 0
    assert await prune(ledger.database, 3_001) == 11
    assert set((await sizes(ledger)).values()) == {0}
    assert (await ledger.claim(owner.a_claim("e1", 1))).state is None


async def test_what_somebody_still_needs_stays(ledger: SqlLedger, owner: Owner) -> None:
    await owner.carry("unpublished")
    await ledger.claim(owner.a_claim("claimed", 1))
    await ledger.claim(owner.a_claim("parked", 2))
    await ledger.park(owner.a_parking("parked", 2))
    await ledger.claim(owner.a_claim("blocking", 3))
    await ledger.conclude(owner.a_death("blocking", 3, blocks=True))
    await ledger.claim(owner.a_claim("in doubt", 4))
    unknown = call("in doubt", EffectState.UNKNOWN)
    await ledger.conclude(owner.a_death("in doubt", 4, State.NEEDS_HUMAN, effects=(unknown,)))
    before = await sizes(ledger)

    assert await prune(ledger.database, 10**15) == 0

    assert await sizes(ledger) == before
