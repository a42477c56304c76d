"""The command line: one Typer app, one module a group of commands."""

from __future__ import annotations

import typer

from raccordo.cli import dev

app = typer.Typer(name="raccordo", no_args_is_help=True, help="Carries B2B-commerce events over Kafka.")
app.add_typer(dev.app, name="dev")


def main() -> None:
    """Run the command line; the entry point of the `raccordo` script."""
    app()
