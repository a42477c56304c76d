"""The process broker through what happens to it on a desk: kills, stale files, taken ports, hangs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from raccordo.dev import kafka as kafka_module
from raccordo.dev.kafka import KafkaProcess
from raccordo.dev.process import DetachedProcess
from raccordo.dev.service import ServiceState
from raccordo.dev.state import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def formatted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A broker folder that was started once, holds the topic ``orders``, and is stopped."""
    folder = tmp_path_factory.mktemp("formatted") / "kafka"
    with KafkaProcess(folder) as kafka:
        asyncio.run(_create_orders(kafka.bootstrap))
    return folder


@pytest.fixture
def broker(formatted: Path, tmp_path: Path) -> Iterator[KafkaProcess]:
    """A stopped broker on a copy of that folder; whatever the test does, none runs afterwards."""
    folder = tmp_path / "kafka"
    shutil.copytree(formatted, folder)
    kafka = KafkaProcess(folder)
    yield kafka
    kafka.resume()
    kafka.kill()


async def _create_orders(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("orders", num_partitions=1, replication_factor=1)])
    await admin.close()


async def _topics(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    topics = set(await admin.list_topics())
    await admin.close()
    return topics


async def test_a_restarted_broker_has_the_same_address_and_data(broker: KafkaProcess) -> None:
    """Clients find a stopped and started broker where it was, with its topics."""
    broker.start()
    address, first = broker.bootstrap, broker.process
    broker.restart()
    assert broker.bootstrap == address
    assert broker.process != first
    assert "orders" in await _topics(broker.bootstrap)


async def test_a_killed_broker_comes_back_with_its_data(broker: KafkaProcess) -> None:
    """SIGKILL loses no topic, and the record it leaves behind does not stop the next start."""
    broker.start()
    broker.kill()
    assert broker.status().state is ServiceState.STOPPED
    broker.start()
    assert "orders" in await _topics(broker.bootstrap)


def test_a_start_of_a_running_broker_does_nothing(broker: KafkaProcess) -> None:
    """The second start finds the first one's process, even if that was never recorded."""
    broker.start()
    first = broker.process
    (broker.folder / "process.json").unlink()
    KafkaProcess(broker.folder).start()
    assert broker.process == first
    assert json.loads((broker.folder / "process.json").read_text())["pid"] == (first and first.pid)


def test_a_recycled_pid_is_not_taken_for_the_broker(broker: KafkaProcess) -> None:
    """A record that names a living process of another start time means: the broker is down."""
    DetachedProcess(os.getpid(), started=1.0).record(broker.folder / "process.json")
    assert broker.status().state is ServiceState.STOPPED
    broker.stop()  # and this must not end the test run
    assert broker.process is None


def test_a_folder_whose_formatting_was_cut_off_is_formatted_again(tmp_path: Path) -> None:
    """A data folder without the mark and without records is no obstacle."""
    data = tmp_path / "data"
    (data / "__cluster_metadata-0").mkdir(parents=True)
    (data / "bootstrap.checkpoint.tmp").write_bytes(b"\x00" * 40)
    with KafkaProcess(tmp_path) as kafka:
        assert kafka.status().state is ServiceState.RUNNING


def test_records_without_the_mark_are_never_deleted(broker: KafkaProcess) -> None:
    """A folder that holds a topic but lost its mark is refused and stays as it is."""
    (broker.folder / "formatted").unlink()
    before = sorted(broker.folder.glob("data/**/*"))
    with pytest.raises(ServiceError, match="holds records"):
        broker.start()
    assert sorted(broker.folder.glob("data/**/*")) == before


def test_a_taken_port_is_exchanged(formatted: Path, tmp_path: Path) -> None:
    """A program that took the broker's port in between is left alone and named in a sentence."""
    said: list[str] = []
    shutil.copytree(formatted, tmp_path / "kafka")
    kafka = KafkaProcess(tmp_path / "kafka", say=said.append)
    taken = int(kafka.bootstrap.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", taken)), kafka:
        assert kafka.bootstrap != f"127.0.0.1:{taken}"
        assert kafka.status().state is ServiceState.RUNNING
    assert any(f"port {taken} is taken" in sentence for sentence in said)


def test_two_commands_at_once_start_one_broker_that_outlives_them(broker: KafkaProcess) -> None:
    """Both commands succeed, report the same process, and leave it running."""
    command = [sys.executable, "-m", "raccordo", "dev", "up", "--json"]
    environ = {**os.environ, "RACCORDO_HOME": str(broker.folder.parent), "RACCORDO_KAFKA": ""}
    both = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=90)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1]
    assert answers[0][0]["pid"] == (broker.process and broker.process.pid)
    assert broker.status().state is ServiceState.RUNNING


def test_a_broker_that_is_not_ready_in_time_is_an_error_with_its_log(broker: KafkaProcess) -> None:
    """After the deadline the process is gone and the error shows what Kafka logged."""
    hurried = KafkaProcess(broker.folder, deadline=0.7)
    with pytest.raises(ServiceError, match=r"does not serve clients after 0\.7 s.*last lines.*kafka\.log"):
        hurried.start()
    assert broker.process is None


def test_a_broker_that_refuses_its_settings_is_an_error_with_its_words(
    formatted: Path, tmp_path: Path
) -> None:
    """What Kafka says about a wrong setting reaches the person who made it."""
    shutil.copytree(formatted, tmp_path / "kafka")
    with pytest.raises(ServiceError, match=r"(?s)ended while starting.*num\.io\.threads"):
        KafkaProcess(tmp_path / "kafka", properties={"num.io.threads": "none"}).start()


def test_a_frozen_broker_is_replaced(broker: KafkaProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that runs without answering does not hang the next start."""
    monkeypatch.setattr(kafka_module, "HUNG_AFTER", 1.0)
    broker.start()
    frozen = broker.process
    broker.suspend()
    assert broker.status().state is ServiceState.UNRESPONSIVE
    broker.start()
    assert broker.status().state is ServiceState.RUNNING
    assert broker.process != frozen


async def test_an_async_block_stops_its_broker(formatted: Path, tmp_path: Path) -> None:
    """Leaving the block ends the process."""
    shutil.copytree(formatted, tmp_path / "kafka")
    async with KafkaProcess(tmp_path / "kafka") as kafka:
        assert "orders" in await _topics(kafka.bootstrap)
    assert kafka.process is None
