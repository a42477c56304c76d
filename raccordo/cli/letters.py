"""Which dead letters are meant: the filters that `dead list` and `dead redrive` share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from raccordo.cli.services import tenant_of
from raccordo.clock import SystemClock
from raccordo.envelope import instant
from raccordo.errors import ConfigError
from raccordo.ledger import State
from raccordo.ledger.findings import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from raccordo.ledger.findings import DeadLetter
    from raccordo.ledger.inspection import Inspection
    from raccordo.settings import Settings

AGE: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PAGE: Final = 500

Topic = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this topic.", show_default=False)]
Error = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS", help="Only with this error class: Rejected, Undecodable...", show_default=False
    ),
]
Saying = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only with this text in the reason.", show_default=False)
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="AGE|TIME", help="Only died since: 30m, 12h, 7d, 2026-01-31T08:00:00Z.", show_default=False
    ),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="AGE|TIME", help="Only died before: as with --since.", show_default=False),
]
States = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only dead, rejected (refused by a system) or needs_human; may be repeated.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters. Times are in milliseconds since the epoch; None does not narrow."""

    flow: str | None = None
    tenant: str | None = None
    topic: str | None = None
    error: str | None = None
    saying: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is said about which ones."""
        return self != Wanted()

    def takes(self, letter: DeadLetter) -> bool:
        """Whether a letter is one of these, as far as the ledger does not know itself."""
        return (
            (self.saying is None or self.saying.casefold() in letter.reason.casefold())
            and (self.since is None or letter.last_at >= self.since)
            and (self.until is None or letter.last_at < self.until)
        )


def wanted_from(
    config: Settings,
    flow: str | None,
    tenant: str | None,
    topic: str | None,
    error: str | None,
    saying: str | None,
    since: str | None,
    until: str | None,
) -> Wanted:
    """Read the filters of a command. Raises ConfigError for an unknown tenant or a time that is none."""
    at = now()
    return Wanted(
        flow=flow,
        tenant=tenant_of(config, tenant),
        topic=topic,
        error=error,
        saying=saying,
        since=moment(since, "--since", at),
        until=moment(until, "--until", at),
    )


def moment(text: str | None, option: str, now: int) -> int | None:
    """Read an age or a time as milliseconds since the epoch. Raises ConfigError."""
    if text is None:
        return None
    age = AGE.fullmatch(text)
    if age is not None:
        return now - int(age[1]) * SECONDS[age[2]] * 1000
    try:
        return int(instant(text).timestamp() * 1000)
    except ValueError as error:
        raise ConfigError(
            f"{option} {text!r} is neither an age (30m, 12h, 7d) nor a time (2026-01-31T08:00:00Z)"
        ) from error


async def found(
    inspection: Inspection, wanted: Wanted, states: Collection[State]
) -> AsyncIterator[DeadLetter]:
    """Go through the letters that are wanted, the longest dead first."""
    after: Page | None = None
    while True:
        page = await inspection.dead(
            flow=wanted.flow,
            tenant=wanted.tenant,
            topic=wanted.topic,
            error=wanted.error,
            states=states,
            after=after,
            limit=PAGE,
        )
        for letter in page:
            if wanted.takes(letter):
                yield letter
        if len(page) < PAGE:
            return
        after = Page(page[-1].last_at, page[-1].id)


now: Final = SystemClock().now
"""Milliseconds since the epoch."""
