"""`raccordo parked`: lanes that wait, and how to let them go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raccordo.cli.groups import group, shown
from raccordo.cli.letters import now
from raccordo.cli.options import Actor, Body, FlowName, Json, Limit, Reason, Yes, acting
from raccordo.cli.output import agreed, bytes_text, clock_time, facts, note, show, table
from raccordo.cli.services import settings
from raccordo.errors import ConfigError, Unsafe
from raccordo.ledger import Why
from raccordo.ledger.inspection import Inspection, opened
from raccordo.ledger.intervention import Act, Intervention, Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from raccordo.ledger.findings import Answer, ParkedLane, WaitingRecord

app = group("Lanes that wait: which, why, until when; and how to let them go on.")

PAGE = 500
WAITS_FOR = {
    Why.RETRY: "tries again",
    Why.LOOK: "asks the system what became of a call",
    Why.DEFECT: "tries again after a bug of ours",
    Why.BLOCKED: "blocked by a dead letter, until a person acts",
    Why.REDRIVE: "was redriven and waits for its worker",
}

LaneName = Annotated[
    str,
    typer.Argument(
        metavar="LANE", help="A lane as `parked list` shows it, or what stands behind its last slash."
    ),
]


@app.command("list", epilog=shown("raccordo parked list", "raccordo parked list --blocked --json"))
def list_parked(
    flow: FlowName = None,
    blocked: Annotated[
        bool, typer.Option("--blocked", help="Only lanes that wait for a person, behind a dead letter.")
    ] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List lanes that wait, with the reason and the time until which they wait.

    Later events of a lane wait behind its head; other lanes go on.
    """
    lanes = asyncio.run(_lanes(settings().ledger, flow, blocked=blocked or None, limit=limit))
    show([lane.as_json() for lane in lanes], lambda: drawn(lanes), as_json=as_json)
    if len(lanes) == limit and not as_json:
        note(f"There may be more than these {limit}: narrow the list, or raise --limit.")


@app.command(
    "show", epilog=shown("raccordo parked show acme:0000100042/4711", "raccordo parked show 4711 --json")
)
def show_parked(
    lane: LaneName, flow: FlowName = None, limit: Limit = 100, body: Body = False, as_json: Json = False
) -> None:
    """Show one lane and the records that wait in it, in their order."""
    found, records = asyncio.run(_lane(settings().ledger, lane, flow, limit))
    answer = {**found.as_json(), "records": [_record(record, body=body) for record in records]}
    show(answer, lambda: _drawn_lane(found, records, body=body), as_json=as_json)


