"""F01 to F04: a worker is killed with SIGKILL at every step of the line, and every order is still booked once."""

from __future__ import annotations

import pytest

from demo.orders import CUSTOMERS, order
from plant import Plant
from raccordo import failpoints
from raccordo.dev.sap import Kind

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(150)]

ORDERS = 24
FIRES_AT = dict.fromkeys(failpoints.NAMES, 5) | {
    "before_look": 2,
    "before_park": 2,
    "after_park": 2,
    "before_commit": 1,
    "after_commit": 1,
}
"""The pass at which a step kills: late enough that other orders are under way."""


@pytest.mark.parametrize("step", failpoints.NAMES)
async def test_a_worker_killed_at_this_step_books_no_order_twice_and_loses_none(
    plant: Plant, step: str
) -> None:
    """Some answers are lost and some orders are locked for a moment, so that looks and parked lanes happen too."""
    plant.sap.fail(Kind.DROP, order_id="-LOST", times=0, once_each=True)
    plant.sap.fail(Kind.STATUS, order_id="-LOCK", status=423, times=0, once_each=True)
    orders = [
        order(
            f"K{number:03}{'-LOST' if number % 4 == 1 else '-LOCK' if number % 4 == 2 else ''}",
            CUSTOMERS[number % 8],
        )
        for number in range(ORDERS)
    ]
    names = [each.order_id for each in orders]
    await plant.publish(orders)
    victim = plant.worker(failpoint=f"{step}=kill:{FIRES_AT[step]}")
    assert await victim.ended() == -9, "the failpoint fired"
    plant.worker()
    await plant.answered(names)
    await plant.listen(0.5)
    plant.check_once(names)
