"""`raccordo run`: carry events, in one process or in several under a supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from raccordo.cli.groups import single
from raccordo.cli.options import HERE, AppDir

if TYPE_CHECKING:
    from raccordo.start import Plan


def run(
    flow: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this flow; may be repeated. Default: all.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Worker processes on this machine.")] = 1,
    app_dir: AppDir = HERE,
    health: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve /live, /ready and /health there; N workers use the N ports above it too.",
            show_default=False,
        ),
    ] = "",
    slot: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            envvar="RACCORDO_SLOT",
            help="Number of this worker on its machine; part of its member id. Several workers count from 0.",
        ),
    ] = 0,
    adopt_ledger: Annotated[
        bool,
        typer.Option(
            "--adopt-ledger",
            help="Accept a ledger that does not know what the group has committed. Read the error first.",
        ),
    ] = False,
    leave: Annotated[
        bool,
        typer.Option(
            "--leave",
            help="Give the partitions up for good at the stop: a planned scale-down. Others take them at once.",
        ),
    ] = False,
) -> None:
    """Carry events until stopped.

    SIGTERM drains, commits and ends with 0; a second one ends at once with 1, and nothing is lost either way.
    Settings come from the environment, see `raccordo connectors list` and docs/reference. A worker waits for Kafka,
    the ledger and the systems when they are away, says so, is not ready meanwhile, and goes on by itself.
    """
    from raccordo.start import Plan, work  # noqa: PLC0415 - so that --help starts quickly

    plan = Plan(str(app_dir), tuple(flow or ()), health, adopt_ledger, leave)
    raise typer.Exit(work(plan, slot, health) if workers == 1 else _supervise(workers, plan))


def _supervise(workers: int, plan: Plan) -> int:
    """Check everything once here, so that a wrong setting is told once, then supervise."""
    from raccordo.settings import Settings  # noqa: PLC0415 - so that --help starts quickly
    from raccordo.start import prepare  # noqa: PLC0415 - as above
    from raccordo.supervisor import Supervisor  # noqa: PLC0415 - as above
    from raccordo.telemetry import configure  # noqa: PLC0415 - as above
    from raccordo.worker import STOP_MARGIN  # noqa: PLC0415 - as above

    prepare(plan, slot=0, health="")
    settings = Settings.from_environment()
    grace = settings.drain_timeout + 2 * STOP_MARGIN
    return Supervisor(workers, plan, configure(settings.log_level), grace=grace).run()


app = single(run, "raccordo run --workers 2 --health 127.0.0.1:8081", "raccordo run --flow order-to-sap")
