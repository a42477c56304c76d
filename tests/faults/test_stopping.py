"""F55: a worker that is told to stop finishes what it has begun, commits, and loses and repeats nothing."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, order
from plant import until
from raccordo.dev.sap import Kind

if TYPE_CHECKING:
    from plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

DRAIN = 5.0
"""RACCORDO_DRAIN_TIMEOUT of the plant."""

MARGIN = 5.0
"""For commit, leaving and closing on a busy machine."""


async def _under_load(plant: Plant, mark: str, count: int = 200) -> list[str]:
    """Publish orders that SAP takes a moment for."""
    plant.sap.fail(Kind.SLOW, order_id=f"^{mark}", times=0, seconds=0.15)
    orders = [order(f"{mark}{number:03}", CUSTOMERS[number % 8]) for number in range(count)]
    await plant.publish(orders)
    return [each.order_id for each in orders]


async def _all_once_with_one_request_each(plant: Plant, names: list[str]) -> None:
    await plant.answered(names)
    await plant.listen(0.5)
    plant.check_once(names)


async def test_sigterm_under_load_finishes_what_was_sent_and_repeats_nothing(plant: Plant) -> None:
    names = await _under_load(plant, "T")
    worker = plant.worker(RACCORDO_MAX_IN_FLIGHT="20", RACCORDO_FETCH_LIMIT="10")
    await until(lambda: len(plant.sap.orders()) >= 30)
    worker.signal(signal.SIGTERM)
    told_at = time.monotonic()
    assert await worker.ended() == 0
    assert time.monotonic() - told_at < DRAIN + MARGIN
    assert worker.said("worker_stopped")
    booked = len(plant.sap.orders())
    assert 30 <= booked < len(names), "stopped in the middle"
    assert len(plant.sap.writes()) == booked, "nothing that was sent is without its answer"
    committed = sum(position.offset for position in (await plant.positions()).values())
    assert 0 < committed <= booked, "no offset is committed beyond what is done"
    plant.worker()
    await _all_once_with_one_request_each(plant, names)
    assert len(plant.sap.writes()) == len(names), "the drain was complete: no order was sent twice"


async def test_sigterm_twice_ends_at_once_with_an_error_and_loses_nothing(plant: Plant) -> None:
    names = await _under_load(plant, "W")
    plant.sap.fail(Kind.SLOW, order_id="^W", times=0, seconds=1.0)
    worker = plant.worker(RACCORDO_DRAIN_TIMEOUT="30", RACCORDO_SAP_TIMEOUT="10")
    await until(lambda: len(plant.sap.orders()) >= 4)
    worker.signal(signal.SIGTERM)
    time.sleep(0.2)  # noqa: ASYNC251 - both signals come while the same calls are under way
    worker.signal(signal.SIGTERM)
    told_at = time.monotonic()
    assert await worker.ended() == 1
    assert time.monotonic() - told_at < 1.0
    plant.sap.faults.clear()
    plant.worker()
    await _all_once_with_one_request_each(plant, names)


async def test_sigterm_in_the_middle_of_a_rebalance_ends_cleanly_too(plant: Plant) -> None:
    names = await _under_load(plant, "B")
    first = plant.worker(0)
    await until(lambda: len(plant.sap.orders()) >= 20)
    second = plant.worker(1)
    await until(lambda: _rebalancing(second.log.read_text()))
    first.signal(signal.SIGTERM)
    told_at = time.monotonic()
    assert await first.ended() == 0
    assert time.monotonic() - told_at < 3 * DRAIN
    second.signal(signal.SIGTERM)
    assert await second.ended() == 0
    plant.worker(2)
    await _all_once_with_one_request_each(plant, names)


def _rebalancing(log: str) -> bool:
    """Whether a worker has come as far as to join, which makes the other one let go."""
    return "worker_started" in log
