"""`raccordo dev`: the development services on this machine."""

from __future__ import annotations

import importlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from raccordo.dev.service import ServiceName, ServiceState
from raccordo.errors import RaccordoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from raccordo.dev.service import ServiceStatus

NOT_RUNNING = 3
DOWN = {ServiceState.STOPPED, ServiceState.UNRESPONSIVE}

app = typer.Typer(
    no_args_is_help=True,
    help="""Real Kafka and PostgreSQL as processes of your own: no Docker, no Java, no root.

State lies in .raccordo/ of the working directory, or in RACCORDO_HOME. The first start fetches Kafka's
jars.""",
    epilog="Exit codes: 0 done · 1 a service failed, the text says why · 2 wrong usage"
    " · 3 `status`: a service that you named does not run.",
)

Names = Annotated[list[ServiceName] | None, typer.Argument(help="Which services.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the state as JSON instead of a table.")]


@app.command()
def up(names: Names = None, as_json: Json = False) -> None:
    """Start services (default: kafka) and return when they serve; what runs already is left alone.

    They keep running when this command and its terminal end: `raccordo dev down` stops them.
    Where RACCORDO_KAFKA names a broker as host:port, that one is used.

    Examples: `raccordo dev up` · `raccordo dev up kafka postgres --json`
    """
    with _explained() as say:
        found: list[ServiceStatus] = _services().up(names or [ServiceName.KAFKA], say=say)
    _show(found, as_json=as_json)


@app.command()
def down(names: Names = None, as_json: Json = False) -> None:
    """Stop services (default: all); their data stays for the next `up`."""
    with _explained() as say:
        found: list[ServiceStatus] = _services().down(names or list(ServiceName), say=say)
    _show(found, as_json=as_json)


@app.command()
def status(names: Names = None, as_json: Json = False) -> None:
    """Show which services run, where, and since when.

    Exit code 3 if a service that you named does not run or does not answer; without names always 0.
    """
    with _explained():
        found: list[ServiceStatus] = _services().status(names or list(ServiceName))
    _show(found, as_json=as_json)
    if names and any(one.state in DOWN for one in found):
        raise typer.Exit(NOT_RUNNING)


@contextmanager
def _explained() -> Iterator[Callable[[str], None]]:
    """Offer a way to tell progress on standard error; turn an error into its sentence and exit code 1."""
    log = Console(stderr=True, highlight=False, markup=False)
    try:
        yield log.print
    except RaccordoError as error:
        log.print(f"error: {error}", style="red")
        raise typer.Exit(1) from error


def _services() -> ModuleType:
    """Import the services on demand: their packages come with an extra that a worker does not install."""
    try:
        return importlib.import_module("raccordo.dev.services")
    except ModuleNotFoundError as error:
        raise RaccordoError(
            f"The package {error.name} is missing. Run `pip install 'raccordo[dev]'`."
        ) from error


def _show(found: Sequence[ServiceStatus], *, as_json: bool) -> None:
    """Print the services as a table, or as a JSON list with the fields of `ServiceStatus`."""
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "state", "address", "pid", "since (UTC)", "folder"):
        table.add_column(heading, no_wrap=heading == "since (UTC)", overflow="fold")
    for one in found:
        since = "" if one.since is None else f"{one.since:%Y-%m-%d %H:%M:%S}"
        table.add_row(one.name, one.state, one.address, str(one.pid or ""), since, str(one.folder))
    Console().print(table)
