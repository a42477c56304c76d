"""Runs the demonstration: ``python -m demo`` (`make demo`). Exit code 1 if any number is wrong."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from demo import orders
from demo import plant as processes
from demo.witness import Line, Witness, complete, result
from raccordo.app import load_contracts
from raccordo.broker.kafka import connect
from raccordo.broker.settings import KafkaSettings
from raccordo.clock import SystemClock
from raccordo.dev.sap import booked
from raccordo.dev.state import ServiceError, home
from raccordo.errors import RaccordoError
from raccordo.topics import apply, desired, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.orders import Cast
    from raccordo.broker import Broker

DEADLINE: Final = 120.0
LATE_SECONDS: Final = 3.0

out = Console(highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--orders", type=int, default=500, help="how many orders are placed (default: 500)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the orders (default: by the time)")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else int(time.time())
    try:
        return _run(options.orders, seed)
    except (ServiceError, RaccordoError) as error:
        out.print(f"[red]The demonstration could not run:[/red] {error}")
        return 1


def _run(count: int, seed: int) -> int:
    began = time.monotonic()
    folder = home() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    run = f"D{datetime.now(UTC):%y%m%d%H%M%S}"
    cast = orders.cast(run, count, Random(seed))  # noqa: S311 - no secret
    with ExitStack() as stack:
        say("Starting Apache Kafka and SAP's counterpart")
        address = stack.enter_context(
            processes.sap(
                folder / "sap.db",
                *("--lost", f"{run}.*-{orders.LOST}", "--late", f"{run}.*-{orders.LATE}"),
                *("--late-seconds", str(LATE_SECONDS), "--refuse", orders.BLOCKED),
            )
        )
        bootstrap = stack.enter_context(processes.kafka(home() / "kafka", say))
        environment = processes.environment(bootstrap, address, folder)
        _write_environment(folder / "env.sh", environment)
        broker = connect(KafkaSettings(bootstrap=bootstrap, namespace=processes.namespace(folder)))
        asyncio.run(_apply_topics(broker))
        workers = processes.Workers(2, environment, folder / "workers.log")
        stack.callback(workers.stop)
        workers.wait_ready()
        say(f"Two workers are ready ({time.monotonic() - began:.0f} s)")
        lines = asyncio.run(_play(broker, cast, run, workers, folder / "sap.db"))
        code = workers.stop()
        say(f"The workers drained and ended with {code}")
    good = all(line.good for line in lines) and code == 0
    _show(lines, seed)
    _tell(cast, folder, environment)
    out.print(
        f"[bold]{'All numbers are right' if good else 'A number is wrong'}[/bold] ({time.monotonic() - began:.0f} s)"
    )
    return 0 if good else 1


async def _apply_topics(broker: Broker) -> None:
    admin = broker.admin()
    wanted = desired(load_contracts(Path.cwd()))
    await apply(plan(wanted, await admin.topics()), admin, clock=SystemClock())
    await admin.stop()


async def _play(
    broker: Broker, cast: Cast, run: str, workers: processes.Workers, database: Path
) -> list[Line]:
    """Publish, kill a worker in the middle, and read until every order has its answer."""
    witness = Witness(broker, run, orders.TENANT)
    await witness.start()
    producer = broker.producer()
    await producer.start()
    say(
        f"Publishing {cast.accepted} orders, {cast.repeats} of them twice, "
        f"and {len(cast.undecodable)} records that are none"
    )
    await asyncio.gather(*(producer.send(record) for record in cast.records))
    await producer.stop()
    killed = False
    end = time.monotonic() + DEADLINE
    while not complete(cast, witness.told) and time.monotonic() < end:
        await witness.read(1.0)
        here = sum(len(several) for name, several in booked(database).items() if name.startswith(run))
        answered = len(witness.told.confirmed) + len(witness.told.rejected)
        say(f"  SAP has {here} of {len(cast.booked)}; answered {answered}")
        if not killed and here > len(cast.booked) * 0.3:
            say(f"Killing worker {workers.kill_one()} with SIGKILL")
            killed = True
    await witness.read(1.0)
    await witness.stop()
    lines = result(cast, witness.told, database)
    lines.append(Line("workers killed in the middle", 1, int(killed), "SIGKILL"))
    return lines


def _show(lines: Sequence[Line], seed: int) -> None:
    table = Table(title=f"What became of the orders (seed {seed})", title_justify="left")
    for name in ("", "expected", "seen", "read from", ""):
        table.add_column(name, justify="right" if name in {"expected", "seen"} else "left")
    for line in lines:
        mark = "[green]ok[/green]" if line.good else "[red]wrong[/red]"
        table.add_row(line.what, str(line.expected), str(line.seen), line.where, mark)
    out.print(table)


def _tell(cast: Cast, folder: Path, environment: dict[str, str]) -> None:
    """Show the journey of one order whose answer was lost, and what to try next."""
    one = next(iter(cast.lost or cast.booked))
    out.print(f"\nraccordo why {one}")
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "raccordo", "why", one], env=os.environ | environment, check=False
    )
    late = next(iter(cast.late or cast.booked))
    here = Path(os.path.relpath(folder / "env.sh"))
    out.print("\nTry next:")
    for command, what in (
        (f". {here}", "use the demonstration's settings"),
        (f".venv/bin/raccordo why {late}", "booked after we had given up"),
        (".venv/bin/raccordo dead list", "what could not be read, and why"),
        (".venv/bin/raccordo flows list", "what is joined"),
    ):
        out.print(f"  {command:<48}{what}", soft_wrap=True)


def _write_environment(path: Path, environment: dict[str, str]) -> None:
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def say(sentence: str) -> None:
    """Tell progress."""
    out.print(sentence)


if __name__ == "__main__":
    sys.exit(main())
