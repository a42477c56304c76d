"""The command line: one Typer app, one module a command or group of commands, imported when it is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from raccordo import __version__
from raccordo.cli.exits import explained
from raccordo.cli.groups import Door, root

DOORS = (
    Door("run", "Work", "Carry events until stopped."),
    Door("publish", "Work", "Publish events from a JSON lines file and wait until the broker has every one."),
    Door("why", "Look", "Tell what happened to an event, by any of its business keys."),
    Door("flows", "Look", "The flows of an application: what they join, and how they behave."),
    Door("connectors", "Look", "The systems that flows talk to: their settings and their health."),
    Door("parked", "Repair", "Lanes that wait: which, why, until when; and how to let them go on."),
    Door("dead", "Repair", "Dead letters: why they died; and how to send them on their way again."),
    Door("doubts", "Repair", "Calls whose outcome only a person can find out."),
    Door("topics", "Prepare", "Kafka's topics, as the contracts ask for them."),
    Door("dev", "Prepare", "Real Kafka and PostgreSQL as processes of your own."),
    Door("schemas", "Prepare", "The published schemas of the contracts: export and check."),
    Door("ledger", "Prepare", "The ledger's tables: their version, what waits in them, and their upkeep."),
)
"""Every command of the root, in the order and under the headings of the help."""

app = typer.Typer(
    name="raccordo",
    cls=root(DOORS),
    no_args_is_help=True,
    epilog=explained(),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def raccordo(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error too.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Carries B2B-commerce events over Kafka: exactly once in effect, in order per key.

    Settings come from the environment (RACCORDO_...): `raccordo connectors list` names those of the systems.
    """


def main() -> None:
    """Run the command line; the entry point of the `raccordo` script."""
    app(prog_name="raccordo")
