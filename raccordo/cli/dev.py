"""`raccordo dev`: the development services on this machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

from raccordo.cli.exits import ExitCode
from raccordo.cli.groups import group, shown
from raccordo.cli.options import Json
from raccordo.cli.output import note, show, table
from raccordo.dev.service import ServiceName, ServiceState
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from raccordo.dev.service import ServiceStatus

DOWN = {ServiceState.STOPPED, ServiceState.UNRESPONSIVE}

app = group(
    """Real Kafka and PostgreSQL as processes of your own.

    No Docker, no Java, no root. State lies in .raccordo/ of the working directory, or in RACCORDO_HOME. The first
    start fetches Kafka's jars."""
)

Names = Annotated[list[ServiceName] | None, typer.Argument(help="Which services.", show_default=False)]


@app.command(epilog=shown("raccordo dev up", "raccordo dev up kafka postgres --json"))
def up(names: Names = None, as_json: Json = False) -> None:
    """Start services (default: kafka) and return when they serve; what runs already is left alone.

    They keep running when this command and its terminal end: `raccordo dev down` stops them.
    Where RACCORDO_KAFKA names a broker as host:port, that one is used.
    """
    _show(_services().up(names or [ServiceName.KAFKA], say=note), as_json=as_json)


@app.command(epilog=shown("raccordo dev down", "raccordo dev down postgres"))
def down(names: Names = None, as_json: Json = False) -> None:
    """Stop services (default: all); their data stays for the next `up`."""
    _show(_services().down(names or list(ServiceName), say=note), as_json=as_json)


@app.command(epilog=shown("raccordo dev status", "raccordo dev status kafka --json"))
def status(names: Names = None, as_json: Json = False) -> None:
    """Show which services run, where, and since when.

    Exit code 3 if a service that you named does not run or does not answer; without names always 0.
    """
    found: list[ServiceStatus] = _services().status(names or list(ServiceName))
    _show(found, as_json=as_json)
    if names and any(one.state in DOWN for one in found):
        raise typer.Exit(ExitCode.UNREACHABLE)


def _services() -> ModuleType:
    """Import the services on demand: their packages come with an extra that a worker does not install."""
    try:
        return importlib.import_module("raccordo.dev.services")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The package {error.name} is missing. Run `pip install 'raccordo[dev]'`."
        ) from error


def _show(found: Sequence[ServiceStatus], *, as_json: bool) -> None:
    """Print the services as a table, or as a JSON list with the fields of `ServiceStatus`."""
    headings = ("service", "state", "address", "pid", "since (UTC)", "folder")
    rows = [
        (
            one.name,
            one.state,
            one.address,
            one.pid,
            one.since and f"{one.since:%Y-%m-%d %H:%M:%S}",
            one.folder,
        )
        for one in found
    ]
    show([one.as_json() for one in found], lambda: table(headings, rows), as_json=as_json)
