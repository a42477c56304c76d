"""Every promise of the port is kept by both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ledgers import Owner, take
from raccordo.ledger.sql import SqlLedger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database that is this test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
async def open_ledger(url: str) -> AsyncIterator[Callable[..., Any]]:
    """Start as many ledgers on that database as a test wants, each as another process would."""
    started: list[SqlLedger] = []

    async def start() -> SqlLedger:
        ledger = SqlLedger(url, auto_upgrade=True, clock=lambda: 1)
        started.append(ledger)
        await ledger.start()
        return ledger

    yield start
    for ledger in started:
        await ledger.stop()


@pytest.fixture
async def ledger(open_ledger: Callable[..., Any]) -> SqlLedger:
    """A ledger."""
    made: SqlLedger = await open_ledger()
    return made


@pytest.fixture
async def owner(ledger: SqlLedger) -> Owner:
    """The owner of partition 0."""
    return await take(ledger)
