"""Options that several commands have: each with one name, one meaning and one help text."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

AppDir = Annotated[
    Path,
    typer.Option("--app-dir", metavar="DIR", help="Folder with the packages flows, connectors and schemas."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, errors too.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Tenant = Annotated[str | None, typer.Option(metavar="NAME", help="Only of this tenant.", show_default=False)]
FlowName = Annotated[
    str | None, typer.Option("--flow", metavar="NAME", help="Only of this flow.", show_default=False)
]
Limit = Annotated[int, typer.Option(min=1, help="List at most so many.")]


Actor = Annotated[
    str, typer.Option(metavar="NAME", help="Who does it, for the audit.", show_default="your login name")
]
Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why it is done, for the audit.", show_default=False)
]
Body = Annotated[bool, typer.Option("--body", help="Show keys and bodies too; they may hold personal data.")]

HERE = Path()


def acting(name: str) -> str:
    """Who acts: the name given, or the one under which this person is known to the machine."""
    try:
        return name or getpass.getuser()
    except (OSError, KeyError):  # no such user in the password database
        return "unknown"
