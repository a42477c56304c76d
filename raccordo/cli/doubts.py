"""`raccordo doubts`: calls whose outcome only a person can find out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from raccordo.cli.groups import group, shown
from raccordo.cli.letters import now
from raccordo.cli.options import Actor, Json, Limit, Reason, Yes, acting
from raccordo.cli.output import agreed, clock_time, facts, note, show, table
from raccordo.cli.services import settings
from raccordo.errors import ConfigError, Unsafe
from raccordo.ledger import EffectState
from raccordo.ledger.inspection import Inspection, opened
from raccordo.ledger.intervention import Act, Intervention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from raccordo.ledger.findings import Answer, Call, DeadLetter

app = group("Calls whose outcome only a person can find out.")

LIMIT = 10_000
OPEN = (EffectState.SENT, EffectState.UNKNOWN)

Event = Annotated[
    str,
    typer.Argument(metavar="EVENT", help="Its id in the list, its event id, or one of its business keys."),
]


@app.command("list", epilog=shown("raccordo doubts list", "raccordo doubts list --json"))
def list_doubts(limit: Limit = 100, as_json: Json = False) -> None:
    """List events that need a person: a call was sent, and nobody can say by machine whether it was done.

    Nothing of them is sent again, and where the flow keeps its lane's order, what follows them waits.
    """
    doubts = asyncio.run(_doubts(settings().ledger, limit))
    show([doubt.as_json() for doubt in doubts], lambda: drawn(doubts), as_json=as_json)


@app.command("show", epilog=shown("raccordo doubts show 4711", "raccordo doubts show 6f1c... --json"))
def show_doubt(event: Event, as_json: Json = False) -> None:
    """Show one doubt: which call, when it was sent, with which key, so that a person can look in the system."""
    doubt = asyncio.run(_doubt(settings().ledger, event))
    show(doubt.as_json(), lambda: _drawn_doubt(doubt), as_json=as_json)


@app.command(
    "settle",
    epilog=shown(
        'raccordo doubts settle 4711 --done 0000045012 --reason "found in VA03"',
        'raccordo doubts settle 4711 --not-done --reason "not in SAP, asked the clerk"',
    ),
)
def settle(
    event: Event,
    reason: Reason,
    done: Annotated[
        str | None,
        typer.Option(
            "--done", metavar="DOCUMENT", help="It was done, under this number.", show_default=False
        ),
    ] = None,
    not_done: Annotated[
        bool, typer.Option("--not-done", help="It was surely not done: it is sent again.")
    ] = False,
    call: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Which call, where several are in doubt.", show_default=False),
    ] = None,
    actor: Actor = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Say what became of a call in doubt; the event then goes on from there.

    With --done the call counts as made, its document is found by `raccordo why`, and the events that follow from it are
    published. With --not-done it is sent again: be sure that it is not there. Exit code 4 where that cannot be.
    """
    if (done is None) != not_done:
        raise ConfigError("say one of --done DOCUMENT and --not-done")
    if done == "":
        raise ConfigError("--done needs the number of the document")
    url = settings().ledger
    doubt = asyncio.run(_doubt(url, event))
    if not as_json:
        what = "will be sent again" if done is None else f"counts as done, as document {done}"
        calls = ", ".join(f"{one.system}.{one.operation}" for one in _open(doubt) if call in (None, one.key))
        note(f"{_named(doubt)} in flow {doubt.flow}: {calls or 'the call'} {what}.")
    agreed("Settle it?", yes=yes)
    answer = asyncio.run(_settle(url, doubt, Act(acting(actor), reason, now()), done, call))
    if not answer.done:
        raise Unsafe(f"{_named(doubt)}: {answer.sentence}")
    show(answer.as_json(), lambda: facts({"event": _named(doubt), "it": answer.sentence}), as_json=as_json)


async def _doubts(url: str, limit: int) -> tuple[DeadLetter, ...]:
    async with opened(url) as database:
        return await Inspection(database).doubts(limit=limit)


async def _doubt(url: str, name: str) -> DeadLetter:
    """Find the one doubt that is meant. Raises ConfigError where there is none, or several."""
    doubts = await _doubts(url, LIMIT)
    meant = [
        doubt
        for doubt in doubts
        if name in (doubt.id, doubt.event_id, *(value for _, value in doubt.business_keys))
    ]
    if not meant:
        raise ConfigError(f"nothing of {name!r} is in doubt; `raccordo doubts list` shows what is")
    if len(meant) > 1:
        several = ", ".join(f"{doubt.id} (tenant {doubt.tenant}, flow {doubt.flow})" for doubt in meant)
        raise ConfigError(f"several events are called {name}: {several}; name one by its id")
    return meant[0]


async def _settle(url: str, doubt: DeadLetter, act: Act, done: str | None, call: str | None) -> Answer:
    async with opened(url) as database:
        return await Intervention(database).settle(doubt.id, act, document=done, call=call)


def _open(doubt: DeadLetter) -> Sequence[Call]:
    return [call for call in doubt.calls if call.state in OPEN]


def _named(doubt: DeadLetter) -> str:
    return ", ".join(value for _, value in doubt.business_keys) or doubt.event_id


def drawn(doubts: Sequence[DeadLetter]) -> RenderableType:
    """Draw doubts as a table, one call a line."""
    rows = (
        (
            doubt.id,
            _named(doubt),
            doubt.flow,
            f"{call.system}.{call.operation}",
            clock_time(call.sent_at),
            call.looks,
            doubt.reason,
        )
        for doubt in doubts
        for call in _open(doubt)
    )
    return table(("id", "what", "flow", "call", "sent (UTC)", "looks", "reason"), rows)


def _drawn_doubt(doubt: DeadLetter) -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    told = facts(
        {
            "id": doubt.id,
            "event": doubt.event_id,
            **dict(doubt.business_keys),
            "tenant": doubt.tenant,
            "flow": doubt.flow,
            "lane": doubt.lane,
            "blocks its lane": "yes" if doubt.blocks else "no",
            "reason": doubt.reason,
            "since": clock_time(doubt.last_at),
        }
    )
    calls = (
        (
            call.system,
            call.operation,
            call.state,
            clock_time(call.sent_at),
            call.looks,
            call.document,
            call.key,
        )
        for call in doubt.calls
    )
    headings = (
        "system",
        "operation",
        "state",
        "sent (UTC)",
        "looks",
        "document",
        "key that the system may know",
    )
    return Stack(told, Text(), table(headings, calls))
