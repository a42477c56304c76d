"""One command, one run: ``python -m bench`` (`make bench`). Figures are ratios of what ran side by side."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench.loops import Figure, raw, whole_line
from bench.orders import records
from bench.parts import measure
from raccordo.broker.kafka import connect
from raccordo.broker.settings import KafkaSettings
from raccordo.clock import SystemClock
from raccordo.dev import choice
from raccordo.dev.kafka import KafkaProcess
from raccordo.topics import apply, desired, plan
from schemas import OrderConfirmed, OrderCreated

if TYPE_CHECKING:
    from collections.abc import Sequence

out = Console(highlight=False, stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="orders of eight lines (default: 20000)")
    parser.add_argument("--rounds", type=int, default=2, help="how often the loops take turns (default: 2)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="raccordo-bench-") as scratch:
        folder = Path(scratch)
        process = lambda: KafkaProcess(folder / "kafka", say=out.print)  # noqa: E731 - a maker
        with choice.broker(os.environ, process=process, say=out.print) as broker:
            figures, shares = asyncio.run(_run(broker.bootstrap, options.events, options.rounds, folder))
    if options.json:
        sys.stdout.write(json.dumps(_as_json(figures, shares), indent=2) + "\n")
    else:
        _show(figures, shares)
    return 0


async def _run(
    bootstrap: str, events: int, rounds: int, folder: Path
) -> tuple[list[Figure], list[tuple[str, float]]]:
    kafka = KafkaSettings(bootstrap=bootstrap, namespace=f"bench-{os.getpid()}.")
    broker = connect(kafka)
    admin = broker.admin()
    wanted = desired((OrderCreated, OrderConfirmed))
    await apply(plan(wanted, await admin.topics()), admin, clock=SystemClock())
    await admin.stop()
    out.print(f"Publishing {events} orders of eight lines")
    producer = broker.producer()
    await producer.start()
    made = list(records(events, "B"))
    out.print(f"One order has {len(made[0].value or b'')} bytes")
    await asyncio.gather(*(producer.send(record) for record in made))
    await producer.stop()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    figures: list[Figure] = []
    for number in range(rounds):
        figures.append(await raw(kafka, events, f"raw-{number}"))
        out.print(f"round {number + 1}: {figures[-1].name} {figures[-1].rate:.0f}/s")
        ledger = f"sqlite:///{folder / f'ledger-{number}.db'}"
        figures.append(await whole_line(kafka, events, ledger, f"line-{number}"))
        out.print(f"round {number + 1}: {figures[-1].name} {figures[-1].rate:.0f}/s")
    return figures, await measure(made[:5000], f"sqlite:///{folder / 'parts.db'}")


def _best(figures: Sequence[Figure]) -> list[Figure]:
    """Of each loop the round with the least processor time: the one that was disturbed least."""
    names = dict.fromkeys(figure.name for figure in figures)
    return [min((one for one in figures if one.name == name), key=lambda one: one.cpu_each) for name in names]


def _show(figures: Sequence[Figure], shares: Sequence[tuple[str, float]]) -> None:
    console = Console(highlight=False)
    best = _best(figures)
    table = Table(title="The whole line against a raw loop, same broker, same run", title_justify="left")
    for name in ("", "events/s", "CPU µs/event", "rate of raw", "CPU of raw"):
        table.add_column(name, justify="left" if not name else "right")
    base = best[0]
    for figure in best:
        table.add_row(
            figure.name,
            f"{figure.rate:.0f}",
            f"{figure.cpu_each:.0f}",
            f"{figure.rate / base.rate:.2f}",
            f"{figure.cpu_each / base.cpu_each:.2f}",
        )
    console.print(table)
    parts = Table(title="Where the microseconds of one event go (each room alone)", title_justify="left")
    parts.add_column("")
    parts.add_column("CPU µs", justify="right")
    for name, cost in shares:
        parts.add_row(name, f"{cost:.0f}")
    parts.add_row(
        "lanes, broker, everything else", f"{best[-1].cpu_each - sum(cost for _, cost in shares):.0f}"
    )
    console.print(parts)


def _as_json(figures: Sequence[Figure], shares: Sequence[tuple[str, float]]) -> dict[str, object]:
    return {
        "loops": [
            {"name": one.name, "events_per_second": one.rate, "cpu_us_per_event": one.cpu_each}
            for one in _best(figures)
        ],
        "parts_cpu_us": dict(shares),
    }


if __name__ == "__main__":
    sys.exit(main())
