"""Real worker processes on a real Kafka, with SAP's counterpart as the ledger of effects.

What happened is read from SAP's store and from the topics only, never from the workers' own counters.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from demo.orders import TENANT, record
from demo.witness import Told, Witness
from raccordo import failpoints, preload
from raccordo.broker.kafka import connect
from raccordo.broker.settings import KafkaSettings
from raccordo.clock import SystemClock
from raccordo.dev.sap.environment import environment_for
from raccordo.errors import BrokerError, ConfigError
from raccordo.start import CONFIG_EXIT, Plan, work
from raccordo.topics import apply, desired, plan
from schemas import CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from raccordo.broker import Outgoing, Partition, Position
    from raccordo.dev.sap import MockSap
    from schemas import OrderCreated

ROOT = Path(__file__).parents[2]
SESSION = 6.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([preload.__name__])


class WorkerProcess:
    """One worker, forked from a process that has everything loaded; a process of its own all the same."""

    def __init__(self, environment: dict[str, str], plan: Plan, slot: int, log: Path) -> None:
        self.log = log
        log.touch()
        self._process = _context.Process(target=_work, args=(environment, plan, slot, str(log)))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal, None while it runs."""
        return self._process.exitcode

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    async def ended(self, timeout: float = 40.0) -> int:  # noqa: ASYNC109 - a test says how long it waits
        """Wait for its end and return the exit code."""
        async with asyncio.timeout(timeout):
            while self._process.exitcode is None:
                await asyncio.sleep(0.05)
        return self._process.exitcode

    def said(self, word: str) -> bool:
        """Whether its log contains a word."""
        return word in self.log.read_text(errors="replace")

    async def says(self, word: str, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - as above
        """Wait until its log contains a word."""
        await until(lambda: self.said(word), timeout)

    def stop(self) -> None:
        """End it now if it still runs, stopped or not."""
        if self._process.exitcode is None:
            self.signal(signal.SIGKILL)
            self._process.join(10)


class Plant:
    """A namespace on the broker, a ledger file, SAP's counterpart, and the workers that a test starts."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str, sap: MockSap) -> None:
        self.folder = folder
        self.sap = sap
        self.workers: list[WorkerProcess] = []
        self.settings = KafkaSettings(bootstrap=bootstrap, namespace=namespace)
        self.broker = connect(self.settings)
        self.environment = {
            "RACCORDO_KAFKA": bootstrap,
            "RACCORDO_KAFKA_NAMESPACE": namespace,
            "RACCORDO_KAFKA_SESSION_TIMEOUT": str(SESSION),
            "RACCORDO_KAFKA_HEARTBEAT": "1",
            "RACCORDO_LEDGER": f"sqlite:///{folder / 'ledger.db'}",
            "RACCORDO_HOST": "test",
            "RACCORDO_DRAIN_TIMEOUT": "5",
            **environment_for(sap.url, timeout=1.0, settle=4.0),
        }
        self._witness = Witness(self.broker, "", TENANT)
        self._producer = self.broker.producer()

    async def __aenter__(self) -> Self:
        """Make the topics and begin to read the answers."""
        admin = self.broker.admin()
        await apply(plan(desired(CONTRACTS), await admin.topics()), admin, clock=SystemClock())
        await admin.stop()
        await self._producer.start()
        await self._witness.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.stop()
        await self._witness.stop()
        await self._producer.stop()

    def worker(
        self, slot: int = 0, failpoint: str = "", *, app: Path = ROOT, health: str = "", **environment: str
    ) -> WorkerProcess:
        """Start a worker; `environment` goes on top of the plant's."""
        variables = self.environment | {failpoints.VARIABLE: failpoint} | environment
        log = self.folder / f"worker-{len(self.workers)}.log"
        started = WorkerProcess(variables, Plan(str(app), health=health), slot, log)
        self.workers.append(started)
        return started

    async def publish(self, orders: Iterable[OrderCreated]) -> None:
        """Publish orders as the shop does."""
        await self.send(record(order) for order in orders)

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Publish records as they are."""
        await asyncio.gather(*(self._producer.send(each) for each in records))

    @property
    def told(self) -> Told:
        """What the topics have said so far."""
        return self._witness.told

    async def answered(self, order_ids: Iterable[str], timeout: float = 60.0) -> None:  # noqa: ASYNC109 - as above
        """Wait until each of the orders is confirmed or rejected on the topics."""
        wanted = set(order_ids)
        end = time.monotonic() + timeout
        while not wanted <= {*self.told.confirmed, *self.told.rejected}:
            assert time.monotonic() < end, (
                f"no answer for {sorted(wanted - {*self.told.confirmed, *self.told.rejected})[:10]}; {self._tails()}"
            )
            with suppress(BrokerError):  # the broker may be away, which is what the test is about
                await self._witness.read(0.2)

    async def listen(self, seconds: float) -> None:
        """Read the answer topics for a while."""
        await self._witness.read(seconds)

    def check_once(self, order_ids: Iterable[str]) -> None:
        """Assert that each order is booked once at SAP and confirmed under one event id."""
        store = self.sap.orders()
        counts = {order_id: len(store.get(order_id, ())) for order_id in order_ids}
        assert {name: count for name, count in counts.items() if count != 1} == {}
        assert {name: ids for name in counts if len(ids := self.told.confirmed.get(name, set())) != 1} == {}

    async def delete_records(self, topic: str, keep: int) -> None:
        """Delete the oldest records of every partition, as retention does, all but the last `keep`."""
        admin = self.broker.admin()
        ends = await admin.end_offsets(topic)
        await admin.stop()
        kafka = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap)
        await kafka.start()
        await kafka.delete_records(
            {
                TopicPartition(f"{self.settings.namespace}{topic}", partition.number): RecordsToDelete(
                    max(0, end - keep)
                )
                for partition, end in ends.items()
                if end
            }
        )
        await kafka.close()

    async def positions(
        self, group: str = "order-to-sap", topic: str = "ordini_creati"
    ) -> dict[Partition, Position]:
        """What the group has committed."""
        admin = self.broker.admin()
        try:
            return dict(await admin.committed(group, topic))
        finally:
            await admin.stop()

    def _tails(self) -> str:
        return "\n".join(
            f"{worker.log.name}: {worker.log.read_text(errors='replace')[-1500:]}"
            for worker in self.workers
            if worker.log.exists()
        )


async def until(condition: Callable[[], Any], timeout: float = 30.0) -> None:  # noqa: ASYNC109 - a test says how long
    """Wait until a condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.05)


def _work(environment: dict[str, str], plan: Plan, slot: int, log: str) -> None:
    """The worker's process."""
    os.setsid()
    os.environ.update(environment)
    with Path(log).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        sys.exit(work(plan, slot, plan.health))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CONFIG_EXIT)
