"""`raccordo dead`: what died, why, and how it gets another chance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from raccordo.cli.groups import group, shown
from raccordo.cli.letters import Error, Saying, Since, States, Topic, Until, Wanted, found, wanted_from
from raccordo.cli.options import Body, FlowName, Json, Limit, Tenant
from raccordo.cli.output import bytes_text, clock_time, facts, note, show, table
from raccordo.cli.redriving import redrive_dead
from raccordo.cli.services import settings
from raccordo.errors import ConfigError
from raccordo.ledger import State
from raccordo.ledger.inspection import Inspection, opened

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import RenderableType

    from raccordo.ledger.findings import DeadLetter, DeadRecord

app = group("Dead letters: why they died; and how to send them on their way again.")

ALL: Final = (State.DEAD, State.REJECTED, State.NEEDS_HUMAN)


@app.command(
    "list", epilog=shown("raccordo dead list", "raccordo dead list --flow order-to-sap --since 12h --json")
)
def list_dead(
    flow: FlowName = None,
    tenant: Tenant = None,
    topic: Topic = None,
    error: Error = None,
    saying: Saying = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List dead letters, refusals and doubts, the longest dead first."""
    config = settings()
    wanted = wanted_from(config, flow, tenant, topic, error, saying, since, until)
    letters = asyncio.run(_selected(config.ledger, wanted, state or ALL, limit))
    show([letter.as_json() for letter in letters], lambda: drawn(letters), as_json=as_json)
    if len(letters) == limit and not as_json:
        note(f"There may be more than these {limit}: narrow the list, or raise --limit.")


@app.command("show", epilog=shown("raccordo dead show 6f1c...", "raccordo dead show 6f1c... --body --json"))
def show_dead(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The id that `dead list` shows.")],
    body: Body = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter: why it died, its calls, its headers, and with --body its bytes."""
    record = asyncio.run(_record(settings().ledger, letter))
    if record is None:
        raise ConfigError(
            f"there is no dead letter with the id {letter!r}; `raccordo dead list` shows those there are"
        )
    answer = record.as_json()
    if not body:
        for name in ("key", "value"):
            answer["record"].pop(name)
    show(answer, lambda: _drawn_record(record, body=body), as_json=as_json)


app.command(
    "redrive",
    epilog=shown(
        'raccordo dead redrive 6f1c... --reason "customer created in SAP"',
        'raccordo dead redrive --flow order-to-sap --state rejected --since 2d --reason "period open"',
        "raccordo dead redrive --all --dry-run",
    ),
)(redrive_dead)


async def _selected(url: str, wanted: Wanted, states: Collection[State], limit: int) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    async with opened(url) as database:
        async for letter in found(Inspection(database), wanted, states):
            letters.append(letter)
            if len(letters) == limit:
                break
    return letters


async def _record(url: str, letter_id: str) -> DeadRecord | None:
    async with opened(url) as database:
        return await Inspection(database).show(letter_id)


def drawn(letters: Sequence[DeadLetter]) -> RenderableType:
    """Draw letters as a table, one a line."""
    rows = (
        (
            letter.id,
            clock_time(letter.last_at),
            letter.flow,
            letter.state,
            _named(letter),
            letter.error,
            letter.reason,
            "yes" if letter.blocks else "",
        )
        for letter in letters
    )
    return table(("id", "died (UTC)", "flow", "state", "what", "error", "reason", "blocks its lane"), rows)


def _named(letter: DeadLetter) -> str:
    """What a person knows it by: its business keys, else its event id, else its place."""
    keys = ", ".join(value for _, value in letter.business_keys)
    return keys or letter.event_id or f"{letter.topic}/{letter.partition} offset {letter.offset}"


def _drawn_record(record: DeadRecord, *, body: bool) -> RenderableType:
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    letter, kept = record.letter, record.record
    keys = dict(letter.business_keys)
    parts: list[RenderableType] = [
        facts(
            {
                "id": letter.id,
                "state": letter.state,
                "error": letter.error,
                "reason": letter.reason,
                "flow": letter.flow,
                "tenant": letter.tenant,
                "event": letter.event_id,
                "contract": letter.contract,
                **keys,
                "place": f"{kept.partition} offset {kept.offset}",
                "lane": letter.lane,
                "blocks its lane": "yes" if letter.blocks else "no",
                "attempts": letter.attempts,
                "published": clock_time(letter.published_at),
                "first died": clock_time(letter.first_at),
                "last died": clock_time(letter.last_at),
            }
        ),
        Text(),
        table(("header", "value"), ((name, bytes_text(value)) for name, value in kept.headers)),
    ]
    if letter.calls:
        calls = ((call.system, call.operation, call.state, call.document, call.key) for call in letter.calls)
        parts += [Text(), table(("system", "operation", "state", "document", "key"), calls)]
    if body:
        parts += [Text(), facts({"key": bytes_text(kept.key), "body": bytes_text(kept.value)})]
    return Stack(*parts)
