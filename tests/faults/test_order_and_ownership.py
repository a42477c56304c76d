"""Order per key over kills and take-overs, and workers that come back from the dead."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, order
from plant import SESSION, until
from raccordo.dev.sap import Kind

if TYPE_CHECKING:
    from plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

BY_CUSTOMER = Path(__file__).parents[1] / "apps" / "by_customer"
KEYS = 1000


async def test_a_thousand_parked_keys_keep_their_order_over_a_kill_and_a_take_over(plant: Plant) -> None:
    """The head of every key is locked at SAP; the worker is killed; another takes over while new events race in."""
    plant.environment["RACCORDO_SAP_MAX_IN_FLIGHT"] = "16"
    plant.sap.fail(Kind.STATUS, order_id="-1$", status=423, times=KEYS, once_each=True)
    customers = [f"{2_000_000 + number}" for number in range(KEYS)]
    first = plant.worker(0, app=BY_CUSTOMER)
    await plant.publish(order(f"{customer}-1", customer, lines=1) for customer in customers)
    await until(lambda: len(plant.sap.writes()) >= KEYS * 0.97, timeout=120)
    first.signal(signal.SIGKILL)
    await first.ended()
    await plant.publish(order(f"{customer}-2", customer, lines=1) for customer in customers[: KEYS // 2])
    plant.worker(1, app=BY_CUSTOMER)
    await asyncio.sleep(1.0)
    await plant.publish(order(f"{customer}-2", customer, lines=1) for customer in customers[KEYS // 2 :])
    names = [f"{customer}-{number}" for customer in customers for number in (1, 2)]
    await plant.answered(names, timeout=200)
    plant.check_once(names)
    placed: dict[str, list[str]] = {}
    for booked in plant.sap.in_order():
        placed.setdefault(booked.customer, []).append(booked.order_id)
    wrong = {customer: ids for customer, ids in placed.items() if ids != [f"{customer}-{n}" for n in (1, 2)]}
    assert wrong == {}


async def test_a_killed_worker_that_does_not_come_back_is_replaced_within_the_session_timeout(
    plant: Plant,
) -> None:
    """F05, take-over: what it had not finished is done by another worker within session timeout + 5 s."""
    plant.sap.fail(Kind.SLOW, order_id="^S", times=0, seconds=0.5)
    orders = [order(f"S{number:03}", CUSTOMERS[number % 8]) for number in range(40)]
    victim, survivor = plant.worker(0), plant.worker(1)
    await victim.says("worker_started")
    await survivor.says("worker_started")
    await plant.publish(orders)
    await until(lambda: len(plant.sap.orders()) >= 8)
    victim.signal(signal.SIGKILL)
    killed_at = time.monotonic()
    await victim.ended()
    fresh = [order(f"T{number:03}", CUSTOMERS[number % 8]) for number in range(16)]
    await plant.publish(fresh)
    names = [each.order_id for each in fresh]
    await plant.answered(names)
    took = time.monotonic() - killed_at
    assert took < SESSION + 5.0, f"keys that are not settling flowed again after {took:.1f} s"
    everything = [each.order_id for each in (*orders, *fresh)]
    await plant.answered(everything)
    plant.check_once(everything)


async def test_a_worker_stopped_past_its_session_changes_nothing_when_it_wakes(plant: Plant) -> None:
    """F06: SIGSTOP, another worker takes over, SIGCONT: the ledger refuses the old epoch; no order is booked twice."""
    plant.sap.fail(Kind.SLOW, order_id="^Z", times=0, seconds=0.3)
    orders = [order(f"Z{number:03}", CUSTOMERS[number % 8]) for number in range(60)]
    sleeper = plant.worker(0)
    await sleeper.says("worker_started")
    await plant.publish(orders)
    await until(lambda: len(plant.sap.orders()) >= 6)
    sleeper.signal(signal.SIGSTOP)
    plant.worker(1)
    names = [each.order_id for each in orders]
    await plant.answered(names, timeout=SESSION + 40)
    sleeper.signal(signal.SIGCONT)
    after = [order(f"Y{number:03}", CUSTOMERS[number % 8]) for number in range(30)]
    await plant.publish(after)
    await plant.answered([each.order_id for each in after], timeout=60)
    await plant.listen(2.0)
    plant.check_once([*names, *(each.order_id for each in after)])
    assert sleeper.exit_code is None, "the zombie lives on as a member"


async def test_a_planned_scale_down_gives_its_partitions_up_at_once(plant: Plant) -> None:
    """With --leave another worker need not wait for the session to end."""
    leaving, staying = plant.worker(0, RACCORDO_LEAVE="true"), plant.worker(1)
    await leaving.says("worker_started")
    await staying.says("worker_started")
    before = [order(f"L{number:03}", CUSTOMERS[number % 8]) for number in range(16)]
    await plant.publish(before)
    await plant.answered([each.order_id for each in before])
    leaving.signal(signal.SIGTERM)
    assert await leaving.ended() == 0
    left_at = time.monotonic()
    after = [order(f"M{number:03}", CUSTOMERS[number % 8]) for number in range(16)]
    await plant.publish(after)
    await plant.answered([each.order_id for each in after])
    assert time.monotonic() - left_at < SESSION - 1.0, "nobody waited for a session to end"
