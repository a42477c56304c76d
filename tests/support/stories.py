"""How an event stands, as `raccordo why` would tell it, for tests over the memory broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raccordo.ledger.inspection import Inspection
from raccordo.ledger.sql import SqlLedger

if TYPE_CHECKING:
    from raccordo.ledger.findings import Story
    from raccordo.testing import RunningLine


async def stories(running: RunningLine, number: str) -> tuple[Story, ...]:
    """Everything known of the events of an order number, in every flow."""
    assert isinstance(running.ledger, SqlLedger)
    return await Inspection(running.ledger.database).why(number)


async def story(running: RunningLine, number: str) -> Story:
    """The one event of an order number."""
    (found,) = await stories(running, number)
    return found
