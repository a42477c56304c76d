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


def _user() -> str:
    """The name under which this person is known to the machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the password database
        return "unknown"


Actor = Annotated[
    str,
    typer.Option(
        default_factory=_user, metavar="NAME", help="Who does it, for the audit.", show_default="you"
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why it is done, for the audit.")]

HERE = Path()
