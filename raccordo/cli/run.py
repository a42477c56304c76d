"""`raccordo run`: carry events, in one process or in several under a supervisor."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raccordo.cli.groups import single
from raccordo.cli.options import HERE, AppDir
from raccordo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raccordo.app import App
    from raccordo.settings import Settings
    from raccordo.worker import Worker


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
        int | None, typer.Option(help="Number of this worker, given by the supervisor.", hidden=True)
    ] = None,
    adopt_ledger: Annotated[
        bool,
        typer.Option(
            "--adopt-ledger",
            help="Accept a ledger that does not know what the group has committed. Read the error first.",
        ),
    ] = False,
) -> None:
    """Carry events until stopped.

    SIGTERM drains, commits and ends with 0; a second one ends at once with 1, and nothing is lost either way.
    Settings come from the environment, see `raccordo connectors list` and docs/reference. A worker waits for Kafka,
    the ledger and the systems when they are away, says so, is not ready meanwhile, and goes on by itself.
    """
    from raccordo.telemetry import configure  # noqa: PLC0415 - so that --help starts quickly

    if workers > 1:
        raise typer.Exit(_supervise(workers, flow or [], str(app_dir), health, adopt=adopt_ledger))
    worker = open_worker(str(app_dir), flow or [], health, slot=slot or 0, adopt=adopt_ledger, log=configure)
    raise typer.Exit(asyncio.run(_run(worker)))


async def _run(opening: Any) -> int:
    worker: Worker = opening()
    return await worker.run()


def open_worker(app_dir: str, flows: Sequence[str], health: str, *, slot: int, adopt: bool, log: Any) -> Any:
    """Read all settings and the wiring, and return what makes the worker inside a running loop.

    Raises ConfigError with every problem of settings, wiring, Kafka and connectors at once.
    """
    from raccordo.app import load  # noqa: PLC0415 - so that --help starts quickly
    from raccordo.broker.kafka import connect  # noqa: PLC0415
    from raccordo.broker.settings import KafkaSettings  # noqa: PLC0415
    from raccordo.ledger.sql import SqlLedger  # noqa: PLC0415
    from raccordo.settings import Settings  # noqa: PLC0415
    from raccordo.worker import Worker  # noqa: PLC0415

    problems: list[str] = []

    def collect(read: Any) -> Any:
        try:
            return read()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    settings: Settings | None = collect(
        lambda: Settings.from_environment(slot=slot, **({"adopt_ledger": True} if adopt else {}))
    )
    kafka = collect(KafkaSettings.from_environment)
    app: App | None = collect(lambda: load(app_dir).only(flows))
    configs = [collect(kind.config_type.from_environment) for kind in app.connectors] if app else []
    if problems or settings is None or app is None:
        raise ConfigError(problems)

    def opening() -> Worker:
        return Worker(
            app,
            settings,
            broker=connect(kafka),
            ledger=SqlLedger(settings.ledger),
            connectors=[kind.open(config) for kind, config in zip(app.connectors, configs, strict=True)],
            log=log(settings.log_level),
            health=health,
        )

    return opening


def _supervise(workers: int, flows: Sequence[str], app_dir: str, health: str, *, adopt: bool) -> int:
    """Check everything once here, so that a wrong setting is told once, then supervise."""
    from raccordo.settings import Settings  # noqa: PLC0415 - so that --help starts quickly
    from raccordo.supervisor import Supervisor  # noqa: PLC0415
    from raccordo.telemetry import configure  # noqa: PLC0415
    from raccordo.worker import STOP_MARGIN  # noqa: PLC0415

    open_worker(app_dir, flows, health, slot=0, adopt=adopt, log=configure)
    settings = Settings.from_environment()

    def command(slot: int) -> list[str]:
        parts = [sys.executable, "-m", "raccordo", "run", "--slot", str(slot), "--app-dir", app_dir]
        for name in flows:
            parts += ["--flow", name]
        if adopt:
            parts.append("--adopt-ledger")
        if health:
            host, _, port = health.rpartition(":")
            parts += ["--health", f"{host}:{int(port) + 1 + slot}"]
        return parts

    log = configure(settings.log_level)
    grace = settings.drain_timeout + 2 * STOP_MARGIN
    return Supervisor(workers, command, log, grace=grace, health=health).run()


app = single(run, "raccordo run --workers 2 --health 127.0.0.1:8081", "raccordo run --flow order-to-sap")
