"""`raccordo why`: where is order 4711, and what has become of it?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import single
from raccordo.cli.options import Json, Tenant
from raccordo.cli.output import clock_time, note, plain, show, table
from raccordo.cli.services import settings, tenant_of
from raccordo.ledger import State
from raccordo.ledger.inspection import Inspection, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.tree import Tree

    from raccordo.ledger.findings import Entry, Story

LOOKED_AT: Final = (
    "business keys, document numbers, event ids, call keys, and records that queue in parked lanes"
)
FOLLOWED: Final = 1.0
"""Seconds between two looks of --follow."""

HEADLINES: Final[dict[str, str]] = {
    State.CLAIMED: "is being worked on",
    State.PARKED: "waits",
    State.CONFIRMED: "is done",
    State.REJECTED: "was refused",
    State.DEAD: "is a dead letter",
    State.NEEDS_HUMAN: "needs a person",
    State.SKIPPED: "was skipped",
    "queued": "waits behind another event",
}


def why(
    value: Annotated[
        str,
        typer.Argument(
            metavar="BUSINESS_KEY", help="An order number, document number, event id or call key."
        ),
    ],
    tenant: Tenant = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on telling until nothing more happens by itself.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what happened to an event, by any of its business keys.

    One timeline for each event found: published, claimed, sent, answer lost, looked up, retried, parked, confirmed with
    the document's number; then the tree of what it led to. Exit code 1 if the ledger knows nothing of it.
    """
    config = settings()
    found, where = asyncio.run(
        _why(config.ledger, value, tenant_of(config, tenant), follow=follow and not as_json)
    )
    show([story.as_json() for story in found], lambda: drawn(found), as_json=as_json)
    if not found:
        whose = f"tenant {tenant}" if tenant else "all tenants"
        if not as_json:
            note(f"Nothing is known of {value}. Looked at {LOOKED_AT}, of {whose}, in the ledger {where}.")
            note("It was not published, not fetched yet, or forgotten since (RACCORDO_LEDGER_TTL).")
        raise typer.Exit(ExitCode.WRONG)


app = single(
    why, "raccordo why 4711", "raccordo why 4711 --tenant acme --json", "raccordo why 0000045012 --follow"
)


async def _why(url: str, value: str, tenant: str | None, *, follow: bool) -> tuple[tuple[Story, ...], str]:
    async with opened(url) as database:
        inspection = Inspection(database)
        found = await inspection.why(value, tenant)
        told: set[tuple[str, Entry]] = set()
        while follow and found:
            _tell_news(found, told)
            if all(_at_rest(story) for story in _all(found)):
                break
            await asyncio.sleep(FOLLOWED)
            found = await inspection.why(value, tenant)
        return found, database.where


def _tell_news(found: Sequence[Story], told: set[tuple[str, Entry]]) -> None:
    """Print the entries that were not there at the last look."""
    for story in _all(found):
        for entry in story.timeline:
            if (story.id, entry) not in told:
                told.add((story.id, entry))
                note(f"{clock_time(entry.at)}  {story.flow}  {entry.step}  {entry.detail}")


def _all(found: Sequence[Story]) -> Iterator[Story]:
    for story in found:
        yield story
        yield from _all(story.led_to)


def _at_rest(story: Story) -> bool:
    """Whether nothing more happens by itself."""
    ended = story.state != "queued" and State(story.state).terminal
    return ended and all(said.published_at for said in story.said)


def drawn(found: Sequence[Story]) -> RenderableType:
    """Draw every story: its headline, its timeline, its tree."""
    from rich.console import Group as Stack  # noqa: PLC0415 - only a person needs it
    from rich.text import Text  # noqa: PLC0415 - as above

    parts: list[Any] = []
    for story in found:
        for one in _all([story]):
            parts += [Text(plain(_headline(one)), style="bold"), _timeline(one), Text("")]
        parts += [_tree(story), Text("")]
    return Stack(*parts[:-1])


def _headline(story: Story) -> str:
    keys = ", ".join(f"{field} {value}" for field, value in story.business_keys) or f"event {story.event_id}"
    documents = ", ".join(call.document for call in story.calls if call.document)
    whose = f"tenant {story.tenant or 'unknown'}"
    parts = [
        f"{story.contract or story.topic} {keys} ({whose}) {HEADLINES.get(story.state, story.state)}",
        f"in flow {story.flow}",
    ]
    if documents:
        parts.append(f"as document {documents}")
    if story.why:
        until = "until a person acts" if story.next_at is None else f"until {clock_time(story.next_at)}"
        parts.append(f"— {story.why}, {until}")
    return " ".join(parts)


def _timeline(story: Story) -> RenderableType:
    rows, before = [], None
    for entry in story.timeline:
        since = "" if before is None else f"+{(entry.at - before) / 1000:.3f} s"
        before = entry.at
        rows.append((clock_time(entry.at), since, entry.step, entry.detail))
    return table(("time (UTC)", "after", "step", "detail"), rows)


def _tree(story: Story) -> Tree:
    """What caused what: an event, the documents made for it, the events it led to."""
    from rich.tree import Tree  # noqa: PLC0415 - only a person needs it

    root = Tree(
        plain(f"{story.contract or story.topic} {story.event_id} → {story.flow}: {story.state}"),
        highlight=False,
    )
    for call in story.calls:
        document = f" {call.document}" if call.document else ""
        root.add(plain(f"{call.system}.{call.operation}{document}: {call.state}"))
    for said in story.said:
        when = (
            "waits in the outbox"
            if said.published_at is None
            else f"published {clock_time(said.published_at)}"
        )
        branch = root.add(plain(f"{said.contract} {said.id} on {said.topic}, {when}"))
        for inner in story.led_to:
            if inner.event_id == said.id:
                branch.add(_tree(inner))
    return root
