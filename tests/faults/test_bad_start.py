"""A worker that cannot work says so at once, in sentences, and ends with 2; one that may not go on says what to do."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from demo.orders import CUSTOMERS, order
from probe import Probe
from raccordo.ledger.sql import SqlLedger
from raccordo.start import CONFIG_EXIT

if TYPE_CHECKING:
    from plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(100)]

OVERTAKEN = 5
"""Records of a partition that retention deletes before the group has read them."""
KEPT = 2


async def test_a_missing_topic_ends_the_worker_with_the_command_that_makes_it(plant: Plant) -> None:
    worker = plant.worker(RACCORDO_KAFKA_NAMESPACE="elsewhere.")
    assert await worker.ended() == CONFIG_EXIT
    assert worker.said("The topic elsewhere.ordini_creati does not exist")
    assert worker.said("run `raccordo topics apply`")
    assert not worker.said("Traceback")


async def test_all_wrong_settings_are_told_at_once_and_nothing_runs(plant: Plant) -> None:
    worker = plant.worker(
        RACCORDO_KAFKA="nowhere",
        RACCORDO_LEDGER_TTL="60",
        RACCORDO_TENANTS="ACME",
        RACCORDO_SAP_URL="",
        RACCORDO_SAP_TIMEOUT="soon",
    )
    assert await worker.ended() == CONFIG_EXIT
    for name in ("RACCORDO_KAFKA:", "RACCORDO_TENANTS:", "RACCORDO_SAP_URL:", "RACCORDO_SAP_TIMEOUT:"):
        assert worker.said(name), name
    assert not (plant.folder / "ledger.db").exists()
    assert not worker.said("worker_started")


async def test_a_ledger_that_forgets_too_early_is_refused(plant: Plant) -> None:
    worker = plant.worker(RACCORDO_LEDGER_TTL="86400")
    assert await worker.ended() == CONFIG_EXIT
    assert worker.said("RACCORDO_LEDGER_TTL: 1 days is not longer than")
    assert not (plant.folder / "ledger.db").exists()


async def test_a_ledger_of_a_newer_release_is_refused_with_a_sentence(plant: Plant) -> None:
    ledger = SqlLedger(plant.environment["RACCORDO_LEDGER"])
    await ledger.start()
    await ledger.stop()
    with closing(sqlite3.connect(plant.folder / "ledger.db")) as database:
        database.execute("UPDATE raccordo_ledger_version SET version_num = '9999'")
        database.commit()
    worker = plant.worker()
    assert await worker.ended() == CONFIG_EXIT
    assert worker.said("its tables have version 9999, newer than the")
    assert worker.said("run the newer release")


async def test_a_health_port_that_is_taken_ends_the_worker_before_it_joins(plant: Plant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = plant.worker(health=f"127.0.0.1:{port}")
        assert await worker.ended() == CONFIG_EXIT
    assert worker.said(f"--health 127.0.0.1:{port}: cannot listen there")
    assert not worker.said("worker_started")


async def test_of_two_processes_with_one_member_id_the_older_one_ends(plant: Plant) -> None:
    elder = plant.worker(0)
    await elder.says("worker_started")
    younger = plant.worker(0)
    assert await elder.ended() == CONFIG_EXIT
    assert elder.said("Another process has joined group")
    assert elder.said("another slot")
    orders = [order(f"M{number}", customer) for number, customer in enumerate(CUSTOMERS)]
    await plant.publish(orders)
    await plant.answered([each.order_id for each in orders])
    plant.check_once([each.order_id for each in orders])
    assert younger.exit_code is None


async def test_another_ledger_under_the_same_group_halts_until_it_is_adopted(plant: Plant) -> None:
    first = [order(f"L{number}", customer) for number, customer in enumerate(CUSTOMERS)]
    worker = plant.worker()
    await plant.publish(first)
    await plant.answered([each.order_id for each in first])
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    for file in plant.folder.glob("ledger.db*"):
        file.unlink()

    probe = Probe()
    halted = plant.worker(health=probe.address)
    await halted.says("halted")
    detail = await probe.becomes(503)
    assert "--adopt-ledger" in detail["flows"]["order-to-sap"]["halted"]
    second = [order(f"N{number}", customer) for number, customer in enumerate(CUSTOMERS)]
    await plant.publish(second)
    await probe.stays(503, 2.0)
    assert len(plant.sap.orders()) == len(first), "nothing is carried meanwhile"
    halted.signal(signal.SIGTERM)
    assert await halted.ended() == 0

    probe = Probe()
    plant.worker(health=probe.address, RACCORDO_ADOPT_LEDGER="true")
    await plant.answered([each.order_id for each in (*first, *second)])
    await probe.becomes(200)
    plant.check_once([each.order_id for each in (*first, *second)])


async def test_records_that_were_deleted_unread_stop_the_flow_and_are_not_jumped_over(plant: Plant) -> None:
    """F18: retention overtook the group while no worker ran."""
    before = [order(f"R{number}", CUSTOMERS[0]) for number in range(3)]
    worker = plant.worker()
    await plant.publish(before)
    await plant.answered([each.order_id for each in before])
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    unread = [order(f"U{number}", CUSTOMERS[0]) for number in range(OVERTAKEN + KEPT)]
    await plant.publish(unread)
    await plant.delete_records("ordini_creati", keep=KEPT)

    probe = Probe()
    halted = plant.worker(health=probe.address)
    await halted.says(f"{OVERTAKEN} records of")
    await probe.becomes(503)
    others = [order(f"V{number:02}", CUSTOMERS[1 + number % 7]) for number in range(28)]
    await plant.publish(others)
    await probe.stays(503, 3.0)
    assert not [name for name in plant.sap.orders() if name.startswith("U")], (
        "nothing behind the gap is carried"
    )
    told = halted.log.read_text()
    assert told.count("were deleted before") == 1, "it is told once, not shouted"
    halted.signal(signal.SIGTERM)
    assert await halted.ended() == 0

    command = re.search(r"`raccordo (topics seek [^`]+)`", told)
    assert command is not None
    await _done_once_the_group_is_empty(command.group(1).split(), plant)
    plant.worker()
    kept = [each.order_id for each in unread[-KEPT:]]
    await plant.answered(kept)
    plant.check_once(kept)
    assert sorted(name for name in plant.sap.orders() if name.startswith("U")) == sorted(kept)
    await plant.answered([each.order_id for each in others])


async def _done_once_the_group_is_empty(words: list[str], plant: Plant) -> None:
    """Run the command that the sentence names, again while the group still waits for its static member."""
    end = time.monotonic() + 30
    while True:
        command = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "raccordo",
            *words,
            "--yes",
            env=os.environ | plant.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await command.communicate()
        if command.returncode == 0:
            return
        assert b"has members" in said, said.decode()
        assert time.monotonic() < end, said.decode()
