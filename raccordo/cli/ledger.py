"""`raccordo ledger`: the upkeep of the ledger's tables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from raccordo.app import load
from raccordo.cli.groups import group, shown
from raccordo.cli.letters import now
from raccordo.cli.options import HERE, AppDir, Json
from raccordo.cli.output import clock_time, facts, show
from raccordo.cli.services import settings
from raccordo.errors import Unsafe
from raccordo.ledger import schema
from raccordo.ledger.database import database
from raccordo.ledger.inspection import Inspection, opened
from raccordo.ledger.pruning import prune
from raccordo.settings import ttl_problems

if TYPE_CHECKING:
    from raccordo.ledger.database import Database
    from raccordo.ledger.findings import Counts

app = group("The ledger's tables: their version, what waits in them, and their upkeep.")


@app.command("upgrade", epilog=shown("raccordo ledger upgrade", "raccordo ledger upgrade --json"))
def upgrade_tables(as_json: Json = False) -> None:
    """Make the ledger's tables, or bring them to the version of this release.

    It may be repeated, and started on several machines at once. Stop all workers and back the ledger up before an
    upgrade. A ledger that is newer than this release is refused. SQLite ledgers upgrade by themselves at the start of
    a worker, PostgreSQL ledgers only by this command.
    """
    done = asyncio.run(_upgrade(database(settings().ledger)))
    told = {"ledger": done["ledger"], "was": done["from"] or "no tables", "is": done["to"]}
    show(done, lambda: facts(told), as_json=as_json)


@app.command(epilog=shown("raccordo ledger status", "raccordo ledger status --json"))
def status(as_json: Json = False) -> None:
    """Count what waits: parked lanes, dead letters, events not yet published, systems that asked for silence."""
    where, counts = asyncio.run(_counts(settings().ledger))
    answer = {"ledger": where, "version": schema.VERSION, **counts.as_json()}
    show(answer, lambda: facts(_told(where, counts)), as_json=as_json)


@app.command(
    "prune", epilog=shown("raccordo ledger prune", "raccordo ledger prune --app-dir /srv/shop --json")
)
def prune_tables(app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """Forget events that ended longer ago than RACCORDO_LEDGER_TTL. Meant for a daily job, beside the workers.

    What waits, blocks a lane, needs a person or is not yet published stays, however old. Exit code 4 if the TTL is not
    longer than a repeat of an event may take to come: the longest retention of a flow's topic plus
    RACCORDO_GIVE_UP_AFTER plus RACCORDO_REDRIVE_HORIZON.
    """
    config = settings()
    problems = ttl_problems(
        config, [flow.contract.info.retention.total_seconds() for flow in load(app_dir).flows]
    )
    if problems:
        raise Unsafe(problems[0])
    before = now() - int(config.ledger_ttl * 1000)
    forgotten = asyncio.run(_prune(config.ledger, before))
    show(
        {"forgotten": forgotten, "ended_before": clock_time(before)},
        lambda: facts({"events forgotten": str(forgotten), "that ended before": clock_time(before)}),
        as_json=as_json,
    )


async def _upgrade(place: Database) -> dict[str, Any]:
    await place.open()
    try:
        before, after = await schema.upgrade(place, now())
    finally:
        await place.close()
    return {"ledger": place.where, "from": before, "to": after}


async def _counts(url: str) -> tuple[str, Counts]:
    async with opened(url) as place:
        return place.where, await Inspection(place).counts()


async def _prune(url: str, before: int) -> int:
    async with opened(url) as place:
        return await prune(place, before)


def _told(where: str, counts: Counts) -> dict[str, Any]:
    parked = {f"parked: {flow}": _listed(by_why) for flow, by_why in counts.parked.items()}
    dead = {f"dead letters: {flow}": _listed(by_state) for flow, by_state in counts.dead.items()}
    silent = {f"silent: {system}": f"until {clock_time(until)}" for system, until in counts.silences.items()}
    return {
        "ledger": where,
        "version": schema.VERSION,
        **(parked or {"parked lanes": "none"}),
        "parked since": clock_time(counts.parked_since),
        **(dead or {"dead letters": "none"}),
        "not yet published": str(counts.unpublished),
        "oldest of them": clock_time(counts.unpublished_since),
        **silent,
    }


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))
