"""`raccordo run --workers 2`: workers that die come back, and all of them end when the supervisor does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from demo.orders import CUSTOMERS, order
from plant import ROOT, until
from probe import Probe
from raccordo.dev.sap import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


class Supervised:
    """`raccordo run --workers 2` in a process group of its own."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.probe = Probe.above(2)
        self.log = plant.folder / "supervisor.log"
        self.process: asyncio.subprocess.Process

    async def start(self, **environment: str) -> None:
        """Start it."""
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "raccordo", "run", "--workers", "2", "--app-dir", str(ROOT)),
                *("--health", self.probe.address),
                env=os.environ | self.plant.environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def workers(self) -> list[int]:
        """Wait until both workers are ready and return their process ids."""
        await self.probe.becomes(200)
        _, detail = await self.probe.get("/health")
        return [detail["workers"][slot]["pid"] for slot in ("0", "1")]

    async def ended(self, within: float = 30.0) -> int:
        """Wait for its end."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it and its workers logged under a word."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                found += [entry] if entry.get("event") == event else []
        return found

    def end(self) -> None:
        """End everything that it started."""
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            for process in family:
                process.kill()


@pytest.fixture
async def supervised(plant: Plant) -> AsyncIterator[Supervised]:
    """A supervisor that is not started yet."""
    running = Supervised(plant)
    yield running
    running.end()
    await running.process.wait()


async def _booked(plant: Plant, mark: str, count: int = 16) -> list[str]:
    """Publish orders over all customers, so that both workers have some, and wait for SAP to have them."""
    orders = [order(f"{mark}{number:03}", CUSTOMERS[number % 8]) for number in range(count)]
    await plant.publish(orders)
    names = {each.order_id for each in orders}
    await until(lambda: names <= plant.sap.orders().keys())
    return sorted(names)


async def test_a_killed_worker_is_back_at_work_within_three_seconds(
    plant: Plant, supervised: Supervised
) -> None:
    await supervised.start()
    await supervised.workers()
    names = await _booked(plant, "A")
    took = []
    for turn in range(3):
        victim = (await supervised.workers())[turn % 2]
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        names += await _booked(plant, f"K{turn}-")
        took.append(time.monotonic() - killed_at)
        assert victim not in await supervised.workers()
    print(f"keys of a killed worker flowed again after {', '.join(f'{each:.2f}' for each in took)} s")  # noqa: T201
    assert sorted(took)[1] < 3.0, took
    await plant.answered(names)
    plant.check_once(names)
    assert [line["exit_code"] for line in supervised.lines("worker_died")] == [-9, -9, -9]


async def test_workers_whose_supervisor_was_killed_drain_and_end_by_themselves(
    plant: Plant, supervised: Supervised
) -> None:
    await supervised.start()
    workers = await supervised.workers()
    names = await _booked(plant, "S")
    plant.sap.fail(Kind.SLOW, order_id="^Z", times=0, seconds=0.3)
    orders = [order(f"Z{number:03}", CUSTOMERS[number % 8]) for number in range(60)]
    await plant.publish(orders)
    await until(lambda: len(plant.sap.orders()) > len(names) + 5)
    os.kill(supervised.process.pid, signal.SIGKILL)
    await until(lambda: not any(_runs(pid) for pid in workers), timeout=20)
    assert len(supervised.lines("supervisor_gone")) == 2
    assert len(supervised.lines("worker_stopped")) == 2, "they drained"
    assert len(plant.sap.writes()) == len(plant.sap.orders()), "nothing that was sent is without its answer"
    plant.worker(7)
    everything = [*names, *(each.order_id for each in orders)]
    await plant.answered(everything)
    plant.check_once(everything)


async def test_a_worker_that_cannot_work_ends_them_all_with_two(plant: Plant, supervised: Supervised) -> None:
    await supervised.start(RACCORDO_KAFKA_NAMESPACE="elsewhere.")
    assert await supervised.ended() == 2
    assert "run `raccordo topics apply`" in supervised.log.read_text()


async def test_a_wrong_setting_is_told_once_before_any_worker_starts(
    plant: Plant, supervised: Supervised
) -> None:
    await supervised.start(RACCORDO_SAP_TIMEOUT="soon", RACCORDO_TENANTS="ACME")
    assert await supervised.ended() == 2
    said = supervised.log.read_text()
    assert said.count("RACCORDO_SAP_TIMEOUT") == 1
    assert said.count("RACCORDO_TENANTS") == 1
    assert "Traceback" not in said


async def test_ctrl_c_drains_all_workers_and_ends_with_zero(plant: Plant, supervised: Supervised) -> None:
    plant.sap.fail(Kind.SLOW, order_id="^C", times=0, seconds=0.2)
    await supervised.start(RACCORDO_MAX_IN_FLIGHT="20", RACCORDO_FETCH_LIMIT="10")
    await supervised.workers()
    orders = [order(f"C{number:03}", CUSTOMERS[number % 8]) for number in range(120)]
    await plant.publish(orders)
    await until(lambda: len(plant.sap.orders()) > 10)
    os.killpg(supervised.process.pid, signal.SIGINT)
    assert await supervised.ended() == 0
    assert len(supervised.lines("worker_stopped")) == 2
    assert "Traceback" not in supervised.log.read_text()
    assert len(plant.sap.writes()) == len(plant.sap.orders()) < len(orders)


async def test_workers_that_die_again_and_again_are_started_ever_more_rarely(
    plant: Plant, supervised: Supervised
) -> None:
    await plant.publish(order(f"X{number:03}", CUSTOMERS[number % 8]) for number in range(32))
    await supervised.start(RACCORDO_FAILPOINTS="after_claim=kill:1")
    await until(lambda: len(supervised.lines("worker_died")) >= 6, timeout=60)
    status, detail = await supervised.probe.get("/ready")
    assert (status, detail["live"]) == (503, True)
    counts = [line["count"] for line in supervised.lines("worker_died")]
    assert max(counts) >= 3
    seen = len(counts)
    await asyncio.sleep(3.0)
    assert len(supervised.lines("worker_died")) - seen <= 4, "each further death makes the pause longer"
    supervised.process.terminate()
    await supervised.ended()
    plant.worker(7)
    await plant.answered(f"X{number:03}" for number in range(32))
    plant.check_once(f"X{number:03}" for number in range(32))


def _runs(pid: int) -> bool:
    """Whether a process runs, and is no mere entry that nobody has collected."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
