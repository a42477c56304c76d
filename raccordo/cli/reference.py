"""The command reference, `docs/reference/commands.md`, written from the commands themselves.

``python -m raccordo.cli.reference`` writes it; with ``--check`` it only says whether the file is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from raccordo.cli import app
from raccordo.cli.exits import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH: Final = Path("docs/reference/commands.md")
HEAD: Final = """\
# Commands

Written by `python -m raccordo.cli.reference` from the commands themselves; change their texts, not this page.

Every command prints its answer on standard output and everything else on standard error. With `--json` the answer is
one JSON value, and so is an error: `{"error": {"class": ..., "problems": [...], "exit_code": ...}}`.
Times are UTC. `raccordo --debug ...` shows tracebacks.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """All commands and groups below the root with their full names, depth first, in the order of the help."""
    yield from _below(typer.main.get_command(app), ())


def reference() -> str:
    """Write the whole page."""
    codes = "\n".join(
        [
            "| code | meaning |",
            "|---|---|",
            *(f"| {code.value} | {text} |" for code, text in MEANINGS.items()),
        ]
    )
    parts = [HEAD, f"## Exit codes\n\n{codes}\n"]
    for name, command in commands():
        level = "##" if " " not in name else "###"
        parts.append(f"{level} raccordo {name}\n\n```text\n{_help(name, command)}\n```\n")
    return "\n".join(parts)


def _below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        return
    context = typer.Context(command, info_name=" ".join(("raccordo", *path)))
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield " ".join((*path, name)), found
            yield from _below(found, (*path, name))


def _help(name: str, command: Any) -> str:
    """The help as a terminal of 100 columns shows it."""
    context = typer.Context(command, info_name=f"raccordo {name}", terminal_width=100, max_content_width=100)
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def main(words: list[str]) -> int:
    """Write or check the page in the working directory."""
    page = reference()
    if "--check" in words:
        current = PATH.read_text(encoding="utf-8") if PATH.exists() else ""
        if current != page:
            sys.stderr.write(f"{PATH} is not what the commands say; run: python -m raccordo.cli.reference\n")
            return 1
        return 0
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
