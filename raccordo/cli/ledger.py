"""`raccordo ledger`: the upkeep of the ledger's tables."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from raccordo.cli.groups import group, shown
from raccordo.cli.options import Json
from raccordo.cli.output import facts, show
from raccordo.cli.services import settings
from raccordo.ledger import schema
from raccordo.ledger.database import database

if TYPE_CHECKING:
    from raccordo.ledger.database import Database

app = group("The ledger's tables: their version and their upkeep.")


@app.command(
    epilog=shown(
        "raccordo ledger upgrade", "RACCORDO_LEDGER=postgresql://raccordo@db/raccordo raccordo ledger upgrade"
    )
)
def upgrade(as_json: Json = False) -> None:
    """Make the ledger's tables, or bring them to the version of this release.

    It may be repeated, and started on several machines at once. Stop all workers and back the ledger up before an
    upgrade. A ledger that is newer than this release is refused. SQLite ledgers upgrade by themselves at the start of
    a worker, PostgreSQL ledgers only by this command.
    """
    done = asyncio.run(_upgrade(database(settings().ledger)))
    show(
        done,
        lambda: facts({"ledger": done["ledger"], "was": done["from"] or "no tables", "is": done["to"]}),
        as_json=as_json,
    )


async def _upgrade(place: Database) -> dict[str, Any]:
    await place.open()
    try:
        before, after = await schema.upgrade(place, time.time_ns() // 1_000_000)
    finally:
        await place.close()
    return {"ledger": place.where, "from": before, "to": after}