@app.command(
    "release",
    epilog=shown(
        'raccordo parked release acme:0000100042/4711 --now --reason "SAP is back"',
        'raccordo parked release 4711 --skip-head --reason "was entered by hand"',
    ),
)
def release(
    lane: LaneName,
    reason: Reason,
    now_: Annotated[bool, typer.Option("--now", help="Try the head of the lane now.")] = False,
    skip_head: Annotated[
        bool, typer.Option("--skip-head", help="Give the head up and go on with what waits behind it.")
    ] = False,
    flow: FlowName = None,
    actor: Actor = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a lane go on: try its head now, or give its head up.

    With --now a head that is a dead letter is redriven. With --skip-head it stays with the dead letters (a waiting one
    goes there), and later events of the lane pass it: only when their order does not matter, or the head was done by
    hand. Exit code 4 where a call of the head is in doubt: settle it first, see `raccordo doubts`.
    """
    if now_ == skip_head:
        raise ConfigError("say one of --now (try the head again) and --skip-head (go on without it)")
    url = settings().ledger
    found, _ = asyncio.run(_lane(url, lane, flow, 1))
    if not as_json:
        note(_will_happen(found, skip_head=skip_head))
    agreed("Do it?", yes=yes)
    how = Release.SKIP_HEAD if skip_head else Release.RETRY_NOW
    answer = asyncio.run(_release(url, found, how, Act(acting(actor), reason, now())))
    if not answer.done:
        raise Unsafe(f"lane {found.lane} of flow {found.flow}: {answer.sentence}")
    show(
        answer.as_json(),
        lambda: facts({"lane": found.lane, "flow": found.flow, "it": answer.sentence}),
        as_json=as_json,
    )


def _will_happen(lane: ParkedLane, *, skip_head: bool) -> str:
    head = "no head" if lane.head is None else f"offset {lane.head} of {lane.topic}/{lane.partition}"
    what = (
        f"give {head} up ({lane.error}: {lane.reason}) and go on with what waits behind it"
        if skip_head
        else f"try {head} now"
    )
    return f"Lane {lane.lane} of flow {lane.flow} ({lane.waiting} records wait): {what}."


async def _lanes(url: str, flow: str | None, *, blocked: bool | None, limit: int) -> list[ParkedLane]:
    """List lanes page by page."""
    found: list[ParkedLane] = []
    async with opened(url) as database:
        inspection = Inspection(database)
        while len(found) < limit:
            after = found[-1].id if found else None
            page = await inspection.parked(
                flow=flow, blocked=blocked, after=after, limit=min(PAGE, limit - len(found))
            )
            found += page
            if not page:
                break
    return found


async def _lane(
    url: str, name: str, flow: str | None, limit: int
) -> tuple[ParkedLane, tuple[WaitingRecord, ...]]:
    """Find the one lane of that name. Raises ConfigError where none or several wait."""
    async with opened(url) as database:
        inspection = Inspection(database)
        named: list[ParkedLane] = []
        after = None
        while page := await inspection.parked(flow=flow, after=after, limit=PAGE):
            named += (lane for lane in page if name in (lane.lane, lane.lane.rpartition("/")[2]))
            after = page[-1].id
        exact = [lane for lane in named if lane.lane == name] or named
        if len(exact) > 1:
            several = (f"{lane.lane} in flow {lane.flow} ({lane.topic}/{lane.partition})" for lane in exact)
            raise ConfigError(
                f"several lanes are called {name}: {', '.join(several)}; write the whole name, and --flow"
            )
        found = await inspection.lane(exact[0].id, limit) if exact else None
    if found is None:
        raise ConfigError(f"no lane called {name} waits; `raccordo parked list` shows those that do")
    return found


async def _release(url: str, lane: ParkedLane, how: Release, act: Act) -> Answer:
    async with opened(url) as database:
        return await Intervention(database).release(lane.id, how, act)


def _record(record: WaitingRecord, *, body: bool) -> dict[str, Any]:
    answer = record.as_json()
    if not body:
        for name in ("key", "value"):
            answer.pop(name)
    return answer


def drawn(lanes: Sequence[ParkedLane]) -> RenderableType:
    """Draw lanes as a table, one a line."""
    rows = (
        (
            lane.lane,
            lane.flow,
            WAITS_FOR.get(Why(lane.why), lane.why),
            clock_time(lane.since),
            clock_time(lane.next_at),
            lane.waiting,
            lane.error,
            lane.reason,
        )
        for lane in lanes
    )
    return table(
        ("lane", "flow", "what it waits for", "since (UTC)", "next (UTC)", "records", "error", "reason"), rows
    )


def _drawn_lane(lane: ParkedLane, records: Sequence[WaitingRecord], *, body: bool) -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    told = facts(
        {
            "lane": lane.lane,
            "flow": lane.flow,
            "place": f"{lane.topic}/{lane.partition}",
            "waits for": WAITS_FOR.get(Why(lane.why), lane.why),
            "since": clock_time(lane.since),
            "next": clock_time(lane.next_at) or "when a person acts",
            "head": lane.head,
            "attempts": lane.attempts,
            "error": lane.error,
            "reason": lane.reason,
        }
    )
    headings = ["offset", "role", "event", "published (UTC)", "error", "reason"]
    rows = [
        [one.offset, one.role, _event_id(one), clock_time(one.timestamp), one.error, one.reason]
        for one in records
    ]
    if body:
        headings.append("body")
        rows = [[*row, bytes_text(one.value)] for row, one in zip(rows, records, strict=True)]
    return Stack(told, Text(), table(headings, rows))


def _event_id(record: WaitingRecord) -> str | None:
    return bytes_text(next((value for name, value in record.headers if name == "ce_id"), None))
