"""`raccordo flows`: what an application joins, and a try of one flow without Kafka."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from raccordo.app import load
from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import group, shown
from raccordo.cli.options import HERE, AppDir, Json, Yes
from raccordo.cli.output import agreed, show, table
from raccordo.cli.services import settings, tenant_of
from raccordo.errors import ConfigError
from raccordo.ledger import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.connector import Connector
    from raccordo.event import Event
    from raccordo.flow import Flow
    from raccordo.ledger.findings import Story
    from raccordo.settings import Settings

GOOD: Final = (State.CONFIRMED, State.REJECTED, State.SKIPPED)
"""Ends that a flow is made for; everything else makes the test fail."""

LOOK: Final = 0.1
"""Seconds between two looks at what still waits."""

app = group("The flows of an application: what they join, and how they behave.")


@app.command("list", epilog=shown("raccordo flows list", "raccordo flows list --app-dir ../shop --json"))
def list_flows(app_dir: AppDir = HERE, as_json: Json = False) -> None:
    """List the flows with their topics, lanes, connectors, outgoing events and policies.

    The wiring of every flow is checked; nothing is connected.
    """
    flows = [described(flow) for flow in load(app_dir).flows]
    headings = ("flow", "reads", "lane", "talks to", "says", "behind a dead letter", "what for")
    show(
        flows,
        lambda: table(
            headings,
            (
                (
                    flow["name"],
                    flow["topic"],
                    flow["lane"],
                    ", ".join(flow["connectors"]),
                    ", ".join(flow["emits"]),
                    flow["on_dead_letter"],
                    flow["purpose"],
                )
                for flow in flows
            ),
        ),
        as_json=as_json,
    )


def described(flow: Flow[..., Any]) -> dict[str, Any]:
    """What a flow says about itself, as JSON values; times in seconds."""
    wiring, info = flow.wiring, flow.contract.info
    return {
        "name": flow.name,
        "topic": info.topic,
        "contract": info.type,
        "lane": flow.lane_field or info.key,
        "connectors": [kind.config_type.name for kind in wiring.connectors.values()],
        "emits": [contract.info.topic for contract in wiring.emits],
        "on_dead_letter": flow.on_dead_letter.value,
        "retry": {"first": flow.retry.first, "cap": flow.retry.cap, "defects": flow.retry.defects},
        "deadline": flow.deadline,
        "purpose": (flow.__doc__ or "").strip().partition("\n")[0],
    }


@app.command("test", epilog=shown("raccordo flows test order-to-sap --events orders.jsonl"))
def try_flow(
    name: Annotated[str, typer.Argument(metavar="FLOW", help="Which flow.")],
    events: Annotated[
        str, typer.Option(metavar="FILE", help="JSON lines, as `raccordo publish` takes them.")
    ],
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Tenant of lines that name none.", show_default=False)
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for events that have to wait.")
    ] = 60.0,
    app_dir: AppDir = HERE,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Drive events from a file through one flow, without Kafka and without the ledger.

    The very same line runs them, over a broker and a ledger in memory, with the connectors of the environment: what the
    flow books is really booked there. Run it against test systems.

    Exit code 1 if an event died, needs a person or still waits.
    """
    config = settings()
    flow = load(app_dir).flow(name)
    listed = _events(flow, events, config, tenant_of(config, tenant))
    connectors = [kind.open() for kind in flow.wiring.connectors.values()]
    systems = ", ".join(connector.system for connector in connectors) or "no system"
    agreed(f"Really call {systems} for {len(listed)} events?", yes=yes or not connectors)
    stories = asyncio.run(_carried(flow, listed, connectors, config, patience))
    rows = (
        (
            ", ".join(value for field, value in story.business_keys if not field.endswith(" document")),
            story.state,
            ", ".join(call.document for call in story.calls if call.document),
            ", ".join(said.contract for said in story.said),
            ": ".join(filter(None, (story.error, story.reason))),
        )
        for story in stories
    )
    show(
        [story.as_json() for story in stories],
        lambda: table(("event", "state", "document", "says", "reason"), rows),
        as_json=as_json,
    )
    if any(story.state not in GOOD for story in stories):
        raise typer.Exit(ExitCode.WRONG)


def _events(flow: Flow[..., Any], path: str, config: Settings, tenant: str | None) -> list[Event[Any]]:
    """Read the whole file. Raises ConfigError with every bad line."""
    from raccordo.event_file import EventFile  # noqa: PLC0415 - `flows list` does without

    try:
        with open(path, "rb") as opened:  # noqa: PTH123 - a Path would turn "" into the folder
            read = list(EventFile(opened, flow.contract, tenants=config.tenants, tenant=tenant))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or type(error).__name__})") from error
    bad = [f"line {one.line}: {place}: {message}" for one in read for place, message in one.problems]
    if bad:
        raise ConfigError(bad)
    return [one.event for one in read if one.event is not None]


async def _carried(
    flow: Flow[..., Any],
    events: Sequence[Event[Any]],
    connectors: Sequence[Connector[Any, Any]],
    config: Settings,
    patience: float,
) -> list[Story]:
    """Carry events to their ends, or as far as they come in the time, and return what became of each."""
    from raccordo.codec import encode  # noqa: PLC0415 - `flows list` does without
    from raccordo.ledger.inspection import Inspection  # noqa: PLC0415 - as above
    from raccordo.ledger.sql import SqlLedger  # noqa: PLC0415 - as above
    from raccordo.testing import line  # noqa: PLC0415 - as above

    end = time.monotonic() + patience
    async with line(flow, *connectors, settings=config) as running:
        for sent in [running.line.producer.send(encode(event)) for event in events]:
            await sent
        with suppress(TimeoutError):  # what is not at its end is told as it stands
            await running.settled(patience)
        assert isinstance(running.ledger, SqlLedger)
        inspection = Inspection(running.ledger.database)
        while await inspection.parked(blocked=False, limit=1):
            if time.monotonic() >= end:
                break
            await asyncio.sleep(LOOK)
        ids = dict.fromkeys((event.tenant, event.id) for event in events)
        return [story for tenant, event_id in ids for story in await inspection.why(event_id, tenant)]
