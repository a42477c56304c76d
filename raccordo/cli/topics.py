"""`raccordo topics`: make Kafka's topics what the contracts say, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raccordo.app import load, load_contracts
from raccordo.broker import Partition, Position
from raccordo.cli import services
from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import group, shown
from raccordo.cli.options import HERE, AppDir, Json, Yes
from raccordo.cli.output import console, note, show, table
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack
    from pathlib import Path

    from rich.console import RenderableType

    from raccordo.broker import Admin
    from raccordo.topics import Plan

app = group("Kafka's topics, as the contracts ask for them.")

Drain = Annotated[
    bool,
    typer.Option("--drain", help="Wait until nothing is in flight or parked before partitions are added."),
]


@app.command("plan", epilog=shown("raccordo topics plan", "raccordo topics plan --json"))
def show_plan(app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """Show what `apply` would do. Nothing is changed.

    Exit code 0 if there is nothing to do, 1 if there is. Topics that no contract names are not looked at, and
    partitions are never lowered.
    """
    planned = asyncio.run(_with_admin(lambda admin: _planned(app_dir, admin)))
    show(_as_json(planned, app_dir), lambda: _drawn(planned, app_dir), as_json=as_json)
    if planned.changes:
        raise typer.Exit(ExitCode.WRONG)


@app.command(
    "apply",
    epilog=shown("raccordo topics apply", "raccordo topics apply --yes", "raccordo topics apply --drain"),
)
def apply_plan(app_dir: AppDir = HERE, as_json: Json = False, yes: Yes = False, drain: Drain = False) -> None:
    """Create and change topics so that they are what the contracts say; twice is as good as once.

    The changes are shown and asked for, unless --yes or --json is given or there is no terminal. A topic that holds
    data gets no more partitions without --drain, since its keys would move: exit code 4.
    """
    planned = asyncio.run(
        _with_admin(lambda admin: _carried_out(app_dir, admin, ask=not (yes or as_json), drain=drain))
    )
    show(
        {**_as_json(planned, app_dir), "applied": True},
        lambda: _drawn(planned, app_dir, "done"),
        as_json=as_json,
    )


@app.command(epilog=shown("raccordo topics seek order-to-sap ordini_creati/3 begin --yes"))
def seek(
    flow: Annotated[str, typer.Argument(help="Which flow (consumer group) to move; it must be stopped.")],
    partition: Annotated[str, typer.Argument(metavar="TOPIC/NUMBER", help="In which partition.")],
    to: Annotated[str, typer.Argument(metavar="OFFSET|begin|end", help="The next record to read.")],
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Move a stopped flow to another position in one partition: the way out when records were deleted unread.

    Moving forwards skips records, for ever; moving backwards reads them again, which takes no second effect.
    """
    from raccordo.broker.settings import KafkaSettings  # noqa: PLC0415 - so that --help starts quickly

    # An error names them as the cluster does; inside the namespace they go without it.
    flow, partition = (
        name.removeprefix(KafkaSettings.from_environment().namespace) for name in (flow, partition)
    )
    where = _partition(partition)
    told = asyncio.run(_with_admin(lambda admin: _moved(admin, flow, where, to, sure=yes or as_json)))
    show(told, lambda: table(tuple(told), [tuple(told.values())]), as_json=as_json)


async def _with_admin(work: Callable[[Admin], Awaitable[Any]]) -> Any:
    admin = services.broker().admin()
    try:
        return await work(admin)
    finally:
        await admin.stop()


async def _planned(app_dir: Path, admin: Admin) -> Plan:
    from raccordo.broker.settings import KafkaSettings  # noqa: PLC0415 - so that --help starts quickly
    from raccordo.topics import desired, plan  # noqa: PLC0415 - as above

    wanted = desired(load_contracts(app_dir), KafkaSettings.from_environment().replication)
    return plan(wanted, await admin.topics())


async def _carried_out(app_dir: Path, admin: Admin, *, ask: bool, drain: bool) -> Plan:
    from contextlib import AsyncExitStack  # noqa: PLC0415 - as above

    from raccordo.clock import SystemClock  # noqa: PLC0415 - as above
    from raccordo.topics import apply  # noqa: PLC0415 - as above

    planned = await _planned(app_dir, admin)
    if ask and planned.changes and console(stderr=True).is_terminal:
        console(stderr=True).print(_drawn(planned, app_dir))
        typer.confirm("Make these changes?", abort=True, err=True)
    async with AsyncExitStack() as stack:
        work_left = await _looker(app_dir, admin, stack) if drain else None
        await apply(planned, admin, work_left=work_left, clock=SystemClock(), say=note)
    return planned


async def _looker(app_dir: Path, admin: Admin, stack: AsyncExitStack) -> Callable[[str], Awaitable[str]]:
    from raccordo.draining import looker  # noqa: PLC0415 - as above
    from raccordo.ledger.database import database  # noqa: PLC0415 - as above

    ledger = database(services.settings().ledger)
    await ledger.open()
    stack.push_async_callback(ledger.close)
    return looker(admin, ledger, [flow.name for flow in load(app_dir).flows])


async def _moved(admin: Admin, flow: str, where: Partition, to: str, *, sure: bool) -> dict[str, Any]:
    begins, ends = await admin.begin_offsets(where.topic), await admin.end_offsets(where.topic)
    if where not in ends:
        raise ConfigError(
            f"{where.topic} has no partition {where.number}; it has {len(ends)}, counted from 0"
        )
    before = (await admin.committed(flow, where.topic)).get(where)
    named = {"begin": begins[where], "end": ends[where]}
    if to not in named and not to.isdigit():
        raise ConfigError(f"{to!r} is no position; write an offset, `begin` or `end`")
    target = named.get(to, int(to) if to.isdigit() else 0)
    if not begins[where] <= target <= ends[where]:
        raise ConfigError(f"{where} holds {begins[where]} to {ends[where]}; {target} is outside")
    if not sure:
        typer.confirm(f"Move {flow} in {where} to {target}?", abort=True, err=True)
    # The ledger's position stays beside it: what the ledger has to know does not change.
    await admin.seek(flow, {where: Position(target, before.metadata if before else "")})
    return {"flow": flow, "partition": str(where), "before": before.offset if before else None, "now": target}


def _partition(text: str) -> Partition:
    topic, _, number = text.rpartition("/")
    if not topic or not number.isdigit():
        raise ConfigError(f"{text!r} is no partition; write TOPIC/NUMBER")
    return Partition(topic, int(number))


def _as_json(planned: Plan, app_dir: Path) -> dict[str, Any]:
    from raccordo.topics import owners  # noqa: PLC0415 - as above

    owned = owners(load_contracts(app_dir))
    return {
        "changes": [
            {
                "topic": change.wanted.name,
                "owner": owned[change.wanted.name],
                "action": change.action.value,
                "settings": [
                    {"setting": each.setting, "present": each.present or None, "wanted": each.wanted}
                    for each in change.differences
                ],
            }
            for change in planned.changes
        ],
        "notes": list(planned.notes),
    }


def _drawn(planned: Plan, app_dir: Path, state: str = "to do") -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    answer = _as_json(planned, app_dir)
    notes = [Text(f"left as it is: {sentence}") for sentence in answer["notes"]]
    if not answer["changes"]:
        return Stack(Text("The topics are what the contracts say."), *notes)
    rows = [
        (change["topic"], change["owner"], change["action"], each["setting"], each["present"], each["wanted"])
        for change in answer["changes"]
        for each in change["settings"]
    ]
    return Stack(table(("topic", "owner", state, "setting", "is", "shall be"), rows), *notes)
