"""F10 to F12, F44, F45, F07: Kafka, SAP or the ledger goes away and comes back; nothing is lost, buried or doubled.

Meanwhile the worker lives, says that it is not ready, and does not spin; afterwards it goes on by itself.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, order
from plant import Plant, until
from probe import Probe, processor_seconds
from raccordo.dev.kafka import KafkaProcess
from raccordo.dev.postgres import PostgresProcess
from raccordo.dev.sap import Kind, MockSap
from raccordo.ledger.sql import SqlLedger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from plant import WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(180)]

BLOCKING = Path(__file__).parents[1] / "apps" / "blocking"

FROZEN = 12.0
"""Seconds for which the broker stands still: longer than the time after which we are not ready."""


@pytest.fixture
async def own(tmp_path: Path, unique: str) -> AsyncIterator[tuple[Plant, KafkaProcess]]:
    """A plant on a broker of its own, which the test may stop, kill and freeze."""
    kafka = KafkaProcess(tmp_path / "kafka")
    await asyncio.to_thread(kafka.start)
    try:
        with MockSap(tmp_path / "sap.db") as sap:
            async with Plant(tmp_path, kafka.bootstrap, f"t{unique}.", sap) as plant:
                plant.environment |= {
                    "RACCORDO_KAFKA_START_DEADLINE": "3",
                    "RACCORDO_KAFKA_STOP_DEADLINE": "3",
                }
                yield plant, kafka
    finally:
        kafka.resume()
        await asyncio.to_thread(kafka.kill)


async def _carried(plant: Plant, mark: str, count: int = 16) -> list[str]:
    """Publish orders and wait for their answers."""
    orders = [order(f"{mark}{number:03}", CUSTOMERS[number % 8]) for number in range(count)]
    await plant.publish(orders)
    names = [each.order_id for each in orders]
    await plant.answered(names)
    return names


def _count(worker: WorkerProcess, event: str) -> int:
    return sum(json.loads(line)["event"] == event for line in worker.log.read_text().splitlines())


async def test_kafka_away_at_start_then_killed_then_frozen(own: tuple[Plant, KafkaProcess]) -> None:
    """One worker through all three: it waits, goes on, waits again, and never spins."""
    plant, kafka = own
    await asyncio.to_thread(kafka.stop)
    probe = Probe()
    worker = plant.worker(health=probe.address)
    await worker.says("line_stalled")
    await probe.stays(503, 4.0)
    assert (await probe.get("/live"))[0] == 200
    assert _count(worker, "line_stalled") == 1, "said once, not at every try"
    await asyncio.to_thread(kafka.start)
    await probe.becomes(200)
    names = await _carried(plant, "A")

    await asyncio.to_thread(kafka.kill)
    spent = processor_seconds(worker.pid)
    since = time.monotonic()
    await probe.becomes(503)
    assert (processor_seconds(worker.pid) - spent) / (time.monotonic() - since) < 0.5, "no busy loop"
    await asyncio.to_thread(kafka.start)
    await probe.becomes(200)
    names += await _carried(plant, "B")

    kafka.suspend()
    spent = processor_seconds(worker.pid)
    since = time.monotonic()
    await probe.becomes(503, within=FROZEN + 2)
    await asyncio.sleep(max(0.0, since + FROZEN - time.monotonic()))
    assert (processor_seconds(worker.pid) - spent) / (time.monotonic() - since) < 0.5, "no busy loop"
    kafka.resume()
    await probe.becomes(200)
    names += await _carried(plant, "C")

    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    plant.check_once(names)
    assert plant.told.dead == []


async def test_a_worker_that_waits_for_kafka_stops_at_once_when_told(plant: Plant) -> None:
    worker = plant.worker(RACCORDO_KAFKA="127.0.0.1:9", RACCORDO_KAFKA_START_DEADLINE="2")
    await worker.says("line_stalled", timeout=60)
    worker.signal(signal.SIGTERM)
    told_at = time.monotonic()
    assert await worker.ended() == 0
    assert time.monotonic() - told_at < 3.0


async def test_sap_away_at_start_and_while_running_buries_nothing(plant: Plant) -> None:
    port = int(plant.sap.url.rpartition(":")[2])
    plant.sap.stop()
    probe = Probe()
    worker = plant.worker(health=probe.address)
    await probe.becomes(200)
    orders = [order(f"D{number:03}", CUSTOMERS[number % 8]) for number in range(24)]
    names = [each.order_id for each in orders]
    await plant.publish(orders)
    detail = await probe.becomes(503)
    assert detail["systems"]["sap"] == {"ready": False, "trouble": "Unavailable"}
    plant.sap = MockSap(plant.folder / "sap.db", port=port).start()
    await plant.answered(names)
    await probe.becomes(200)

    plant.sap.stop()
    more = [order(f"E{number:03}", CUSTOMERS[number % 8]) for number in range(24)]
    await plant.publish(more)
    await probe.becomes(503)
    plant.sap = MockSap(plant.folder / "sap.db", port=port).start()
    names += [each.order_id for each in more]
    await plant.answered(names)
    await probe.becomes(200)
    plant.sap.stop()
    plant.check_once(names)
    assert plant.told.dead == []
    assert worker.exit_code is None


async def test_a_ledger_in_postgresql_through_a_kill_and_a_restart_of_its_server(
    plant: Plant,
) -> None:
    """F45: the whole flow over PostgreSQL; a worker is killed; the server is killed and comes back."""
    with TemporaryDirectory(
        prefix="raccordo-", ignore_cleanup_errors=True
    ) as folder:  # entered by another user
        await _over_postgresql(plant, PostgresProcess(Path(folder) / "postgres"))


async def _over_postgresql(plant: Plant, server: PostgresProcess) -> None:
    async with server:
        url = await asyncio.to_thread(server.create_database, "ledger")
        plant.environment["RACCORDO_LEDGER"] = url
        unmade = plant.worker()
        assert await unmade.ended() == 2
        assert unmade.said("there are no tables yet; run: raccordo ledger upgrade")
        ledger = SqlLedger(url, auto_upgrade=True)
        await ledger.start()
        await ledger.stop()

        plant.sap.fail(Kind.DROP, order_id="5$", times=0, once_each=True)
        victim = plant.worker(failpoint="after_effect=kill:7")
        orders = [order(f"P{number:03}", CUSTOMERS[number % 8]) for number in range(24)]
        await plant.publish(orders)
        assert await victim.ended() == -signal.SIGKILL
        probe = Probe()
        worker = plant.worker(health=probe.address)
        names = [each.order_id for each in orders]
        await plant.answered(names)

        await asyncio.to_thread(server.kill)
        await probe.becomes(503)
        assert (await probe.get("/live"))[0] == 200
        more = [order(f"Q{number:03}", CUSTOMERS[number % 8]) for number in range(24)]
        await plant.publish(more)
        await probe.stays(503, 2.0)
        await asyncio.to_thread(server.start)
        names += [each.order_id for each in more]
        await plant.answered(names)
        await probe.becomes(200)
        plant.check_once(names)
        assert plant.told.dead == []
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0


@pytest.mark.skipif(
    sys.platform != "linux", reason="a running process's file size limit can be set on Linux only"
)
async def test_a_full_disk_pauses_the_line_and_no_offset_passes_what_is_not_written(plant: Plant) -> None:
    """F44: the ledger's files may not grow any more, then they may again."""
    probe = Probe()
    worker = plant.worker(health=probe.address)
    names = await _carried(plant, "G")
    await until(lambda: worker.exit_code is None)
    await asyncio.sleep(1.0)
    before = await plant.positions()
    booked = len(plant.sap.orders())
    _limit_files(worker.pid, 4096)
    orders = [order(f"H{number:03}", CUSTOMERS[number % 8]) for number in range(40)]
    await plant.publish(orders)
    detail = await probe.becomes(503)
    assert "ledger" in detail["trouble"]
    await probe.stays(503, 3.0)
    assert await plant.positions() == before
    assert len(plant.sap.orders()) == booked, "nothing is sent that cannot be remembered"
    _limit_files(worker.pid, resource.RLIM_INFINITY)
    names += [each.order_id for each in orders]
    await plant.answered(names)
    await probe.becomes(200)
    plant.check_once(names)
    assert plant.told.dead == []


def _limit_files(pid: int, size: int) -> None:
    """No file of the process may grow beyond `size` bytes: what a full disk says, for one process only."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_flow_that_blocks_the_loop_is_named_and_the_worker_is_not_live(plant: Plant) -> None:
    """F07: the watchdog says where; `/live` answers 503 from its own thread while the loop stands still."""
    probe = Probe()
    worker = plant.worker(app=BLOCKING, health=probe.address, RACCORDO_LOOP_LAG_LIMIT="0.5")
    await probe.becomes(200)
    names = ["I000-BLOCK", "I001", "I002"]
    await plant.publish(order(name, CUSTOMERS[number]) for number, name in enumerate(names))
    await probe.becomes(503, "/live")
    await worker.says("loop_blocked")
    line = next(line for line in worker.log.read_text().splitlines() if "loop_blocked" in line)
    assert any(place.endswith(":blocking") for place in json.loads(line)["where"]), line
    await probe.becomes(200, "/live")
    await probe.becomes(200)
    await plant.answered(names)
    plant.check_once(names)
