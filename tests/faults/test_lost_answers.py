"""F24, F24b, F22, F30, F41: SAP answers late, never, angrily, or twice the same is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, order, record
from raccordo.broker import Outgoing
from raccordo.dev.sap import Kind

if TYPE_CHECKING:
    from plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(150)]


async def test_an_order_whose_answer_was_lost_is_looked_up_and_not_booked_again(plant: Plant) -> None:
    """F24: dropped, cut, garbled or answered by a gateway's page, after the commit."""
    for kind in (Kind.DROP, Kind.CUT, Kind.GARBLE, Kind.GATEWAY):
        plant.sap.fail(kind, order_id=f"-{kind}$", times=0, once_each=True)
    orders = [
        order(f"A{number:02}-{kind}", CUSTOMERS[number % 8])
        for number, kind in enumerate((Kind.DROP, Kind.CUT, Kind.GARBLE, Kind.GATEWAY) * 3)
    ]
    plant.worker()
    await plant.publish(orders)
    names = [each.order_id for each in orders]
    await plant.answered(names)
    plant.check_once(names)


async def test_nothing_is_sent_again_before_settle_even_if_a_look_finds_nothing(plant: Plant) -> None:
    """F24b: SAP commits three seconds later; our client waits one second, our first look finds nothing."""
    plant.sap.fail(Kind.LATE, order_id="-LATE", times=0, once_each=True, seconds=3.0)
    orders = [order(f"B{number:02}-LATE", CUSTOMERS[number % 8]) for number in range(6)]
    plant.worker()
    await plant.publish(orders)
    names = [each.order_id for each in orders]
    await plant.answered(names)
    plant.check_once(names)
    looks = [
        seen
        for seen in plant.sap.requests
        if seen.method == "GET" and "PurchaseOrderByCustomer" in seen.query
    ]
    assert len(looks) > len(names), "SAP was asked, and asked again"


async def test_no_request_leaves_before_the_time_that_sap_named_from_any_worker(plant: Plant) -> None:
    """F22: 429 with Retry-After holds two workers alike."""
    plant.environment["RACCORDO_SAP_MAX_IN_FLIGHT"] = "2"
    first, second = plant.worker(0), plant.worker(1)
    await first.says("worker_started")
    await second.says("worker_started")
    warm = [order(f"W{number:02}", CUSTOMERS[number % 8]) for number in range(16)]
    await plant.publish(warm)
    await plant.answered([each.order_id for each in warm])
    plant.sap.fail(Kind.STATUS, order_id="^C00", status=429, retry_after="4", times=1)
    seen_before = len(plant.sap.requests)
    orders = [order(f"C{number:02}", CUSTOMERS[number % 8]) for number in range(24)]
    await plant.publish(orders[:1])
    while len(plant.sap.requests) == seen_before:
        await plant.listen(0.02)
    refused_at = time.monotonic()
    await plant.listen(0.3)
    seen_then = len(plant.sap.requests)
    await plant.publish(orders[1:])
    while time.monotonic() < refused_at + 3.5:
        assert len(plant.sap.requests) == seen_then, "a request left during the silence"
        await plant.listen(0.1)
    names = [each.order_id for each in orders]
    await plant.answered(names)
    plant.check_once(names)


async def test_a_csrf_token_that_expires_in_the_middle_loses_no_order(plant: Plant) -> None:
    """F30: all tokens end while orders are under way, three times; each time they are asked for anew, once."""
    plant.sap.fail(Kind.CSRF, order_id="5$", times=0, once_each=True)
    plant.worker()
    for wave in range(3):
        orders = [order(f"E{wave}{number}", CUSTOMERS[number % 8]) for number in range(10)]
        await plant.publish(orders)
        names = [each.order_id for each in orders]
        await plant.answered(names)
        plant.check_once(names)


async def test_an_event_published_again_in_another_partition_has_no_second_effect(plant: Plant) -> None:
    """F41: the same id twice, three times in its own partition; another body under the same id is a dead letter."""
    orders = [order(f"F{number:02}", CUSTOMERS[number % 8]) for number in range(12)]
    records = [record(each) for each in orders]
    changed = record(order("F00", CUSTOMERS[0], lines=3))
    plant.worker()
    await plant.send([*records, *records, *reversed(records)])
    names = [each.order_id for each in orders]
    await plant.answered(names)
    await plant.send([changed, *records])
    after = order("F99", CUSTOMERS[0])
    await plant.publish([after])
    await plant.answered([after.order_id])
    await plant.listen(1.0)
    plant.check_once([*names, after.order_id])
    assert plant.told.dead == [(changed.key, changed.value)]


async def test_a_refusal_is_told_with_saps_own_words_and_is_not_booked(plant: Plant) -> None:
    plant.sap.fail(Kind.REFUSE, order_id="-NO", times=0, code="V1/849", message="Customer is blocked")
    orders = [
        order(f"G{number:02}{'-NO' if number % 3 == 0 else ''}", CUSTOMERS[number % 8])
        for number in range(12)
    ]
    plant.worker()
    await plant.publish(orders)
    await plant.answered([each.order_id for each in orders])
    refused = [each.order_id for each in orders if each.order_id.endswith("-NO")]
    assert {plant.told.rejected[name] for name in refused} == {"V1/849 Customer is blocked"}
    plant.check_once([each.order_id for each in orders if each.order_id not in refused])
    assert not [name for name in refused if name in plant.sap.orders()]


async def test_bad_records_stop_nobody_and_are_kept_byte_for_byte(plant: Plant) -> None:
    """The hostile corpus through a running worker: each bad record is in the dead letter channel, the next is done."""
    from hostile import HOSTILE  # noqa: PLC0415 - beside its use

    plant.worker(RACCORDO_TENANTS="acme,default")
    bad = [
        Outgoing("ordini_creati", case.key, case.value, tuple(case.headers))
        for case in HOSTILE
        if len(case.value or b"") < plant.settings.max_record_bytes  # larger ones no producer can send
        and (case.key is not None or case.value is not None)
    ]
    orders = [order(f"H{number:04}", CUSTOMERS[number % 8]) for number in range(len(bad))]
    for good, hostile in zip(orders, bad, strict=True):
        await plant.send([hostile, record(good)])
    names = [each.order_id for each in orders]
    await plant.answered(names, timeout=100)
    end = time.monotonic() + 20
    while len(plant.told.dead) < len(bad) and time.monotonic() < end:
        await plant.listen(0.3)
    plant.check_once(names)
    key = lambda pair: (pair[0] or b"", pair[1] or b"")  # noqa: E731 - sorts None with bytes
    assert sorted(plant.told.dead, key=key) == sorted(((each.key, each.value) for each in bad), key=key)
